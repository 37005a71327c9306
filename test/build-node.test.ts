/** A node without servers: what its parts say to one another. */
import { expect, test } from 'vitest';
import type { SymbolMessage } from '../src/actors/symbol.ts';
import { LEASE_LOST_REASON } from '../src/actors/symbol.ts';
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
import { bookDelta, bookSnapshot, timesAt } from './support/market-events.ts';
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
  const catalog = new MemoryInstrumentCatalog();
  await catalog.add({ instrument: INSTRUMENT, exchange, symbol, nativeSymbol: toNativeSymbol('BTC/USD') });
  const closers = new Closers({ log, deadlineMs: 1_000, clock: time, timers: time });
  const claim = await journal.claim(SHARD, 'test');
  const database = { isAway: false };
  const node = buildNode({
    settings,
    surroundings,
    storage: {
      journal,
      tables: new MemoryMarketTables(),
      catalog,
      records: new MemoryOperationsRecords(),
    },
    redis: { url: 'redis://nowhere', connect: () => redis },
    transport: new ScriptedTransport(),
    claim,
    lease: {
      claimed: momentOf(time),
      readHolder: () =>
        database.isAway
          ? new Promise(() => undefined)
          : Promise.resolve({ epoch: claim.epoch, owner: 'test', claimedAtMs: time.nowMs() }),
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
  return { node, time, redis, store, database, closers, deliver, shown };
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
