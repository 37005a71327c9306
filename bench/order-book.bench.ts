/**
 * Order book updates as a busy market makes them: 1,000 levels a side, 80 % of the changes within 20 levels of the best, 35 % deletes, ten
 * levels per delta; and what the readers of a book ask for. `run` returns a checksum of the work so that none of it can be left out.
 */
import { createSeededRandom } from '../src/base/clock.ts';
import type { BookDelta, BookSnapshot } from '../src/market/events.ts';
import { groupLevels } from '../src/market/grouping.ts';
import { OrderBook } from '../src/market/order-book.ts';
import type { Units } from '../src/market/units.ts';

export type Benchmark = {
  readonly name: string;
  /** Operations in one `run`. */
  readonly operationCount: number;
  readonly run: () => number;
};

const LEVELS_PER_SIDE = 1_000;
const DELTA_COUNT = 20_000;
const LEVELS_PER_DELTA = 10;
const BEST_BID = 6_000_000;
const TIMES = { eventTimeMs: 0, receiveTimeMs: 0, sequence: undefined, checksum: undefined };
const SCALES = { price: 2, quantity: 8 };

const snapshot = createSnapshot();
const deltas = createDeltas();

export const orderBookBenchmarks: readonly Benchmark[] = [
  {
    name: 'order book: set or remove one level',
    operationCount: DELTA_COUNT * LEVELS_PER_DELTA,
    run: () => {
      const book = createBook();
      let unknownCount = 0;
      for (const delta of deltas) unknownCount += book.applyDelta(delta);
      return unknownCount + book.bidCount + book.askCount;
    },
  },
  {
    name: 'order book: best 20 levels of both sides',
    operationCount: 10_000,
    run: () => {
      const book = createBook();
      let sum = 0;
      for (let round = 0; round < 10_000; round++) sum += book.top(20).bids.length;
      return sum;
    },
  },
  {
    name: 'order book: group to 10 ticks, 50 groups a side',
    operationCount: 1_000,
    run: () => {
      const book = createBook();
      let sum = 0;
      for (let round = 0; round < 1_000; round++) {
        sum += groupLevels(book, { tickSize: '0.01', resolution: 10, groupsMax: 50 }).bids.length;
      }
      return sum;
    },
  },
];

function createBook(): OrderBook {
  const book = new OrderBook();
  book.applySnapshot(snapshot);
  return book;
}

function createSnapshot(): BookSnapshot {
  const bids: Units[] = [];
  const asks: Units[] = [];
  for (let index = 0; index < LEVELS_PER_SIDE; index++) {
    bids.push(BEST_BID - index, 1_000 + index);
    asks.push(BEST_BID + 1 + index, 1_000 + index);
  }
  return { type: 'BookSnapshot', ...TIMES, scales: SCALES, depth: undefined, bids, asks };
}

function createDeltas(): BookDelta[] {
  const random = createSeededRandom(7);
  return Array.from({ length: DELTA_COUNT }, () => {
    const bids: Units[] = [];
    const asks: Units[] = [];
    for (let level = 0; level < LEVELS_PER_DELTA; level++) {
      const distance = Math.floor(random() * (random() < 0.8 ? 20 : LEVELS_PER_SIDE));
      const quantity = random() < 0.35 ? 0 : 1 + Math.floor(random() * 1_000_000);
      if (random() < 0.5) bids.push(BEST_BID - distance, quantity);
      else asks.push(BEST_BID + 1 + distance, quantity);
    }
    return { type: 'BookDelta', ...TIMES, scales: SCALES, bids, asks };
  });
}
