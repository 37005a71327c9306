/** A whole node before a Postgres that answers a second late: its sockets stop, what waits stays bounded, and nothing is missing afterwards. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import { demoSymbols } from '../../src/feeds/simulators/demo-symbols.ts';
import type { SimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import { createSimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import type { CuttingProxy } from '../support/cutting-proxy.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import type { RunningNode } from '../support/running-node.ts';
import { eventually, isTrue, runNode, storedTradeIds, viewBook } from '../support/running-node.ts';
import { dropSchema, freshName, noteServiceUse, testDatabaseUrl, testRedisUrl } from '../support/services.ts';

const symbols = demoSymbols.binance.slice(0, 3);
const schema = freshName('slow');
let binance: SimulatedBinance;
let proxy: CuttingProxy;
let node: RunningNode;

beforeAll(async () => {
  binance = await createSimulatedBinance({
    clock: systemClock,
    timers: systemTimers,
    random: createSeededRandom(404),
    symbols,
    stepsPerSecond: 300,
    tradeShare: 0.6,
  });
  const url = new URL(testDatabaseUrl());
  proxy = await startCuttingProxy({ host: url.hostname, port: Number.parseInt(url.port || '5432', 10) });
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  noteServiceUse('Redis');
  node = await runNode({
    schema,
    redisUrl: testRedisUrl(),
    databaseUrl: url.href,
    exchanges: { binance: binance.endpoints },
    assignments: ['feed.maxPendingEvents=100'],
  });
});

afterAll(async () => {
  proxy.answerDelayMs = 0;
  await node.stop();
  await binance.close();
  await proxy.close();
  await dropSchema(schema);
});

type Family = 'depth' | 'limit' | 'full_total';

async function readQueues(): Promise<(family: Family, queue: string) => number> {
  const text = await (await fetch(`${node.adminUrl}/metrics`)).text();
  return (family, queue) => {
    const line = text
      .split('\n')
      .find((each) => each.startsWith(`tampines_queue_${family}{queue="${queue}"}`));
    if (line === undefined) throw new Error(`no queue ${queue}`);
    return Number(line.split(' ').at(-1));
  };
}

it('stops the sockets while Postgres is slow, drops no trade, and has every book right afterwards', async () => {
  const keys: string[] = [];
  for (const { nativeSymbol } of symbols) {
    const { instrument } = await node.instruments.spawn('binance', nativeSymbol);
    keys.push(instrument);
    await eventually(
      `${instrument} is live`,
      async () => (await viewBook(node, instrument)).status === 'live',
    );
  }
  expect((await readQueues())('full_total', 'feed-instrument-bytes')).toBe(0);

  proxy.answerDelayMs = 1_000;
  await eventually('sockets were stopped again and again', async () => {
    const queue = await readQueues();
    for (const name of ['feed-node-bytes', 'feed-instrument-bytes', 'journal-bytes', 'market-table-rows']) {
      expect(queue('depth', name)).toBeLessThanOrEqual(queue('limit', name));
    }
    return queue('full_total', 'feed-instrument-bytes') >= 2;
  });
  proxy.answerDelayMs = 0;

  await eventually('all trades are in their table and all books are true', async () => {
    binance.market.start();
    await systemTimers.sleep(500);
    binance.market.stop();
    for (let tries = 0; tries < 50; tries++) {
      const isWhole = await Promise.all(
        keys.map(async (key, index) => {
          const { nativeSymbol } = symbols[index]!;
          const stored = await storedTradeIds(schema, key);
          const made = binance.market.tradesOf(nativeSymbol).map(({ tradeId }) => String(tradeId));
          const hasAll = stored.length > 0 && stored.join() === made.slice(made.indexOf(stored[0]!)).join();
          const truth = binance.market.bookOf(nativeSymbol);
          return hasAll && isTrue(await viewBook(node, key), truth, Number.MAX_SAFE_INTEGER);
        }),
      );
      if (isWhole.every(Boolean)) return true;
      await systemTimers.sleep(100);
    }
    return false;
  });
});
