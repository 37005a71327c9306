/** Exact arithmetic on decimal text, against decimal.js. */
import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addDecimals,
  basisPoints,
  compareDecimals,
  cutDecimals,
  decimalsOf,
  signOf,
  subtractDecimals,
  zerosBehind,
} from '../../web/src/text/decimal-text.ts';

const Exact = Decimal.clone({ precision: 200, toExpNeg: -100, toExpPos: 100 });
/** Beyond what a double holds, and with more decimals than one has. */
const decimal = fc
  .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: 0, max: 20 }))
  .map(([units, scale]) => new Exact(units.toString()).div(new Exact(10).pow(scale)).toFixed());

const RUNS = { seed: 20261128, numRuns: 500 };

describe('decimals', () => {
  it('are added, subtracted and compared exactly', () => {
    fc.assert(
      fc.property(decimal, decimal, (a, b) => {
        expect(addDecimals(a, b)).toBe(new Exact(a).plus(b).toFixed());
        expect(subtractDecimals(a, b)).toBe(new Exact(a).minus(b).toFixed());
        expect(compareDecimals(a, b)).toBe(new Exact(a).comparedTo(b));
      }),
      RUNS,
    );
  });

  it('are told apart where doubles are the same', () => {
    expect(compareDecimals('9007199254740993', '9007199254740992')).toBe(1);
    expect(compareDecimals('0.1', '0.10000000000000000001')).toBe(-1);
  });

  it('come to basis points that are cut, never rounded up', () => {
    fc.assert(
      fc.property(decimal, decimal, (part, whole) => {
        const points = basisPoints(part, whole);
        if (new Exact(whole).isZero()) {
          expect(points).toBeUndefined();
          return;
        }
        const expected = new Exact(part).times(10_000).div(whole).toDecimalPlaces(2, Decimal.ROUND_DOWN);
        expect(points).toMatch(/^-?\d+\.\d\d$/);
        expect(new Exact(points!).equals(expected)).toBe(true);
      }),
      RUNS,
    );
  });

  it.each([
    ['1.239', 2, '1.23'],
    ['-1.239', 2, '-1.23'],
    ['-0.0049', 2, '0.00'],
    ['12', 2, '12'],
    ['12.5', 0, '12'],
  ])('%s cut behind %i decimals is %s', (text, decimals, cut) => {
    expect(cutDecimals(text, decimals)).toBe(cut);
  });

  it.each([
    ['12', 2, '.00'],
    ['12.5', 2, '0'],
    ['12.50', 2, ''],
    ['12.345', 2, ''],
    ['12', 0, ''],
  ])('%s is brought to %i decimals by %j', (text, decimals, zeros) => {
    expect(zerosBehind(text, decimals)).toBe(zeros);
  });

  it('have a sign that nothing but zeros has not', () => {
    expect(['-0.01', '0', '0.000', '-0.0', '3'].map(signOf)).toEqual(['down', 'same', 'same', 'same', 'up']);
  });

  it('have as many decimals as are written', () => {
    expect(['1', '1.50', null, undefined].map(decimalsOf)).toEqual([0, 2, 0, 0]);
  });
});
