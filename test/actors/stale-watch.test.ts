/** Instruments that can't speak for themselves are marked stale from outside, and say it themselves when they are back. */
import { expect, test } from 'vitest';
import type { ActorRef } from '../../src/actors/kernel/actor-types.ts';
import { StaleWatch } from '../../src/actors/stale-watch.ts';
import type { FeedReply, SymbolMessage } from '../../src/actors/symbol-protocol.ts';
import type { MarketEvent } from '../../src/market/events.ts';
import { settle } from '../support/fake-clock.ts';
import { bookDelta, bookSnapshot, timesAt } from '../support/market-events.ts';
import { createActors, holdableJournal } from './support.ts';

const STALE_AFTER_MS = 2_000;
const BOOK_DUE = { type: 'PublishDue', book: true, ticker: false, candles: false, refresh: false } as const;
const NOBODY: ActorRef<FeedReply> = { path: 'a feed that is gone' };

/** One instrument with a live book, watched, and its journal. */
async function watchLiveBook(surroundings: Parameters<typeof createActors>[0] = {}) {
  const store = holdableJournal();
  const actors = await createActors({ journal: store.journal, ...surroundings });
  const { system, time, shown } = actors;
  const watch = new StaleWatch({
    timers: time,
    staleAfterMs: STALE_AFTER_MS,
    system,
  });
  const symbol = actors.spawn('BTC-USD');
  watch.start();
  watch.add(symbol);
  await settle();
  let ordinal = 1;
  const deliver = async (...events: readonly MarketEvent[]): Promise<void> => {
    const batch = { source: 'feed@1', firstOrdinal: ordinal, events };
    ordinal += events.length;
    system.send(symbol.ref, { type: 'Deliver', batch, feed: NOBODY });
    await settle();
  };
  const send = async (message: SymbolMessage): Promise<void> => {
    system.send(symbol.ref, message);
    await settle();
  };
  await deliver(bookSnapshot({ sequence: 1 }));
  await send(BOOK_DUE);
  expect(shown.map(({ status }) => status)).toEqual(['stale', 'live']);
  shown.length = 0;
  return { ...actors, store, watch, symbol, deliver, send };
}

test('what an earlier owner published is marked as soon as the instrument is spawned', async () => {
  const actors = await createActors();
  const watch = new StaleWatch({
    timers: actors.time,
    staleAfterMs: STALE_AFTER_MS,
    system: actors.system,
  });
  watch.add(actors.spawn('BTC-USD'));
  expect(actors.shown).toEqual([{ status: 'stale', reason: 'the instrument is being recovered' }]);
});

test('a book whose append does not end is stale after the time allowed, once, and live again when it ended', async () => {
  const { time, store, deliver, send, shown } = await watchLiveBook();
  store.hold();
  await deliver(bookDelta({ sequence: 2, bids: [10_000, 9] }));
  await time.advance(STALE_AFTER_MS - 1);
  expect(shown).toEqual([]);
  await time.advance(10 * STALE_AFTER_MS);
  expect(shown).toEqual([{ status: 'stale', reason: 'the instrument was held up for more than 2000 ms' }]);
  store.release();
  await settle();
  await send(BOOK_DUE);
  expect(shown.at(-1)).toMatchObject({ status: 'live', reason: '' });
});

test('an append that ended without changing the book lets it be shown as live again all the same', async () => {
  const { time, store, deliver, symbol, shown } = await watchLiveBook();
  store.hold();
  await deliver({ type: 'Heartbeat', eventTimeMs: 1, receiveTimeMs: 1 });
  await time.advance(2 * STALE_AFTER_MS);
  expect(shown.at(-1)?.status).toBe('stale');
  store.release();
  await settle();
  expect(symbol.scheduled.changes.book).toBe(true);
});

test('an instrument that works off messages but not its wake-up is stale', async () => {
  const { time, symbol, shown } = await watchLiveBook();
  // The schedule sent a wake-up; behind a long queue the actor does not come to it.
  symbol.scheduled.wakeUp.isPending = true;
  await time.advance(2 * STALE_AFTER_MS);
  expect(shown).toEqual([{ status: 'stale', reason: 'the instrument was held up for more than 2000 ms' }]);
});

test('an instrument that takes every wake-up, and always has another one pending, is not stale', async () => {
  const { time, symbol, shown } = await watchLiveBook();
  for (let step = 0; step < 20; step++) {
    symbol.scheduled.wakeUp.isPending = true;
    symbol.scheduled.wakeUp.takenCount++;
    await time.advance(STALE_AFTER_MS / 4);
  }
  expect(shown).toEqual([]);
});

test('an instrument with nothing to do is not stale', async () => {
  const { time, shown } = await watchLiveBook();
  await time.advance(100 * STALE_AFTER_MS);
  expect(shown).toEqual([]);
});

test('a restarted instrument is stale with the cause, and not live before its feed has spoken again', async () => {
  const { time, watch, symbol, deliver, send, shown } = await watchLiveBook();
  await send({ type: 'FailNextDelivery', message: 'a wrong book' });
  await deliver(bookDelta({ sequence: 2, bids: [10_000, 9] }));
  watch.lookAt(symbol.ref.path);
  expect(shown).toEqual([
    { status: 'stale', reason: 'the instrument is being recovered: Error: a wrong book' },
  ]);
  await time.advance(200);
  await send(BOOK_DUE);
  expect(shown.at(-1)).toMatchObject({
    status: 'stale',
    reason: expect.stringContaining('not yet confirmed') as string,
  });
  await deliver(bookDelta({ sequence: 3, bids: [10_000, 8], ...timesAt(time.nowMs()) }));
  await send(BOOK_DUE);
  expect(shown.at(-1)).toMatchObject({ status: 'live' });
});

test('a parked instrument is stale with the cause; unparked, its old book is not live for a moment', async () => {
  const { time, system, watch, symbol, deliver, send, shown } = await watchLiveBook({ maxRestarts: 0 });
  await send({ type: 'FailNextDelivery', message: 'a wrong book' });
  await deliver(bookDelta({ sequence: 2, bids: [10_000, 9] }));
  await time.advance(STALE_AFTER_MS);
  expect(shown).toEqual([{ status: 'stale', reason: 'the instrument is parked: Error: a wrong book' }]);
  system.unpark(symbol.ref);
  watch.lookAt(symbol.ref.path);
  await time.advance(STALE_AFTER_MS);
  await send(BOOK_DUE);
  expect(new Set(shown.map(({ status }) => status))).toEqual(new Set(['stale']));
  await deliver(bookDelta({ sequence: 3, bids: [10_000, 8], ...timesAt(time.nowMs()) }));
  await send(BOOK_DUE);
  expect(shown.at(-1)).toMatchObject({ status: 'live' });
});

test('unparked, what waited since does not make its book live while more may wait behind it', async () => {
  const { time, system, symbol, deliver, send, view, shown } = await watchLiveBook({ maxRestarts: 0 });
  const parkedAtMs = time.nowMs();
  await send({ type: 'FailNextDelivery', message: 'a wrong book' });
  await deliver(bookDelta({ sequence: 2, bids: [10_000, 9], ...timesAt(parkedAtMs) }));
  await time.advance(60_000);
  system.unpark(symbol.ref);
  await settle();
  for (const sequence of [2, 3]) {
    await deliver(bookDelta({ sequence, bids: [10_000, 9], ...timesAt(parkedAtMs + sequence) }));
    expect(await view(symbol.ref)).toMatchObject({ status: 'stale' });
    await send(BOOK_DUE);
    expect(shown.at(-1)).toMatchObject({ status: 'stale' });
  }
  await deliver(bookDelta({ sequence: 4, bids: [10_000, 8], ...timesAt(time.nowMs()) }));
  expect(await view(symbol.ref)).toMatchObject({ status: 'live', deltas: 3 });
});

test('an instrument that was removed is not marked any more', async () => {
  const { time, watch, symbol, system, shown } = await watchLiveBook();
  watch.remove(symbol.ref.path);
  await system.stop(symbol.ref);
  shown.length = 0;
  await time.advance(10 * STALE_AFTER_MS);
  expect(shown).toEqual([]);
});
