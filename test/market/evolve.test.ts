import { describe, expect, test } from 'vitest';
import type { MarketEvent } from '../../src/market/events.ts';
import { OrderBook } from '../../src/market/order-book.ts';
import { BOOK_SIDE_MAX_LEVELS } from '../../src/market/evolve.ts';
import { InstrumentRun, TEST_POLICY } from '../support/instrument-runs.ts';
import {
  NOON_MS,
  bookDelta,
  bookSnapshot,
  feedStatus,
  heartbeat,
  instrument,
  timesAt,
  trade,
} from '../support/market-events.ts';

/** Folds the events as one log entry. */
function given(...events: readonly MarketEvent[]): InstrumentRun {
  const run = new InstrumentRun();
  when(run, ...events);
  return run;
}

function when(run: InstrumentRun, ...events: readonly MarketEvent[]): void {
  run.fold({ source: 'feed-1', lastOrdinal: run.state.position + events.length - 1, events });
}

function checksumOf(run: InstrumentRun): number {
  return TEST_POLICY.checksum!(run.state.book);
}

const LIVE = { status: 'live', reason: '', sinceMs: NOON_MS };

describe('book status', () => {
  test('a book is empty until its first snapshot, whatever else comes', () => {
    const run = given(
      instrument(),
      feedStatus({ status: 'connected' }),
      bookDelta({ bids: [1, 1] }),
      trade(),
      feedStatus({ status: 'disconnected' }),
    );
    expect(run.snapshot.bookStatus).toEqual({ status: 'empty', reason: '', sinceMs: undefined });
    expect(run.snapshot.book.bids).toEqual([]);
    expect(run.snapshot.counters.deltasIgnoredWhileStale).toBe(1);
  });

  test('a snapshot makes the book live, and deltas change it from there', () => {
    const run = given(
      bookSnapshot({ sequence: 41 }),
      bookDelta({
        bids: [10_000, 0, 9_980, 3, 1, 0],
        asks: [10_005, 9],
        sequence: 42,
        ...timesAt(NOON_MS + 7),
      }),
    );
    expect(run.snapshot.bookStatus).toEqual(LIVE);
    expect(run.snapshot.book.bids).toEqual([9_990, 7, 9_980, 3]);
    expect(run.snapshot.book.asks).toEqual([10_005, 9, 10_010, 4, 10_020, 6]);
    expect(run.snapshot.lastBookEvent).toEqual({ ...timesAt(NOON_MS + 7), sequence: 42 });
    expect(run.snapshot.counters).toMatchObject({
      bookSnapshots: 1,
      deltasApplied: 1,
      deletesOfUnknownLevel: 1,
    });
  });

  test('a snapshot on a live book replaces it and keeps the time since when it is live', () => {
    const run = given(bookSnapshot(), bookSnapshot({ ...timesAt(NOON_MS + 9), bids: [5, 1], asks: [] }));
    expect(run.snapshot.bookStatus).toEqual(LIVE);
    expect(run.snapshot.book.bids).toEqual([5, 1]);
    expect(run.snapshot.book.asks).toEqual([]);
  });

  test.each(['connected', 'disconnected', 'stale'] as const)(
    'a feed that says %s makes the book stale until the next snapshot, and deltas meanwhile change nothing',
    (status) => {
      const run = given(
        bookSnapshot({ sequence: 1 }),
        feedStatus({ status, reason: 'why', ...timesAt(NOON_MS + 1) }),
        bookDelta({ bids: [10_000, 0], sequence: 2 }),
      );
      expect(run.snapshot.bookStatus).toEqual({ status: 'stale', reason: 'why', sinceMs: NOON_MS + 1 });
      expect(run.snapshot.book.bids[0]).toBe(10_000);
      expect(run.snapshot.lastBookEvent?.sequence).toBe(1);
      when(run, bookSnapshot(timesAt(NOON_MS + 2)));
      expect(run.snapshot.bookStatus).toEqual({ ...LIVE, sinceMs: NOON_MS + 2 });
    },
  );

  test('a stale book keeps its first reason', () => {
    const run = given(
      bookSnapshot(),
      feedStatus({ reason: 'gap', ...timesAt(NOON_MS + 1) }),
      feedStatus({ status: 'disconnected', reason: 'closed', ...timesAt(NOON_MS + 2) }),
    );
    expect(run.snapshot.bookStatus).toEqual({ status: 'stale', reason: 'gap', sinceMs: NOON_MS + 1 });
  });

  test('what a feed says of itself needs no resync from us', () => {
    const run = given(bookSnapshot(), feedStatus());
    expect(run.told).toEqual([]);
  });
});

describe('checksums', () => {
  test('a right checksum is counted and keeps the book live', () => {
    const run = given(bookSnapshot());
    const after = OrderBook.restore(run.state.book.snapshot());
    const delta = bookDelta({ asks: [10_005, 8] });
    after.applyDelta(delta);
    when(run, { ...delta, checksum: TEST_POLICY.checksum!(after) });
    expect(run.snapshot.bookStatus).toEqual(LIVE);
    expect(run.snapshot.counters).toMatchObject({ checksumsOk: 1, checksumsBad: 0 });
  });

  test.each([
    ['delta', bookDelta({ asks: [10_005, 8], checksum: 1 })],
    ['snapshot', bookSnapshot({ checksum: 1 })],
  ])('a wrong checksum of a %s makes the book stale and asks for a resync', (_name, event) => {
    const run = given(bookSnapshot(), event);
    const reason = `checksum mismatch: expected 1, was ${checksumOf(run)}`;
    expect(run.snapshot.bookStatus).toEqual({ status: 'stale', reason, sinceMs: NOON_MS });
    expect(run.snapshot.counters).toMatchObject({ checksumsOk: 0, checksumsBad: 1 });
    expect(run.told).toEqual([['unsure', reason]]);
  });

  test('the checksum is of the book after the cut to its depth', () => {
    const run = given(bookSnapshot({ depth: 1, bids: [10_000, 5], asks: [10_010, 4] }));
    when(run, bookDelta({ bids: [10_001, 6], checksum: (10_001 * 31 + 6 + 10_010 * 37 + 4) % 1_000_003 }));
    expect(run.snapshot.counters.checksumsOk).toBe(1);
    expect(run.snapshot.book.bids).toEqual([10_001, 6]);
  });
});

describe('crossed books', () => {
  test('a delta that crosses the book makes it stale and asks for a resync', () => {
    const run = given(bookSnapshot(), bookDelta({ bids: [10_010, 1] }));
    const reason = 'crossed book: best bid 100.1, best ask 100.1';
    expect(run.snapshot.bookStatus).toEqual({ status: 'stale', reason, sinceMs: NOON_MS });
    expect(run.snapshot.counters.crossedAfterUpdate).toBe(1);
    expect(run.told).toEqual([['unsure', reason]]);
  });

  test('a snapshot that is crossed in itself is no sure book', () => {
    const run = given(bookSnapshot({ bids: [2, 1], asks: [1, 1] }));
    expect(run.snapshot.bookStatus.status).toBe('stale');
  });

  test('a book that is crossed only between the levels of one delta is fine', () => {
    const run = given(bookSnapshot(), bookDelta({ bids: [10_015, 1], asks: [10_010, 0] }));
    expect(run.snapshot.bookStatus).toEqual(LIVE);
  });
});

describe('a change of the book’s status', () => {
  test('is told once on the way down, with the last event that left the book sure, and once on the way up', () => {
    const run = given(
      bookSnapshot({ receiveTimeMs: NOON_MS + 1 }),
      bookDelta({ bids: [10_000, 7], receiveTimeMs: NOON_MS + 2 }),
      bookDelta({ bids: [10_010, 1], receiveTimeMs: NOON_MS + 3 }),
      feedStatus({ status: 'disconnected', receiveTimeMs: NOON_MS + 4 }),
      bookSnapshot({ receiveTimeMs: NOON_MS + 9 }),
      feedStatus({ status: 'disconnected', reason: 'lost', receiveTimeMs: NOON_MS + 12 }),
    );
    expect(run.statusChanges).toEqual([
      { status: 'stale', reason: 'crossed book: best bid 100.1, best ask 100.1', lastSoundMs: NOON_MS + 2 },
      { status: 'live', sinceMs: NOON_MS + 9 },
      { status: 'stale', reason: 'lost', lastSoundMs: NOON_MS + 9 },
    ]);
  });

  test('is not told of a snapshot that is no sure book itself', () => {
    const run = given(bookSnapshot(), feedStatus(), bookSnapshot({ checksum: 1 }));
    expect(run.statusChanges.filter(({ status }) => status === 'live')).toEqual([]);
  });

  test('is not told of the first snapshot: there was no book to lose', () => {
    expect(given(bookSnapshot()).statusChanges).toEqual([]);
  });
});

test('a book that grows beyond all books is not sure, and grows no more', () => {
  const run = new InstrumentRun();
  const bids = Array.from({ length: BOOK_SIDE_MAX_LEVELS * 2 }, (_, at) =>
    at % 2 === 0 ? BOOK_SIDE_MAX_LEVELS * 2 - at : 1,
  );
  run.fold({ source: 'feed', lastOrdinal: 1, events: [bookSnapshot({ bids, asks: [] })] });
  expect(run.state.bookStatus.status).toBe('live');
  const next = bookDelta({ bids: [BOOK_SIDE_MAX_LEVELS * 2 + 2, 1], asks: [] });
  run.fold({ source: 'feed', lastOrdinal: 2, events: [next] });
  expect(run.state.bookStatus.status).toBe('stale');
  expect(run.state.bookStatus.reason).toMatch(/^book too large: .* was 250001 bids and 0 asks$/);
  const another = bookDelta({ bids: [BOOK_SIDE_MAX_LEVELS * 2 + 4, 1], asks: [] });
  run.fold({ source: 'feed', lastOrdinal: 3, events: [another] });
  expect(run.state.book.bidCount).toBe(BOOK_SIDE_MAX_LEVELS + 1);
});

test('of a wrong checksum and a crossed book the checksum is the reason', () => {
  const run = given(bookSnapshot(), bookDelta({ bids: [10_010, 1], checksum: 1 }));
  expect(run.snapshot.bookStatus.reason).toMatch(/^checksum mismatch: /);
  expect(run.snapshot.counters).toMatchObject({ checksumsBad: 1, crossedAfterUpdate: 1 });
  expect(run.told).toHaveLength(1);
});

describe('trades and time', () => {
  test('a trade counts in ticker and candles, history as well as live', () => {
    const run = given(
      trade({ tradeId: '1', price: 10_000, quantity: 3 }),
      trade({ tradeId: '2', price: 10_100, quantity: 4, isHistory: true, takerSide: 'sell' }),
    );
    expect(run.state.ticker.read()).toMatchObject({ open: 10_000, last: 10_100, volume: 7, tradeCount: 2 });
    expect(run.state.candles.readOpen('1h')).toMatchObject({ close: 10_100, volume: 7, takerBuyVolume: 3 });
    expect(run.snapshot.counters).toMatchObject({ tradesLive: 1, tradesHistory: 1, tradesLate: 0 });
    expect(run.told).toEqual([
      ['trade', '1'],
      ['trade', '2'],
    ]);
  });

  test('a trade is told before the candles that its time closes', () => {
    const run = given(trade({ tradeId: '1' }), trade({ tradeId: '2', ...timesAt(NOON_MS + 6_000) }));
    expect(run.told.map((line) => (line as [string])[0])).toEqual(['trade', 'trade', 'candle']);
  });

  test('a heartbeat closes the candles of a quiet instrument and moves its ticker', () => {
    const run = given(trade(), heartbeat(NOON_MS + 6_000));
    expect(run.told).toEqual([
      ['trade', '1'],
      ['candle', expect.objectContaining({ interval: '1s', openTimeMs: NOON_MS, volume: 2, revision: 0 })],
    ]);
    expect(run.state.ticker.read()?.windowEndMs).toBe(NOON_MS + 6_000);
  });

  test('a trade that is too late for its candles is told and counted, and still counts in the ticker', () => {
    const run = given(heartbeat(NOON_MS + 120_000), trade({ tradeId: 'x9' }));
    expect(run.told).toEqual([
      ['trade', 'x9'],
      ['late', 'x9'],
    ]);
    expect(run.snapshot.counters).toMatchObject({ tradesLate: 1, tradesLive: 1 });
    expect(run.state.ticker.read()?.tradeCount).toBe(1);
  });
});

test('the latest metadata of the exchange is kept', () => {
  const run = given(instrument(), instrument({ tickSize: '0.1', lotSize: undefined }));
  expect(run.snapshot.metadata).toEqual({ nativeSymbol: 'BTCUSDT', tickSize: '0.1', lotSize: undefined });
});

test('the position counts every event of the log', () => {
  const run = given(bookSnapshot(), trade());
  when(run, heartbeat(NOON_MS));
  expect(run.snapshot.position).toBe(3);
  expect(run.snapshot.sources).toEqual([{ source: 'feed-1', lastOrdinal: 2 }]);
});
