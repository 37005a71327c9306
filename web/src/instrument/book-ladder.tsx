/** The order book: asks above, bids below, the best of both in the middle. It has as many lines as it has, filled or not, so that nothing moves. */
import type { JSX } from 'preact';
import { Exact } from '../parts/exact.tsx';
import type { Trust } from '../parts/trust.ts';
import { TrustBar, TrustMark } from '../parts/trust-mark.tsx';
import { barShare } from '../text/chart-number.ts';
import { basisPoints, subtractDecimals } from '../text/decimal-text.ts';
import type { DepthLevel } from './depth-levels.ts';

export const LADDER_LEVELS = 13;

export function BookLadder(props: {
  /** Best first. */
  readonly bids: readonly DepthLevel[];
  readonly asks: readonly DepthLevel[];
  readonly trust: Trust;
  readonly priceDecimals: number;
  readonly quantityDecimals: number;
  readonly resolution: number;
  readonly resolutions: readonly number[];
  readonly onResolution: (resolution: number) => void;
}): JSX.Element {
  const { trust, resolution, resolutions, onResolution } = props;
  const bids = props.bids.slice(0, LADDER_LEVELS);
  const asks = props.asks.slice(0, LADDER_LEVELS);
  const whole = largerOf(bids.at(-1)?.total ?? '0', asks.at(-1)?.total ?? '0');
  const line = (side: 'bid' | 'ask', place: number, level: DepthLevel | undefined): JSX.Element => (
    <tr key={`${side}${place}`} class={`ladder-line side-${side}`} data-place={place}>
      <td class="ladder-price">
        <Exact text={level?.price ?? ''} decimals={level === undefined ? 0 : props.priceDecimals} />
      </td>
      <td class="ladder-quantity">
        <Exact text={level?.quantity ?? ''} decimals={level === undefined ? 0 : props.quantityDecimals} />
      </td>
      <td class="ladder-total">
        <Exact text={level?.total ?? ''} decimals={level === undefined ? 0 : props.quantityDecimals} />
        <i style={{ transform: `scaleX(${level === undefined ? 0 : barShare(level.total, whole)})` }} />
      </td>
    </tr>
  );
  const places = Array.from({ length: LADDER_LEVELS }, (_, place) => place);
  const [bestBid, bestAsk] = [bids[0]?.price, asks[0]?.price];
  const spread =
    bestBid === undefined || bestAsk === undefined ? undefined : subtractDecimals(bestAsk, bestBid);
  return (
    <section class="panel ladder-panel" aria-label="Order book">
      <header>
        <h2>
          Order book <TrustMark trust={trust} />
        </h2>
        <span class="choices" role="group" aria-label="Resolution in tick sizes">
          {resolutions.map((each) => (
            <button
              key={each}
              type="button"
              aria-pressed={each === resolution}
              onClick={() => onResolution(each)}
            >
              {each}×
            </button>
          ))}
        </span>
      </header>
      <TrustBar trust={trust} />
      <table class={`ladder figures of-${trust.level}`}>
        <thead>
          <tr>
            <th scope="col">Price</th>
            <th scope="col">Quantity</th>
            <th scope="col">Total</th>
          </tr>
        </thead>
        <tbody>{places.toReversed().map((place) => line('ask', place, asks[place]))}</tbody>
        <tbody>
          <tr class="ladder-spread">
            <td>
              <Exact text={spread} decimals={props.priceDecimals} />
            </td>
            <td colSpan={2}>
              spread
              {spread !== undefined && ` ${basisPoints(spread, bestBid!) ?? '–'} bp`}
            </td>
          </tr>
        </tbody>
        <tbody>{places.map((place) => line('bid', place, bids[place]))}</tbody>
      </table>
    </section>
  );
}

function largerOf(a: string, b: string): string {
  return subtractDecimals(a, b).startsWith('-') ? b : a;
}
