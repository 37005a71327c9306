import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BookDelta, BookSnapshot, Levels } from '../../src/market/events.ts';
import { OrderBook } from '../../src/market/order-book.ts';
import type { BookData } from '../../src/market/order-book.ts';
import { toUnits } from '../../src/market/units.ts';
import type { Scales, Units } from '../../src/market/units.ts';

const TIMES = { eventTimeMs: 0, receiveTimeMs: 0, sequence: undefined, checksum: undefined };
const ORACLE_SCALE = 40;

function snapshotOf(fields: Partial<BookSnapshot>): BookSnapshot {
  return {
    type: 'BookSnapshot',
    ...TIMES,
    scales: { price: 0, quantity: 0 },
    depth: undefined,
    bids: [],
    asks: [],
    ...fields,
  };
}

function deltaOf(fields: Partial<BookDelta>): BookDelta {
  return { type: 'BookDelta', ...TIMES, scales: { price: 0, quantity: 0 }, bids: [], asks: [], ...fields };
}

/** The book as a Map from price to quantity, both at one scale that is large enough for everything, sorted when read. */
class OracleBook {
  bids = new Map<bigint, bigint>();
  asks = new Map<bigint, bigint>();
  depth: number | undefined;
  scales: Scales = { price: 0, quantity: 0 };

  apply(event: BookSnapshot | BookDelta): number {
    if (event.type === 'BookSnapshot') {
      this.bids.clear();
      this.asks.clear();
      this.depth = event.depth;
      this.scales = event.scales;
    }
    this.scales = {
      price: Math.max(this.scales.price, event.scales.price),
      quantity: Math.max(this.scales.quantity, event.scales.quantity),
    };
    const unknownCount =
      this.#set(this.bids, event.bids, event.scales) + this.#set(this.asks, event.asks, event.scales);
    this.bids = this.#cut(this.bids, -1);
    this.asks = this.#cut(this.asks, 1);
    return unknownCount;
  }

  read(): BookData {
    return {
      scales: this.scales,
      depth: this.depth,
      bids: this.#levels(this.bids),
      asks: this.#levels(this.asks),
    };
  }

  #set(side: Map<bigint, bigint>, levels: Levels, scales: Scales): number {
    let unknownCount = 0;
    for (let at = 0; at < levels.length; at += 2) {
      const price = BigInt(levels[at]!) * 10n ** BigInt(ORACLE_SCALE - scales.price);
      const quantity = BigInt(levels[at + 1]!) * 10n ** BigInt(ORACLE_SCALE - scales.quantity);
      if (quantity !== 0n) side.set(price, quantity);
      else if (!side.delete(price)) unknownCount++;
    }
    return unknownCount;
  }

  #cut(side: Map<bigint, bigint>, direction: 1 | -1): Map<bigint, bigint> {
    const sorted = [...side].sort(([a], [b]) => (a < b ? -direction : direction));
    return new Map(sorted.slice(0, this.depth));
  }

  #levels(side: Map<bigint, bigint>): Units[] {
    return [...side].flatMap(([price, quantity]) => [
      toUnits(price / 10n ** BigInt(ORACLE_SCALE - this.scales.price)),
      toUnits(quantity / 10n ** BigInt(ORACLE_SCALE - this.scales.quantity)),
    ]);
  }
}

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);
/** Few prices, so that levels meet; now and then around 2^53 or far beyond. */
const units = fc.oneof(
  { weight: 30, arbitrary: fc.bigInt({ min: 0n, max: 12n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: SAFE - 1n, max: SAFE + 2n }) },
  { weight: 1, arbitrary: fc.constant(10n ** 25n) },
);
const levels = fc
  .array(fc.tuple(units, fc.oneof(fc.constant(0n), units)), { maxLength: 12 })
  .map((pairs): Levels => pairs.flat().map(toUnits));
const eventScales = fc.record({ price: fc.nat({ max: 3 }), quantity: fc.nat({ max: 3 }) });
const deltas = fc.record({ scales: eventScales, bids: levels, asks: levels }).map(deltaOf);
const snapshots = fc
  .record({
    scales: eventScales,
    bids: levels,
    asks: levels,
    depth: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
  })
  .map(snapshotOf);
const events = fc.array(fc.oneof({ weight: 6, arbitrary: deltas }, { weight: 1, arbitrary: snapshots }), {
  maxLength: 25,
});

function applyTo(book: OrderBook, event: BookSnapshot | BookDelta): number | undefined {
  if (event.type === 'BookDelta') return book.applyDelta(event);
  book.applySnapshot(event);
  return undefined;
}

describe('against a book kept in a Map', () => {
  test('levels, depth, scales and deletes of unknown levels agree after every event', () => {
    fc.assert(
      fc.property(events, (sequence) => {
        const book = new OrderBook();
        const oracle = new OracleBook();
        for (const event of sequence) {
          const unknownCount = applyTo(book, event);
          const wantedCount = oracle.apply(event);
          if (unknownCount !== undefined) expect(unknownCount).toBe(wantedCount);
          expect(book.snapshot()).toEqual(oracle.read());
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('reading by place, the best prices, the top and crossing agree with the levels', () => {
    fc.assert(
      fc.property(events, fc.nat({ max: 5 }), (sequence, levelCount) => {
        const book = new OrderBook();
        for (const event of sequence) applyTo(book, event);
        const { bids, asks } = book.snapshot();
        expect(book.bidCount).toBe(bids.length / 2);
        expect(book.askCount).toBe(asks.length / 2);
        const bidsByPlace = Array.from({ length: book.bidCount }, (_, index) => [
          book.bidPrice(index),
          book.bidQuantity(index),
        ]);
        const asksByPlace = Array.from({ length: book.askCount }, (_, index) => [
          book.askPrice(index),
          book.askQuantity(index),
        ]);
        expect(bidsByPlace.flat()).toEqual(bids);
        expect(asksByPlace.flat()).toEqual(asks);
        expect(book.bestBid).toBe(bids[0]);
        expect(book.bestAsk).toBe(asks[0]);
        expect(book.top(levelCount)).toEqual({
          bids: bids.slice(0, levelCount * 2),
          asks: asks.slice(0, levelCount * 2),
        });
        const isCrossed = bids.length > 0 && asks.length > 0 && bids[0]! >= asks[0]!;
        expect(book.isCrossed).toBe(isCrossed);
      }),
    );
  });

  test('a book restored from its snapshot goes on as the one it was taken from', () => {
    fc.assert(
      fc.property(events, events, (before, after) => {
        const book = new OrderBook();
        for (const event of before) applyTo(book, event);
        const restored = OrderBook.restore(book.snapshot());
        expect(restored.snapshot()).toEqual(book.snapshot());
        for (const event of after) {
          expect(applyTo(restored, event)).toBe(applyTo(book, event));
        }
        expect(restored.snapshot()).toEqual(book.snapshot());
      }),
    );
  });
});

test('a large book that grows and shrinks far from and near the best price agrees with a book kept in a Map', () => {
  const manyLevels = fc.array(fc.tuple(fc.nat({ max: 3000 }), fc.oneof(fc.constant(0), fc.nat({ max: 9 }))), {
    minLength: 500,
    maxLength: 2000,
  });
  fc.assert(
    fc.property(fc.array(manyLevels, { minLength: 2, maxLength: 4 }), (sequence) => {
      const book = new OrderBook();
      const oracle = new OracleBook();
      for (const pairs of sequence) {
        const event = deltaOf({ bids: pairs.flat(), asks: pairs.flat() });
        expect(book.applyDelta(event)).toBe(oracle.apply(event));
      }
      expect(book.snapshot()).toEqual(oracle.read());
    }),
    { numRuns: 10 },
  );
});

test('a deep book that is filled, thinned out in stretches and cut agrees with a book kept in a Map, place by place', () => {
  const stretch = fc.record({
    from: fc.nat({ max: 2_500 }),
    length: fc.integer({ min: 1, max: 1_200 }),
    step: fc.integer({ min: 1, max: 3 }),
    quantity: fc.nat({ max: 2 }),
    isDescending: fc.boolean(),
  });
  type Stretch = typeof stretch extends fc.Arbitrary<infer Value> ? Value : never;
  const toLevels = ({ from, length, step, quantity, isDescending }: Stretch): Levels => {
    const prices = Array.from({ length }, (_, index) => from + index * step);
    return (isDescending ? prices.toReversed() : prices).flatMap((price) => [price, quantity]);
  };
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2_600 }),
      fc.option(fc.integer({ min: 1, max: 1_500 }), { nil: undefined }),
      fc.array(stretch, { minLength: 2, maxLength: 10 }),
      (levelCount, depth, stretches) => {
        const book = new OrderBook();
        const oracle = new OracleBook();
        const asks = Array.from({ length: levelCount }, (_, index) => [index, 1 + (index % 9)]);
        const first = snapshotOf({ depth, asks: asks.flat(), bids: asks.toReversed().flat() });
        book.applySnapshot(first);
        oracle.apply(first);
        for (const part of stretches) {
          const event = deltaOf({ bids: toLevels(part), asks: toLevels(part) });
          expect(book.applyDelta(event)).toBe(oracle.apply(event));
          const wanted = oracle.read();
          expect(book.snapshot()).toEqual(wanted);
          expect([book.bidCount, book.askCount]).toEqual([wanted.bids.length / 2, wanted.asks.length / 2]);
          for (let index = 0; index < book.bidCount; index += 37) {
            expect([book.bidPrice(index), book.bidQuantity(index)]).toEqual(
              wanted.bids.slice(2 * index, 2 * index + 2),
            );
          }
          expect(book.top(300).asks).toEqual(wanted.asks.slice(0, 600));
        }
      },
    ),
    { numRuns: 20 },
  );
});

test('levels pushed out by the depth cut are gone, and come back only when sent again', () => {
  const book = new OrderBook();
  book.applySnapshot(snapshotOf({ depth: 2, bids: [10, 1, 9, 1], asks: [11, 1, 12, 1] }));
  book.applyDelta(deltaOf({ asks: [13, 5] }));
  expect(book.top(9).asks).toEqual([11, 1, 12, 1]);
  book.applyDelta(deltaOf({ bids: [10, 0] }));
  expect(book.top(9).bids).toEqual([9, 1]);
});

test('the cut comes after the whole event: a level beyond the depth stays when a better one leaves with it', () => {
  const book = new OrderBook();
  book.applySnapshot(snapshotOf({ depth: 2, bids: [10, 1, 9, 1] }));
  book.applyDelta(deltaOf({ bids: [8, 4, 10, 0] }));
  expect(book.top(9).bids).toEqual([9, 1, 8, 4]);
});

test('of two levels at one price in one event the later counts', () => {
  const book = new OrderBook();
  book.applySnapshot(snapshotOf({ bids: [10, 1, 10, 2], asks: [11, 5, 12, 6, 11, 0] }));
  expect(book.top(9)).toEqual({ bids: [10, 2], asks: [12, 6] });
});

test('more decimals than before raise every level, past 2^53 where they must', () => {
  const book = new OrderBook();
  const large = Number.MAX_SAFE_INTEGER;
  book.applySnapshot(snapshotOf({ bids: [3, large], asks: [4, 7] }));
  book.applyDelta(deltaOf({ scales: { price: 2, quantity: 1 }, bids: [299, 15] }));
  expect(book.snapshot()).toEqual({
    scales: { price: 2, quantity: 1 },
    depth: undefined,
    bids: [300, BigInt(large) * 10n, 299, 15],
    asks: [400, 70],
  });
});

test('the data of a snapshot is not the book: later changes leave it alone', () => {
  const book = new OrderBook();
  book.applySnapshot(snapshotOf({ bids: [10, 1] }));
  const data = book.snapshot();
  book.applyDelta(deltaOf({ bids: [10, 7, 9, 9] }));
  expect(data.bids).toEqual([10, 1]);
});

test('a book without levels has no best prices and is not crossed', () => {
  const book = new OrderBook();
  expect([book.bestBid, book.bestAsk, book.isCrossed]).toEqual([undefined, undefined, false]);
  book.applyDelta(deltaOf({ bids: [5, 1] }));
  expect([book.bestBid, book.bestAsk, book.isCrossed]).toEqual([5, undefined, false]);
});

test('equal best prices are a crossed book', () => {
  const book = new OrderBook();
  book.applySnapshot(snapshotOf({ bids: [10, 1], asks: [11, 1] }));
  expect(book.isCrossed).toBe(false);
  book.applyDelta(deltaOf({ bids: [11, 1] }));
  expect(book.isCrossed).toBe(true);
});
