/**
 * Each instrument is fed by two processes (`feed.redundancy: 2`). Whichever is killed, frozen or stopped: no subscriber is ever told that a book is not
 * live, no gap is recorded, what is published in the end is what the exchange truly holds, and each trade is stored once.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import { createSimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import type { SimulatedExchange } from '../../src/feeds/simulators/simulated-exchange.ts';
import { shardOf } from '../../src/market/shards.ts';
import { NodeProcess } from '../chaos/nodes/node-process.ts';
import { provideProgram } from '../chaos/nodes/node-program.ts';
import {
  keyOf,
  symbols,
  untilBooksAreTrue,
  untilTradesAreStored,
  viewPublished,
} from '../support/cluster-truth.ts';
import type { OwnRedis } from '../support/own-redis.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { RedisOrder } from '../support/redis-order.ts';
import { eventually, queryRows } from '../support/running-node.ts';
import { dropSchema, freshName, testDatabaseUrl, testKafkaBrokers } from '../support/services.ts';

const FEEDERS = ['feed-1', 'feed-2'] as const;
type Feeder = (typeof FEEDERS)[number];
const LEASE_MS = 3_000;
const SLOTS = 8;

const schema = freshName('redundant');
const channels = symbols.map((symbol) => `orderbook:${keyOf(symbol)}:1`);
let folder: string;
let program: string;
let binance: SimulatedExchange;
let server: OwnRedis;
let redis: Redis;
const nodes = new Map<string, NodeProcess>();

async function start(name: string, role: 'ingest' | 'compute'): Promise<NodeProcess> {
  const node = new NodeProcess({
    program,
    name,
    folder,
    assignments: [
      `postgres.schema=${schema}`,
      'admin.port=0',
      `node.roles=${role}`,
      `exchanges.binance.wsUrl=${binance.endpoints.ws}`,
      `exchanges.binance.restUrl=${binance.endpoints.rest}`,
      `instruments=${symbols.map(keyOf).join(',')}`,
      `kafka.brokers=${testKafkaBrokers().join(',')}`,
      `kafka.topicPrefix=${schema.replaceAll('_', '-')}`,
      'kafka.partitions=4',
      'kafka.replicationFactor=1',
      `node.leaseMs=${LEASE_MS}`,
      `feed.slots=${SLOTS}`,
      'feed.redundancy=2',
      'feed.heartbeatMs=500',
      'checkpoint.everyMs=1500',
      // Whole books, to be compared.
      'publish.bookDepth=5000',
      'publish.bookResolutions=1',
      'log.format=json',
    ],
    environment: { TAMPINES_POSTGRES_URL: testDatabaseUrl(), TAMPINES_REDIS_URL: server.url },
    onLine: () => undefined,
  });
  nodes.set(name, node);
  expect(await node.waitUntilReady(30_000)).toBe(true);
  return node;
}

type FeedView = { readonly replica: number; readonly isFollowed: boolean; readonly status: string };
type Lease = { readonly slot: number; readonly replica: number; readonly holder: string | null };

async function ask<Value>(path: string): Promise<Value> {
  const response = await fetch(new URL(path, nodes.get('books')!.adminUrl));
  expect(response.status).toBe(200);
  return (await response.json()) as Value;
}

async function feedsOf(key: string): Promise<readonly FeedView[]> {
  const [exchange, symbol] = key.split(':');
  const detail = await ask<{ readonly state: { readonly feeds: readonly FeedView[] } | null }>(
    `/v1/instruments/${exchange}/${symbol}`,
  );
  return detail.state?.feeds ?? [];
}

/** Every book has two feeds, both sound. */
async function untilAllAreRedundant(): Promise<void> {
  await eventually('every book has two sound feeds', async () => {
    const all = await Promise.all(symbols.map((symbol) => feedsOf(keyOf(symbol))));
    const areSound = all.every(
      (feeds) => feeds.length === 2 && feeds.every(({ status }) => status === 'live'),
    );
    const { leases } = await ask<{ readonly leases: readonly Lease[] }>('/v1/cluster');
    const areHeld = leases.length === 2 * SLOTS && leases.every(({ holder }) => holder !== null);
    return areSound && areHeld ? true : undefined;
  });
}

/** The feeder whose books are followed: of most instruments, where both have some. */
async function followedFeeder(): Promise<Feeder> {
  const { leases } = await ask<{ readonly leases: readonly Lease[] }>('/v1/cluster');
  const feeders = await Promise.all(
    symbols.map(keyOf).map(async (key) => {
      const followed = (await feedsOf(key)).find(({ isFollowed }) => isFollowed)!;
      const slot = shardOf(key, SLOTS);
      return leases.find((lease) => lease.slot === slot && lease.replica === followed.replica)?.holder;
    }),
  );
  const [one, other] = FEEDERS.map((name) => feeders.filter((feeder) => feeder === name).length);
  return one! >= other! ? FEEDERS[0] : FEEDERS[1];
}

async function expectTruth(): Promise<void> {
  await untilBooksAreTrue(binance, async () => (await redis.mget(channels)).map(viewPublished));
}

/** What subscribers are told of books from now on that is not live, and where it goes back. */
async function watch(): Promise<() => void> {
  const notLive: string[] = [];
  const reader = new Redis(server.url);
  await reader.subscribe(...channels);
  reader.on('message', (channel: string, text: string) => {
    const { status, reason } = JSON.parse(text) as { status: string; reason: string };
    if (status !== 'live') notLive.push(`${channel}: ${status}, ${reason}`);
  });
  const order = await RedisOrder.watch(server.url, channels);
  return () => {
    reader.disconnect();
    order.close();
    expect(order.seenCount).toBe(symbols.length);
    expect(order.stepsBack).toEqual([]);
    expect(notLive).toEqual([]);
  };
}

async function bookGapCount(): Promise<number> {
  const [row] = await queryRows<{ count: string }>(
    `SELECT count(*) FROM ${schema}.feed_gap WHERE channel = 'book'`,
    [],
  );
  return Number(row!.count);
}

async function switchCounts(): Promise<number> {
  const response = await fetch(new URL('/metrics', nodes.get('books')!.adminUrl));
  const line = /^tampines_cluster_book_switches_total\{exchange="binance"\} (\d+)$/m.exec(
    await response.text(),
  );
  return Number(line?.[1] ?? 0);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tampines-redundant-'));
  program = provideProgram(folder, () => undefined);
  server = await startOwnRedis();
  redis = new Redis(server.url);
  binance = await createSimulatedBinance({
    clock: systemClock,
    timers: systemTimers,
    random: createSeededRandom(20261130),
    stepsPerSecond: 100,
    tradeShare: 0.4,
    symbols,
  });
  await start('books', 'compute');
  for (const name of FEEDERS) await start(name, 'ingest');
});

afterAll(async () => {
  await Promise.all([...nodes.values()].map((node) => node.kill()));
  redis.disconnect();
  await server.close();
  await binance.close();
  await dropSchema(schema);
  rmSync(folder, { recursive: true, force: true });
});

describe('books that are fed twice', () => {
  it.each([
    { how: 'killed', lose: (node: NodeProcess) => node.kill() },
    {
      how: 'stopped in order',
      lose: (node: NodeProcess) => {
        node.terminate();
        return node.ended;
      },
    },
  ])('stay live without a gap when the feeder that they follow is $how', async ({ lose }) => {
    await untilAllAreRedundant();
    const endWatch = await watch();
    const gapsBefore = await bookGapCount();
    for (let round = 0; round < 2; round++) {
      await untilAllAreRedundant();
      const switchesBefore = await switchCounts();
      const name = await followedFeeder();
      await lose(nodes.get(name)!);
      await systemTimers.sleep(2 * LEASE_MS);
      await expectTruth();
      expect(await switchCounts()).toBeGreaterThan(switchesBefore);
      await start(name, 'ingest');
      await expectTruth();
    }
    await untilAllAreRedundant();
    expect(await bookGapCount()).toBe(gapsBefore);
    endWatch();
  });

  it('stay live without a gap while a feeder is frozen for longer than its leases, and when it wakes up', async () => {
    await untilAllAreRedundant();
    const endWatch = await watch();
    const gapsBefore = await bookGapCount();
    const node = nodes.get(await followedFeeder())!;
    node.freeze();
    await systemTimers.sleep(3 * LEASE_MS);
    await expectTruth();
    node.thaw();
    await expectTruth();
    await untilAllAreRedundant();
    expect(node.end).toBeUndefined();
    expect(await bookGapCount()).toBe(gapsBefore);
    endWatch();
  });

  it('had each trade stored once', async () => {
    binance.market.stop();
    await untilTradesAreStored(binance, schema);
  });
});
