import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EventBatch, MarketEvent } from '../../src/market/events.ts';
import { readKnownTrades, restoreInstrument } from '../../src/market/instrument-state.ts';
import { OrderBook } from '../../src/market/order-book.ts';
import { MAX_OTHER_IDS } from '../../src/market/trade-identities.ts';
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

type Delivered = { readonly source: string; readonly event: MarketEvent };

const scales = fc.record({ price: fc.constantFrom(2, 2, 2, 3), quantity: fc.constantFrom(3, 3, 3, 4) });
const quantity = fc.oneof(
  { weight: 20, arbitrary: fc.nat({ max: 5 }) },
  { weight: 1, arbitrary: fc.constant(2n ** 60n) },
);
const bids = fc.array(fc.tuple(fc.integer({ min: 9_990, max: 10_001 }), quantity), { maxLength: 4 });
const asks = fc.array(fc.tuple(fc.integer({ min: 10_001, max: 10_012 }), quantity), { maxLength: 4 });
/** Mostly forward, at times back, at times a jump of a minute; some from too far in the future. */
const times = fc
  .tuple(fc.nat({ max: 180_000 }), fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 700_000))
  .map(([afterMs, aheadMs]) => timesAt(NOON_MS + afterMs + aheadMs, NOON_MS + afterMs));
const checksum = fc.constantFrom(undefined, undefined, undefined, 1);

const event: fc.Arbitrary<MarketEvent> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .record({ times, scales, bids, asks, checksum })
      .map((given) =>
        bookDelta({ ...given.times, ...given, bids: given.bids.flat(), asks: given.asks.flat() }),
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ times, scales, bids, asks, checksum, depth: fc.constantFrom(undefined, 2, 5) })
      .map((given) =>
        bookSnapshot({ ...given.times, ...given, bids: given.bids.flat(), asks: given.asks.flat() }),
      ),
  },
  {
    weight: 8,
    arbitrary: fc
      .record({
        times,
        scales,
        price: fc.integer({ min: 0, max: 40 }).map((offset) => (offset === 0 ? 0 : 9_980 + offset)),
        quantity: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(2n ** 55n)),
        tradeId: fc.oneof(fc.nat({ max: 25 }).map(String), fc.constantFrom('a-1', 'b-2', '007')),
        takerSide: fc.constantFrom('buy' as const, 'sell' as const),
        isHistory: fc.boolean(),
      })
      .map((given) => trade({ ...given.times, ...given })),
  },
  { weight: 2, arbitrary: times.map((given) => ({ ...heartbeat(NOON_MS), ...given })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('connected' as const, 'disconnected' as const, 'stale' as const)
      .map((status) => feedStatus({ status, reason: `feed is ${status}` })),
  },
  { weight: 1, arbitrary: fc.constantFrom('0.01', undefined).map((tickSize) => instrument({ tickSize })) },
);
const source = fc.constantFrom('feed-1', 'feed-1', 'feed-1', 'feed-2');
const delivered = fc.array(fc.record({ source, event }), { maxLength: 60 });
/** Where to cut: place i is cut when the i-th flag (taken round and round) is set. */
const cuts = fc.array(fc.boolean(), { minLength: 1, maxLength: 17 });

/** Cuts a stream of deliveries into batches: always where the source changes, and wherever `isCut` says. */
function toBatches(stream: readonly Delivered[], isCut: (index: number) => boolean): EventBatch[] {
  const batches: { source: string; firstOrdinal: number; events: MarketEvent[] }[] = [];
  const nextOrdinals = new Map<string, number>();
  stream.forEach((item, index) => {
    const ordinal = nextOrdinals.get(item.source) ?? 100;
    nextOrdinals.set(item.source, ordinal + 1);
    const current = batches.at(-1);
    if (current?.source === item.source && !isCut(index)) current.events.push(item.event);
    else batches.push({ source: item.source, firstOrdinal: ordinal, events: [item.event] });
  });
  return batches;
}

function runOf(batches: readonly EventBatch[]): InstrumentRun {
  const run = new InstrumentRun();
  for (const batch of batches) run.deliver(batch);
  return run;
}

function flagAt(flags: readonly boolean[], index: number): boolean {
  return flags[index % flags.length]!;
}

describe('the same events give the same bytes', () => {
  test('in any batching, with restarts anywhere', () => {
    fc.assert(
      fc.property(delivered, cuts, cuts, (stream, cutFlags, restartFlags) => {
        const plain = runOf(toBatches(stream, () => false));
        const run = new InstrumentRun();
        toBatches(stream, (index) => flagAt(cutFlags, index)).forEach((batch, index) => {
          run.deliver(batch);
          if (flagAt(restartFlags, index)) run.restart();
        });
        expect(toBytes(run.loggedEvents)).toBe(toBytes(plain.loggedEvents));
        expect(toBytes(run.snapshot)).toBe(toBytes(plain.snapshot));
        expect(toBytes(run.told)).toBe(toBytes(plain.told));
      }),
      { numRuns: 300 },
    );
  });

  test('when the log is replayed, from the start or from any state snapshot on the way', () => {
    fc.assert(
      fc.property(delivered, cuts, fc.nat(), (stream, cutFlags, place) => {
        const live = runOf(toBatches(stream, (index) => flagAt(cutFlags, index)));
        const replayed = new InstrumentRun();
        const restartAt = live.log.length === 0 ? 0 : place % live.log.length;
        live.log.forEach((entry, index) => {
          if (index === restartAt) replayed.restart();
          replayed.fold(entry);
        });
        expect(toBytes(replayed.snapshot)).toBe(toBytes(live.snapshot));
        expect(toBytes(replayed.told)).toBe(toBytes(live.told));
      }),
      { numRuns: 200 },
    );
  });

  test('even where trade identities are forgotten within a batch', () => {
    // More ids than are remembered, then the first and the last of them again, then new ones that push others out.
    const ids = Array.from({ length: 8_200 }, (_, index) => `t${index}`);
    const evenIds = Array.from({ length: 8_200 }, (_, index) => String(index * 2));
    const again = ['t0', 't8199', 't5', 't0', '0', '16398', '0', '16398', 't3', 't9'];
    const stream = [...ids, ...evenIds, ...again].map((tradeId) => ({
      source: 'feed-1',
      event: trade({ tradeId }),
    }));
    const whole = runOf(toBatches(stream, () => false));
    const single = runOf(
      toBatches(stream, (index) => index >= ids.length + evenIds.length || index % 50 === 0),
    );
    expect(whole.loggedEvents.length).toBe(single.loggedEvents.length);
    expect(toBytes(whole.snapshot)).toBe(toBytes(single.snapshot));
    expect(whole.loggedEvents.length).toBeGreaterThan(ids.length + evenIds.length);
    expect(whole.loggedEvents.length).toBeLessThan(stream.length);
  });
});

test.each([
  { newCount: 3, isForgotten: false },
  { newCount: 4, isForgotten: true },
])(
  'with room for 3 more, the oldest identity is forgotten after $newCount new ones of one batch: $isForgotten',
  ({ newCount, isForgotten }) => {
    const run = new InstrumentRun();
    const kept = Array.from({ length: MAX_OTHER_IDS - 3 }, (_, index) => trade({ tradeId: `t${index}` }));
    run.deliver({ source: 'feed-1', firstOrdinal: 0, events: kept });
    const events = Array.from({ length: newCount }, (_, index) => trade({ tradeId: `new${index}` }));
    const { entry } = run.deliver({
      source: 'feed-1',
      firstOrdinal: kept.length,
      events: [...events, trade({ tradeId: 't0' })],
    });
    expect(entry?.events.length).toBe(isForgotten ? newCount + 1 : newCount);
  },
);

describe('redelivery', () => {
  test('of anything already delivered changes nothing, also after a restart', () => {
    fc.assert(
      fc.property(delivered, cuts, cuts, fc.nat(), fc.nat(), (stream, cutFlags, otherFlags, from, count) => {
        const run = runOf(toBatches(stream, (index) => flagAt(cutFlags, index)));
        const before = toBytes(run.snapshot);
        run.restart();
        const resent = toBatches(stream, (index) => flagAt(otherFlags, index));
        const start = resent.length === 0 ? 0 : from % resent.length;
        for (const batch of resent.slice(start, start + 1 + (count % 5))) {
          expect(run.deliver(batch).entry).toBeUndefined();
        }
        expect(toBytes(run.snapshot)).toBe(before);
      }),
      { numRuns: 200 },
    );
  });

  test('of a part, cut otherwise and with the rest behind it, gives the state of one delivery', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), fc.nat(), fc.nat(), (events, end, back) => {
        const stream = events.map((given) => ({ source: 'feed-1', event: given }));
        const plain = runOf(toBatches(stream, () => false));
        const deliveredCount = events.length === 0 ? 0 : end % (events.length + 1);
        const resentFrom = deliveredCount === 0 ? 0 : back % (deliveredCount + 1);
        const run = new InstrumentRun();
        run.deliver({ source: 'feed-1', firstOrdinal: 100, events: events.slice(0, deliveredCount) });
        run.deliver({
          source: 'feed-1',
          firstOrdinal: 100 + resentFrom,
          events: events.slice(resentFrom),
        });
        expect(toBytes(run.snapshot)).toBe(toBytes(plain.snapshot));
      }),
      { numRuns: 200 },
    );
  });
});

test('the book is live only since a snapshot after which nothing spoke against it, and holds what an own fold holds', () => {
  fc.assert(
    fc.property(delivered, (stream) => {
      const run = runOf(toBatches(stream, () => false));
      // The oracle: a fold of its own over the log, with the plain rule.
      const book = new OrderBook();
      let status: 'empty' | 'live' | 'stale' = 'empty';
      for (const logged of run.loggedEvents) {
        if (logged.type === 'FeedStatus' && status === 'live') status = 'stale';
        if (logged.type !== 'BookSnapshot' && logged.type !== 'BookDelta') continue;
        if (logged.type === 'BookSnapshot') book.applySnapshot(logged);
        else if (status === 'live') book.applyDelta(logged);
        else continue;
        const isChecksumRight =
          logged.checksum === undefined || logged.checksum === TEST_POLICY.checksum!(book);
        const [bestBid, bestAsk] = [book.bestBid, book.bestAsk];
        const isCrossed = bestBid !== undefined && bestAsk !== undefined && bestBid >= bestAsk;
        status = isChecksumRight && !isCrossed ? 'live' : 'stale';
      }
      expect(run.snapshot.bookStatus.status).toBe(status);
      expect(run.snapshot.book).toEqual(book.snapshot());
    }),
    { numRuns: 300 },
  );
});

test('a state snapshot shares nothing with the state: folding on leaves it as it was', () => {
  fc.assert(
    fc.property(delivered, delivered, (before, after) => {
      const run = runOf(toBatches(before, () => false));
      const snapshot = run.snapshot;
      const bytes = toBytes(snapshot);
      toBatches([...before, ...after], () => false).forEach((batch) => run.deliver(batch));
      expect(toBytes(snapshot)).toBe(bytes);
    }),
  );
});

test('two states restored from one snapshot do not touch each other', () => {
  const run = new InstrumentRun();
  run.deliver({ source: 'feed-1', firstOrdinal: 0, events: [bookSnapshot(), trade()] });
  const snapshot = run.snapshot;
  const bytes = toBytes(snapshot);
  run.state = restoreInstrument(snapshot, TEST_POLICY);
  run.deliver({
    source: 'feed-1',
    firstOrdinal: 2,
    events: [bookDelta({ bids: [10_000, 0] }), trade({ tradeId: '2' }), heartbeat(NOON_MS + 9_000)],
  });
  expect(toBytes(snapshot)).toBe(bytes);
  expect(toBytes(run.snapshot)).not.toBe(bytes);
});

describe('what an instrument knows of its trades', () => {
  test('names the greatest id, and that of the latest trade, which an absurd id does not hide', () => {
    const run = new InstrumentRun();
    const absurd = String(Number.MAX_SAFE_INTEGER - 991);
    for (const [index, tradeId] of ['100', absurd, '101'].entries()) {
      run.deliver({
        source: 'feed',
        firstOrdinal: index + 1,
        events: [trade({ tradeId, ...timesAt(NOON_MS + index) })],
      });
    }
    expect(readKnownTrades(run.state)).toEqual({
      newest: { tradeId: absurd, eventTimeMs: NOON_MS + 2 },
      latestTradeId: '101',
      timeMs: NOON_MS + 2,
    });
  });
});
