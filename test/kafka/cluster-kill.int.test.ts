/**
 * Processes of a cluster that are killed, and frozen for longer than their group waits for them: whatever the survivors take over is what the exchange
 * truly holds, each trade is stored once, and what a frozen one says when it wakes up changes nothing.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import { createSimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import type { SimulatedExchange } from '../../src/feeds/simulators/simulated-exchange.ts';
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
import { eventually, storedTradeIds } from '../support/running-node.ts';
import { dropSchema, freshName, testDatabaseUrl, testKafkaBrokers } from '../support/services.ts';
import { readTopic, withoutRepeats } from '../support/topic-reader.ts';

const SESSION_MS = 2_000;
const NAMES = ['one', 'two', 'three'] as const;

const schema = freshName('kill');
const topicPrefix = schema.replaceAll('_', '-');
let folder: string;
let program: string;
let binance: SimulatedExchange;
let server: OwnRedis;
let redis: Redis;
const nodes = new Map<string, NodeProcess>();

async function start(name: string): Promise<NodeProcess> {
  const node = new NodeProcess({
    program,
    name,
    folder,
    assignments: [
      `postgres.schema=${schema}`,
      'admin.port=0',
      `exchanges.binance.wsUrl=${binance.endpoints.ws}`,
      `exchanges.binance.restUrl=${binance.endpoints.rest}`,
      `instruments=${symbols.map(keyOf).join(',')}`,
      `kafka.brokers=${testKafkaBrokers().join(',')}`,
      `kafka.topicPrefix=${topicPrefix}`,
      'outputs.kafka.topics=trades',
      'kafka.partitions=6',
      'kafka.replicationFactor=1',
      `kafka.sessionTimeoutMs=${SESSION_MS}`,
      'kafka.heartbeatMs=300',
      'node.leaseMs=2000',
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

async function expectTruth(): Promise<void> {
  await untilBooksAreTrue(binance, async () =>
    (await redis.mget(symbols.map((symbol) => `orderbook:${keyOf(symbol)}:1`))).map(viewPublished),
  );
}

/**
 * From the first stored trade on, the table holds each trade of the market once, and so does the topic for who drops repeats, in order, whichever
 * node told them.
 */
async function expectAllTrades(): Promise<void> {
  binance.market.stop();
  await untilTradesAreStored(binance, schema);
  const topic = await readTopic(testKafkaBrokers(), `${topicPrefix}.trades`);
  for (const symbol of symbols) {
    await eventually(`${keyOf(symbol)} has told all trades`, async () => {
      const stored = await storedTradeIds(schema, keyOf(symbol));
      const told = withoutRepeats(topic.records.filter(({ key }) => key === keyOf(symbol)));
      return told.map(({ value }) => value['tradeId']).join() === stored.join() ? true : undefined;
    });
  }
  await topic.close();
  binance.market.start();
}

/** Watches what subscribers are told until the returned function is called, which says where it went back. */
async function watchRedis(): Promise<() => readonly string[]> {
  const order = await RedisOrder.watch(
    server.url,
    symbols.map((symbol) => `orderbook:${keyOf(symbol)}:1`),
  );
  return () => {
    order.close();
    expect(order.seenCount).toBe(symbols.length);
    return order.stepsBack;
  };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tampines-kill-'));
  program = provideProgram(folder, () => undefined);
  server = await startOwnRedis();
  redis = new Redis(server.url);
  binance = await createSimulatedBinance({
    clock: systemClock,
    timers: systemTimers,
    random: createSeededRandom(20261129),
    stepsPerSecond: 100,
    tradeShare: 0.4,
    symbols,
  });
  for (const name of NAMES) await start(name);
});

afterAll(async () => {
  await Promise.all([...nodes.values()].map((node) => node.kill()));
  redis.disconnect();
  await server.close();
  await binance.close();
  await dropSchema(schema);
  rmSync(folder, { recursive: true, force: true });
});

describe('processes of a cluster', () => {
  it('take over from one another whenever one is killed', async () => {
    await expectTruth();
    const endWatch = await watchRedis();
    for (const name of NAMES) {
      await nodes.get(name)!.kill();
      await expectTruth();
      await start(name);
      await expectTruth();
    }
    await expectAllTrades();
    expect(endWatch()).toEqual([]);
  });

  it('take over from one that is frozen, which finds that out when it wakes up', async () => {
    await expectTruth();
    const endWatch = await watchRedis();
    for (const name of NAMES) {
      const node = nodes.get(name)!;
      node.freeze();
      await systemTimers.sleep(3 * SESSION_MS);
      await expectTruth();
      node.thaw();
      await expectTruth();
      expect(node.end).toBeUndefined();
    }
    await expectAllTrades();
    expect(endWatch()).toEqual([]);
  });
});
