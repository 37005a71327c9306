/** A node whose Postgres goes away, half or whole: it says so at once to subscribers and to probes, and is live and ready again by itself. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import { demoSymbols } from '../../src/feeds/simulators/demo-symbols.ts';
import type { SimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import { createSimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import { connectTo } from '../publishing/redis-testing.ts';
import type { CuttingProxy } from '../support/cutting-proxy.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import type { RunningNode } from '../support/running-node.ts';
import { eventually, runNode } from '../support/running-node.ts';
import { dropSchema, freshName, noteServiceUse, testDatabaseUrl, testRedisUrl } from '../support/services.ts';

const BTC = 'binance:BTC-USDT';
const BOOK_KEY = `orderbook:${BTC}:1`;
const schema = freshName('away');

let binance: SimulatedBinance;
let proxy: CuttingProxy;
let node: RunningNode;
let reader: Redis;

beforeAll(async () => {
  binance = await createSimulatedBinance({
    clock: systemClock,
    timers: systemTimers,
    random: createSeededRandom(20261121),
    stepsPerSecond: 20,
    symbols: demoSymbols.binance.slice(0, 1),
  });
  noteServiceUse('Redis');
  reader = await connectTo(testRedisUrl());
  // Values of an earlier run may carry a newer epoch than the fresh schema's first.
  const keys = await reader.keys(`*${BTC}*`);
  if (keys.length > 0) await reader.del(keys);
  const database = new URL(testDatabaseUrl());
  proxy = await startCuttingProxy({ host: database.hostname, port: Number.parseInt(database.port, 10) });
  database.port = String(proxy.port);
  node = await runNode({
    schema,
    redisUrl: testRedisUrl(),
    databaseUrl: database.href,
    exchanges: { binance: binance.endpoints },
    assignments: [`instruments=${BTC}`, 'node.leaseMs=1500', 'publish.staleAfterMs=400'],
  });
});

afterAll(async () => {
  await node.stop();
  await proxy.close();
  reader.disconnect();
  await binance.close();
  await dropSchema(schema);
});

type Shown = { readonly status: string; readonly reason: string; readonly seq: number };

async function shown(): Promise<Shown> {
  return JSON.parse((await reader.get(BOOK_KEY))!) as Shown;
}

async function readiness(): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${node.adminUrl}/health/ready`);
  return { status: answer.status, text: await answer.text() };
}

const isLive = async (): Promise<boolean> => (await shown()).status === 'live';
const isReady = async (): Promise<boolean> => (await readiness()).status === 200;

test('while appends get no answer the book in Redis is stale, and live again when they do', async () => {
  await eventually('it is live', isLive);
  proxy.answerDelayMs = 3_000;
  const held = await eventually('it is stale', async () => {
    const now = await shown();
    return now.status === 'stale' ? now : undefined;
  });
  expect(held.reason).toContain('held up for more than 400 ms');
  proxy.answerDelayMs = 0;
  await eventually('it is live again', isLive);
});

test('while Postgres refuses connections the lease runs out, probes are told, and all of it mends itself', async () => {
  await eventually('it is live and ready', async () => (await isLive()) && (await isReady()));
  proxy.mode = 'down';
  proxy.cut();
  await eventually('the lease is lost', () => Promise.resolve(!node.lease.isHeld()));
  await eventually('it is stale', async () => (await shown()).status === 'stale');
  const { status, text } = await readiness();
  expect(status).toBe(503);
  expect(text).toContain('postgres');
  expect(text).toContain('lease');
  const { seq } = await shown();
  proxy.mode = 'open';
  await eventually('it is live and ready again', async () => (await isLive()) && (await isReady()));
  await eventually('it went on', async () => (await shown()).seq > seq);
});
