import type { JSX } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import type { Trade } from 'tampines/client';
import { nodeLink, onReturn } from '../node/node-link.ts';
import { instrumentPath, readJson } from '../node/rest.ts';
import type { TradesAnswer } from '../node/rest-documents.ts';
import { followChannel } from '../node/use-channel.ts';
import { Exact } from '../parts/exact.tsx';
import { Store, useStore } from '../state/store.ts';
import { clockTextWithMs } from '../text/time-text.ts';
import { TAPE_TRADES, withTrades } from './trade-tape.ts';

const PAGE_TRADES = 1_000;
/** Of a quiet instrument the last minute is often empty. */
const LONG_AGO_MS = 3_600_000;

export function RecentTrades(props: {
  readonly exchange: string;
  readonly symbol: string;
  readonly channelName: string;
  readonly priceDecimals: number;
  readonly quantityDecimals: number;
}): JSX.Element {
  const { exchange, symbol, channelName, priceDecimals, quantityDecimals } = props;
  const { trades, refusal, nothing } = useTape(`${instrumentPath(exchange, symbol)}/trades`, channelName);
  return (
    <section class="panel trades-panel" aria-label="Recent trades">
      <header>
        <h2>Trades</h2>
        {refusal !== undefined && (
          <span class="count" title={refusal}>
            by REST, every 3 s: {refusal}
          </span>
        )}
      </header>
      <div class="scrolling" tabIndex={0} role="region" aria-label="Recent trades, newest first">
        <table class="trades figures">
          <thead>
            <tr>
              <th scope="col">Time UTC</th>
              <th scope="col">Price</th>
              <th scope="col">Quantity</th>
            </tr>
          </thead>
          <tbody>
            {trades.map((trade) => (
              <tr
                key={trade.tradeId}
                class={`side-${trade.takerSide === 'buy' ? 'bid' : 'ask'}`}
                title={`${trade.takerSide === 'buy' ? 'Bought' : 'Sold'} by the taker${trade.isHistory ? '; from the history of the exchange' : ''}`}
              >
                <td>{clockTextWithMs(trade.eventTimeMs)}</td>
                <td class="trade-price">
                  <Exact text={trade.price} decimals={priceDecimals} />
                </td>
                <td>
                  <Exact text={trade.quantity} decimals={quantityDecimals} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {trades.length === 0 && <p class="nothing">{nothing}</p>}
      </div>
    </section>
  );
}

type Tape = {
  readonly trades: readonly Trade[];
  /** Why the stream has none; they are read by REST then. */
  readonly refusal: string | undefined;
  /** What is said where there are none. */
  readonly nothing: string;
};

function useTape(path: string, channelName: string): Tape {
  const tape = useMemo(() => new Store<Tape>({ trades: [], refusal: undefined, nothing: '' }), [path]);
  useEffect(() => {
    const end = new AbortController();
    const take = (told: readonly Trade[]): void => {
      const held = tape.get();
      const trades = withTrades(held.trades, told);
      if (trades !== held.trades) tape.set({ ...held, trades });
    };
    const refuse = (refusal: string | undefined): void => {
      if (tape.get().refusal !== refusal) tape.set({ ...tape.get(), refusal });
    };
    const sayOfNothing = (nothing: string): void => {
      if (tape.get().nothing !== nothing) tape.set({ ...tape.get(), nothing });
    };
    const read = (): void =>
      void readRecent(path, end.signal).then(
        (trades) => {
          sayOfNothing('No trade in the last hour');
          take(trades);
        },
        (error: unknown) => {
          if (end.signal.aborted) return;
          nodeLink.noteFailure(error);
          sayOfNothing(`Trades can’t be read: ${error instanceof Error ? error.message : String(error)}`);
        },
      );
    const stops = [
      followChannel(`trades:${channelName}`, {
        onDocument: ({ trades }, { continuity }) => {
          refuse(undefined);
          take(trades);
          if (continuity === 'skipped') read();
        },
        // As for an instrument of another node. It is asked again every 3 s, and refused again.
        onRefused: ({ message }) => {
          refuse(message);
          read();
        },
      }),
      onReturn(read),
    ];
    read();
    return () => {
      end.abort();
      for (const stop of stops) stop();
    };
  }, [tape, channelName]);
  return useStore(tape);
}

/** Returns the trades of the last minute, or of the last hour where these are few. */
async function readRecent(path: string, signal: AbortSignal): Promise<readonly Trade[]> {
  const newest = await readJson<TradesAnswer>(`${path}?limit=${PAGE_TRADES}`, signal);
  if (newest.trades.length >= TAPE_TRADES) return newest.trades;
  const fromMs = Math.round(nodeLink.nowMs() - LONG_AGO_MS);
  const longer = await readJson<TradesAnswer>(`${path}?from=${fromMs}&limit=${PAGE_TRADES}`, signal);
  // A full page ends before the newest: too much was traded to look so far back.
  return longer.trades.length === PAGE_TRADES ? newest.trades : longer.trades;
}
