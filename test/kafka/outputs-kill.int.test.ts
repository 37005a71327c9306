/**
 * A node on its own with outputs to Kafka, killed with trades on their way, again and again: what the tables hold is in the topics, each trade and closed
 * candle once to whoever drops repeats by their ids, and those of an instrument in the order in which it made them.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import { demoSymbols } from '../../src/feeds/simulators/demo-symbols.ts';
import { createSimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import type { SimulatedExchange } from '../../src/feeds/simulators/simulated-exchange.ts';
import { NodeProcess } from '../chaos/nodes/node-process.ts';
import { provideProgram } from '../chaos/nodes/node-program.ts';
import type { OwnRedis } from '../support/own-redis.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { eventually, queryRows } from '../support/running-node.ts';
import {
  dropSchema,
  freshName,
  noteServiceUse,
  testDatabaseUrl,
  testKafkaBrokers,
} from '../support/services.ts';
import type { TopicReader } from '../support/topic-reader.ts';
import { readTopic, withoutRepeats } from '../support/topic-reader.ts';

const KILLS = 4;
const SEED = 20261129;

const schema = freshName('outkill');
const prefix = schema.replaceAll('_', '-');
const symbols = demoSymbols.binance.slice(0, 3);
const keys = symbols.map(({ nativeSymbol }) => `binance:${nativeSymbol.replace(/USDT$/, '-USDT')}`);
const random = createSeededRandom(SEED);
let folder: string;
let program: string;
let binance: SimulatedExchange;
let redis: OwnRedis;
let node: NodeProcess;

async function start(): Promise<void> {
  node = new NodeProcess({
    program,
    name: 'alone',
    folder,
    assignments: [
      `postgres.schema=${schema}`,
      'admin.port=0',
      `exchanges.binance.wsUrl=${binance.endpoints.ws}`,
      `exchanges.binance.restUrl=${binance.endpoints.rest}`,
      `instruments=${keys.join(',')}`,
      `outputs.kafka.brokers=${testKafkaBrokers().join(',')}`,
      'outputs.kafka.topics=candles,tickers,trades,supervision,deadLetters',
      `kafka.topicPrefix=${prefix}`,
      'kafka.partitions=4',
      'kafka.replicationFactor=1',
      'candles.intervals=1s,1m',
      'candles.outOfOrdernessMs=500',
      'checkpoint.everyMs=1500',
      'log.format=json',
    ],
    environment: {
      TAMPINES_POSTGRES_URL: testDatabaseUrl(),
      TAMPINES_REDIS_URL: redis.url,
    },
    onLine: () => undefined,
  });
  expect(await node.waitUntilReady(30_000)).toBe(true);
}

beforeAll(async () => {
  noteServiceUse('Kafka');
  folder = mkdtempSync(join(tmpdir(), 'tampines-outkill-'));
  program = provideProgram(folder, () => undefined);
  redis = await startOwnRedis();
  binance = await createSimulatedBinance({
    clock: systemClock,
    timers: systemTimers,
    random,
    stepsPerSecond: 200,
    tradeShare: 0.5,
    symbols,
  });
  await start();
});

afterAll(async () => {
  await node.kill();
  await binance.close();
  await redis.close();
  await dropSchema(schema);
  rmSync(folder, { recursive: true, force: true });
});

describe('a node that is killed', () => {
  it('has told Kafka every trade and closed candle that its tables hold, in order', async () => {
    for (let kill = 0; kill < KILLS; kill++) {
      await systemTimers.sleep(1_500 + 1_500 * random());
      await node.kill();
      await start();
    }
    await systemTimers.sleep(1_000);
    binance.market.stop();
    await node.kill();

    const [trades, candles] = await Promise.all(
      ['trades', 'candles'].map((name) => readTopic(testKafkaBrokers(), `${prefix}.${name}`)),
    );
    // What waited when it was killed last is sent by its next life.
    await start();
    await expectAll(trades!, candles!);
    await Promise.all([trades!.close(), candles!.close()]);
  });

  it('tells what its supervisors decided, and its newest tickers', async () => {
    const [supervision, tickers] = await Promise.all(
      ['supervision', 'tickers'].map((name) => readTopic(testKafkaBrokers(), `${prefix}.${name}`)),
    );
    const stored = await queryRows<{ path: string }>(
      `SELECT DISTINCT path FROM ${schema}.supervision_event`,
      [],
    );
    await eventually('all paths are told', () =>
      Promise.resolve(
        stored.every(({ path }) => supervision!.records.some(({ key }) => key === path)) &&
          keys.every((instrument) => tickers!.records.some(({ key }) => key === instrument)),
      ),
    );
    expect(stored.length).toBeGreaterThan(0);
    // Killed between what Kafka took and the word that it did, it is told again: as the first time.
    const first = new Map(withoutRepeats(supervision!.records).map((record) => [record.id, record]));
    for (const record of supervision!.records) {
      expect([record.key, record.value]).toEqual([first.get(record.id)?.key, first.get(record.id)?.value]);
    }
    for (const key of keys) {
      const told = tickers!.records.filter((record) => record.key === key);
      const places = told.map(({ value }) => Number(value['epoch']) * 1e9 + Number(value['seq']));
      expect(places).toEqual([...places].sort((a, b) => a - b));
    }
    await Promise.all([supervision!.close(), tickers!.close()]);
  });
});

async function expectAll(trades: TopicReader, candles: TopicReader): Promise<void> {
  for (const key of keys) {
    const told = () => withoutRepeats(trades.records.filter((record) => record.key === key));
    await eventually(`${key} has told its trades`, async () => {
      const stored = await queryRows<{ text: string }>(
        `SELECT event_time_ms || '/' || trade_id AS text FROM ${schema}.trade JOIN ${schema}.instrument ON id = instrument_id WHERE key = $1`,
        [key],
      );
      const ids = stored.map(({ text }) => `${key}/${text}`);
      return ids.length > 500 &&
        same(
          ids,
          told().map(({ id }) => id),
        )
        ? true
        : undefined;
    });
    const numbers = told().map(({ value }) => Number(value['tradeId']));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    await eventually(`${key} has told its candles`, async () => {
      const stored = await queryRows<{ text: string }>(
        `SELECT interval || '/' || open_time_ms || '/' || revision AS text FROM ${schema}.candle JOIN ${schema}.instrument ON id = instrument_id WHERE key = $1`,
        [key],
      );
      const ids = new Set(candles.records.filter((record) => record.key === key).map(({ id }) => id));
      return stored.length > 5 && stored.every(({ text }) => ids.has(`${key}/${text}`)) ? true : undefined;
    });
  }
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return [...one].sort().join() === [...other].sort().join();
}
