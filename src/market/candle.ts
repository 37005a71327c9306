/** What candle aggregation takes and gives: policy, candles, outputs, and its state as plain data. */
import type { CandleBar, CountedTrade } from './candle-bar.ts';
import type { CandleInterval } from './intervals.ts';
import type { Scales, Units } from './units.ts';

/**
 * What an interval without trades gives, once a first trade was seen: `carry` a candle that is flat at the close before it, `skip`
 * nothing, `mark` a candle without prices.
 */
export type EmptyIntervals = 'carry' | 'skip' | 'mark';

export type CandlePolicy = {
  readonly intervals: readonly CandleInterval[];
  /** How far the watermark runs behind the highest event time. */
  readonly outOfOrdernessMs: number;
  /** How long after its second closed a trade still revises candles. */
  readonly allowedLatenessMs: number;
  readonly emptyIntervals: EmptyIntervals;
};

/** Empty candles given for one run of empty intervals, per interval; of a longer run only the newest ones are given. */
export const MAX_EMPTY_CANDLES_PER_RUN = 1_000;

/** One interval, exact: prices at the price scale, volumes at the quantity scale, quote volume at the sum of both. */
export type Candle = {
  readonly interval: CandleInterval;
  readonly openTimeMs: number;
  /** Last millisecond of the interval. */
  readonly closeTimeMs: number;
  readonly scales: Scales;
  /** All four prices are `undefined` in an empty candle under `mark`. */
  readonly open: Units | undefined;
  readonly high: Units | undefined;
  readonly low: Units | undefined;
  readonly close: Units | undefined;
  readonly volume: Units;
  readonly quoteVolume: Units;
  readonly takerBuyVolume: Units;
  readonly tradeCount: number;
  /** How often the candle was given before: 0 as it closes (or in an open one), one more with every change afterwards. */
  readonly revision: number;
  /** No trade in the interval. */
  readonly isEmpty: boolean;
};

/** Empty intervals in [`fromMs`, `toMs`) that no candle is given for, because the run of them was too long. */
export type SkippedCandles = {
  readonly interval: CandleInterval;
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
};

/** Where results go, in an order that depends on the trades and times given alone. */
export interface CandleOutputs {
  /** A closed candle, or a newer revision of one: the same (interval, open time) again with a higher revision. */
  onCandleClosed(candle: Candle): void;
  /** The trade counts in no candle of any interval. */
  onLateTrade(trade: CountedTrade): void;
  onCandlesSkipped(skipped: SkippedCandles): void;
}

/** A candle that is open or may still be revised. An empty one holds the close before it as its prices, whatever the policy. */
export type KeptCandle = CandleBar & {
  openTimeMs: number;
  /** Of what was given last; −1 while it never was. */
  revision: number;
};

/** What later trades may still change of the candles of one interval that have closed. */
export type RevisableCandles = {
  readonly interval: CandleInterval;
  /** Candles that open before this are final; `undefined`: none is, for no time was seen. */
  readonly fromMs: number | undefined;
  /** Those that were given and are not final, oldest first. */
  readonly closed: readonly Candle[];
};

/** The candles of one interval, oldest first. */
export type CandleSeriesSnapshot = {
  readonly interval: CandleInterval;
  /** Close before the first kept candle; `undefined` before the first trade was forgotten. */
  readonly carriedClose: Units | undefined;
  readonly kept: readonly Readonly<KeptCandle>[];
};

export type CandlesSnapshot = {
  readonly scales: Scales;
  /** Highest time seen; `undefined` before the first. The watermark follows from it. */
  readonly highestTimeMs: number | undefined;
  readonly series: readonly CandleSeriesSnapshot[];
};
