import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { divideToDecimals, divideToText } from '../../src/market/exact-division.ts';
import type { ScaledUnits } from '../../src/market/exact-division.ts';
import { toUnits } from '../../src/market/units.ts';

const RUNS = { seed: 20_261_120, numRuns: 1_000 };
const Exact = Decimal.clone({ precision: 400, toExpNeg: -500, toExpPos: 500 });
const anyScaled = fc.record({
  units: fc
    .oneof(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.bigInt({ min: -200n, max: 200n }))
    .map(toUnits),
  scale: fc.integer({ min: 0, max: 30 }),
});

function toDecimal({ units, scale }: ScaledUnits): Decimal {
  return new Exact(units.toString()).div(new Exact(10).pow(scale));
}

describe('exact division', () => {
  test('rounds to significant digits, half to even, as decimal.js does', () => {
    fc.assert(
      fc.property(anyScaled, anyScaled, fc.integer({ min: 1, max: 25 }), (a, b, digits) => {
        const expected =
          b.units === 0
            ? undefined
            : toDecimal(a).div(toDecimal(b)).toSignificantDigits(digits, Decimal.ROUND_HALF_EVEN).toFixed();
        expect(divideToText(a, b, digits)).toBe(expected === '-0' ? '0' : expected);
      }),
      RUNS,
    );
  });

  test('rounds to decimals, half to even, as decimal.js does', () => {
    fc.assert(
      fc.property(anyScaled, anyScaled, fc.integer({ min: 0, max: 12 }), (a, b, decimals) => {
        const expected =
          b.units === 0
            ? undefined
            : toDecimal(a).div(toDecimal(b)).toDecimalPlaces(decimals, Decimal.ROUND_HALF_EVEN).toFixed();
        expect(divideToDecimals(a, b, decimals)).toBe(expected === '-0' ? '0' : expected);
      }),
      RUNS,
    );
  });

  test('a tie goes to the even digit, also where rounding adds a digit', () => {
    const quotient = (units: number, by: number, digits: number) =>
      divideToText({ units, scale: 0 }, { units: by, scale: 0 }, digits);
    expect(quotient(25, 10, 1)).toBe('2');
    expect(quotient(35, 10, 1)).toBe('4');
    expect(quotient(9_995, 10, 3)).toBe('1000');
    expect(quotient(-15, 10, 1)).toBe('-2');
    expect(quotient(123_456, 1, 2)).toBe('120000');
  });
});
