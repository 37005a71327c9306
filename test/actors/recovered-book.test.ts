import { expect, test } from 'vitest';
import { RecoveredBook } from '../../src/actors/recovered-book.ts';
import type { MarketEvent } from '../../src/market/events.ts';
import { SourcePositions } from '../../src/market/source-positions.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { bookDelta, bookSnapshot, feedStatus, timesAt, trade } from '../support/market-events.ts';

const LIVE = { status: 'live', reason: '', sinceMs: 0 } as const;

/** A book that was fed by `books`, beside trades by `trades`, and was recovered in a later life. */
function recover(options: { isRecording?: boolean; isFirstLife?: boolean } = {}) {
  const clock = new FakeClock();
  const book = new RecoveredBook({ isRecording: options.isRecording ?? false });
  const fold = (source: string, ...events: readonly MarketEvent[]): void =>
    book.noteFolded({ source, lastOrdinal: 1, events });
  const hear = (source: string, ...events: readonly MarketEvent[]): string => {
    fold(source, ...events);
    return book.hear({ source, lastOrdinal: 1, events }, clock, source !== 'standby');
  };
  fold('books', bookSnapshot());
  fold('trades', trade());
  clock.advanceNow(60_000);
  const sources = SourcePositions.restore(['books', 'trades'].map((source) => ({ source, lastOrdinal: 1 })));
  book.recovered({ bookStatus: LIVE, sources }, { clock, isFirstLife: options.isFirstLife ?? false });
  const at = (fromNowMs = 0): ReturnType<typeof timesAt> => timesAt(clock.nowMs() + fromNowMs);
  expect(book.isUnsure).toBe(true);
  return { book, clock, hear, at };
}

test('what its feed sent before the actor was back does not make its book sure, what it received since does', () => {
  const { book, clock, hear, at } = recover();
  clock.advanceNow(1_000);
  expect(hear('books', bookDelta(at(-50_000)))).toBe('unsure');
  expect(hear('books', bookDelta(at(-1_001)))).toBe('unsure');
  expect(book.isUnsure).toBe(true);
  expect(hear('books', bookDelta(at(-1_000)))).toBe('missedNothing');
  expect(book.isUnsure).toBe(false);
});

test('a book snapshot that waited is as old as what else waited', () => {
  const { clock, hear, at } = recover();
  clock.advanceNow(1_000);
  expect(hear('books', bookSnapshot(at(-50_000)))).toBe('unsure');
  expect(hear('books', trade(at()))).toBe('sure');
});

test('a feed of trades that goes on says nothing about the book', () => {
  const { hear, at } = recover();
  expect(hear('trades', trade(at()))).toBe('unsure');
  expect(hear('books', trade(at()))).toBe('missedNothing');
});

test('a feed that came later has to say first how the book stands', () => {
  const { hear, at } = recover();
  expect(hear('new', bookDelta(at()))).toBe('unsure');
  expect(hear('new', feedStatus({ status: 'stale', ...at(-1) }))).toBe('unsure');
  expect(hear('new', bookDelta(at()))).toBe('sure');
});

test('a wall clock that was set makes nothing old look new, and keeps nothing unsure', () => {
  for (const setByMs of [3_600_000, -3_600_000]) {
    const { clock, hear, at } = recover();
    const before = at(-10_000);
    clock.setWallClock(setByMs);
    expect(hear('books', bookDelta(before))).toBe('unsure');
    expect(hear('books', bookDelta(at()))).toBe('missedNothing');
  }
});

test('the first life was begun before any feed knew of it, and a recording has no now', () => {
  for (const options of [{ isFirstLife: true }, { isRecording: true }]) {
    const { hear, at } = recover(options);
    expect(hear('books', bookDelta(at(-50_000)))).toBe('missedNothing');
  }
});

test('another feed that goes on says nothing about the book that is followed, but what it says of its own is remembered', () => {
  const { hear, at } = recover();
  expect(hear('standby', bookSnapshot(at()))).toBe('unsure');
  expect(hear('books', bookDelta(at()))).toBe('sure');
});
