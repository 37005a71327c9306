/**
 * One run against a cluster: three real nodes, a broker, a Postgres and a Redis of their own, simulated exchanges, and faults drawn from the seed, one
 * to three at a time. After each draw everything must heal; at the end the tables are checked against the truth.
 */
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { KafkaNode } from '../../../scripts/services/kafka.mjs';
import { startKafka } from '../../../scripts/services/kafka.mjs';
import { createSeededRandom } from '../../../src/base/clock.ts';
import { RedisOrder } from '../../support/redis-order.ts';
import { ChaosMarkets } from '../chaos-markets.ts';
import type { FinalResult } from '../checks/final-check.ts';
import { checkFinalState } from '../checks/final-check.ts';
import { FaultProxy } from '../fault-proxy.ts';
import type { LogLine } from '../nodes/node-process.ts';
import { toWarning } from '../nodes/node-process.ts';
import { CHAOS_SETTINGS, SCHEMA, STEPS_PER_SECOND } from '../nodes/chaos-settings.ts';
import { provideProgram } from '../nodes/node-program.ts';
import { sorted } from '../report.ts';
import { drawWhole } from '../run-state.ts';
import { ChaosPostgres } from '../services/chaos-postgres.ts';
import { ChaosRedis } from '../services/chaos-redis.ts';
import type { Stoppable } from '../until-stopped.ts';
import { untilStopped } from '../until-stopped.ts';
import type { Violation } from '../violation.ts';
import { untilBooksTrue } from './cluster-calm.ts';
import type { ClusterSurroundings } from './cluster-faults.ts';
import { SESSION_MS, drawFaults } from './cluster-faults.ts';
import { ClusterNode } from './cluster-node.ts';
import type { ClusterReport } from './cluster-report.ts';

export type ClusterChaosOptions = Stoppable & {
  readonly faults: number;
  readonly seed: number;
  /** Keeps what each node logged in a file of its name there. */
  readonly logs?: string | undefined;
  /** What the run has come to so far, each time that calm returned. */
  readonly onProgress: (text: string) => void;
};

const NODE_NAMES = ['one', 'two', 'three'];
const AT_ONCE_MAX = 3;
const APART_MAX_MS = 1_500;
const SETTLED_WITHIN_MS = 15_000;
/** Lines at `error` that faults of these kinds bring about. */
const EXPECTED_ERRORS: readonly RegExp[] = [
  /^lease lost: publishing waits until the database confirms that this node still owns its instruments$/,
];
const ERROR = 50;

const CLUSTER_SETTINGS = [
  'kafka.topicPrefix=chaos',
  'kafka.partitions=6',
  'kafka.replicationFactor=1',
  `kafka.sessionTimeoutMs=${SESSION_MS}`,
  'kafka.heartbeatMs=300',
  'node.leaseMs=2000',
];

/** @throws Error when the run could not be set up or was stopped */
export function runClusterChaos(options: ClusterChaosOptions): Promise<ClusterReport> {
  return untilStopped(options, (closers) => run(options, closers));
}

async function run(options: ClusterChaosOptions, closers: (() => unknown)[]): Promise<ClusterReport> {
  const { seed, say } = options;
  const violations: Violation[] = [];
  const warnings = new Map<string, number>();
  if (options.logs !== undefined) mkdirSync(options.logs, { recursive: true });
  const surroundings = await setUp(options, closers, {
    report: (violation) => violations.push(violation),
    onLine: (name, line) => {
      noteLine(name, line, { warnings, violations });
      if (options.logs !== undefined)
        appendFileSync(join(options.logs, `${name}.log`), `${JSON.stringify(line)}\n`);
    },
  });
  const { nodes, markets, redis, redisOrder, postgres } = surroundings;
  const startMs = Date.now();
  markets.startMoving();
  for (const node of nodes) node.start();

  const counts = new Map<string, number>();
  const healTimesMs: number[] = [];
  const heal = async (): Promise<void> => {
    const { tookMs, wrong } = await untilBooksTrue({ nodes, markets, redis });
    if (wrong.length === 0) healTimesMs.push(tookMs);
    else {
      violations.push({
        rule: 'heals',
        subject: 'cluster',
        expected: 'every book live and true, every node ready',
        was: wrong.join('; '),
      });
    }
  };
  await heal();
  say(`seed ${seed}: ${markets.instruments.length} instruments are live and true, faults begin`);
  const random = createSeededRandom(seed);
  let faultCount = 0;
  while (faultCount < options.faults && !options.stop.aborted) {
    const atOnce = Math.min(drawWhole(random, 1, AT_ONCE_MAX), options.faults - faultCount);
    const drawn = drawFaults(random, surroundings, atOnce);
    const delaysMs = drawn.map(() => drawWhole(random, 0, APART_MAX_MS));
    markets.startMoving();
    await Promise.all(
      drawn.map(async ({ name, run }, index) => {
        await sleep(delaysMs[index]);
        await run();
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }),
    );
    faultCount += drawn.length;
    const before = violations.length;
    await heal();
    const what = drawn.map(({ name, place }) => `${name} (${place})`).join(' + ');
    for (const { rule, was } of violations.slice(before)) say(`after ${what}: ${rule}: ${was}`);
    const found = violations.length + redisOrder.stepsBack.length;
    const took = Math.round((Date.now() - startMs) / 1000);
    options.onProgress(`${took} s: ${faultCount} of ${options.faults} faults, ${found} violations; ${what}`);
  }

  say('faults are over, checking');
  markets.standStill();
  const adminUrl = nodes.map((node) => node.adminUrl).find((url) => url !== undefined);
  if (adminUrl === undefined) throw new Error('No node is ready at the end');
  const final = await checkSettled({ markets, postgresUrl: postgres.url, schema: SCHEMA, adminUrl });
  const missing = [...final.missing].map(([subject, trades]): Violation => {
    const times = [trades[0]!, trades.at(-1)!].map(({ timeMs }) => new Date(timeMs).toISOString());
    return {
      rule: 'trade-once',
      subject,
      expected: 'every trade from the first on',
      was: `${trades.length} missing, made from ${times.join(' to ')}`,
    };
  });
  for (const node of nodes) node.retire();
  await Promise.all(nodes.map((node) => node.stop()));
  const stepsBack = redisOrder.stepsBack.map((was): Violation => {
    return { rule: 'never-back', subject: 'Redis', expected: 'epochs and sequences that never fall', was };
  });
  return {
    seed,
    tookSeconds: Math.round((Date.now() - startMs) / 1000),
    faults: sorted(counts),
    nodeStarts: nodes.reduce((sum, { startCount }) => sum + startCount, 0),
    warnings: sorted(warnings),
    calms: healTimesMs.length,
    healedWithinMs: Math.round(Math.max(0, ...healTimesMs)),
    publications: redisOrder.publicationCount,
    tradesMade: markets.tradeCount,
    tradesStored: final.storedTrades,
    candles: final.candles,
    violations: [...violations, ...final.violations, ...missing, ...stepsBack],
  };
}

/**
 * A candle that has just been closed comes into the table a moment later, and the group may move a shard once more when its broker is back: who is asked
 * for an instrument just then may not have it. What is wrong for good stays wrong.
 */
async function checkSettled(options: Parameters<typeof checkFinalState>[0]): Promise<FinalResult> {
  const deadlineMs = performance.now() + SETTLED_WITHIN_MS;
  for (;;) {
    const isLast = performance.now() > deadlineMs;
    const final = await checkFinalState(options).catch((error: unknown) => {
      if (isLast) throw error;
      return undefined;
    });
    if (final !== undefined && (final.violations.length === 0 || isLast)) return final;
    await sleep(1_000);
  }
}

type Surroundings = ClusterSurroundings & {
  readonly postgres: ChaosPostgres;
  /** Past the proxies. */
  readonly redis: Redis;
  readonly redisOrder: RedisOrder;
};

async function setUp(
  { seed, say }: ClusterChaosOptions,
  closers: (() => unknown)[],
  listeners: {
    report: (violation: Violation) => void;
    onLine: (name: string, line: LogLine) => void;
  },
): Promise<Surroundings> {
  const folder = mkdtempSync(join(tmpdir(), 'tampines-chaos-'));
  closers.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  // Postgres runs under another account.
  chmodSync(folder, 0o755);
  const program = provideProgram(folder, say);
  const postgres = await ChaosPostgres.start(folder);
  closers.push(() => postgres.close());
  const chaosRedis = await ChaosRedis.start(folder);
  closers.push(() => chaosRedis.close());
  const markets = await ChaosMarkets.start({ seed, stepsPerSecond: STEPS_PER_SECOND });
  closers.push(() => markets.close());

  const brokers: KafkaNode[] = [];
  const kafkaProxies = await Promise.all(
    NODE_NAMES.map((_, index) => FaultProxy.start(() => brokers[0]?.proxiedPorts[index] ?? 0)),
  );
  const kafka = await startKafka({ proxyPorts: [kafkaProxies.map(({ port }) => port)] });
  closers.push(() => kafka.stop());
  brokers.push(...kafka.nodes);

  const nodes: ClusterNode[] = [];
  for (const [index, name] of NODE_NAMES.entries()) {
    const proxies = {
      kafka: kafkaProxies[index]!,
      postgres: await FaultProxy.start(postgres.port),
      redis: await FaultProxy.start(chaosRedis.port),
    };
    const node = new ClusterNode({
      program,
      name,
      folder,
      proxies,
      assignments: [
        ...CHAOS_SETTINGS,
        ...CLUSTER_SETTINGS,
        ...markets.assignments,
        `kafka.brokers=127.0.0.1:${proxies.kafka.port}`,
        `instruments=${markets.instruments.map(({ key }) => key).join(',')}`,
      ],
      environment: {
        TAMPINES_POSTGRES_URL: `postgres://postgres@127.0.0.1:${proxies.postgres.port}/postgres`,
        TAMPINES_REDIS_URL: `redis://127.0.0.1:${proxies.redis.port}`,
      },
      onLine: (line) => listeners.onLine(name, line),
      report: listeners.report,
    });
    closers.push(() => node.close());
    nodes.push(node);
  }

  const redisUrl = `redis://127.0.0.1:${chaosRedis.port}`;
  const redis = new Redis(redisUrl);
  closers.push(() => redis.disconnect());
  const redisOrder = await RedisOrder.watch(
    redisUrl,
    markets.instruments.map(({ key }) => `orderbook:${key}:1`),
  );
  closers.push(() => redisOrder.close());
  return { nodes, broker: kafka.nodes[0]!, markets, postgres, redis, redisOrder };
}

function noteLine(
  name: string,
  line: LogLine,
  found: { warnings: Map<string, number>; violations: Violation[] },
): void {
  const warning = toWarning(line);
  if (warning === undefined) return;
  found.warnings.set(warning, (found.warnings.get(warning) ?? 0) + 1);
  if (line.level < ERROR || EXPECTED_ERRORS.some((expected) => expected.test(warning))) return;
  found.violations.push({
    rule: 'errors',
    subject: name,
    expected: 'no line at level error but those that are meant to be',
    was: JSON.stringify(line).slice(0, 600),
  });
}
