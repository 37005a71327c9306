/** Books whose best price wanders, jumps and leaves its steps, so that levels pass in and out of what is addressed by price; against a Map, sorted when read. */
import * as fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import type { BookDelta, Levels } from '../../src/market/events.ts';
import { LevelBlocks } from '../../src/market/level-blocks.ts';
import { OrderBook } from '../../src/market/order-book.ts';

const TIMES = { eventTimeMs: 0, receiveTimeMs: 0, sequence: undefined, checksum: undefined };
const SCALES = { price: 0, quantity: 0 };

function delta(bids: Levels, asks: Levels): BookDelta {
  return { type: 'BookDelta', ...TIMES, scales: SCALES, bids, asks };
}

class PlainBook {
  readonly bids = new Map<number, number>();
  readonly asks = new Map<number, number>();
  readonly depth: number | undefined;

  constructor(depth: number | undefined) {
    this.depth = depth;
  }

  /** Returns how many levels to be removed were not there. */
  apply(bids: readonly number[], asks: readonly number[]): number {
    return this.#set(this.bids, bids, -1) + this.#set(this.asks, asks, 1);
  }

  sorted(side: 'bids' | 'asks'): number[] {
    return [...this[side]]
      .sort(([a], [b]) => (side === 'bids' ? b - a : a - b))
      .flatMap(([price, quantity]) => [price, quantity]);
  }

  #set(side: Map<number, number>, levels: readonly number[], direction: number): number {
    let unknownCount = 0;
    for (let at = 0; at < levels.length; at += 2) {
      const [price, quantity] = [levels[at]!, levels[at + 1]!];
      if (quantity !== 0) side.set(price, quantity);
      else if (!side.delete(price)) unknownCount++;
    }
    if (this.depth === undefined) return unknownCount;
    const sorted = [...side.keys()].sort((a, b) => direction * (a - b));
    for (const price of sorted.slice(this.depth)) side.delete(price);
    return unknownCount;
  }
}

/** What happens to the market: it drifts, jumps, is thinned out, filled, or all but its best levels taken away, or someone quotes between its steps or far from it. */
const move = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('drift'), by: fc.integer({ min: -40, max: 40 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('jump'), by: fc.integer({ min: -3_000, max: 3_000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('thin'), by: fc.integer({ min: 1, max: 400 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fill'), by: fc.integer({ min: 1, max: 400 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('stray'), by: fc.integer({ min: 1, max: 50_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('between'), by: fc.integer({ min: 1, max: 60 }) }) },
);
type Move = { readonly kind: string; readonly by: number };

/** Returns changes of one side; `direction` is −1 where better prices are lower. Prices are places on a ladder of `step`. */
function changesOf({ kind, by }: Move, mid: number, direction: 1 | -1, step: number): number[] {
  const ladder = (from: number, count: number, quantity: (index: number) => number): number[] =>
    Array.from({ length: count }, (_, index) => [
      (mid - direction * (from + index)) * step,
      quantity(index),
    ]).flat();
  switch (kind) {
    case 'thin':
      return ladder(1, by, (index) => (index % 7 === 3 ? 5 : 0));
    case 'fill':
      return ladder(1, by, (index) => 1 + (index % 9));
    case 'sink':
      return ladder(1 + by, 1_000, () => 0);
    case 'stray':
      return [(mid + direction * by) * step, 3, (mid + direction * by) * step, 0];
    case 'between':
      return step === 1 ? [] : [(mid - direction * by) * step + 1, 2];
    default: {
      // Levels the market has passed are gone, and those it left behind appear.
      const passed = 30 + Math.max(0, -direction * by);
      return [...ladder(1 - passed, passed, () => 0), ...ladder(1, 25, (index) => 2 + index)];
    }
  }
}

test('a book that wanders over many steps of price agrees with a book kept in a Map, in all that can be read of it', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 5, 25, 1_000),
      fc.option(fc.integer({ min: 5, max: 500 }), { nil: undefined }),
      fc.constantFrom(20_000, 9_000_000_000),
      fc.array(move, { minLength: 10, maxLength: 30 }),
      (step, depth, start, moves) => {
        const book = new OrderBook();
        const plain = new PlainBook(depth);
        const first = (direction: 1 | -1): number[] =>
          changesOf({ kind: 'fill', by: 1_600 }, start, direction, step);
        book.applySnapshot({
          type: 'BookSnapshot',
          ...TIMES,
          scales: SCALES,
          depth,
          bids: first(1),
          asks: first(-1),
        });
        plain.apply(first(1), first(-1));
        let mid: number = start;
        for (const next of moves) {
          if (next.kind === 'drift' || next.kind === 'jump') mid = Math.max(6_000, mid + next.by);
          // Enough changes that it is looked at more than once whether an address by price pays.
          const [bids, asks] = [changesOf(next, mid, 1, step), changesOf(next, mid, -1, step)];
          for (let round = 0; round < 12; round++) {
            expect(book.applyDelta(delta(bids, asks))).toBe(plain.apply(bids, asks));
          }
          const wanted = { bids: plain.sorted('bids'), asks: plain.sorted('asks') };
          expect(book.snapshot()).toMatchObject(wanted);
          expect([book.bidCount, book.askCount]).toEqual([wanted.bids.length / 2, wanted.asks.length / 2]);
          expect(book.top(7)).toEqual({ bids: wanted.bids.slice(0, 14), asks: wanted.asks.slice(0, 14) });
          const places = [1, 0, 2, 24, 9, book.bidCount - 1, 1].filter(
            (place) => place >= 0 && place < book.bidCount,
          );
          for (const place of places) {
            expect([book.bidPrice(place), book.bidQuantity(place)]).toEqual(
              wanted.bids.slice(2 * place, 2 * place + 2),
            );
          }
          for (const groupStep of [10 * step, 7]) {
            expect(book.groupBids(groupStep, 20)).toEqual(groups(wanted.bids, groupStep, Math.floor));
            expect(book.groupAsks(groupStep, 20)).toEqual(groups(wanted.asks, groupStep, Math.ceil));
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

/** The best 20 groups. Prices here are small enough for a quotient that is rounded right. */
function groups(levels: readonly number[], step: number, round: (quotient: number) => number): number[] {
  const sums = new Map<number, number>();
  for (let at = 0; at < levels.length; at += 2) {
    const price = round(levels[at]! / step) * step;
    sums.set(price, (sums.get(price) ?? 0) + levels[at + 1]!);
  }
  return [...sums].slice(0, 20).flat();
}

test('levels next to the largest exact number stay exact whatever is removed and added beside them', () => {
  const top = Number.MAX_SAFE_INTEGER;
  const book = new OrderBook();
  const prices = Array.from({ length: 200 }, (_, index) => top - index);
  const levels = prices.flatMap((price) => [price, 1]);
  book.applySnapshot({
    type: 'BookSnapshot',
    ...TIMES,
    scales: SCALES,
    depth: undefined,
    bids: levels,
    asks: prices.toReversed().flatMap((price) => [price, 1]),
  });
  const asks = prices.toReversed();
  for (let round = 0; round < 20; round++) {
    const quantity = 2 + round;
    book.applyDelta(
      delta(
        prices.flatMap((price) => [price, quantity]),
        asks.flatMap((price) => [price, quantity]),
      ),
    );
    book.applyDelta(delta([top, 0, top - 1, 0], [top, 0, top - 199, 0]));
    expect(book.snapshot()).toMatchObject({
      bids: prices.slice(2).flatMap((price) => [price, quantity]),
      asks: asks.slice(1, -1).flatMap((price) => [price, quantity]),
    });
    book.applyDelta(delta([], [top, 1, top - 199, 1]));
  }
});

/** A book of dense bids that changed so much that they are addressed by price. */
function createDenseBook(prices: readonly number[]): OrderBook {
  const book = new OrderBook();
  const bids = prices.flatMap((price) => [price, 1]);
  book.applySnapshot({ type: 'BookSnapshot', ...TIMES, scales: SCALES, depth: undefined, bids, asks: [] });
  for (let count = 0; count < 3_000; count += prices.length) book.applyDelta(delta(bids, []));
  return book;
}

test('a price next to one of steps so wide that their distances pass the largest exact number stays itself', () => {
  const step = 10 ** 13;
  const best = 301 * step;
  const book = createDenseBook(Array.from({ length: 70 }, (_, index) => best - index * step));
  const between = best + 140 * step + 1;
  book.applyDelta(delta([between, 7], []));
  expect(book.top(2).bids).toEqual([between, 7, best, 1]);
});

test('a level far above all others that comes and goes does not move them all each time', () => {
  const prices = Array.from({ length: 2_000 }, (_, index) => 100_000 - index);
  const book = createDenseBook(prices);
  const moved = vi.spyOn(LevelBlocks.prototype, 'set');
  try {
    const rounds = 5_000;
    for (let round = 0; round < rounds; round++) {
      expect(book.applyDelta(delta([101_100, 1, 101_100, 0], []))).toBe(0);
    }
    expect(moved.mock.calls.length / (2 * rounds)).toBeLessThan(8);
    expect(book.snapshot().bids).toEqual(prices.flatMap((price) => [price, 1]));
  } finally {
    moved.mockRestore();
  }
});
