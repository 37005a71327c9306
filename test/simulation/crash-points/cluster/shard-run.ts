/**
 * One run of nodes over the log in memory and a real Postgres: one is killed and begins again, another takes a part over, the first is stopped in
 * order; and meanwhile one call of one of them meets the fate that was chosen. What Postgres holds in the end is compared with the fold of the log.
 */
import { DerivedRows } from '../../../../src/actors/derived-rows.ts';
import { logCodec } from '../../../../src/codec/log-codec.ts';
import { decide } from '../../../../src/market/decide.ts';
import { evolve } from '../../../../src/market/evolve.ts';
import { createInstrumentState } from '../../../../src/market/instrument-state.ts';
import { shardOf } from '../../../../src/market/shards.ts';
import type { InstrumentKey } from '../../../../src/market/symbols.ts';
import type { CandleRow, MarketTables, TradeRow } from '../../../../src/actors/ports.ts';
import { candleOutput, tradeOutput } from '../../../../src/persistence/output-documents.ts';
import type { Statement } from '../../../../src/persistence/database.ts';
import { loadSettings } from '../../../../src/settings.ts';
import type { Settings } from '../../../../src/settings-schema.ts';
import { MemoryEventLog } from '../../../support/memory-event-log.ts';
import type { Violation } from '../../checks/violation.ts';
import { ClusterFeeds } from '../../cluster/cluster-feeds.ts';
import type { AppendedRecord } from '../../cluster/cluster-fold.ts';
import { checkPositions, checkSnapshots, ClusterFold, policyOf } from '../../cluster/cluster-fold.ts';
import { SimClusterNode, wayOf } from '../../cluster/sim-cluster-node.ts';
import { checkOwners, ownersOf } from '../../cluster/simulate-cluster.ts';
import { FaultSwitches } from '../../faults/fault-switches.ts';
import { History } from '../../history.ts';
import { RedisModel } from '../../models/redis-model.ts';
import { World } from '../../world/world.ts';
import type { Call, Trial } from './call-points.ts';
import { CallPoints } from './call-points.ts';
import type { RealPostgres } from './real-postgres.ts';
import { WatchedDatabase } from './watched-database.ts';
import { WatchedLog } from './watched-log.ts';

export type ShardRun = {
  readonly calls: readonly Call[];
  readonly struck: Call | undefined;
  readonly violations: readonly Violation[];
  readonly recordCount: number;
};

const SEED = 20261129;
export const PARTITIONS = 2;
export const INSTRUMENTS = ['kraken:COIN0-USD', 'kraken:COIN1-USD', 'kraken:COIN2-USD'] as InstrumentKey[];
const SESSION_MS = 800;
const RESTART_MS = 500;
const KILL_AT_MS = 1_400;
const SECOND_AT_MS = 3_000;
const STOP_AT_MS = 5_000;
const END_AT_MS = 6_500;
const CALM_MS = 3_500;
/** What lay in a server is done, and answered by another claim, within this. */
const CALM_AFTER_LATE_MS = 7_000;
const HEAL_MAX_MS = 60_000;
const POLL_MS = 250;
const SETTLE_MS = 2_500;

export async function runShards(postgres: RealPostgres, trial: Trial | undefined): Promise<ShardRun> {
  await postgres.begin(INSTRUMENTS);
  const { schema } = postgres.database;
  const settings = settingsFor(schema);
  const world = new World(SEED);
  const faults = new FaultSwitches(world.stream('switches'));
  const history = new History();
  const written = new WrittenHistory(history, postgres);
  const redis = new RedisModel(world, history);
  const log = new MemoryEventLog(PARTITIONS);
  const appended = new Map<InstrumentKey, AppendedRecord[]>(INSTRUMENTS.map((key) => [key, []]));
  log.onAppended = (partition, offset, instrument, batch) =>
    appended.get(instrument)!.push({ order: history.nextOrder(), partition, offset, batch });
  const feeds = new ClusterFeeds(
    { world, log, redundancy: 1, later: wayOf(world, world.nature) },
    INSTRUMENTS,
  );
  const nodes: SimClusterNode[] = [];
  const points = new CallPoints(trial, (process) => {
    world.kill(process);
    // It may be one that has only begun, of which nobody knows yet.
    world.soon(world.nature, 'killed', () => nodes.find((node) => node.process === process)!.kill());
    world.after(world.nature, RESTART_MS, 'begins again', startNode);
  });
  const startNode = (): void => {
    nodes.push(
      new SimClusterNode(`node-${nodes.length + 1}`, {
        ...{ world, settings, redis, log, faults, sessionMs: SESSION_MS },
        databaseOf: (process) =>
          new WatchedDatabase({
            ...{ world, process, server: postgres, points },
            onDone: (statement) => written.note(statement),
          }),
        logAccessOf: (process) => new WatchedLog({ world, process, log, points }),
        outputs: { topics: new Set(['candles', 'trades']), source: 'crash-points' },
        onResyncWanted: (instrument, replica) => feeds.resync(instrument, replica),
        onLog: () => undefined,
      }),
    );
  };
  const oldest = (): SimClusterNode | undefined =>
    nodes.find(({ hasEnded, isEnding }) => !hasEnded && !isEnding);
  startNode();
  feeds.start(600);
  await world.run(KILL_AT_MS);
  const first = oldest();
  if (first !== undefined) points.kill(first.process);
  await world.run(SECOND_AT_MS);
  startNode();
  await world.run(STOP_AT_MS);
  oldest()?.stop();
  await world.run(END_AT_MS);

  points.isCounting = false;
  const calmMs = trial?.fate === 'dies, done late' ? CALM_AFTER_LATE_MS : CALM_MS;
  let calmSinceMs = world.elapsedMs;
  while (world.elapsedMs < END_AT_MS + HEAL_MAX_MS && world.elapsedMs - calmSinceMs < calmMs) {
    await world.run(world.elapsedMs + POLL_MS);
    if (!INSTRUMENTS.every((key) => ownersOf(nodes, key).length === 1)) calmSinceMs = world.elapsedMs;
  }
  feeds.stop();
  await world.run(world.elapsedMs + SETTLE_MS);
  const folds = new Map(INSTRUMENTS.map((key) => [key, new ClusterFold(key, appended.get(key)!, settings)]));
  const owners = await checkOwners(world, nodes, folds);
  for (const node of nodes) if (!node.hasEnded && !node.isEnding) node.stop();
  await world.run(world.elapsedMs + SETTLE_MS);
  const partitionOf = (key: string): number => shardOf(key as InstrumentKey, PARTITIONS);
  const violations: Violation[] = [
    ...world.uncaught.map(({ process, error }) => ({
      ...{ rule: 'every failure is caught', instrument: process.name, expected: 'none' },
      was: error instanceof Error ? (error.stack ?? error.message) : String(error),
    })),
    ...owners,
    ...[...folds.values()].flatMap((fold) => checkSnapshots(fold, history)),
    ...checkPositions(folds, partitionOf, history),
    ...written.violations,
    ...checkEnds(log, history),
    ...INSTRUMENTS.flatMap((key) => written.checkRows(key, foldRows(key, appended.get(key)!, settings))),
  ];
  const recordCount = log.partitions.reduce((sum, { endOffset }) => sum + endOffset, 0);
  return { calls: points.calls, struck: points.struck, violations, recordCount };
}

/** After the ordered end of the last owner nothing of the log is needed any more. */
function checkEnds(log: MemoryEventLog, { positions }: History): Violation[] {
  return log.partitions.flatMap(({ endOffset }, shard) => {
    const place = positions.findLast((each) => each.shard === shard)?.nextOffset ?? 0;
    if (place === endOffset) return [];
    const rule = 'who stops in order leaves nothing to read again';
    return [{ rule, instrument: `shard ${shard}`, expected: `place ${endOffset}`, was: `place ${place}` }];
  });
}

type Rows = { readonly trades: readonly TradeRow[]; readonly candles: readonly CandleRow[] };

/** Every row that follows from the log, each revision of a candle. */
function foldRows(instrument: InstrumentKey, records: readonly AppendedRecord[], settings: Settings): Rows {
  const trades: TradeRow[] = [];
  const candles: CandleRow[] = [];
  const tables: Pick<MarketTables, 'write' | 'isFull'> = {
    isFull: false,
    write: (rows) => {
      trades.push(...rows.trades);
      candles.push(...rows.candles);
      return Promise.resolve();
    },
  };
  const rows = new DerivedRows(instrument, tables as MarketTables);
  const policy = policyOf(instrument, settings);
  const state = createInstrumentState(policy);
  for (const { batch } of records) {
    const { entry } = decide(state, batch, policy);
    if (entry === undefined) continue;
    evolve(state, entry, policy, {
      onTrade: (trade) => void rows.addTrade(trade),
      onCandleClosed: (candle) => rows.addCandle(candle),
      onLateTrade: () => undefined,
      onCandlesSkipped: () => undefined,
      onBookUnsure: () => undefined,
      onBookStatus: () => undefined,
    });
  }
  void rows.write();
  return { trades, candles };
}

/** What triggers wrote down, as the history that the checks of the simulation judge. */
class WrittenHistory {
  readonly violations: Violation[] = [];
  readonly #history: History;
  readonly #postgres: RealPostgres;
  readonly #epochs = new Map<number, number>();
  readonly #places = new Map<number, number>();
  readonly #keys = new Map<number, InstrumentKey>();
  readonly #ids = new Map<string, string[]>([
    ['trade', []],
    ['candle', []],
    ['output', []],
  ]);

  constructor(history: History, postgres: RealPostgres) {
    this.#history = history;
    this.#postgres = postgres;
  }

  async note(statement: Statement): Promise<void> {
    if (!/\b(INSERT|UPDATE)\b/.test(statement.text)) return;
    for (const { source, row } of await this.#postgres.readWritten()) {
      if (source === 'shard') this.#noteShard(row, statement);
      else if (source === 'state_snapshot') await this.#noteSnapshot(row);
      else if (source === 'output') this.#ids.get(source)!.push(String(row['record_id']));
      else if (source === 'trade' || source === 'candle') {
        const key = await this.#keyOf(Number(row['instrument_id']));
        const name =
          source === 'trade'
            ? `${key}/${String(row['event_time_ms'])}/${String(row['trade_id'])}`
            : `${key}/${String(row['interval'])}/${String(row['open_time_ms'])}/${String(row['revision'])}`;
        this.#ids.get(source)!.push(name);
      }
    }
  }

  /** Each trade once, each candle up to its last revision, and the same in what waits for Kafka. */
  checkRows(instrument: InstrumentKey, { trades, candles }: Rows): Violation[] {
    const own = (source: string): string[] =>
      this.#ids
        .get(source)!
        .filter((name) => name.startsWith(`${instrument}/`))
        .sort();
    const tradeIds = trades.map((row) => tradeOutput(row).id).sort();
    const revisions = new Map<string, string>();
    for (const row of candles) revisions.set(`${row.interval}/${row.openTimeMs}`, candleOutput(row).id);
    const candleIds = new Set(candles.map((row) => candleOutput(row).id));
    const found: Violation[] = [];
    const tell = (rule: string, expected: unknown, was: unknown): void => {
      found.push({ rule, instrument, expected: JSON.stringify(expected), was: JSON.stringify(was) });
    };
    const outputs = own('output');
    if (own('trade').join() !== tradeIds.join()) tell('each trade is stored once', tradeIds, own('trade'));
    const outputTrades = outputs.filter((id) => !candleIds.has(id));
    if (outputTrades.join() !== tradeIds.join()) tell('each trade is told once', tradeIds, outputTrades);
    for (const source of ['candle', 'output']) {
      const names = own(source).filter((id) => candleIds.has(id));
      if (new Set(names).size < names.length) tell(`no closed candle twice in ${source}`, 'once each', names);
      const missing = [...revisions.values()].filter((id) => !names.includes(id));
      if (missing.length > 0) tell(`each closed candle in ${source}`, missing, 'missing');
    }
    const foreign = own('candle').filter((id) => !candleIds.has(id));
    if (foreign.length > 0) tell('no candle but those of the log', [], foreign);
    return found;
  }

  #noteShard(row: Readonly<Record<string, unknown>>, { text, values = [] }: Statement): void {
    const [shard, epoch, nextOffset] = [
      Number(row['id']),
      Number(row['epoch']),
      Number(row['next_position']),
    ];
    const order = this.#history.nextOrder();
    const before = { epoch: this.#epochs.get(shard) ?? 0, place: this.#places.get(shard) ?? 0 };
    const tell = (rule: string, expected: string, was: number): void => {
      this.violations.push({ rule, instrument: `shard ${shard}`, expected, was: String(was) });
    };
    if (nextOffset < before.place) tell('a place never goes back', `at least ${before.place}`, nextOffset);
    this.#places.set(shard, nextOffset);
    this.#epochs.set(shard, epoch);
    if (text.includes('SET next_position')) {
      const writer = Number(values[1]);
      this.#history.positions.push({
        order,
        timeMs: 0,
        shard,
        epoch: writer,
        shardEpoch: before.epoch,
        nextOffset,
      });
      return;
    }
    if (epoch <= before.epoch) tell('each claim has a larger epoch', `more than ${before.epoch}`, epoch);
    this.#history.claims.push({ order, timeMs: 0, shard, epoch, owner: String(row['owner']) });
  }

  async #noteSnapshot(row: Readonly<Record<string, unknown>>): Promise<void> {
    const instrument = await this.#keyOf(Number(row['instrument_id']));
    this.#history.snapshots.push({
      ...{ order: this.#history.nextOrder(), timeMs: 0, instrument },
      batchNumber: Number(row['batch_number']),
      position: Number(row['position']),
      epoch: Number(row['epoch']),
      shardEpoch: this.#epochs.get(shardOf(instrument, PARTITIONS)) ?? 0,
      schemaId: String(row['schema_id']),
      state: logCodec.encodeState(
        logCodec.decodeState(String(row['schema_id']), Buffer.from(String(row['state']).slice(2), 'hex')),
      ),
    });
  }

  async #keyOf(id: number): Promise<InstrumentKey> {
    const known = this.#keys.get(id);
    if (known !== undefined) return known;
    const { schema } = this.#postgres.database;
    const { rows } = await this.#postgres.database.query<{ key: InstrumentKey }>({
      text: `SELECT key FROM ${schema}.instrument WHERE id = $1`,
      values: [id],
    });
    this.#keys.set(id, rows[0]!.key);
    return rows[0]!.key;
  }
}

function settingsFor(schema: string): Settings {
  return loadSettings({
    assignments: [
      `postgres.schema=${schema}`,
      'kafka.brokers=kafka.sim:9092',
      `kafka.partitions=${PARTITIONS}`,
      'node.roles=compute',
      'node.leaseMs=6000',
      'candles.intervals=1s',
      'candles.outOfOrdernessMs=200',
      'publish.bookDepth=10',
      'publish.bookResolutions=1',
      'checkpoint.everyMs=900',
      'checkpoint.everyEntries=1000',
      'supervision.maxRestarts=1000',
      'supervision.restartMaxMs=1000',
      'shutdown.deadlineMs=10000',
    ],
    environment: {
      TAMPINES_POSTGRES_URL: 'postgres://postgres.real',
      TAMPINES_REDIS_URL: 'redis://redis.sim',
    },
  }).settings;
}
