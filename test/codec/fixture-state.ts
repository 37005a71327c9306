/** State snapshots as fixtures hold them: minutes of the ticker window one by one, which a reader of the file can follow. */
import type { InstrumentSnapshot } from '../../src/market/instrument-state.ts';
import { toTickerColumns, toTickerMinutes } from '../../src/market/ticker-columns.ts';
import type { TickerMinuteSnapshot } from '../../src/market/ticker-columns.ts';

export type FixtureState = Omit<InstrumentSnapshot, 'ticker'> & {
  readonly ticker: Omit<InstrumentSnapshot['ticker'], 'minutes'> & {
    readonly minutes: readonly TickerMinuteSnapshot[];
  };
};

export function toFixtureState(state: InstrumentSnapshot): FixtureState {
  return { ...state, ticker: { ...state.ticker, minutes: toTickerMinutes(state.ticker.minutes) } };
}

export function fromFixtureState(state: FixtureState): InstrumentSnapshot {
  return { ...state, ticker: { ...state.ticker, minutes: toTickerColumns(state.ticker.minutes) } };
}
