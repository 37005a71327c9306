import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MAX_SCALE, formatUnits, toUnits } from '../../src/market/units.ts';
import { formatLevels } from '../../src/publishing/level-text.ts';

const scale = fc.integer({ min: 0, max: MAX_SCALE });
const safe = fc.oneof(
  fc.maxSafeNat(),
  fc.nat({ max: 1_000 }),
  fc.constantFrom(0, 1, 10, 6_710_886_399_999_999, 6_710_886_400_000_000, 99_999_999, 100_000_000, 100_000_001, 9_007_199_199_999_999, 9_007_199_200_000_000),
).map((units) => toUnits(BigInt(units))); // prettier-ignore
const any = fc.oneof(
  safe,
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map((units) => toUnits(units)),
);

it.each([
  ['safe integers', safe],
  ['numbers of any size', any],
])('levels of %s read as each number formatted by itself, without trailing zeros', (_name, units) => {
  const levels = fc.array(fc.tuple(units, units), { maxLength: 20 });
  fc.assert(
    fc.property(levels, scale, scale, (pairs, price, quantity) => {
      const expected = pairs.map(([first, second]) => [
        formatUnits(first, price),
        formatUnits(second, quantity),
      ]);
      expect(formatLevels(pairs.flat(), { price, quantity })).toBe(JSON.stringify(expected));
    }),
    { numRuns: 2_000 },
  );
});

it('a book of any depth fits', () => {
  const levels = Array.from({ length: 20_000 }, () => Number.MAX_SAFE_INTEGER);
  const text = formatLevels(levels, { price: MAX_SCALE, quantity: MAX_SCALE });
  expect(JSON.parse(text)).toHaveLength(10_000);
  expect(text).toContain('"0.000000000000009007199254740991"');
});
