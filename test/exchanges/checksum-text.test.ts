import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChecksumText } from '../../src/exchanges/checksum-text.ts';
import type { Units } from '../../src/market/units.ts';
import { formatUnits, toUnits } from '../../src/market/units.ts';

const safe = fc.maxSafeNat();
const units: fc.Arbitrary<Units> = fc.oneof(
  safe,
  fc.nat(2_000),
  // What divides evenly, or nearly, is where a quotient could round to the wrong side.
  fc
    .tuple(fc.nat(15), fc.nat(90_071_993), fc.integer({ min: -1, max: 1 }))
    .map(([exponent, factor, near]) => toUnits(10n ** BigInt(exponent) * BigInt(factor) + BigInt(near)))
    .filter((value) => value >= 0),
  fc.bigInt(2n ** 53n, 10n ** 160n),
);
const number = fc.record({ units, scale: fc.option(fc.nat(30), { nil: undefined }) });

describe('the text of a checksum', () => {
  it('is the digits, or the decimal text, of each number in its order', () => {
    const text = new ChecksumText();
    fc.assert(
      fc.property(fc.array(number, { maxLength: 100 }), (numbers) => {
        text.clear();
        for (const { units: value, scale } of numbers.toReversed()) {
          if (scale === undefined) text.prependDigits(value);
          else text.prependDecimal(value, scale);
        }
        const expected = numbers
          .map(({ units: value, scale }) =>
            scale === undefined ? value.toString() : formatUnits(value, scale),
          )
          .join('');
        expect(text.isEmpty).toBe(expected === '');
        expect(text.crc32()).toBe(crc32(expected));
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
