/**
 * A cluster on a real Kafka, Postgres and Redis: how long subscribers hear nothing of an instrument whose node is killed, stopped or replaced, and what a
 * frame costs that goes through Kafka beside one that does not.
 */
import { ClusterRun } from './cluster/cluster-run.ts';
import { loadCluster } from './cluster/loaded-cluster.ts';
import { LoadedNode } from './end-to-end/loaded-node.ts';
import { MUCH_QUOTED } from './feeds/market-moments.ts';
import type { Benchmark, BenchmarkGroup } from './harness/benchmark.ts';
import type { RealServers } from './harness/services.ts';
import { realKafka, realServers } from './harness/services.ts';

/** One of them, or none, while something else is worked on: part of its name. */
const PROFILES_WITH = process.env['CLUSTER_BENCH_PROFILE'] ?? '';
const ROUNDS = 6;
const COMPUTE_COUNTS = [1, 2];
const LOAD = { framesPerRound: 60_000, rounds: 4, pace: MUCH_QUOTED };
const INPUT = { framesPerRun: 100_000, runsMax: 6, pace: MUCH_QUOTED };

/** `fast` as docs/operations.md describes it. */
const PROFILES = [
  { name: 'default timeouts', settings: [], barMs: 15_000 },
  {
    name: 'fast profile',
    settings: ['kafka.sessionTimeoutMs=4000', 'kafka.heartbeatMs=250', 'node.leaseMs=3000'],
    barMs: 6_000,
  },
] as const;
const MOVE_BAR_MS = 2_000;
const ROLLING_BAR_MS = 3_000;

export const cluster: BenchmarkGroup = {
  name: 'cluster',
  title: 'A cluster on Kafka: failover, moves, and the cost of a frame',
  async open() {
    const notes: string[] = [];
    const servers = await realServers(notes);
    if (servers === undefined) return { benchmarks: [], notes, close: () => Promise.resolve() };
    const kafka = await realKafka(notes);
    if (kafka === undefined) return { benchmarks: [], notes, close: () => servers.close() };
    let databases = 0;
    const own = (): RealServers => ({ ...servers, redisUrl: databaseOf(servers.redisUrl, ++databases) });
    for (const computeCount of COMPUTE_COUNTS) {
      notes.push(await measureLoad(own(), kafka.location, computeCount));
    }
    for (const profile of PROFILES.filter(({ name }) => name.includes(PROFILES_WITH))) {
      notes.push(...(await measureSilences(own(), kafka.location, profile)));
    }
    const nodes: LoadedNode[] = [];
    const benchmarks: Benchmark[] = [];
    for (const way of ['direct', 'through Kafka'] as const) {
      const node = await LoadedNode.start({
        title: way,
        postgresUrl: servers.postgresUrl,
        redisUrl: own().redisUrl,
        ...INPUT,
        runsMax: INPUT.runsMax + 1,
        settings: way === 'direct' ? [] : throughKafka(kafka.location),
      });
      nodes.push(node);
      benchmarks.push({ ...node.benchmark(), runsMax: INPUT.runsMax });
    }
    notes.push(
      'One node, all roles; frames of about seven levels, durable and folded at the end of a round.',
    );
    return {
      benchmarks,
      notes,
      close: async () => {
        for (const node of nodes) await node.close();
        await kafka.close();
        await servers.close();
      },
    };
  },
};

/** Keys of one run are newer than those of the next. */
function databaseOf(redisUrl: string, index: number): string {
  const url = new URL(redisUrl);
  url.pathname = `/${index}`;
  return url.href;
}

function throughKafka(brokers: string): string[] {
  return [
    `postgres.schema=bench_${process.pid}_kafka`,
    `kafka.brokers=${brokers}`,
    `kafka.topicPrefix=bench-${process.pid}`,
    'kafka.partitions=8',
    'kafka.replicationFactor=1',
  ];
}

async function measureLoad(
  { postgresUrl, redisUrl }: RealServers,
  brokers: string,
  computeCount: number,
): Promise<string> {
  const { framesPerSecond, instrumentCounts, feedCpuUs, computeCpuUs, machineCpuUs } = await loadCluster({
    ...LOAD,
    computeCount,
    brokers,
    postgresUrl,
    redisUrl,
  });
  const count = (value: number): string => Math.round(value).toLocaleString('en-US');
  const mean = framesPerSecond.reduce((sum, value) => sum + value, 0) / framesPerSecond.length;
  return `one node that feeds, ${computeCount} that compute (${instrumentCounts.join(' and ')} instruments): best ${count(Math.max(...framesPerSecond))}, mean ${count(mean)} frames/s; CPU of a frame ${feedCpuUs.toFixed(1)} µs where it is fed, ${computeCpuUs.toFixed(1)} µs where it is folded, ${machineCpuUs.toFixed(1)} µs on the whole machine (exchange, broker, Postgres and Redis too)`;
}

async function measureSilences(
  { postgresUrl, redisUrl }: RealServers,
  brokers: string,
  { name, settings, barMs }: (typeof PROFILES)[number],
): Promise<string[]> {
  const schema = `bench_${process.pid}_${name.split(' ')[0]!}`;
  const run = await ClusterRun.start({ brokers, postgresUrl, redisUrl, schema, settings });
  try {
    const killed = await run.disturb('SIGKILL', ROUNDS);
    const moved = await run.disturb('SIGTERM', ROUNDS);
    const rolling = await run.restartAll();
    return [
      `${name}, silence of instruments from their last live book to the next (three nodes, twelve instruments):`,
      describe(`  node killed (${ROUNDS} times)`, killed, 0.95, barMs),
      describe(`  node stopped in order (${ROUNDS} times)`, moved, 0.95, MOVE_BAR_MS),
      describe('  all three restarted, one after the other', rolling, 1, ROLLING_BAR_MS),
    ];
  } finally {
    await run.close();
  }
}

function describe(what: string, silencesMs: readonly number[], share: number, barMs: number): string {
  const sorted = [...silencesMs].sort((a, b) => a - b);
  const at = (part: number): string =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN).toLocaleString(
      'en-US',
    );
  return `${what}: ${sorted.length} silences, median ${at(0.5)}, p95 ${at(0.95)}, longest ${at(1)} ms; wanted: ${share === 1 ? 'longest' : 'p95'} below ${barMs.toLocaleString('en-US')}`;
}
