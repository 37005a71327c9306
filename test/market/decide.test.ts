import { describe, expect, test } from 'vitest';
import { decide } from '../../src/market/decide.ts';
import type { EventBatch, MarketEvent } from '../../src/market/events.ts';
import { InstrumentRun, TEST_POLICY, toBytes } from '../support/instrument-runs.ts';
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

function batchOf(firstOrdinal: number, events: readonly MarketEvent[], source = 'feed-1'): EventBatch {
  return { source, firstOrdinal, events };
}

describe('a book that has two sources', () => {
  test('takes deltas of the one that it follows, and trades of both', () => {
    const run = new InstrumentRun();
    run.deliver(batchOf(0, [bookSnapshot()], 'feed-1'));
    const late = [bookDelta({ bids: [10_001, 9] }), trade({ tradeId: '2' })];
    expect(run.deliver(batchOf(0, late, 'feed-2')).entry?.events).toEqual([late[1]]);
    expect(run.deliver(batchOf(1, [bookDelta({ bids: [10_002, 9] })], 'feed-1')).entry).toBeDefined();
    expect(run.state.book.bidPrice(0)).toBe(10_002);
  });
});

describe('redelivery', () => {
  test('a batch delivered again gives no entry', () => {
    const run = new InstrumentRun();
    const batch = batchOf(0, [bookSnapshot(), trade()]);
    run.deliver(batch);
    expect(run.deliver(batch).entry).toBeUndefined();
  });

  test('of a batch that overlaps what was accepted only the rest enters the log', () => {
    const run = new InstrumentRun();
    run.deliver(batchOf(5, [bookSnapshot(), heartbeat(NOON_MS)]));
    const fresh = heartbeat(NOON_MS + 1_000);
    expect(run.deliver(batchOf(6, [heartbeat(NOON_MS), fresh])).entry).toEqual({
      source: 'feed-1',
      lastOrdinal: 7,
      events: [fresh],
    });
  });

  test('ordinals of one source say nothing about another', () => {
    const run = new InstrumentRun();
    run.deliver(batchOf(100, [bookSnapshot()], 'feed-1'));
    const entry = run.deliver(batchOf(0, [bookSnapshot()], 'feed-2')).entry;
    expect(entry?.lastOrdinal).toBe(0);
    expect(run.snapshot.sources).toEqual([
      { source: 'feed-1', lastOrdinal: 100 },
      { source: 'feed-2', lastOrdinal: 0 },
    ]);
  });

  test('the source unused for longest is forgotten first', () => {
    const run = new InstrumentRun();
    for (let feed = 0; feed < 8; feed++) run.deliver(batchOf(0, [heartbeat(NOON_MS)], `feed-${feed}`));
    run.deliver(batchOf(1, [heartbeat(NOON_MS)], 'feed-0'));
    run.deliver(batchOf(0, [heartbeat(NOON_MS)], 'feed-8'));
    expect(run.snapshot.sources.map(({ source }) => source)).toEqual(
      [2, 3, 4, 5, 6, 7, 0, 8].map((feed) => `feed-${feed}`),
    );
  });

  test('the last ordinal of an entry is that of its last accepted event', () => {
    const run = new InstrumentRun();
    const batch = batchOf(10, [trade({ tradeId: '1' }), trade({ tradeId: '1' }), trade({ price: 0 })]);
    expect(run.deliver(batch).entry?.lastOrdinal).toBe(10);
  });
});

describe('duplicate trades', () => {
  test('a trade from a second feed counts once', () => {
    const run = new InstrumentRun();
    run.deliver(batchOf(0, [trade({ tradeId: '7' })], 'feed-1'));
    const decision = run.deliver(batchOf(0, [trade({ tradeId: '7', isHistory: true })], 'feed-2'));
    expect(decision).toMatchObject({ entry: undefined, duplicateTradeCount: 1, rejected: [] });
  });

  test('a trade that comes twice in one batch counts once', () => {
    const run = new InstrumentRun();
    const decision = run.deliver(
      batchOf(0, [trade({ tradeId: '7' }), trade({ tradeId: '8' }), trade({ tradeId: '7' })]),
    );
    expect(decision.duplicateTradeCount).toBe(1);
    expect(run.snapshot.counters.tradesLive).toBe(2);
  });

  test('a log that holds a trade twice counts it once', () => {
    const run = new InstrumentRun();
    const entry = { source: 'feed-1', lastOrdinal: 0, events: [trade(), trade()] };
    run.fold(entry);
    expect(run.snapshot.counters.tradesLive).toBe(1);
    expect(run.snapshot.position).toBe(2);
    expect(run.state.ticker.read()?.volume).toBe(2);
  });
});

describe('rules', () => {
  const tooLateMs = NOON_MS + TEST_POLICY.maxFutureMs + 1;

  test.each([
    ['a trade from the future', trade(timesAt(tooLateMs, NOON_MS)), 'future-time'],
    ['a heartbeat from the future', { ...heartbeat(NOON_MS), ...timesAt(tooLateMs, NOON_MS) }, 'future-time'],
    ['a trade at the bound', trade(timesAt(tooLateMs - 1, NOON_MS)), undefined],
    ['a trade at a time that is no integer', trade(timesAt(NOON_MS + 0.5, NOON_MS + 1)), 'bad-time'],
    ['a trade at no time', trade(timesAt(NaN, NOON_MS)), 'bad-time'],
    ['a trade before 1970', trade(timesAt(-1, NOON_MS)), 'bad-time'],
    ['a trade of nothing', trade({ quantity: 0 }), 'bad-trade'],
    ['a trade of less than nothing', trade({ quantity: -(2n ** 60n) }), 'bad-trade'],
    ['a trade at price zero', trade({ price: 0 }), 'bad-trade'],
    ['a trade at a negative price', trade({ price: -5 }), 'bad-trade'],
    ['a trade without an id', trade({ tradeId: '' }), 'bad-trade'],
    ['a trade whose id fits no index', trade({ tradeId: '7'.repeat(201) }), 'bad-trade'],
    ['a trade whose id is as long as may be', trade({ tradeId: '7'.repeat(200) }), undefined],
    ['a trade whose id holds NUL', trade({ tradeId: 'a\0b' }), 'bad-trade'],
    ['a trade whose id breaks a line', trade({ tradeId: 'a\nb' }), 'bad-trade'],
    ['a trade whose id is half a character', trade({ tradeId: 'a\ud800' }), 'bad-trade'],
    ['a wide trade', trade({ price: 2n ** 60n, quantity: 2n ** 70n }), undefined],
    ['an unsorted snapshot', bookSnapshot({ bids: [1, 1, 3, 1, 2, 1] }), undefined],
    ['a status from the future', feedStatus(timesAt(tooLateMs, NOON_MS)), undefined],
  ])('%s is judged %s', (_name, event, reason) => {
    const run = new InstrumentRun();
    const decision = run.deliver(batchOf(0, [event, instrument()]));
    expect(decision.rejected.map((rejection) => rejection.reason)).toEqual(
      reason === undefined ? [] : [reason],
    );
    expect(run.loggedEvents).toEqual(reason === undefined ? [event, instrument()] : [instrument()]);
  });

  test('the detail of a rejection names what was wanted and what was there', () => {
    const decision = new InstrumentRun().deliver(batchOf(0, [trade(timesAt(tooLateMs, NOON_MS))]));
    expect(decision.rejected[0]?.detail).toBe(
      'event time: expected at most 600000 ms after receive time 1790000040000, was 1790000640001',
    );
  });

  test('a rejected book event leaves a stale book, not one with a hole', () => {
    const run = new InstrumentRun();
    run.deliver(batchOf(0, [bookSnapshot()]));
    const decision = run.deliver(
      batchOf(1, [
        bookDelta({ ...timesAt(tooLateMs, NOON_MS), bids: [10_000, 0] }),
        bookDelta({ bids: [9_990, 1] }),
      ]),
    );
    expect(decision.rejected).toHaveLength(1);
    expect(decision.resyncReason).toMatch(/^book event rejected: event time: /);
    expect(decision.entry?.lastOrdinal).toBe(2);
    expect(run.snapshot.bookStatus).toEqual({
      status: 'stale',
      reason: decision.resyncReason,
      sinceMs: NOON_MS,
    });
    expect(run.snapshot.counters.deltasIgnoredWhileStale).toBe(1);
  });

  test('deciding changes nothing', () => {
    const run = new InstrumentRun();
    run.deliver(batchOf(0, [bookSnapshot(), trade({ tradeId: '1' })]));
    const before = toBytes(run.snapshot);
    const batch = batchOf(2, [
      bookDelta({ bids: [10_000, 0] }),
      trade({ tradeId: '2' }),
      trade({ price: 0 }),
    ]);
    const first = decide(run.state, batch, TEST_POLICY);
    expect(decide(run.state, batch, TEST_POLICY)).toEqual(first);
    expect(first.entry?.events).toHaveLength(2);
    expect(toBytes(run.snapshot)).toBe(before);
  });
});
