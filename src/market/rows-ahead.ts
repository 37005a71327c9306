/** Which rows of trades and candles follow from what comes after a state in its log, and not from what is in it. */
import type { CandleText } from './candle-text.ts';
import { formatCandle } from './candle-text.ts';
import type { CandlePolicy } from './candle.ts';
import { Candles } from './candles.ts';
import type { InstrumentSnapshot } from './instrument-state.ts';
import type { CandleInterval } from './intervals.ts';

export type RowsAhead = {
  /**
   * Trades with a later event time are none of the state's; `undefined`: none is. What came late is not among them: its rows are those of its events,
   * whatever folded them.
   */
  readonly tradesAfterMs: number | undefined;
  readonly candles: readonly {
    readonly interval: CandleInterval;
    /** Candles that open here or later are not final in the state; `undefined`: none is. */
    readonly fromMs: number | undefined;
    /** Those of them that had closed, as they were. */
    readonly closed: readonly CandleText[];
  }[];
};

/** @param state `undefined`: before the first entry of the log */
export function rowsAhead(state: InstrumentSnapshot | undefined, policy: CandlePolicy): RowsAhead {
  return {
    tradesAfterMs: state?.candles.highestTimeMs,
    candles: new Candles(policy, state?.candles).readRevisable().map(({ interval, fromMs, closed }) => ({
      ...{ interval, fromMs },
      closed: closed.map((candle) => formatCandle(candle, { isClosed: true })),
    })),
  };
}
