/** What an instrument costs, and what happened to it within a day, in one line. */
import type { ComponentChildren, JSX } from 'preact';
import type { Ticker } from 'tampines/client';
import { nodeLink } from '../node/node-link.ts';
import { Exact } from '../parts/exact.tsx';
import type { Trust } from '../parts/trust.ts';
import { TrustMark } from '../parts/trust-mark.tsx';
import { useSeconds } from '../parts/use-seconds.ts';
import { cutDecimals, signOf } from '../text/decimal-text.ts';
import { ageText } from '../text/time-text.ts';

export function TickerStrip(props: {
  readonly exchange: string;
  readonly symbol: string;
  readonly ticker: Ticker | undefined;
  /** When the newest event was received. */
  readonly heardMs: number | undefined;
  readonly trust: Trust;
  readonly priceDecimals: number;
  readonly operations: ComponentChildren;
}): JSX.Element {
  const { exchange, symbol, ticker, heardMs, trust, priceDecimals, operations } = props;
  useSeconds();
  const percent = cutOrNothing(ticker?.changePercent, 2);
  const lagMs = heardMs === undefined ? undefined : nodeLink.nowMs() - heardMs;
  const change = ticker?.change ?? null;
  return (
    <header class="ticker-strip">
      <h1>
        {symbol} <em>{exchange}</em>
      </h1>
      <TrustMark trust={trust} />
      <dl class="ticker-figures figures">
        <Figure name="Last" isLarge>
          <Exact text={ticker?.last} decimals={priceDecimals} />
        </Figure>
        <Figure name="24 h">
          <span class={`sign-${signOf(change ?? '0')}`}>
            <Exact text={change} decimals={priceDecimals} />{' '}
            <small>{percent === null ? '' : `${percent} %`}</small>
          </span>
        </Figure>
        <Figure name="High">
          <Exact text={ticker?.high} decimals={priceDecimals} />
        </Figure>
        <Figure name="Low">
          <Exact text={ticker?.low} decimals={priceDecimals} />
        </Figure>
        <Figure name="VWAP">
          <Exact text={cutOrNothing(ticker?.vwap, priceDecimals + 1)} />
        </Figure>
        <Figure name="Volume">
          <Exact text={ticker?.volume} />
        </Figure>
        <Figure name="Trades">{ticker?.tradeCount ?? '–'}</Figure>
        <Figure name="Lag">{lagMs === undefined ? '–' : ageText(lagMs)}</Figure>
      </dl>
      {operations}
    </header>
  );
}

function Figure(props: {
  readonly name: string;
  readonly isLarge?: boolean;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div class={props.isLarge ? 'is-large' : ''}>
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

function cutOrNothing(text: string | null | undefined, decimals: number): string | null {
  return text === null || text === undefined ? null : cutDecimals(text, decimals);
}
