/** State snapshots as fixtures hold them: minutes of the ticker window one by one and unpacked, which a reader of the file can follow. */
import type { InstrumentSnapshot } from '../../src/market/instrument-state.ts';
import { unpackMinute } from '../../src/market/packed-minute.ts';
import type { MinuteSeconds } from '../../src/market/ticker-minute.ts';
import type { Units } from '../../src/market/units.ts';
import { packAll } from '../support/arbitrary-minutes.ts';

type FixtureMinute = {
  readonly startMs: number;
  readonly high: Units;
  readonly low: Units;
  readonly seconds: Readonly<MinuteSeconds>;
};

export type FixtureState = Omit<InstrumentSnapshot, 'ticker'> & {
  readonly ticker: Omit<InstrumentSnapshot['ticker'], 'minutes'> & {
    readonly minutes: readonly FixtureMinute[];
  };
};

export function toFixtureState(state: InstrumentSnapshot): FixtureState {
  const { minutes } = state.ticker;
  return {
    ...state,
    ticker: {
      ...state.ticker,
      minutes: minutes.startsMs.map((startMs, index) => ({
        startMs,
        high: minutes.highs[index]!,
        low: minutes.lows[index]!,
        // Fixtures hold minutes of any content, which no window would open.
        seconds: unpackMinute(startMs, minutes.bytes, minutes.ends[index - 1] ?? 0, minutes.ends[index]!),
      })),
    },
  };
}

export function fromFixtureState(state: FixtureState): InstrumentSnapshot {
  return { ...state, ticker: { ...state.ticker, minutes: packAll(state.ticker.minutes) } };
}
