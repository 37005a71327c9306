/** One seed of a cluster: several nodes over one log in memory, faults between them, then peace, and everything that must be true at the end. */
import { logCodec } from '../../../src/codec/log-codec.ts';
import { snapshotInstrument } from '../../../src/market/instrument-state.ts';
import { shardOf } from '../../../src/market/shards.ts';
import type { InstrumentKey } from '../../../src/market/symbols.ts';
import type { Settings } from '../../../src/settings-schema.ts';
import { loadSettings } from '../../../src/settings.ts';
import { MemoryEventLog } from '../../support/memory-event-log.ts';
import { checkPublishOrder } from '../checks/publications.ts';
import type { Violation } from '../checks/violation.ts';
import { FaultSwitches } from '../faults/fault-switches.ts';
import { History } from '../history.ts';
import { PostgresServer } from '../models/postgres-server.ts';
import { RedisModel } from '../models/redis-model.ts';
import { SimDatabase } from '../models/sim-database.ts';
import type { SeedResult } from '../simulate.ts';
import type { Process } from '../world/world.ts';
import { World } from '../world/world.ts';
import { ClusterFaults } from './cluster-faults.ts';
import { ClusterFeeds } from './cluster-feeds.ts';
import type { AppendedRecord } from './cluster-fold.ts';
import { checkBooks, checkPositions, checkSnapshots, ClusterFold } from './cluster-fold.ts';
import { checkRedundancy } from './redundant-fold.ts';
import { SimClusterNode, wayOf } from './sim-cluster-node.ts';
import { UnsteadyLogAccess } from './unsteady-log-access.ts';

const SCHEMA = 'tampines';
const SESSION_MS = 6_000;
const HEAL_MAX_MS = 90_000;
/** What was under way with the last fault shows within this: a claim that lay in the database, and the next one that answers it. */
const CALM_MS = 20_000;
const POLL_MS = 500;
const SETTLE_MS = 5_000;
const VIEW_MAX_MS = 10_000;

/** @param trace gets every task and log line */
export async function simulateCluster(seed: number, trace?: (line: string) => void): Promise<SeedResult> {
  const startedMs = processorMs();
  const world = new World(seed);
  world.trace.lines = trace;
  const random = world.stream('shape');
  const faults = new FaultSwitches(world.stream('switches'));
  const history = new History();
  const redis = new RedisModel(world, history);
  const postgres = new PostgresServer({ clock: world.clockOf(world.nature), history, schema: SCHEMA });
  const partitions = 2 + Math.floor(random() * 3);
  const instruments = Array.from(
    { length: 2 + Math.floor(random() * 5) },
    (_, index) => `kraken:COIN${index}-USD` as InstrumentKey,
  );
  for (const [index, key] of instruments.entries())
    postgres.tables.instruments.set(key, {
      id: index + 1,
      key,
      nativeSymbol: key,
      settings: {},
      isDesired: true,
    });
  const settings = drawSettings(random, partitions);
  const log = new MemoryEventLog(partitions);
  const appended = new Map<InstrumentKey, AppendedRecord[]>(instruments.map((key) => [key, []]));
  log.onAppended = (partition, offset, instrument, batch) =>
    appended.get(instrument)!.push({ order: history.nextOrder(), partition, offset, batch });
  const redundancy = random() < 0.5 ? 2 : 1;
  const feeds = new ClusterFeeds({ world, log, redundancy, later: wayOf(world, world.nature) }, instruments);
  const nodes: SimClusterNode[] = [];
  const readers = new Map<Process, UnsteadyLogAccess>();
  const startNode = (): void => {
    const name = `node-${nodes.length + 1}`;
    nodes.push(
      new SimClusterNode(name, {
        ...{ world, settings, redis, log, faults, sessionMs: SESSION_MS },
        databaseOf: (process) =>
          new SimDatabase({ world, process, server: postgres, faults, schema: SCHEMA }),
        logAccessOf: (process) => {
          const access = new UnsteadyLogAccess({ world, log, faults }, process);
          readers.set(process, access);
          return access;
        },
        onClaimed: (node, shard) => {
          const isOthers = nodes.some(
            (other) =>
              other !== node && !other.hasEnded && other.built.shardKeeper.claimOf(shard) !== undefined,
          );
          if (isOthers) faults.sometimes('two claimers');
        },
        onResyncWanted: (instrument, replica) => feeds.resync(instrument, replica),
        onLog: (process, level, fields, message) =>
          trace?.(`    ${process.name} ${level} ${message} ${JSON.stringify(fields, withErrors)}`),
      }),
    );
  };
  const plan = new ClusterFaults({
    ...{ world, faults, log, postgres, feeds, nodes, readers, startNode, sessionMs: SESSION_MS },
  });
  for (let count = 2 + Math.floor(random() * 2); count > 0; count--) startNode();
  feeds.start(50 + random() * 400);
  plan.begin();
  // In whole milliseconds, as all times of events are.
  await world.run(Math.floor(10_000 + random() ** 2 * 40_000));

  plan.end();
  const isLive = (key: InstrumentKey): boolean =>
    redis.get(`orderbook:${key}:1`)?.includes('"status":"live"') === true &&
    ownersOf(nodes, key).length === 1;
  const healStartMs = world.elapsedMs;
  let calmSinceMs = healStartMs;
  await runUntil(world, healStartMs + HEAL_MAX_MS, () => {
    if (!instruments.every(isLive)) calmSinceMs = world.elapsedMs;
    return world.elapsedMs - calmSinceMs >= CALM_MS;
  });
  feeds.stop();
  await world.run(world.elapsedMs + SETTLE_MS);
  const folded = new Map(instruments.map((key) => [key, new ClusterFold(key, appended.get(key)!, settings)]));
  const partitionOf = (key: string): number => shardOf(key as InstrumentKey, partitions);
  const violations: Violation[] = [
    ...world.uncaught.map(({ process, error }) => uncaught(process.name, error)),
    ...checkPublishOrder(history.published),
    ...checkBooks(folded, partitionOf, history),
    ...checkPositions(folded, partitionOf, history),
    ...[...folded.values()].flatMap((fold) => checkSnapshots(fold, history)),
    ...(redundancy === 1 ? [] : [...folded.values()].flatMap(checkRedundancy)),
    ...(await checkOwners(world, nodes, folded)),
  ];
  for (let count = 0; count < history.damagedReadCount; count++) faults.sometimes('damaged state read');
  for (const violation of violations) world.trace.add(JSON.stringify(violation));
  return {
    seed,
    traceHash: world.trace.text,
    violations,
    faults: faults.counts,
    reached: faults.reached,
    simulatedMs: world.elapsedMs,
    stepCount: world.taskCount,
    processorMs: processorMs() - startedMs,
  };
}

/** Each instrument runs on one node, and its state is the plain fold of its log. */
export async function checkOwners(
  world: World,
  nodes: readonly SimClusterNode[],
  folds: ReadonlyMap<string, ClusterFold>,
): Promise<Violation[]> {
  const violations: Violation[] = [];
  for (const [key, fold] of folds) {
    const owners = ownersOf(nodes, key as InstrumentKey);
    const found = (rule: string, expected: string, was: string): void => {
      violations.push({ rule, instrument: key, expected, was });
    };
    if (owners.length !== 1) {
      const names = owners.map(({ process }) => process.name).join();
      found('each instrument runs on one node', 'one', names === '' ? 'none' : names);
      continue;
    }
    const seen: { position: number; bytes: Uint8Array }[] = [];
    const [{ process, built }] = owners as [SimClusterNode];
    world.soon(process, 'look', () => {
      built.instruments
        .view(key as InstrumentKey, ({ state }) => {
          seen.push({ position: state.position, bytes: logCodec.encodeState(snapshotInstrument(state)) });
        })
        .catch(() => undefined);
    });
    await world.run(world.elapsedMs + VIEW_MAX_MS, () => seen.length > 0);
    const end = fold.end?.position ?? 0;
    const [state] = seen;
    if (state?.position !== end)
      found('every state has the whole log', `position ${end}`, `position ${state?.position ?? 'unknown'}`);
    else if (
      !fold
        .bytesAt(new Set([end]))
        .get(end)!
        .equals(state.bytes)
    )
      found('every state is the plain fold of its log', 'the bytes of a fold from nothing', 'others');
  }
  return violations;
}

export function ownersOf(nodes: readonly SimClusterNode[], key: InstrumentKey): SimClusterNode[] {
  return nodes.filter(({ hasEnded, built }) => !hasEnded && built.instruments.has(key));
}

async function runUntil(world: World, endMs: number, isTrue: () => boolean): Promise<void> {
  while (world.elapsedMs < endMs && !isTrue()) await world.run(world.elapsedMs + POLL_MS);
}

function drawSettings(random: () => number, partitions: number): Settings {
  const { settings } = loadSettings({
    assignments: [
      `postgres.schema=${SCHEMA}`,
      'kafka.brokers=kafka.sim:9092',
      `kafka.partitions=${partitions}`,
      'node.roles=compute',
      `node.leaseMs=${random() < 0.5 ? 3_000 : 10_000}`,
      'candles.intervals=1s,1m',
      'publish.bookDepth=10',
      'publish.bookResolutions=1',
      `checkpoint.everyMs=${1_000 + Math.floor(random() * 8_000)}`,
      `checkpoint.everyEntries=${20 + Math.floor(random() * 300)}`,
      'supervision.maxRestarts=1000',
      'supervision.restartMaxMs=2000',
      'shutdown.deadlineMs=10000',
    ],
    environment: {
      TAMPINES_POSTGRES_URL: 'postgres://postgres.sim',
      TAMPINES_REDIS_URL: 'redis://redis.sim',
    },
  });
  return settings;
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function uncaught(process: string, error: unknown): Violation {
  return {
    rule: 'every failure is caught',
    instrument: process,
    expected: 'none',
    was: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}

function withErrors(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}
