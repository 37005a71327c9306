import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareTradeKeys, isTradeBefore, toTradeKey } from '../../src/market/trade-order.ts';

const RUNS = { seed: 20_261_120, numRuns: 1_000 };
const anyId = fc.oneof(
  fc.bigInt({ min: 0n, max: 10n ** 25n }).map(String),
  fc.nat({ max: 30 }).map(String),
  fc.constantFrom('', '0', '00', '007', '7', '1a', '9', '10', 'a', 'b', '5c80-1', '1152921504606846976'),
  fc.uuid(),
);
const compare = (a: string, b: string) => Math.sign(compareTradeKeys(toTradeKey(a), toTradeKey(b)));

describe('trade order', () => {
  test('ids of digits compare as integers of any size', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 25n }),
        fc.bigInt({ min: 0n, max: 10n ** 25n }),
        (a, b) => {
          expect(compare(String(a), String(b))).toBe(a === b ? 0 : a < b ? -1 : 1);
        },
      ),
      RUNS,
    );
  });

  test('all ids have one total order, and only the same id is equal', () => {
    fc.assert(
      fc.property(anyId, anyId, anyId, (a, b, c) => {
        expect(compare(a, b) === 0).toBe(a === b);
        expect(compare(a, b) + compare(b, a)).toBe(0);
        const [first, second, third] = [a, b, c].sort(compare);
        expect(compare(first!, second!)).not.toBe(1);
        expect(compare(second!, third!)).not.toBe(1);
        expect(compare(first!, third!)).not.toBe(1);
      }),
      RUNS,
    );
  });

  test('time decides before the id does', () => {
    expect(isTradeBefore(1, 9, 2, 1)).toBe(true);
    expect(isTradeBefore(2, 1, 1, 9)).toBe(false);
    expect(isTradeBefore(1, 1, 1, 9)).toBe(true);
    expect(isTradeBefore(1, 9, 1, 9)).toBe(false);
  });
});
