import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packTradeRuns, unpackTradeRuns } from '../../src/codec/trade-runs.ts';
import { TradeIdentities } from '../../src/market/trade-identities.ts';
import { anyUnits } from '../support/arbitrary-minutes.ts';

const RUNS = { seed: 20_261_205, numRuns: 500 };

describe('runs of trade ids as bytes', () => {
  test('come back as they were, at any size of number', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyUnits, anyUnits), { maxLength: 12 }), (runs) => {
        const held = { runStarts: runs.map(([start]) => start), runEnds: runs.map(([, end]) => end) };
        expect(unpackTradeRuns(packTradeRuns(held))).toStrictEqual(held);
      }),
      RUNS,
    );
  });

  test('take a few bytes each, however long the ids', () => {
    const identities = new TradeIdentities();
    for (let index = 0n; index < 1_000n; index++) identities.add(String(2n ** 61n + index * 1_337n));
    expect(packTradeRuns(identities.snapshot()).length).toBeLessThan(3_100);
  });

  test('that end within a run are refused', () => {
    const bytes = packTradeRuns({ runStarts: [7, 2n ** 60n], runEnds: [7, 2n ** 61n] });
    for (const end of [1, 5, bytes.length - 1]) {
      expect(() => unpackTradeRuns(bytes.subarray(0, end))).toThrow(RangeError);
    }
  });
});
