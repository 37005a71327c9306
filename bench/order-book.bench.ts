/**
 * Order book updates, 1,000 levels a side, 35 % deletes, ten levels per delta: near the touch as a busy market makes them (80 % of the changes
 * within 20 levels of the best), and deep (anywhere in the book); and what the readers of a book ask for.
 */
import { createSeededRandom } from '../src/base/clock.ts';
import type { BookDelta, BookSnapshot } from '../src/market/events.ts';
import { OrderBook } from '../src/market/order-book.ts';
import type { Units } from '../src/market/units.ts';
import type { Benchmark, BenchmarkGroup } from './harness/benchmark.ts';

const LEVELS_PER_SIDE = 1_000;
const DELTA_COUNT = 20_000;
const LEVELS_PER_DELTA = 10;
const BEST_BID = 6_000_000;
const TIMES = { eventTimeMs: 0, receiveTimeMs: 0, sequence: undefined, checksum: undefined };
const SCALES = { price: 2, quantity: 8 };

const NEAR_LEVELS = 20;

const snapshot = createSnapshot();

export const book: BenchmarkGroup = {
  name: 'book',
  title: 'Order book',
  open: () =>
    Promise.resolve({
      benchmarks: [
        updates('set or remove one level, near the touch', createDeltas({ nearShare: 0.8 })),
        updates('set or remove one level, deep', createDeltas({ nearShare: 0 })),
        {
          name: 'best 20 levels of both sides',
          unit: 'reads',
          operationCount: 10_000,
          run: () => {
            const held = createBook();
            let sum = 0;
            for (let round = 0; round < 10_000; round++) sum += held.top(20).bids.length;
            return sum;
          },
        },
      ],
      notes: ['1,000 levels a side, 35 % deletes, ten levels per delta.'],
      close: () => Promise.resolve(),
    }),
};

function updates(name: string, deltas: readonly BookDelta[]): Benchmark {
  return {
    name,
    unit: 'updates',
    operationCount: DELTA_COUNT * LEVELS_PER_DELTA,
    run: () => {
      const held = createBook();
      let unknownCount = 0;
      for (const delta of deltas) unknownCount += held.applyDelta(delta);
      return unknownCount + held.bidCount + held.askCount;
    },
  };
}

function createBook(): OrderBook {
  const held = new OrderBook();
  held.applySnapshot(snapshot);
  return held;
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

function createDeltas({ nearShare }: { nearShare: number }): BookDelta[] {
  const random = createSeededRandom(7);
  return Array.from({ length: DELTA_COUNT }, () => {
    const bids: Units[] = [];
    const asks: Units[] = [];
    for (let level = 0; level < LEVELS_PER_DELTA; level++) {
      const distance = Math.floor(random() * (random() < nearShare ? NEAR_LEVELS : LEVELS_PER_SIDE));
      const quantity = random() < 0.35 ? 0 : 1 + Math.floor(random() * 1_000_000);
      if (random() < 0.5) bids.push(BEST_BID - distance, quantity);
      else asks.push(BEST_BID + 1 + distance, quantity);
    }
    return { type: 'BookDelta', ...TIMES, scales: SCALES, bids, asks };
  });
}
