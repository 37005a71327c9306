import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCandle } from '../../src/market/candle-text.ts';
import type { CandleText } from '../../src/market/candle-text.ts';
import type { Candle, CandleOutputs, CandlePolicy } from '../../src/market/candle.ts';
import { Candles } from '../../src/market/candles.ts';
import { createInstrumentState, snapshotInstrument } from '../../src/market/instrument-state.ts';
import { rowsAhead } from '../../src/market/rows-ahead.ts';
import { arbitraryTrades, ORIGIN_MS } from '../support/arbitrary-trades.ts';
import { TEST_POLICY } from '../support/instrument-runs.ts';

/** Rows of a table, written as its statement does: a smaller revision never over a larger one. */
class Rows implements CandleOutputs {
  readonly rows = new Map<string, CandleText>();

  onCandleClosed(candle: Candle): void {
    this.write(formatCandle(candle, { isClosed: true }));
  }

  readonly onLateTrade = (): void => undefined;
  readonly onCandlesSkipped = (): void => undefined;

  write(row: CandleText): void {
    const key = `${row.interval} ${row.openTimeMs}`;
    const held = this.rows.get(key);
    if (held === undefined || held.revision < row.revision) this.rows.set(key, row);
  }
}

describe('rows that follow from what comes after a state', () => {
  it.each(['carry', 'skip', 'mark'] as const)(
    'are all that a wrong fold since could have spoilt, where empty intervals are to %s',
    (emptyIntervals) => {
      const policy: CandlePolicy = {
        intervals: ['1s', '5m', '1m'],
        outOfOrdernessMs: 700,
        allowedLatenessMs: 20_000,
        emptyIntervals,
      };
      const trades = arbitraryTrades({ offsetMs: fc.nat({ max: 150_000 }), maxLength: 40, size: 'max' });
      fc.assert(
        fc.property(trades, fc.nat({ max: 40 }), (all, cut) => {
          const rest = new Candles(policy);
          const stored = new Rows();
          for (const trade of all.slice(0, cut)) rest.addTrade(trade, stored);
          const state = {
            ...snapshotInstrument(createInstrumentState(TEST_POLICY)),
            candles: rest.snapshot(),
          };
          const truth = new Rows();
          const whole = new Candles(policy);
          for (const trade of all) whole.addTrade(trade, truth);

          const ahead = rowsAhead(all.slice(0, cut).length === 0 ? undefined : state, policy);
          // The wrong fold wrote rows of its own wherever the right one wrote any since.
          for (const row of truth.rows.values()) {
            const held = stored.rows.get(`${row.interval} ${row.openTimeMs}`);
            if (held?.revision !== row.revision)
              stored.write({ ...row, volume: 'wrong', revision: row.revision + 5 });
          }
          for (const { interval, fromMs = -Infinity, closed } of ahead.candles) {
            for (const [key, row] of stored.rows) {
              if (row.interval === interval && row.openTimeMs >= fromMs) stored.rows.delete(key);
            }
            for (const row of closed) stored.write(row);
          }
          const again = new Candles(policy, cut === 0 ? undefined : state.candles);
          for (const trade of all.slice(cut)) again.addTrade(trade, stored);
          const inOrder = ({ rows }: Rows) => [...rows].sort(([one], [other]) => (one < other ? -1 : 1));
          expect(inOrder(stored)).toEqual(inOrder(truth));
        }),
        { seed: 20261202, numRuns: 300 },
      );
    },
  );

  it('are those of all candles and trades before the first time was seen', () => {
    const { tradesAfterMs, candles } = rowsAhead(undefined, TEST_POLICY.candles);
    expect(tradesAfterMs).toBeUndefined();
    expect(candles).toEqual(
      TEST_POLICY.candles.intervals.map((interval) => ({ interval, fromMs: undefined, closed: [] })),
    );
    const state = snapshotInstrument(createInstrumentState(TEST_POLICY));
    const later = { ...state, candles: { ...state.candles, highestTimeMs: ORIGIN_MS } };
    expect(rowsAhead(later, TEST_POLICY.candles).tradesAfterMs).toBe(ORIGIN_MS);
  });
});
