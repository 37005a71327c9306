import { Decimal } from 'decimal.js';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ScaleMemory } from '../../src/market/scale-memory.ts';
import type { WireLevel } from '../../src/market/scale-memory.ts';
import { MAX_SCALE, formatUnits } from '../../src/market/units.ts';

const decimalText = fc
  .tuple(fc.nat({ max: 10 ** 9 }), fc.stringMatching(/^[0-9]{0,14}$/))
  .map(([whole, fraction]) => (fraction === '' ? `${whole}` : `${whole}.${fraction}`));
const exponentText = fc
  .tuple(fc.integer({ min: 1, max: 9999 }), fc.integer({ min: -12, max: 12 }))
  .map(([mantissa, exponent]) => `${mantissa}e${exponent}`);
const hugeText = fc.bigInt({ min: 2n ** 53n, max: 2n ** 70n }).map(String);
const text = fc.oneof({ weight: 8, arbitrary: decimalText }, exponentText, hugeText);
const levels = fc.array(fc.tuple(text, text), { maxLength: 6 });
const frames = fc.array(fc.record({ bids: levels, asks: levels }), { minLength: 1, maxLength: 6 });

function refuse(reason: string): never {
  throw new Error(`unexpected rejection: ${reason}`);
}

function writtenDecimals(number: string): number {
  const [mantissa = '', exponent = '0'] = number.split('e');
  return Math.max(0, (mantissa.split('.')[1] ?? '').length - Number.parseInt(exponent, 10));
}

function neededDecimals(number: string): number {
  return new Decimal(number).decimalPlaces();
}

describe.each([
  { keepTrailingZeros: false, decimalsOf: neededDecimals },
  { keepTrailingZeros: true, decimalsOf: writtenDecimals },
])('with keepTrailingZeros $keepTrailingZeros', ({ keepTrailingZeros, decimalsOf }) => {
  test('every level keeps its value, at the largest number of decimals seen so far', () => {
    fc.assert(
      fc.property(frames, (sequence) => {
        const memory = new ScaleMemory({ keepTrailingZeros });
        let price = 0;
        let quantity = 0;
        for (const { bids, asks } of sequence) {
          const reading = memory.readLevels(bids, asks, refuse);
          for (const [priceText, quantityText] of [...bids, ...asks]) {
            price = Math.max(price, decimalsOf(priceText));
            quantity = Math.max(quantity, decimalsOf(quantityText));
          }
          expect(reading.scales).toEqual({ price, quantity });
          const wanted = (side: readonly WireLevel[]): string[] =>
            side.flat().map((number) => new Decimal(String(number)).toFixed());
          const was = (side: readonly (number | bigint)[]): string[] =>
            side.map((units, at) => formatUnits(units, at % 2 === 0 ? price : quantity));
          expect(was(reading.bids)).toEqual(wanted(bids));
          expect(was(reading.asks)).toEqual(wanted(asks));
        }
      }),
    );
  });

  test('price and quantity of a trade are read at one pair of scales', () => {
    fc.assert(
      fc.property(text, text, text, text, (firstPrice, firstQuantity, price, quantity) => {
        const memory = new ScaleMemory({ keepTrailingZeros });
        memory.readTrade(firstPrice, firstQuantity);
        const trade = memory.readTrade(price, quantity);
        expect(trade?.scales).toEqual(memory.scales);
        expect(formatUnits(trade!.price, trade!.scales.price)).toBe(new Decimal(price).toFixed());
        expect(formatUnits(trade!.quantity, trade!.scales.quantity)).toBe(new Decimal(quantity).toFixed());
      }),
    );
  });
});

test('at the scale of the digits as written, the units of Kraken levels are those digits', () => {
  const memory = new ScaleMemory({ keepTrailingZeros: true });
  const reading = memory.readLevels([['45283.5', '0.10000000']], [['45285.2', '0.00100000']], refuse);
  expect(reading).toEqual({
    scales: { price: 1, quantity: 8 },
    bids: [452835, 10000000],
    asks: [452852, 100000],
  });
});

test('scales grow inside a frame for all of its levels and never shrink', () => {
  const memory = new ScaleMemory({ keepTrailingZeros: false });
  expect(
    memory.readLevels(
      [
        ['1', '2'],
        ['1.25', '2'],
      ],
      [['1.5', '0.001']],
      refuse,
    ),
  ).toEqual({
    scales: { price: 2, quantity: 3 },
    bids: [100, 2000, 125, 2000],
    asks: [150, 1],
  });
  expect(memory.readTrade('7', '1')).toEqual({
    scales: { price: 2, quantity: 3 },
    price: 700,
    quantity: 1000,
  });
});

test('a level that is no pair of decimal numbers is told once and the others are read', () => {
  const memory = new ScaleMemory({ keepTrailingZeros: false });
  const hostile: unknown[] = [
    ['1', '-2'],
    ['x', '1'],
    ['1'],
    [1, 2],
    undefined,
    null,
    'ab',
    {},
    [`0.${'0'.repeat(MAX_SCALE)}1`, '1'],
  ];
  const rejected: string[] = [];
  const reading = memory.readLevels(
    [...hostile, ['1.5', '2']] as unknown as WireLevel[],
    [['2.25', '3.125']],
    (reason) => rejected.push(reason),
  );
  expect(reading).toEqual({ scales: { price: 2, quantity: 3 }, bids: [150, 2000], asks: [225, 3125] });
  expect(rejected).toHaveLength(hostile.length);
  expect(rejected[0]).toBe('level is not a pair of decimal numbers: ["1","-2"]');
});

test('the report of a long hostile level is short', () => {
  const memory = new ScaleMemory({ keepTrailingZeros: false });
  const rejected: string[] = [];
  memory.readLevels([['y'.repeat(10_000), '1']], [], (reason) => rejected.push(reason));
  expect(rejected[0]!.length).toBeLessThanOrEqual(120);
});

test('a trade that is no pair of decimal numbers is not read', () => {
  const memory = new ScaleMemory({ keepTrailingZeros: false });
  expect(memory.readTrade('1', undefined)).toBeUndefined();
  expect(memory.readTrade('-1', '1')).toBeUndefined();
  expect(memory.readTrade(1, '1')).toBeUndefined();
});
