import { Decimal } from 'decimal.js';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Levels } from '../../src/market/events.ts';
import { groupLevels } from '../../src/market/grouping.ts';
import type { GroupingOptions } from '../../src/market/grouping.ts';
import { OrderBook } from '../../src/market/order-book.ts';
import { formatUnits, toUnits } from '../../src/market/units.ts';
import type { Scales } from '../../src/market/units.ts';

const Exact = Decimal.clone({ precision: 200, toExpNeg: -100, toExpPos: 100 });

function bookOf(fields: { scales: Scales; bids?: Levels; asks?: Levels }): OrderBook {
  return OrderBook.restore({ depth: undefined, bids: [], asks: [], ...fields });
}

/** Groups as text pairs `[price, quantity]`. */
function groupsOf(book: OrderBook, options: GroupingOptions): { bids: string[][]; asks: string[][] } {
  const { scales, bids, asks } = groupLevels(book, options);
  return { bids: toText(bids, scales), asks: toText(asks, scales) };
}

function toText(levels: Levels, scales: Scales): string[][] {
  const pairs: string[][] = [];
  for (let at = 0; at < levels.length; at += 2) {
    pairs.push([formatUnits(levels[at]!, scales.price), formatUnits(levels[at + 1]!, scales.quantity)]);
  }
  return pairs;
}

function oracleSide(
  levels: string[][],
  step: Decimal,
  rounding: 'down' | 'up',
  groupsMax: number,
): string[][] {
  const groups = new Map<string, Decimal>();
  for (const [price, quantity] of levels) {
    const steps = new Exact(price!).div(step);
    const groupPrice = (rounding === 'down' ? steps.floor() : steps.ceil()).times(step).toFixed();
    groups.set(groupPrice, (groups.get(groupPrice) ?? new Exact(0)).plus(new Exact(quantity!)));
  }
  return [...groups].map(([price, quantity]) => [price, quantity.toFixed()]).slice(0, groupsMax);
}

const price = fc.oneof(
  { weight: 10, arbitrary: fc.bigInt({ min: 0n, max: 3000n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: 2n ** 53n - 50n, max: 2n ** 53n + 50n }) },
);
const quantity = fc.oneof(
  { weight: 10, arbitrary: fc.bigInt({ min: 1n, max: 1000n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: 2n ** 53n - 5n, max: 2n ** 60n }) },
);
const levels = fc
  .array(fc.tuple(price, quantity), { maxLength: 40 })
  .map((pairs): Levels => pairs.flat().map(toUnits));
// 10 and 4 divide every power of ten in use; 3, 7 and the odd decimals don't.
const ticks = fc.constantFrom('1', '0.1', '0.01', '0.0001', '0.05', '0.010', '10', '3', '0.7', '2.5', '1e-3');

describe('against decimal.js', () => {
  test('bids round down, asks round up and quantities add, at any tick size, resolution and scale', () => {
    fc.assert(
      fc.property(
        fc.record({ price: fc.nat({ max: 4 }), quantity: fc.nat({ max: 4 }) }),
        levels,
        levels,
        ticks,
        fc.constantFrom(1, 2, 5, 10, 100, 1000),
        fc.integer({ min: 0, max: 12 }),
        (scales, bids, asks, tickSize, resolution, groupsMax) => {
          const book = bookOf({ scales, bids, asks });
          const step = new Exact(tickSize).times(resolution);
          const all = book.snapshot();
          expect(groupsOf(book, { tickSize, resolution, groupsMax })).toEqual({
            bids: oracleSide(toText(all.bids, scales), step, 'down', groupsMax),
            asks: oracleSide(toText(all.asks, scales), step, 'up', groupsMax),
          });
        },
      ),
      { numRuns: 500 },
    );
  });
});

test.each([1, 40, 150, 9_999])('a deep book has the %i best groups that decimal.js finds', (groupsMax) => {
  const asks = Array.from({ length: 3_000 }, (_, index) => [7 + 2 * index + (index % 2), 1 + (index % 11)]);
  const book = bookOf({
    scales: { price: 2, quantity: 1 },
    asks: asks.flat(),
    bids: asks.toReversed().flat(),
  });
  const all = book.snapshot();
  const step = new Exact('0.25');
  expect(groupsOf(book, { tickSize: '0.05', resolution: 5, groupsMax })).toEqual({
    bids: oracleSide(toText(all.bids, all.scales), step, 'down', groupsMax),
    asks: oracleSide(toText(all.asks, all.scales), step, 'up', groupsMax),
  });
});

test('the whole quantity of a side is in its groups when there is room for all', () => {
  const book = bookOf({ scales: { price: 2, quantity: 1 }, bids: [10012, 5, 10011, 6, 9999, 7] });
  expect(groupsOf(book, { tickSize: '0.01', resolution: 10, groupsMax: 99 }).bids).toEqual([
    ['100.1', '1.1'],
    ['99.9', '0.7'],
  ]);
});

test.each([undefined, 'unknown', '0', '-0.5', ''])(
  'with the tick size %j, one unit at the scale of the book stands for it',
  (tickSize) => {
    const book = bookOf({
      scales: { price: 1, quantity: 0 },
      bids: [109, 1, 105, 2],
      asks: [111, 3, 115, 4],
    });
    expect(groupsOf(book, { tickSize, resolution: 5, groupsMax: 9 })).toEqual({
      bids: [['10.5', '3']],
      asks: [['11.5', '7']],
    });
  },
);

test('units of groups are canonical, at price zero too', () => {
  const book = bookOf({ scales: { price: 0, quantity: 0 }, bids: [0, 1], asks: [0, 2, 3, 4] });
  expect(groupLevels(book, { tickSize: '1', resolution: 2, groupsMax: 9 })).toStrictEqual({
    scales: { price: 0, quantity: 0 },
    bids: [0, 1],
    asks: [0, 2, 4, 4],
  });
});

test('groups pass 2^53 exactly where none of their levels does', () => {
  const largest = Number.MAX_SAFE_INTEGER;
  const book = bookOf({
    scales: { price: 0, quantity: 0 },
    bids: [12, largest, 11, largest],
    asks: [largest - 2, 1, largest, 2],
  });
  expect(groupLevels(book, { tickSize: '10', resolution: 1, groupsMax: 9 })).toStrictEqual({
    scales: { price: 0, quantity: 0 },
    bids: [10, 2n ** 54n - 2n],
    asks: [largest - 1, 1, 2n ** 53n + 8n, 2],
  });
});

test('an empty side has no groups', () => {
  const book = bookOf({ scales: { price: 1, quantity: 0 } });
  expect(groupsOf(book, { tickSize: '0.1', resolution: 1, groupsMax: 5 })).toEqual({ bids: [], asks: [] });
});
