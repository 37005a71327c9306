import { describe, expect, it } from 'vitest';
import type { FeedReply, SymbolMessage } from '../../src/actors/symbol-protocol.ts';
import type { ActorRef, ActorSpec } from '../../src/actors/kernel/actor-types.ts';
import type { MarketTables } from '../../src/actors/ports.ts';
import type { RunningSymbol } from '../../src/actors/running-instrument.ts';
import { TampinesError } from '../../src/base/errors.ts';
import type { MarketEvent } from '../../src/market/events.ts';
import { MemoryJournalStorage } from '../../src/persistence/memory-journal.ts';
import { MemoryMarketTables } from '../../src/persistence/memory-market-tables.ts';
import {
  bookDelta,
  bookSnapshot,
  feedStatus,
  heartbeat,
  NOON_MS,
  timesAt,
  trade,
} from '../support/market-events.ts';
import { until } from '../support/fake-clock.ts';
import { createGate, patient } from './kernel/support.ts';
import type { Actors } from './support.ts';
import { createActors, holdableJournal, publishedStatuses } from './support.ts';

const PUBLISH_ALL = { type: 'PublishDue', book: true, ticker: true, candles: true, refresh: false } as const;

/** A feed that keeps what it is told. */
function spawnFeed({ system }: Actors, name = 'feed') {
  const replies: FeedReply[] = [];
  const spec: ActorSpec<FeedReply, FeedReply[]> = {
    name,
    strategy: patient,
    initialState: () => replies,
    receive: (state, message) => {
      state.push(message);
      return state;
    },
  };
  const ref = system.spawn(system.root, spec);
  const deliver = (
    symbol: ActorRef<SymbolMessage>,
    firstOrdinal: number,
    ...events: readonly MarketEvent[]
  ): void => {
    system.send(symbol, { type: 'Deliver', batch: { source: name, firstOrdinal, events }, feed: ref });
  };
  return { replies, deliver };
}

describe('a symbol actor', () => {
  it('records what breaks a rule with its reason and text, and takes the rest of the delivery', async () => {
    const actors = await createActors();
    const { ref } = actors.spawn('BTC-USDT');
    const feed = spawnFeed(actors);
    await actors.time.advance(1);
    feed.deliver(ref, 1, trade({ tradeId: 'nothing', quantity: 0 }), trade({ tradeId: 'whole' }));
    await actors.time.advance(1);
    expect(feed.replies).toMatchObject([{ type: 'BatchAccepted', lastOrdinal: 2 }]);
    expect(await actors.records.readDeadLetters({ exchange: undefined, limit: 10 })).toMatchObject([
      { reason: 'bad-trade', symbol: 'BTC-USDT', text: expect.stringContaining('nothing') as unknown },
    ]);
    expect(await actors.view(ref)).toMatchObject({ trades: 1 });
  });

  it('tells nobody of what is not durable', async () => {
    const store = holdableJournal();
    const actors = await createActors({ journal: store.journal });
    const { ref } = actors.spawn('BTC-USDT');
    const feed = spawnFeed(actors);
    await actors.time.advance(1);
    actors.publications.length = 0;
    store.hold();
    feed.deliver(ref, 1, bookSnapshot(), trade({ tradeId: 'a' }));
    actors.system.send(ref, PUBLISH_ALL);
    await actors.time.advance(1_000);
    expect([feed.replies, actors.publications]).toEqual([[], []]);
    store.release();
    await actors.time.advance(1);
    expect(feed.replies).toMatchObject([{ type: 'BatchAccepted', lastOrdinal: 2 }]);
    expect(publishedStatuses(actors.publications)).toEqual(['live']);
  });

  it.each(['before', 'after'] as const)(
    'folds a batch once that is sent again because the commit failed %s it happened',
    async (moment) => {
      const store = holdableJournal();
      const actors = await createActors({ journal: store.journal });
      const { ref } = actors.spawn('BTC-USDT');
      const feed = spawnFeed(actors);
      store.failures.push({ [moment]: new TampinesError('OUTCOME_UNKNOWN', 'the connection was lost') });
      const events = [bookSnapshot(), trade({ tradeId: 'a' }), trade({ tradeId: 'b' })];
      feed.deliver(ref, 1, ...events);
      await until(() => actors.actorStatus(ref) === 'restarting', 'the failure');
      await actors.time.advance(1_000);
      expect(feed.replies).toMatchObject([
        {
          type: 'SymbolRecovered',
          isTransient: true,
          batch: { source: 'feed', firstOrdinal: 1, eventCount: 3 },
        },
      ]);
      feed.deliver(ref, 1, ...events);
      feed.deliver(ref, 1, ...events);
      await actors.time.advance(1);
      expect(await actors.view(ref)).toMatchObject({ position: 3, trades: 2, snapshots: 1 });
      expect(feed.replies.slice(1)).toMatchObject([{ lastOrdinal: 3 }, { lastOrdinal: 3 }]);
    },
  );

  it('shows a recovered book as stale until its own feed has spoken, whoever else speaks', async () => {
    const before = await createActors();
    const first = before.spawn('BTC-USDT').ref;
    spawnFeed(before, 'old').deliver(first, 1, bookSnapshot());
    await before.time.advance(1);
    expect(await before.view(first)).toMatchObject({ status: 'live' });

    const actors = await before.restart();
    const { ref } = actors.spawn('BTC-USDT');
    const trades = spawnFeed(actors, 'trades');
    for (let ordinal = 1; ordinal <= 3; ordinal++)
      trades.deliver(ref, ordinal, trade({ tradeId: String(ordinal) }));
    await actors.time.advance(1);
    expect(await actors.view(ref)).toMatchObject({ status: 'stale', trades: 3 });
    const books = spawnFeed(actors, 'books');
    books.deliver(ref, 1, feedStatus({ status: 'connected' }), bookSnapshot());
    await actors.time.advance(1);
    expect(await actors.view(ref)).toMatchObject({ status: 'live' });
  });

  it('only marks a recovered book, writes it once its feed has spoken or says nothing, then ticker and candles', async () => {
    const before = await createActors();
    spawnFeed(before, 'old').deliver(before.spawn('BTC-USDT').ref, 1, bookSnapshot(), trade());
    await before.time.advance(1);
    async function begin(last: Actors) {
      const actors = await last.restart();
      const { ref } = actors.spawn('BTC-USDT');
      await actors.time.advance(1);
      const publishedAfter = async (ms: number): Promise<string[]> => {
        await actors.time.advance(ms);
        actors.publications.length = 0;
        actors.system.send(ref, PUBLISH_ALL);
        await actors.time.advance(1);
        const kinds = ['orderbook', 'ticker', 'candle'];
        return kinds.filter((kind) => actors.publications.some(({ key }) => key.startsWith(kind)));
      };
      return { actors, ref, publishedAfter };
    }

    const silent = await begin(before);
    expect(silent.actors.shown).toMatchObject([{ status: 'stale' }]);
    expect(await silent.publishedAfter(0)).toEqual([]);
    expect(await silent.publishedAfter(2_000)).toEqual(['orderbook']);
    expect(publishedStatuses(silent.actors.publications)).toEqual(['stale']);
    expect(await silent.publishedAfter(3_000)).toEqual(['ticker', 'candle']);

    const speaking = await begin(silent.actors);
    const books = spawnFeed(speaking.actors, 'books');
    books.deliver(speaking.ref, 1, feedStatus({ status: 'connected' }), bookSnapshot());
    expect(await speaking.publishedAfter(1)).toEqual(['orderbook']);
    expect(publishedStatuses(speaking.actors.publications)).toEqual(['live']);
    // The rest still waits, and the book that did not change is not written again.
    books.deliver(speaking.ref, 3, trade({ tradeId: 'meanwhile' }));
    expect(await speaking.publishedAfter(1)).toEqual(['ticker', 'candle']);
    expect(await speaking.publishedAfter(5_000)).toEqual([]);

    const trading = await begin(speaking.actors);
    spawnFeed(trading.actors, 'trades').deliver(trading.ref, 1, trade({ tradeId: 'another' }));
    expect(await trading.publishedAfter(1)).toEqual(['ticker', 'candle']);
  });

  it('publishes candles of the log that it read after the books, but before what must not come first', async () => {
    const storage = new MemoryJournalStorage();
    const killed = await createActors({}, storage);
    const last = spawnFeed(killed);
    last.deliver(killed.spawn('BTC-USDT').ref, 1, bookSnapshot(), trade(), heartbeat(NOON_MS + 2_500));
    await killed.time.advance(1);
    const begin = async () => {
      const actors = await createActors({}, storage);
      const { ref } = actors.spawn('BTC-USDT');
      await actors.time.advance(1);
      return { actors, ref };
    };
    const closedAfterMs = ({ publications }: Actors): number[] =>
      publications
        .filter(({ kind }) => kind === 'closedCandle')
        .map(({ value }) => (JSON.parse(value) as { openTimeMs: number }).openTimeMs - NOON_MS);
    expect(closedAfterMs(killed)).toEqual([0]);

    const waiting = await begin();
    await waiting.actors.time.advance(4_000);
    expect(closedAfterMs(waiting.actors)).toEqual([]);
    await waiting.actors.time.advance(1_000);
    expect(closedAfterMs(waiting.actors)).toEqual([0]);

    const saving = await begin();
    const { deliver } = spawnFeed(saving.actors);
    deliver(saving.ref, 4, trade({ tradeId: '2', ...timesAt(NOON_MS + 2_500) }));
    await saving.actors.time.advance(1);
    expect(closedAfterMs(saving.actors)).toEqual([]);
    saving.actors.system.send(saving.ref, { type: 'CheckpointDue' });
    await saving.actors.time.advance(1);
    expect(closedAfterMs(saving.actors)).toEqual([0]);
    deliver(saving.ref, 5, heartbeat(NOON_MS + 3_500));
    await saving.actors.time.advance(1);
    expect(closedAfterMs(saving.actors)).toEqual([0, 1_000]);

    const closing = await begin();
    expect(closedAfterMs(closing.actors)).toEqual([]);
    spawnFeed(closing.actors).deliver(closing.ref, 6, heartbeat(NOON_MS + 4_500));
    await closing.actors.time.advance(1);
    expect(closedAfterMs(closing.actors)).toEqual([1_000, 2_000]);

    const ending = await begin();
    await ending.actors.system.shutdown();
    expect(closedAfterMs(ending.actors)).toEqual([1_000, 2_000]);
  });

  it.each<{ what: string; ask: (actors: Actors, symbol: RunningSymbol) => void }>([
    {
      what: 'a savepoint is taken',
      ask: ({ system }, { ref }) => void system.send(ref, { type: 'TakeSavepoint', reply: () => undefined }),
    },
    { what: 'everything is published again', ask: (_actors, { publishAgain }) => publishAgain() },
  ])('publishes candles of the log that it read when $what', async ({ ask }) => {
    const storage = new MemoryJournalStorage();
    const killed = await createActors({}, storage);
    const { deliver } = spawnFeed(killed);
    deliver(killed.spawn('BTC-USDT').ref, 1, bookSnapshot(), trade(), heartbeat(NOON_MS + 2_500));
    await killed.time.advance(1);
    const actors = await createActors({}, storage);
    const symbol = actors.spawn('BTC-USDT');
    await actors.time.advance(1);
    const closedCount = (): number =>
      actors.publications.filter(({ kind }) => kind === 'closedCandle').length;
    expect(closedCount()).toBe(0);
    ask(actors, symbol);
    await actors.time.advance(1);
    expect(closedCount()).toBe(1);
  });

  it('publishes a book at its turn though it was woken for something else before the book changed', async () => {
    const actors = await createActors();
    const { ref } = actors.spawn('BTC-USDT');
    spawnFeed(actors).deliver(ref, 1, bookSnapshot());
    actors.system.send(ref, { type: 'PublishDue', book: true, ticker: true, candles: false, refresh: false });
    await actors.time.advance(1);
    expect(publishedStatuses(actors.publications)).toEqual(['live']);
  });

  it('declares each interval in which its book was not sure once, with one line in the log', async () => {
    const actors = await createActors();
    const { ref } = actors.spawn('BTC-USDT');
    const feed = spawnFeed(actors);
    feed.deliver(
      ref,
      1,
      bookSnapshot({ receiveTimeMs: NOON_MS }),
      feedStatus({ status: 'stale', reason: 'sequence gap: expected 8, was 9', receiveTimeMs: NOON_MS + 50 }),
      feedStatus({ status: 'disconnected', reason: 'lost', receiveTimeMs: NOON_MS + 60 }),
    );
    feed.deliver(ref, 4, bookSnapshot({ receiveTimeMs: NOON_MS + 700 }));
    feed.deliver(ref, 5, bookSnapshot({ receiveTimeMs: NOON_MS + 800 }));
    await actors.time.advance(1);
    expect(await actors.records.readFeedGaps({ instrument: undefined, limit: 10 })).toEqual([
      {
        exchange: 'plain',
        instrument: 'plain:BTC-USDT',
        channel: 'book',
        fromMs: NOON_MS,
        toMs: NOON_MS + 700,
        reason: 'sequence gap: expected 8, was 9',
        repair: 'snapshot',
        tradesRefetched: 0,
      },
    ]);
    expect(actors.logLines.filter(({ message }) => message.startsWith('the book was not sure'))).toHaveLength(
      1,
    );
  });

  it.each([
    ['a gap that was open', true, 'lost'],
    ['its own absence', false, 'its actor was away'],
  ])('declares %s over a restart of the node', async (_name, wasOpen, reason) => {
    const before = await createActors();
    const lost = feedStatus({ status: 'disconnected', reason: 'lost', receiveTimeMs: NOON_MS + 5 });
    spawnFeed(before, 'old').deliver(
      before.spawn('BTC-USDT').ref,
      1,
      bookSnapshot({ receiveTimeMs: NOON_MS }),
      ...(wasOpen ? [lost] : []),
    );
    await before.time.advance(1);
    const actors = await before.restart();
    const { ref } = actors.spawn('BTC-USDT');
    const connected = feedStatus({ status: 'connected', receiveTimeMs: NOON_MS + 8_000 });
    await actors.time.advance(1);
    spawnFeed(actors, 'new').deliver(ref, 1, connected, bookSnapshot({ receiveTimeMs: NOON_MS + 9_000 }));
    await actors.time.advance(1);
    expect(await actors.records.readFeedGaps({ instrument: undefined, limit: 10 })).toMatchObject([
      { fromMs: NOON_MS, toMs: NOON_MS + 9_000, reason },
    ]);
  });

  it('goes on with a recovered book whose feed goes on where it was left', async () => {
    const before = await createActors();
    spawnFeed(before).deliver(before.spawn('BTC-USDT').ref, 1, bookSnapshot());
    await before.time.advance(1);
    const actors = await before.restart();
    const { ref } = actors.spawn('BTC-USDT');
    const feed = spawnFeed(actors);
    feed.deliver(ref, 1, bookSnapshot(), bookDelta({ bids: [10_000, 9] }));
    await actors.time.advance(1);
    expect(await actors.view(ref)).toMatchObject({ status: 'live', snapshots: 1, deltas: 1 });
    const lost = feedStatus({ status: 'disconnected', reason: 'lost', receiveTimeMs: NOON_MS + 5_000 });
    feed.deliver(ref, 3, lost, bookSnapshot({ receiveTimeMs: NOON_MS + 9_000 }));
    await actors.time.advance(1);
    // Its absence is no gap, nor the beginning of a later one.
    expect(await actors.records.readFeedGaps({ instrument: undefined, limit: 10 })).toMatchObject([
      { reason: 'lost', toMs: NOON_MS + 9_000 },
    ]);
  });

  it('asks for a fresh book again when it failed before it could say that its book is wrong', async () => {
    const store = holdableJournal();
    const actors = await createActors({ journal: store.journal });
    const { ref } = actors.spawn('BTC-USDT');
    const feed = spawnFeed(actors);
    feed.deliver(ref, 1, bookSnapshot());
    await actors.time.advance(1);
    store.failures.push({ after: new TampinesError('OUTCOME_UNKNOWN', 'the connection was lost') });
    // The bid crosses the best ask.
    feed.deliver(ref, 2, bookDelta({ bids: [10_015, 1] }));
    await until(() => actors.actorStatus(ref) === 'restarting', 'the failure');
    await actors.time.advance(1_000);
    expect(feed.replies.slice(1)).toMatchObject([
      { type: 'SymbolRecovered' },
      { type: 'ResyncBook', reason: expect.stringContaining('crossed') as unknown },
    ]);
  });

  it('says with each acknowledgement when it wants to be told the time', async () => {
    const actors = await createActors();
    const { ref } = actors.spawn('BTC-USDT');
    const feed = spawnFeed(actors);
    feed.deliver(ref, 1, bookSnapshot());
    await actors.time.advance(1);
    feed.deliver(ref, 2, trade());
    await actors.time.advance(1);
    feed.deliver(ref, 3, heartbeat(NOON_MS + 10_000));
    await actors.time.advance(1);
    expect(feed.replies).toMatchObject([
      { timeWanted: { atMs: Infinity, emptyAtMs: Infinity } },
      // Its candle of a second closes a second late.
      { timeWanted: { atMs: NOON_MS + 1_000, emptyAtMs: NOON_MS } },
      // What is left to come are empty candles, until the first second of the minute of its trade leaves the window.
      { timeWanted: { atMs: NOON_MS - 59_000 + 86_400_000, emptyAtMs: NOON_MS + 10_000 } },
    ]);
  });

  /** Market tables whose writes wait until they are let through. */
  function heldTables() {
    const gate = createGate();
    const memory = new MemoryMarketTables();
    const tables: MarketTables = {
      isFull: false,
      write: (rows) => gate.passed.then(() => memory.write(rows)),
      readCandles: (query) => memory.readCandles(query),
      readTrades: (query) => memory.readTrades(query),
    };
    return { tables, gate };
  }

  it('takes a checkpoint only when the rows before it are written', async () => {
    const { tables, gate } = heldTables();
    const actors = await createActors({ tables });
    const { ref, scheduled } = actors.spawn('BTC-USDT');
    const feed = spawnFeed(actors);
    feed.deliver(ref, 1, trade({ tradeId: 'a' }), heartbeat(NOON_MS + 60_000));
    actors.system.send(ref, { type: 'CheckpointDue' });
    await actors.time.advance(1_000);
    expect(feed.replies).toHaveLength(1);
    expect(await actors.journal.latestSnapshot(scheduled.instrument)).toBeUndefined();
    gate.open();
    await actors.time.advance(1);
    expect(await actors.journal.latestSnapshot(scheduled.instrument)).toMatchObject({ position: 2 });
  });

  it('takes deliveries while a checkpoint of the state before them is on its way, one at a time', async () => {
    const { tables, gate } = heldTables();
    const actors = await createActors({ tables });
    const { ref, scheduled } = actors.spawn('BTC-USDT');
    const feed = spawnFeed(actors);
    feed.deliver(ref, 1, trade({ tradeId: 'a' }));
    actors.system.send(ref, { type: 'CheckpointDue' });
    feed.deliver(ref, 2, trade({ tradeId: 'b' }));
    actors.system.send(ref, { type: 'CheckpointDue' });
    await actors.time.advance(1);
    expect(feed.replies).toHaveLength(2);
    gate.open();
    await actors.time.advance(1);
    expect(await actors.journal.latestSnapshot(scheduled.instrument)).toMatchObject({ position: 1 });
    actors.system.send(ref, { type: 'CheckpointDue' });
    await actors.time.advance(1);
    expect(await actors.journal.latestSnapshot(scheduled.instrument)).toMatchObject({ position: 2 });
  });

  it('begins a new life when a checkpoint fails, though nothing comes after it', async () => {
    const { journal } = holdableJournal();
    const full = new Error('the disk is full');
    const actors = await createActors({
      journal: Object.assign(Object.create(journal) as typeof journal, {
        saveSnapshot: () => Promise.reject(full),
      }),
    });
    const { ref } = actors.spawn('BTC-USDT');
    spawnFeed(actors).deliver(ref, 1, trade({ tradeId: 'a' }));
    await actors.time.advance(1);
    actors.system.send(ref, { type: 'CheckpointDue' });
    await until(() => actors.actorStatus(ref) === 'restarting', 'the failure');
    await actors.time.advance(1_000);
    expect(actors.actorStatus(ref)).toBe('running');
    expect(await actors.view(ref)).toMatchObject({ trades: 1 });
  });

  it('drops what the journal needs no more with its checkpoints, and not while it stops', async () => {
    const { journal } = holdableJournal();
    let pruneCount = 0;
    const actors = await createActors({
      journal: Object.assign(Object.create(journal) as typeof journal, {
        prune: () => {
          pruneCount++;
          return Promise.resolve();
        },
      }),
    });
    const { ref, scheduled } = actors.spawn('BTC-USDT');
    const feed = spawnFeed(actors);
    feed.deliver(ref, 1, trade({ tradeId: 'a' }));
    actors.system.send(ref, { type: 'CheckpointDue' });
    await actors.time.advance(1);
    expect(pruneCount).toBe(1);
    feed.deliver(ref, 2, trade({ tradeId: 'b' }));
    await actors.time.advance(1);
    await actors.system.stop(ref);
    expect(await actors.journal.latestSnapshot(scheduled.instrument)).toMatchObject({ position: 2 });
    expect(pruneCount).toBe(1);
  });

  it('goes on when a busy database could not drop what a checkpoint made needless', async () => {
    const { journal } = holdableJournal();
    const busy = new TampinesError('SERVICE_UNAVAILABLE', 'no connection within 5 s', { isRetryable: true });
    const actors = await createActors({
      journal: Object.assign(Object.create(journal) as typeof journal, { prune: () => Promise.reject(busy) }),
    });
    const { ref, scheduled } = actors.spawn('BTC-USDT');
    const feed = spawnFeed(actors);
    feed.deliver(ref, 1, trade({ tradeId: 'a' }));
    actors.system.send(ref, { type: 'CheckpointDue' });
    feed.deliver(ref, 2, trade({ tradeId: 'b' }));
    await actors.time.advance(1);
    expect(await actors.journal.latestSnapshot(scheduled.instrument)).toMatchObject({ position: 1 });
    expect(feed.replies.map(({ type }) => type)).toEqual(['BatchAccepted', 'BatchAccepted']);
    expect(actors.actorStatus(ref)).toBe('running');
  });

  it('says at its end that nobody knows any more whether the book is right', async () => {
    const actors = await createActors();
    const { ref } = actors.spawn('BTC-USDT');
    spawnFeed(actors).deliver(ref, 1, bookSnapshot());
    actors.system.send(ref, PUBLISH_ALL);
    await actors.time.advance(1);
    await actors.system.stop(ref);
    expect(actors.shown.map(({ status }) => status)).toEqual(['live', 'stale']);
    expect(actors.markedKeys.map((key) => key.split(':')[0])).toEqual(['orderbook', 'ticker', 'candle']);
  });

  it('publishes at its end what changed since it was published last, and that nobody knows whether it is right', async () => {
    const actors = await createActors();
    const { ref } = actors.spawn('BTC-USDT');
    const feed = spawnFeed(actors);
    feed.deliver(ref, 1, bookSnapshot({ sequence: 1 }), trade({ tradeId: 'a' }));
    actors.system.send(ref, PUBLISH_ALL);
    await actors.time.advance(1);
    feed.deliver(ref, 3, bookDelta({ sequence: 2, bids: [10_000, 9] }));
    await actors.time.advance(1);
    const before = actors.publications.length;
    await actors.system.stop(ref);
    expect(actors.publications.slice(before).map(({ value }) => JSON.parse(value) as unknown)).toEqual([
      expect.objectContaining({ status: 'stale', seq: 3 }),
    ]);
    expect(actors.markedKeys.map((key) => key.split(':')[0])).toEqual(['ticker', 'candle']);
  });

  it('says so too when its last state can not be saved', async () => {
    const { journal } = holdableJournal();
    const away = new TampinesError('SERVICE_UNAVAILABLE', 'no connection within 5 s', { isRetryable: true });
    const actors = await createActors({
      journal: Object.assign(Object.create(journal) as typeof journal, {
        saveSnapshot: () => Promise.reject(away),
      }),
    });
    const { ref } = actors.spawn('BTC-USDT');
    spawnFeed(actors).deliver(ref, 1, bookSnapshot());
    actors.system.send(ref, PUBLISH_ALL);
    await actors.time.advance(1);
    const stopped = actors.system.stop(ref);
    await actors.time.advance(60_000);
    await stopped;
    expect(actors.shown.map(({ status }) => status)).toEqual(['live', 'stale']);
  });
});
