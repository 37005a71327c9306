/**
 * A cluster whose log is moved to another number of partitions, on a real Kafka and Postgres: whatever was in no state when the nodes stopped is folded from
 * the new topic, so that states, trades and candles are those of the plain fold of everything that was ever written to the old one.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import { CommandFailure, EXIT_CODES } from '../../src/cli/exit-codes.ts';
import { repartition } from '../../src/cli/log/repartition.ts';
import { logCodec } from '../../src/codec/log-codec.ts';
import { createSimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import type { SimulatedExchange } from '../../src/feeds/simulators/simulated-exchange.ts';
import { snapshotInstrument } from '../../src/market/instrument-state.ts';
import type { Storage } from '../../src/persistence/open-storage.ts';
import { openStorage } from '../../src/persistence/open-storage.ts';
import { NodeProcess } from '../chaos/nodes/node-process.ts';
import { provideProgram } from '../chaos/nodes/node-program.ts';
import { keyOf, symbols, untilBooksAreTrue, untilTradesAreStored } from '../support/cluster-truth.ts';
import { foldTopic, policyOf, readStored } from '../support/folded-topic.ts';
import type { OwnRedis } from '../support/own-redis.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { RecordingLog } from '../support/recording-log.ts';
import type { RunningNode } from '../support/running-node.ts';
import { eventually, queryRows, runNode, viewBook } from '../support/running-node.ts';
import { dropSchema, freshName, testDatabaseUrl, testKafkaBrokers } from '../support/services.ts';
import { projectPath } from '../support/source-files.ts';
import { contextOf } from '../support/writer-context.ts';

const schema = freshName('moved');
const topicPrefix = schema.replaceAll('_', '-');

const settingsOf = (partitions: number): string[] => [
  `postgres.schema=${schema}`,
  `kafka.brokers=${testKafkaBrokers().join(',')}`,
  `kafka.topicPrefix=${topicPrefix}`,
  `kafka.partitions=${partitions}`,
  'kafka.replicationFactor=1',
  'kafka.heartbeatMs=200',
  'kafka.sessionTimeoutMs=6000',
  'node.leaseMs=3000',
  'feed.heartbeatMs=500',
  'candles.intervals=1s,1m',
  'candles.outOfOrdernessMs=500',
];
let redis: OwnRedis;
let environment: Readonly<Record<string, string>>;

let binance: SimulatedExchange;
let storage: Storage;
let folder: string;
const nodes = new Set<RunningNode>();
const processes = new Set<NodeProcess>();

const exchangeSettings = (): string[] => [
  `exchanges.binance.wsUrl=${binance.endpoints.ws}`,
  `exchanges.binance.restUrl=${binance.endpoints.rest}`,
];

async function start(name: string, roles: string, partitions: number): Promise<RunningNode> {
  const node = await runNode({
    schema,
    redisUrl: redis.url,
    exchanges: { binance: binance.endpoints },
    assignments: [
      `node.name=${name}`,
      `node.roles=${roles}`,
      // Only the last ones count.
      'checkpoint.everyMs=600000',
      ...settingsOf(partitions),
    ],
  });
  nodes.add(node);
  return node;
}

async function stop(node: RunningNode): Promise<void> {
  await node.stop();
  nodes.delete(node);
}

async function expectTruth(node: RunningNode): Promise<void> {
  await untilBooksAreTrue(binance, () => Promise.all(symbols.map((symbol) => viewBook(node, keyOf(symbol)))));
}

async function expectAllTrades(): Promise<void> {
  binance.market.stop();
  await untilTradesAreStored(binance, schema);
  binance.market.start();
}

/** Runs the command; returns what it wrote, or what it failed with. */
async function run(partitions: number, { isDryRun = false, asPartitions = partitions } = {}) {
  const lines: string[] = [];
  const screen = {
    ...{ isTerminal: false, width: undefined, height: undefined },
    write: (text: string) => void lines.push(text),
  };
  try {
    await repartition({
      ...{ screen, isJson: true, isDryRun, partitions, config: undefined, environment },
      set: settingsOf(asPartitions),
    });
  } catch (error) {
    expect(error).toBeInstanceOf(CommandFailure);
    const { exitCode, message } = error as CommandFailure;
    return { exitCode, document: JSON.parse(message) as Record<string, unknown> };
  }
  return { exitCode: EXIT_CODES.done, document: JSON.parse(lines.join('')) as Record<string, unknown> };
}

beforeAll(async () => {
  redis = await startOwnRedis();
  environment = { TAMPINES_POSTGRES_URL: testDatabaseUrl(), TAMPINES_REDIS_URL: redis.url };
  folder = mkdtempSync(join(tmpdir(), 'tampines-moved-'));
  storage = await openStorage({
    location: { url: testDatabaseUrl() },
    schema,
    context: contextOf(new RecordingLog()),
  });
  binance = await createSimulatedBinance({
    clock: systemClock,
    timers: systemTimers,
    random: createSeededRandom(20261130),
    stepsPerSecond: 100,
    tradeShare: 0.4,
    symbols,
  });
});

afterAll(async () => {
  await Promise.all([...processes].map((node) => node.kill()));
  for (const node of nodes) await node.stop();
  rmSync(folder, { recursive: true, force: true });
  await redis.close();
  await binance.close();
  await storage.close();
  await dropSchema(schema);
});

describe('a cluster', () => {
  it('refuses to have its log moved while a node is alive, and goes on', async () => {
    expect(await run(5)).toMatchObject({
      exitCode: EXIT_CODES.failed,
      document: { code: 'SETTINGS_INVALID' },
    });
    const compute = await start('compute', 'compute,admin', 3);
    const ingest = await start('ingest', 'ingest,admin', 3);
    for (const { nativeSymbol } of symbols) await compute.instruments.spawn('binance', nativeSymbol);
    await expectTruth(compute);
    expect(await run(5)).toMatchObject({
      exitCode: EXIT_CODES.conflict,
      document: {
        code: 'CLUSTER_RUNNING',
        fields: {
          running: ['the node compute is alive', 'the node ingest feeds binance', 'the node ingest is alive'],
        },
      },
    });
    await expectTruth(compute);
    // What is written from here on is in no state.
    await stop(compute);
    await systemTimers.sleep(2_000);
    await stop(ingest);
    // As after a crash between the two writes: states are newer than the places of their shards say.
    await queryRows(`UPDATE ${schema}.shard SET next_position = 0`, []);
  });

  it('says what would be done, and does nothing', async () => {
    const { document } = await run(5, { isDryRun: true });
    expect(document).toMatchObject({
      ...{ isDone: false, to: null, instruments: symbols.length, running: [] },
      from: { topic: `${topicPrefix}.events`, partitions: 3 },
    });
    expect(document['recordsToRead']).toBeGreaterThan(symbols.length);
    await expect(start('early', 'admin', 5)).rejects.toThrow('tampines log repartition --partitions 5');
  });

  it('is as it was when that is killed in its last step', async () => {
    const holder = new pg.Client(testDatabaseUrl());
    await holder.connect();
    await holder.query('BEGIN');
    // It comes as far as the rows of shards, with all copied and the row of the log held.
    await holder.query(`SELECT FROM ${schema}.shard FOR UPDATE`);
    const options = settingsOf(5).flatMap((assignment) => ['--set', assignment]);
    const command = spawn(
      process.execPath,
      ['--import', 'tsx', 'src/cli/tampines.ts', 'log', 'repartition', '--partitions', '5', ...options],
      { cwd: projectPath('.'), env: { PATH: process.env['PATH'], ...environment }, stdio: 'ignore' },
    );
    const ended = once(command, 'exit');
    await eventually('it is in its last step', async () => {
      const asked = queryRows(`SELECT FROM ${schema}.event_log FOR UPDATE NOWAIT`, []);
      return (await asked.then(
        () => false,
        () => true,
      ))
        ? true
        : undefined;
    });
    command.kill('SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
    await holder.query('ROLLBACK');
    await holder.end();
    expect(
      await eventually('the database knows that it is gone', () =>
        queryRows(
          `SELECT generation, last_generation, partitions FROM ${schema}.event_log FOR UPDATE NOWAIT`,
          [],
        ),
      ),
    ).toEqual([{ generation: 0, last_generation: 1, partitions: 3 }]);
  });

  it('has every state, trade and candle that follow from the old log once it was moved', async () => {
    const { exitCode, document } = await run(5, { asPartitions: 3 });
    expect(exitCode).toBe(EXIT_CODES.done);
    expect(document).toMatchObject({
      isDone: true,
      to: { topic: `${topicPrefix}.events.2`, partitions: 5 },
      leftTopics: [`${topicPrefix}.events.1`],
    });
    const { recordsCopied, recordsToRead } = document as Record<string, number>;
    expect(recordsCopied).toBeGreaterThan(symbols.length);
    expect(recordsToRead).toBeGreaterThan(recordsCopied! + symbols.length);
    await expect(start('late', 'admin', 3)).rejects.toThrow('holds states of the topic');

    const folds = await foldTopic(`${topicPrefix}.events`, policyOf(settingsOf(1), environment));
    expect([...folds.keys()].sort()).toEqual(symbols.map(keyOf).sort());
    const compute = await start('compute', 'compute,admin', 5);
    for (const [instrument, { state }] of folds) {
      await eventually(`${instrument} has read the new log`, async () =>
        (await viewBook(compute, instrument)).position === state.position ? true : undefined,
      );
    }
    await stop(compute);
    for (const [instrument, { state, tradeIds, candles }] of folds) {
      expect(await readStored({ storage, schema }, instrument)).toEqual({
        state: Buffer.from(logCodec.encodeState(snapshotInstrument(state))).toString('hex'),
        ...{ tradeIds, candles },
      });
    }
  });

  it('says so when it is asked for once more, and goes on with its feeds', async () => {
    const { document } = await run(5);
    expect(document).toMatchObject({ isDone: true, to: null, recordsCopied: 0 });
    const node = await start('all', 'ingest,compute,admin', 5);
    await expectTruth(node);
    await expectAllTrades();
    await stop(node);
  });

  it('is not disturbed by a node that was frozen while its log was moved, and that node ends', async () => {
    const frozen = new NodeProcess({
      ...{ program: provideProgram(folder, () => undefined), name: 'frozen', folder, environment },
      assignments: [...settingsOf(5), ...exchangeSettings(), 'admin.port=0', 'log.format=json'],
      onLine: () => undefined,
    });
    processes.add(frozen);
    expect(await frozen.waitUntilReady(30_000)).toBe(true);
    await eventually('it has the shards', async () => {
      const [row] = await queryRows<{ count: number }>(
        `SELECT count(*)::int AS count FROM ${schema}.shard WHERE owner = 'frozen'`,
        [],
      );
      return row?.count === 5 ? true : undefined;
    });
    frozen.freeze();
    await eventually('it counts as gone', async () =>
      (await run(7)).exitCode === EXIT_CODES.done ? true : undefined,
    );
    const next = await start('next', 'ingest,compute,admin', 7);
    await expectTruth(next);
    frozen.thaw();
    expect((await frozen.ended).code).toBe(EXIT_CODES.fenced);
    await expectTruth(next);
    await expectAllTrades();
    await stop(next);
  });
});
