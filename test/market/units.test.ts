import { Decimal } from 'decimal.js';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  MAX_SCALE,
  addUnits,
  formatUnits,
  multiplyUnits,
  parseUnits,
  parseUnitsExact,
  raiseScale,
  readDecimal,
  significantDecimals,
  subtractUnits,
  toUnits,
  wholeQuotient,
} from '../../src/market/units.ts';
import type { Units } from '../../src/market/units.ts';

// Enough digits that the oracle never rounds.
const Exact = Decimal.clone({ precision: 400, toExpNeg: -400, toExpPos: 400 });
const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** Integers near every boundary that matters: 0, 2^53 and the far side of it. */
const integers = fc.oneof(
  fc.bigInt({ min: -1000n, max: 1000n }),
  fc.bigInt({ min: SAFE - 20n, max: SAFE + 20n }),
  fc.bigInt({ min: -SAFE - 20n, max: -SAFE + 20n }),
  fc.bigInt({ min: -SAFE, max: SAFE }),
  fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }),
);
const units = integers.map(toUnits);
const scales = fc.integer({ min: 0, max: MAX_SCALE });
const digits = (maxLength: number): fc.Arbitrary<string> =>
  fc.stringMatching(new RegExp(`^[0-9]{1,${maxLength}}$`));
const plainDecimals = fc
  .tuple(digits(20), fc.option(digits(20), { nil: undefined }))
  .map(([whole, fraction]) => (fraction === undefined ? whole : `${whole}.${fraction}`));

function expectCanonical(value: Units): void {
  const isSafe = BigInt(value) <= SAFE && BigInt(value) >= -SAFE;
  expect(typeof value).toBe(isSafe ? 'number' : 'bigint');
  expect(Object.is(value, -0)).toBe(false);
}

const toDecimal = (value: Units): Decimal => new Exact(value.toString());

describe('parsing', () => {
  test('plain decimal text is read exactly, or refused when it needs more decimals than the scale', () => {
    fc.assert(
      fc.property(plainDecimals, scales, (text, scale) => {
        const wanted = new Exact(text).times(new Exact(10).pow(scale));
        const read = parseUnitsExact(text, scale);
        if (!wanted.isInteger()) {
          expect(read).toBeUndefined();
          return;
        }
        expect(read?.toString()).toBe(wanted.toString());
        expectCanonical(read!);
      }),
    );
  });

  test('the fast reading agrees with the exact one wherever it answers, and answers for all that is safe and short', () => {
    fc.assert(
      fc.property(plainDecimals, fc.integer({ min: 0, max: 15 }), (text, scale) => {
        const exact = parseUnitsExact(text, scale);
        const fast = parseUnits(text, scale);
        if (typeof exact === 'number') expect(fast).toBe(exact);
        else expect(fast).toBeNaN();
      }),
    );
  });

  test.each([
    ['9007199254740991', 0, Number.MAX_SAFE_INTEGER],
    ['9007199254740992', 0, NaN],
    ['9007199254740993', 0, NaN],
    ['9007199254.740991', 6, Number.MAX_SAFE_INTEGER],
    ['9007199254.740992', 6, NaN],
    ['90071992547409.91000', 2, Number.MAX_SAFE_INTEGER],
    ['1', 15, 1e15],
    ['9', 15, 9e15],
    ['10', 15, NaN],
    ['0', 16, NaN],
    ['0.1', 16, 1e15],
  ])('fast reading of %s at scale %i gives %d', (text, scale, wanted) => {
    expect(parseUnits(text, scale)).toBe(wanted);
  });

  test.each(['9007199254740992', '9007199254740993', '18014398509481985', '0.9007199254740993e16'])(
    'the exact reading of %s keeps every digit',
    (text) => {
      expect(parseUnitsExact(text, 0)).toBe(BigInt(new Exact(text).toString()));
    },
  );

  const hostile = [
    ...['', ' ', '.', '-', '+', '1.', '.5', '+1', '--1', '1..2', '1.2.3', '1,5', '1_000', ' 1', '1 ', '1\n'],
    ...['0x10', '0b1', '1n', 'NaN', 'Infinity', '-Infinity', 'null', 'e5', '1e', '1e+', '1e5.5', '1e1000'],
    ...['１２', '1\u0000', '٣', '1'.repeat(101), `0.${'0'.repeat(MAX_SCALE)}1`, '1e-31', '1e61'],
  ];
  test.each(hostile)('the text %j is no number to either reading', (text) => {
    expect(parseUnits(text, 8)).toBeNaN();
    expect(parseUnitsExact(text, 8)).toBeUndefined();
    expect(readDecimal(text)).toBeUndefined();
  });

  test('random text is read only when it is a decimal number', () => {
    const text = fc.stringMatching(/^[0-9.+eE x-]{0,12}$/);
    fc.assert(
      fc.property(text, (candidate) => {
        const isPlain = /^\d+(\.\d+)?$/.test(candidate);
        if (!isPlain) expect(parseUnits(candidate, 12)).toBeNaN();
        const parts = readDecimal(candidate);
        if (parts === undefined) return;
        const value = new Exact(parts.digits.toString()).div(new Exact(10).pow(parts.decimals));
        expect(value.eq(new Exact(candidate))).toBe(true);
      }),
    );
  });

  test('decimals count as written, and significant ones without trailing zeros', () => {
    expect(readDecimal('0.1000')).toEqual({ digits: 1000n, decimals: 4 });
    expect(readDecimal('1.3640078E7')).toEqual({ digits: 13640078n, decimals: 0 });
    expect(readDecimal('-0')).toEqual({ digits: 0n, decimals: 0 });
    expect(significantDecimals({ digits: 1000n, decimals: 4 })).toBe(1);
    expect(significantDecimals({ digits: 0n, decimals: 8 })).toBe(0);
    expect(significantDecimals({ digits: 105n, decimals: 2 })).toBe(2);
  });
});

describe('arithmetic', () => {
  test('sums, differences and products are exact and canonical at any size', () => {
    fc.assert(
      fc.property(units, units, (a, b) => {
        const results: [Units, Decimal][] = [
          [addUnits(a, b), toDecimal(a).plus(toDecimal(b))],
          [subtractUnits(a, b), toDecimal(a).minus(toDecimal(b))],
          [multiplyUnits(a, b), toDecimal(a).times(toDecimal(b))],
        ];
        for (const [was, wanted] of results) {
          expect(toDecimal(was).eq(wanted)).toBe(true);
          expectCanonical(was);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('order and equality of canonical units are those of the numbers', () => {
    fc.assert(
      fc.property(units, units, (a, b) => {
        expect(a < b).toBe(toDecimal(a).lt(toDecimal(b)));
        expect(a === b).toBe(toDecimal(a).eq(toDecimal(b)));
      }),
    );
  });

  test('raising a scale keeps the value', () => {
    fc.assert(
      fc.property(units, scales, scales, (value, one, other) => {
        const fromScale = Math.min(one, other);
        const toScale = Math.max(one, other);
        const raised = raiseScale(value, fromScale, toScale);
        expect(toDecimal(raised).eq(toDecimal(value).times(new Exact(10).pow(toScale - fromScale)))).toBe(
          true,
        );
        expectCanonical(raised);
      }),
    );
  });

  test('a scale is never lowered', () => {
    expect(() => raiseScale(5, 3, 2)).toThrow(RangeError);
  });
});

test('a whole quotient is that of bigints, however near the next integer', () => {
  const divisors = fc.oneof(
    fc.integer({ min: 1, max: 1_000 }),
    fc.nat(15).map((exponent) => 10 ** exponent),
    fc.bigInt({ min: 1n, max: SAFE }).map(Number),
  );
  const nearMultiple = fc
    .tuple(divisors, fc.bigInt({ min: 0n, max: SAFE }), fc.integer({ min: -1, max: 1 }))
    .map(([divisor, value, near]) => [value - (value % BigInt(divisor)) + BigInt(near), divisor] as const)
    .filter(([value]) => value >= 0n && value <= SAFE);
  fc.assert(
    fc.property(nearMultiple, ([value, divisor]) => {
      expect(wholeQuotient(Number(value), divisor)).toBe(Number(value / BigInt(divisor)));
    }),
    { numRuns: 2_000 },
  );
});

describe('formatting', () => {
  test('text is what the oracle prints: no exponent, no trailing zeros', () => {
    fc.assert(
      fc.property(units, scales, (value, scale) => {
        const wanted = toDecimal(value).div(new Exact(10).pow(scale));
        expect(formatUnits(value, scale)).toBe(wanted.toFixed());
      }),
      { numRuns: 500 },
    );
  });

  test('formatted units are read back as they were', () => {
    fc.assert(
      fc.property(units, scales, (value, scale) => {
        expect(parseUnitsExact(formatUnits(value, scale), scale)).toBe(value);
      }),
    );
  });
});
