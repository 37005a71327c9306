import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { BookSync } from '../../src/exchanges/book-sync.ts';
import { FeedPace } from '../../src/exchanges/feed-pace.ts';
import { SilenceCheck } from '../../src/exchanges/silence-check.ts';

const TICK_MS = 250;
/** Before patience fades for the first time: a check that skips looks may be late for it by a second. */
const UNTIL_MS = 220_000;

/** Books of a connection whose silences are drawn, and what is told of them. */
class Books {
  readonly told: string[] = [];
  readonly books = new Map<string, { pace: FeedPace; book: BookSync }>();
  readonly isSynced = new Map<string, boolean>();

  constructor(names: readonly string[]) {
    for (const name of names) {
      const { isSynced, told } = this;
      isSynced.set(name, true);
      const book = {
        get isSynced(): boolean {
          return isSynced.get(name)!;
        },
        suspect: (reason: string, nowMs: number): void => {
          told.push(`${name} at ${nowMs}: ${reason}`);
          isSynced.set(name, false);
        },
      };
      this.books.set(name, { pace: new FeedPace(), book: book as unknown as BookSync });
    }
  }

  heard(name: string, nowMs: number): void {
    this.books.get(name)!.pace.heard(nowMs);
    this.isSynced.set(name, true);
  }
}

/** Silences in ms, one after the other: mostly short ones, so that a pace is learned. */
const silences = fc
  .tuple(
    fc.array(fc.integer({ min: 100, max: 1_500 }), { minLength: 60, maxLength: 120, size: 'max' }),
    fc.array(
      fc.oneof(
        { weight: 4, arbitrary: fc.integer({ min: 100, max: 3_000 }) },
        { weight: 1, arbitrary: fc.integer({ min: 9_000, max: 90_000 }) },
      ),
      { minLength: 30, maxLength: 60, size: 'max' },
    ),
  )
  .map(([first, then]) => [...first, ...then]);

const moments = (delays: readonly number[]): number[] => {
  let atMs = 0;
  return delays.map((delayMs) => (atMs += delayMs)).filter((each) => each < UNTIL_MS);
};

const drawn = fc.record({
  books: fc.array(silences, { minLength: 1, maxLength: 4 }),
  trades: fc.array(fc.integer({ min: 100, max: 40_000 }), { maxLength: 40, size: 'max' }),
  deafAtMs: fc.option(fc.integer({ min: 0, max: UNTIL_MS }), { nil: Infinity }),
});

it('the check for silence finds the same books at the same time as one that looks at all of them with each tick', () => {
  let foundCount = 0;
  fc.assert(
    fc.property(drawn, ({ books, trades, deafAtMs }) => {
      const names = books.map((_, index) => `B${index}`);
      const heard = [
        ...books.flatMap((delays, index) => moments(delays).map((atMs) => ({ atMs, name: names[index] }))),
        ...moments(trades).map((atMs) => ({ atMs, name: undefined })),
      ].toSorted((a, b) => a.atMs - b.atMs);
      const some = new Books(names);
      const all = new Books(names);
      const check = new SilenceCheck();
      let lastTradeMs = -Infinity;
      let next = 0;
      for (let nowMs = 0; nowMs < UNTIL_MS; nowMs += TICK_MS) {
        for (; next < heard.length && heard[next]!.atMs <= nowMs; next++) {
          const { name, atMs } = heard[next]!;
          if (name === undefined) {
            lastTradeMs = atMs;
            check.tradeHeard(atMs);
          } else for (const each of [some, all]) each.heard(name, atMs);
        }
        const isDeaf = nowMs >= deafAtMs && nowMs < deafAtMs + 5_000;
        check.tick(some.books, nowMs, { isDeaf });
        const plain = new SilenceCheck();
        plain.tradeHeard(lastTradeMs);
        plain.tick(all.books, nowMs, { isDeaf });
      }
      expect(some.told).toEqual(all.told);
      foundCount += all.told.length;
    }),
    { seed: 8, numRuns: 60 },
  );
  expect(foundCount).toBeGreaterThan(20);
});
