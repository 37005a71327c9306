import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LevelSums } from '../../src/exchanges/level-sums.ts';
import { CRC32_START, finishCrc32 } from '../../src/market/crc32.ts';
import type { Units } from '../../src/market/units.ts';
import { formatUnits, toUnits } from '../../src/market/units.ts';

/** Few, so that levels come again, at other scales too. */
const few = fc.nat(30);
const any: fc.Arbitrary<Units> = fc.oneof(
  fc.maxSafeNat(),
  // What divides evenly, or nearly, is where a quotient could round to the wrong side.
  fc
    .tuple(fc.nat(15), fc.nat(90_071_993), fc.integer({ min: -1, max: 1 }))
    .map(([exponent, factor, near]) => toUnits(10n ** BigInt(exponent) * BigInt(factor) + BigInt(near)))
    .filter((value) => value >= 0),
  fc.bigInt(2n ** 53n, 10n ** 160n),
);
const level = fc.record({
  price: fc.oneof({ weight: 3, arbitrary: few }, any),
  quantity: fc.oneof({ weight: 3, arbitrary: few }, any),
  scales: fc.oneof(
    { weight: 3, arbitrary: fc.record({ price: fc.nat(2), quantity: fc.nat(2) }) },
    fc.record({ price: fc.nat(30), quantity: fc.nat(30) }),
  ),
});

describe('sums of levels', () => {
  it('are those of their digits, or decimal text, one after the other', () => {
    const digits = new LevelSums((text, price, quantity) => {
      text.prependDigits(quantity);
      text.prependDigits(price);
    });
    const decimals = new LevelSums((text, price, quantity, scales) => {
      text.prependDecimal(quantity, scales.quantity);
      text.prependCode(58);
      text.prependDecimal(price, scales.price);
    });
    fc.assert(
      fc.property(fc.array(level, { maxLength: 60 }), (levels) => {
        const sumOf = (sums: LevelSums): number =>
          finishCrc32(
            levels.reduce(
              (sum, { price, quantity, scales }) => sums.extend(sum, price, quantity, scales),
              CRC32_START,
            ),
          );
        const text = levels.map(({ price, quantity }) => `${price.toString()}${quantity.toString()}`);
        expect(sumOf(digits)).toBe(crc32(text.join('')));
        const decimalText = levels.map(
          ({ price, quantity, scales }) =>
            `${formatUnits(price, scales.price)}:${formatUnits(quantity, scales.quantity)}`,
        );
        expect(sumOf(decimals)).toBe(crc32(decimalText.join('')));
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('of more levels than are remembered are right as well', () => {
    const sums = new LevelSums((text, price, quantity) => {
      text.prependDigits(quantity);
      text.prependDigits(price);
    });
    const scales = { price: 0, quantity: 0 };
    let sum = CRC32_START;
    let text = '';
    for (let round = 0; round < 2; round++) {
      for (let price = 0; price < 10_000; price++) {
        sum = sums.extend(sum, price, price % 7, scales);
        text += `${price}${price % 7}`;
      }
    }
    expect(finishCrc32(sum)).toBe(crc32(text));
  });
});
