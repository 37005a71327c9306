/** A node without servers: what its parts say to one another. */
import { expect, test } from 'vitest';
import type { SymbolMessage } from '../src/actors/symbol-protocol.ts';
import { LEASE_LOST_REASON } from '../src/actors/lease-keeper.ts';
import { createSeededRandom, momentOf } from '../src/base/clock.ts';
import { SHARD, buildNode } from '../src/build-node.ts';
import { Closers } from '../src/closers.ts';
import { toExchangeId, toInstrumentKey, toNativeSymbol, toUnifiedSymbol } from '../src/market/symbols.ts';
import { MemoryInstrumentCatalog } from '../src/persistence/memory-instrument-catalog.ts';
import { MemoryMarketTables } from '../src/persistence/memory-market-tables.ts';
import { MemoryOperationsRecords } from '../src/persistence/memory-operations-records.ts';
import { loadSettings } from '../src/settings.ts';
import { ScriptedTransport, holdableJournal } from './actors/support.ts';
import { FakeClock, settle } from './support/fake-clock.ts';
import { FakeRedis } from './support/fake-redis.ts';
import { bookDelta, bookSnapshot, timesAt, trade } from './support/market-events.ts';
import { RecordingLog } from './support/recording-log.ts';

const exchange = toExchangeId('kraken');
const symbol = toUnifiedSymbol('BTC-USD');
const INSTRUMENT = toInstrumentKey(exchange, symbol);
const KEY = `orderbook:${INSTRUMENT}:1`;
const LEASE_MS = 10_000;

/** A node whose one instrument has a live book in Redis. */
async function startNode() {
  const time = new FakeClock();
  const log = new RecordingLog();
  const surroundings = { clock: time, timers: time, random: createSeededRandom(1), log };
  const { settings } = loadSettings({
    assignments: [`node.leaseMs=${LEASE_MS}`, 'publish.bookResolutions=1', 'feed.heartbeatMs=60000'],
  });
  const redis = new FakeRedis(time);
  const store = holdableJournal();
  const { journal } = store;
  const records = new MemoryOperationsRecords();
  const catalog = new MemoryInstrumentCatalog();
  await catalog.add({ instrument: INSTRUMENT, exchange, symbol, nativeSymbol: toNativeSymbol('BTC/USD') });
  const closers = new Closers({ log, deadlineMs: 1_000, clock: time, timers: time });
  const claim = await journal.claim(SHARD, 'test');
  const database = { isAway: false, epoch: claim.epoch };
  const node = buildNode({
    settings,
    surroundings,
    storage: {
      journal,
      tables: new MemoryMarketTables(),
      catalog,
      records,
    },
    redis: { url: 'redis://nowhere', connect: () => redis },
    transport: new ScriptedTransport(),
    claim,
    lease: {
      claimed: claim,
      claimedAt: momentOf(time),
      ask: (timeoutMs) =>
        database.isAway
          ? time.sleep(timeoutMs).then(() => Promise.reject(new Error('no answer in time')))
          : Promise.resolve(
              database.epoch === claim.epoch
                ? { isOwn: true }
                : {
                    isOwn: false,
                    holder: { epoch: database.epoch, owner: 'test', claimedAtMs: time.nowMs() },
                  },
            ),
    },
    closers,
    runId: 'test',
  });
  await node.instruments.start();
  await settle();
  const { path } = node.system.tree().find((each) => each.path.endsWith(INSTRUMENT))!;
  let ordinal = 1;
  const deliver = async (...events: Extract<SymbolMessage, { type: 'Deliver' }>['batch']['events']) => {
    const batch = { source: 'feed@1', firstOrdinal: ordinal, events };
    ordinal += events.length;
    node.system.send({ path }, { type: 'Deliver', batch, feed: { path: 'nobody' } });
    await settle();
  };
  await deliver(bookSnapshot({ sequence: 1, ...timesAt(time.nowMs()) }));
  await time.advance(2_000);
  const shown = (): unknown => {
    const { status, reason } = JSON.parse(redis.get(KEY)) as { status: string; reason: string };
    return { status, reason };
  };
  expect(shown()).toEqual({ status: 'live', reason: '' });
  return { node, time, redis, records, store, database, closers, deliver, shown };
}

test('a node that is stopped says of a book that it is stale, also where its instrument had no last word', async () => {
  const { time, store, closers, deliver, shown } = await startNode();
  store.hold();
  await deliver(bookDelta({ sequence: 2, bids: [10_000, 9], ...timesAt(time.nowMs()) }));
  const closed = closers.closeAll();
  await time.advance(5_000);
  await closed;
  expect(shown()).toEqual({ status: 'stale', reason: 'the node was stopped' });
});

test('Redis comes back with an older book while the lease is not held: it is marked stale, for what is published waits', async () => {
  const { time, redis, database, shown } = await startNode();
  const live = redis.get(KEY);
  database.isAway = true;
  await time.advance(2 * LEASE_MS);
  expect(shown()).toEqual({ status: 'stale', reason: LEASE_LOST_REASON });
  redis.set(KEY, live);
  redis.emit('ready');
  await time.advance(1);
  expect(shown()).toEqual({ status: 'stale', reason: LEASE_LOST_REASON });
});

test('Redis comes back with an older book: it is published again within the interval', async () => {
  const { time, redis, deliver, shown } = await startNode();
  const live = redis.get(KEY);
  await deliver({ type: 'FeedStatus', status: 'stale', reason: 'a gap', ...timesAt(time.nowMs()) });
  await time.advance(1_000);
  expect(shown()).toEqual({ status: 'stale', reason: 'a gap' });
  redis.set(KEY, live);
  redis.emit('ready');
  await time.advance(100);
  expect(shown()).toEqual({ status: 'stale', reason: 'a gap' });
});

/** Reads a channel as a client of the stream would. */
function readChannel(node: Awaited<ReturnType<typeof startNode>>['node'], channel: string) {
  type Told = {
    type: string;
    reason?: string;
    value?: { seq: number; afterSeq: number; status: string; reason: string };
  };
  const told: Told[] = [];
  node.channels.join(channel, {
    tell: ({ text }) => void told.push(JSON.parse(text) as Told),
    ended: () => undefined,
  });
  return told;
}

test('trades are told to readers once they are durable, and never again', async () => {
  const { node, time, store, deliver } = await startNode();
  const told = readChannel(node, `trades:${INSTRUMENT}`);
  store.hold();
  await deliver(trade({ tradeId: '1', ...timesAt(time.nowMs()) }));
  expect(told).toEqual([]);
  store.release();
  await settle();
  expect(told).toHaveLength(1);
  await node.instruments.restart(INSTRUMENT, 'test');
  await time.advance(1_000);
  await deliver(trade({ tradeId: '2', ...timesAt(time.nowMs()) }));
  expect(told).toHaveLength(2);
  // Over the restart, for it took none with it.
  expect(told[1]!.value!.afterSeq).toBe(told[0]!.value!.seq);
});

test('what a life that goes on from a snapshot reads again is no news: its dead letters are there already', async () => {
  const { node, time, records, deliver } = await startNode();
  await deliver(trade({ tradeId: '1', ...timesAt(time.nowMs()) }));
  await deliver(trade({ tradeId: '2', ...timesAt(time.nowMs() - 600_000) }));
  const late = [{ exchange, reason: 'late-trade', count: 1 }];
  expect(await records.countDeadLetters()).toEqual(late);
  await node.instruments.restart(INSTRUMENT, 'test');
  await time.advance(1_000);
  expect(await records.countDeadLetters()).toEqual(late);
});

test('a node that can not confirm its lease says so to its readers, and speaks again when it can', async () => {
  const { node, time, database } = await startNode();
  const told = readChannel(node, KEY);
  await time.advance(100);
  node.instruments.publishAgain();
  await time.advance(200);
  expect(told.at(-1)!.value!.status).toBe('live');
  database.isAway = true;
  await time.advance(2 * LEASE_MS);
  expect(told.at(-1)!.value).toMatchObject({ status: 'stale', reason: LEASE_LOST_REASON });
  database.isAway = false;
  await time.advance(LEASE_MS);
  expect(told.at(-1)!.value!.status).toBe('live');
});

test('a node that was replaced leaves its readers in doubt, and tells them nothing more', async () => {
  const { node, time, database, deliver } = await startNode();
  const book = readChannel(node, KEY);
  const trades = readChannel(node, `trades:${INSTRUMENT}`);
  node.instruments.publishAgain();
  await time.advance(200);
  database.epoch++;
  await time.advance(LEASE_MS);
  expect(book.at(-1)!.value).toMatchObject({
    status: 'stale',
    reason: 'another node owns the instruments now',
  });
  expect(trades).toMatchObject([{ type: 'stale', reason: 'another node owns the instruments now' }]);
  await deliver(trade({ tradeId: '1', ...timesAt(time.nowMs()) }));
  await time.advance(1_000);
  expect(trades).toHaveLength(1);
});
