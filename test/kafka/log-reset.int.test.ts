/**
 * A cluster whose states, trades and candles were spoilt as a wrong version would have, on a real Kafka, Postgres and Redis: after a reset to a state
 * from before that they are what the log says again, and nothing is told twice.
 */
import kafkajs from 'kafkajs';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import { CommandFailure, EXIT_CODES } from '../../src/cli/exit-codes.ts';
import { reset } from '../../src/cli/log/reset.ts';
import { logCodec } from '../../src/codec/log-codec.ts';
import type { ResetTarget } from '../../src/cluster/ports.ts';
import { createSimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import type { SimulatedExchange } from '../../src/feeds/simulators/simulated-exchange.ts';
import { snapshotInstrument } from '../../src/market/instrument-state.ts';
import { shardOf } from '../../src/market/shards.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import type { Storage } from '../../src/persistence/open-storage.ts';
import { openStorage } from '../../src/persistence/open-storage.ts';
import { keyOf, symbols, untilBooksAreTrue, untilTradesAreStored } from '../support/cluster-truth.ts';
import { foldTopic, policyOf, readStored } from '../support/folded-topic.ts';
import type { OwnRedis } from '../support/own-redis.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { RecordingLog } from '../support/recording-log.ts';
import type { RunningNode } from '../support/running-node.ts';
import { eventually, queryRows, runNode, viewBook } from '../support/running-node.ts';
import { dropSchema, freshName, testDatabaseUrl, testKafkaBrokers } from '../support/services.ts';
import { contextOf } from '../support/writer-context.ts';

const PARTITIONS = 3;
const schema = freshName('reset');
const topicPrefix = schema.replaceAll('_', '-');
const topic = `${topicPrefix}.events`;
const keys = symbols.map(keyOf);
const [first] = keys as [InstrumentKey];

const settings = [
  `postgres.schema=${schema}`,
  `kafka.brokers=${testKafkaBrokers().join(',')}`,
  `kafka.topicPrefix=${topicPrefix}`,
  `kafka.partitions=${PARTITIONS}`,
  'kafka.replicationFactor=1',
  'kafka.heartbeatMs=200',
  'kafka.sessionTimeoutMs=6000',
  'node.leaseMs=3000',
  'feed.heartbeatMs=500',
  'candles.intervals=1s,1m',
  'candles.outOfOrdernessMs=500',
];
let environment: Readonly<Record<string, string>>;

let binance: SimulatedExchange;
let storage: Storage;
let server: OwnRedis;
let redis: Redis;
const nodes = new Set<RunningNode>();
/** Of each instrument, taken while the cluster was at work. */
const savepoints = new Map<InstrumentKey, number>();
let savedAtMs = 0;

async function start(name: string, roles: string): Promise<RunningNode> {
  const node = await runNode({
    schema,
    redisUrl: server.url,
    exchanges: { binance: binance.endpoints },
    assignments: [
      `node.name=${name}`,
      `node.roles=${roles}`,
      // Only savepoints and the last ones count.
      'checkpoint.everyMs=600000',
      ...settings,
    ],
  });
  nodes.add(node);
  return node;
}

async function stop(node: RunningNode): Promise<void> {
  await node.stop();
  nodes.delete(node);
}

/** Runs the command; returns what it wrote, or what it failed with. */
async function run(target: ResetTarget, options: { instruments?: InstrumentKey[]; isDryRun?: boolean } = {}) {
  const { instruments, isDryRun = false } = options;
  const lines: string[] = [];
  const screen = {
    ...{ isTerminal: false, width: undefined, height: undefined },
    write: (text: string) => void lines.push(text),
  };
  try {
    await reset({
      ...{ screen, isJson: true, isDryRun, target, instruments, config: undefined, environment },
      set: settings,
    });
  } catch (error) {
    expect(error).toBeInstanceOf(CommandFailure);
    const { exitCode, message } = error as CommandFailure;
    return { exitCode, document: JSON.parse(message) as Record<string, unknown> };
  }
  return { exitCode: EXIT_CODES.done, document: JSON.parse(lines.join('')) as Record<string, unknown> };
}

/** A record that nobody can read, at the end of the partition of the first instrument. */
async function writeUnreadable(): Promise<void> {
  const client = new kafkajs.Kafka({ brokers: [...testKafkaBrokers()], logLevel: kafkajs.logLevel.NOTHING });
  const producer = client.producer();
  await producer.connect();
  const partition = shardOf(first, PARTITIONS);
  await producer.send({ topic, messages: [{ key: first, value: 'no record', partition }] });
  await producer.disconnect();
}

const readTold = async () => ({
  letters: await queryRows(
    `SELECT reason, detail, count(*)::int AS count FROM ${schema}.dead_letter GROUP BY 1, 2 ORDER BY 1, 2`,
    [],
  ),
  letterCounts: await queryRows(
    `SELECT exchange, reason, count::int FROM ${schema}.dead_letter_count ORDER BY 1, 2`,
    [],
  ),
  gaps: await queryRows(
    `SELECT instrument, from_ms::text, to_ms::text, count(*)::int AS count FROM ${schema}.feed_gap
      WHERE reason <> 'its actor was away' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
    [],
  ),
  trades: await queryRows(
    `SELECT instrument_id, trade_id, event_time_ms::text, price::text, quantity::text FROM ${schema}.trade ORDER BY 1, 3, 2`,
    [],
  ),
});

/** What a version that folds wrongly would have left since the savepoints. */
async function spoil(instrument: InstrumentKey): Promise<void> {
  const newest = (await storage.journal.latestSnapshot(instrument))!;
  const savepoint = await storage.journal.readSavepoint(instrument, savepoints.get(instrument)!);
  const afterMs = savepoint.candles.highestTimeMs!;
  const claim = await storage.journal.claim(shardOf(instrument, PARTITIONS), 'spoiler');
  const { counters, candles } = newest.state;
  await storage.journal.saveSnapshot(claim, {
    ...newest,
    state: {
      ...newest.state,
      counters: { ...counters, tradesLive: counters.tradesLive + 7 },
      candles: { ...candles, series: candles.series.map((series) => ({ ...series, kept: [] })) },
    },
  });
  const id = `(SELECT id FROM ${schema}.instrument WHERE key = $1)`;
  const values = [instrument, String(afterMs)];
  await queryRows(
    `UPDATE ${schema}.candle SET volume = volume + 1, revision = revision + 9 WHERE instrument_id = ${id} AND open_time_ms > $2`,
    values,
  );
  await queryRows(
    `UPDATE ${schema}.trade SET price = price + 1 WHERE instrument_id = ${id} AND event_time_ms > $2`,
    values,
  );
  await queryRows(
    `INSERT INTO ${schema}.trade SELECT instrument_id, event_time_ms + 1, trade_id || 'x', receive_time_ms, price, quantity, taker_side, is_history
      FROM ${schema}.trade WHERE instrument_id = ${id} AND event_time_ms > $2 LIMIT 3`,
    values,
  );
}

/** A node without feeds reads the log to its end, and leaves what the plain fold of the log gives. */
async function expectPlainFold(): Promise<void> {
  const folds = await foldTopic(topic, policyOf(settings, environment));
  const compute = await start('compute', 'compute,admin');
  for (const [instrument, { state }] of folds) {
    await eventually(`${instrument} has read the log again`, async () =>
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
}

type Listed = {
  readonly epoch: number;
  readonly seq: number;
  readonly volume: string;
  readonly openTimeMs: number;
  readonly revision: number;
};

/** The closed candles of a list of Redis, newest first. */
async function readList(instrument: InstrumentKey): Promise<Listed[]> {
  const texts = await redis.lrange(`candle:${instrument}:1s:closed`, 0, -1);
  return texts.map((text) => JSON.parse(text) as Listed);
}

beforeAll(async () => {
  server = await startOwnRedis();
  environment = { TAMPINES_POSTGRES_URL: testDatabaseUrl(), TAMPINES_REDIS_URL: server.url };
  redis = new Redis(server.url);
  storage = await openStorage({
    location: { url: testDatabaseUrl() },
    schema,
    context: contextOf(new RecordingLog()),
  });
  binance = await createSimulatedBinance({
    clock: systemClock,
    timers: systemTimers,
    random: createSeededRandom(20261201),
    stepsPerSecond: 100,
    tradeShare: 0.4,
    symbols,
  });
});

afterAll(async () => {
  for (const node of nodes) await node.stop();
  redis.disconnect();
  await server.close();
  await binance.close();
  await storage.close();
  await dropSchema(schema);
});

describe('a cluster whose reading is reset', () => {
  let told: Awaited<ReturnType<typeof readTold>>;

  it('refuses it while a node is alive, and goes on', async () => {
    const compute = await start('compute', 'compute,admin');
    const ingest = await start('ingest', 'ingest,admin');
    for (const { nativeSymbol } of symbols) await compute.instruments.spawn('binance', nativeSymbol);
    const views = () => Promise.all(keys.map((key) => viewBook(compute, key)));
    await untilBooksAreTrue(binance, views);
    await systemTimers.sleep(2_000);
    for (const key of keys) savepoints.set(key, (await compute.instruments.takeSavepoint(key)).batchNumber);
    // The database counts parts of a millisecond.
    savedAtMs = systemClock.nowMs() + 1;
    const target: ResetTarget = { kind: 'savepoint', batchNumber: savepoints.get(first)! };
    expect(await run(target, { instruments: [first] })).toMatchObject({
      exitCode: EXIT_CODES.conflict,
      document: { code: 'CLUSTER_RUNNING' },
    });
    await writeUnreadable();
    await systemTimers.sleep(3_000);
    await untilBooksAreTrue(binance, views);
    // What is written from here on is in no state.
    await stop(compute);
    await systemTimers.sleep(1_000);
    await stop(ingest);
    await expectPlainFold();
    told = await readTold();
    expect(told.letters).toMatchObject([{ reason: 'unreadable-record', count: 1 }]);
  });

  it('says what would be done, and does nothing', async () => {
    const batchNumber = savepoints.get(first)!;
    const before = await storage.journal.latestSnapshot(first);
    const { document } = await run(
      { kind: 'savepoint', batchNumber },
      { instruments: [first], isDryRun: true },
    );
    expect(document).toMatchObject({
      isDone: false,
      instruments: [{ instrument: first, batchNumber }],
      running: [],
    });
    expect(document['recordsToRead']).toBeGreaterThan(0);
    expect(await storage.journal.latestSnapshot(first)).toEqual(before);
    expect(await run({ kind: 'savepoint', batchNumber: 1 }, { instruments: [first] })).toMatchObject({
      exitCode: EXIT_CODES.notFound,
      document: { code: 'SAVEPOINT_UNKNOWN' },
    });
  });

  it('has what follows from its log again, once, from a savepoint of one instrument on', async () => {
    await spoil(first);
    const { position } = await storage.journal.readSavepoint(first, savepoints.get(first)!);
    const listed = await readList(first);
    expect(listed[0]!.seq).toBeGreaterThan(position);
    const target: ResetTarget = { kind: 'savepoint', batchNumber: savepoints.get(first)! };
    // As after an end in its middle: asked for twice.
    for (let times = 0; times < 2; times++) {
      expect(await run(target, { instruments: [first] })).toMatchObject({
        exitCode: EXIT_CODES.done,
        document: { isDone: true },
      });
    }
    expect(await readList(first)).toEqual(listed.filter(({ seq }) => seq <= position));
    await expectPlainFold();
    expect(await readTold()).toEqual(told);
    // Subscribers are told again of what closed since.
    const again = await readList(first);
    const withoutEpoch = (candles: readonly Listed[]) =>
      candles.map(({ seq, volume, openTimeMs, revision }) => ({ seq, volume, openTimeMs, revision }));
    expect(withoutEpoch(again)).toEqual(withoutEpoch(listed));
    expect(again[0]!.epoch).toBeGreaterThan(listed[0]!.epoch);
    expect(again[0]!.seq).toBeGreaterThan(position);
  });

  it('has what follows from its log again, once, from a time on', async () => {
    for (const key of keys) await spoil(key);
    const { document } = await run({ kind: 'time', timeMs: savedAtMs });
    expect(document).toMatchObject({
      isDone: true,
      instruments: [...keys]
        .sort()
        .map((instrument) => ({ instrument, batchNumber: savepoints.get(instrument) })),
    });
    await expectPlainFold();
    expect(await readTold()).toEqual(told);
  });

  it('has what follows from its log again from before the first state on', async () => {
    for (const key of keys) await spoil(key);
    const { document } = await run({ kind: 'time', timeMs: 0 });
    expect(document['instruments']).toMatchObject(keys.map(() => ({ batchNumber: null })));
    await expectPlainFold();
    expect(await readTold()).toEqual(told);
  });

  it('goes on with its feeds', async () => {
    const node = await start('all', 'ingest,compute,admin');
    await untilBooksAreTrue(binance, () => Promise.all(keys.map((key) => viewBook(node, key))));
    binance.market.stop();
    await untilTradesAreStored(binance, schema);
    await stop(node);
  });
});
