/**
 * One run: real nodes, a Postgres and a Redis of their own, simulated exchanges, proxies between all of them, and faults drawn from the seed until the
 * time is over. Then everything heals, and the history and what nodes and tables hold are checked against the truth.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createSeededRandom, systemTimers } from '../../src/base/clock.ts';
import { openDatabase } from '../../src/persistence/open-database.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { untilHealed } from './calm.ts';
import { ChaosMarkets } from './chaos-markets.ts';
import { checkFinalState } from './checks/final-check.ts';
import type { FinalResult } from './checks/final-check.ts';
import { FaultLanes, LEASE_MS } from './fault-lanes.ts';
import { FaultProxy } from './fault-proxy.ts';
import { createHistoryText } from './history/history-schema.ts';
import { toWarning } from './nodes/node-process.ts';
import { provideProgram } from './nodes/node-program.ts';
import { CHAOS_SETTINGS, SCHEMA, STEPS_PER_SECOND } from './nodes/chaos-settings.ts';
import { NodeSupervisor } from './nodes/node-supervisor.ts';
import type { ChaosReport } from './report.ts';
import { createReport } from './report.ts';
import { RunHistory } from './run-history.ts';
import type { RunState } from './run-state.ts';
import { ChaosPostgres } from './services/chaos-postgres.ts';
import { ChaosRedis } from './services/chaos-redis.ts';
import type { Stoppable } from './until-stopped.ts';
import { untilStopped } from './until-stopped.ts';
import type { Violation } from './violation.ts';

export type ChaosOptions = Stoppable & {
  readonly minutes: number;
  readonly seed: number;
};

const PROGRESS_MS = 10_000;
const FIRST_LIFE_MS = 2_000;
/** A silent feed is cut by the run itself within this: no book may be shown as live on top of what is older. */
const LIVE_AGE_MAX_MS = 12_000;

/** @throws Error when the run could not be set up or was stopped */
export function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  return untilStopped(options, (closers) => run(options, closers));
}

async function run(options: ChaosOptions, closers: (() => unknown)[]): Promise<ChaosReport> {
  const { seed, minutes, say, stop } = options;
  const folder = mkdtempSync(join(tmpdir(), 'tampines-chaos-'));
  closers.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  // Postgres runs under another account.
  chmodSync(folder, 0o755);
  const program = provideProgram(folder, say);
  const postgres = await ChaosPostgres.start(folder);
  closers.push(() => postgres.close());
  if (!postgres.isDiskSmall) say('mounting is not permitted: the fault "disk full" does not run');
  await createHistory(postgres.url);
  const redis = await ChaosRedis.start(folder);
  closers.push(() => redis.close());
  const markets = await ChaosMarkets.start({ seed, stepsPerSecond: STEPS_PER_SECOND });
  closers.push(() => markets.close());
  const [postgresProxy, redisProxy] = [
    await FaultProxy.start(postgres.port),
    await FaultProxy.start(redis.port),
  ];
  closers.push(() => Promise.all([postgresProxy.close(), redisProxy.close()]));
  const history = new RunHistory({
    markets,
    postgresUrl: postgres.url,
    schema: SCHEMA,
    redisPort: redis.port,
    liveAgeMaxMs: LIVE_AGE_MAX_MS,
    leaseMs: LEASE_MS,
  });
  closers.push(() => history.close());
  await history.start();

  const warnings = new Map<string, number>();
  const nodes = new NodeSupervisor({
    program,
    folder,
    assignments: [
      ...CHAOS_SETTINGS,
      `node.leaseMs=${LEASE_MS}`,
      ...markets.assignments,
      `instruments=${markets.instruments.map(({ key }) => key).join(',')}`,
    ],
    environment: {
      TAMPINES_POSTGRES_URL: `postgres://postgres@127.0.0.1:${postgresProxy.port}/postgres`,
      TAMPINES_REDIS_URL: `redis://127.0.0.1:${redisProxy.port}`,
    },
    onLine: (_node, line) => {
      const warning = toWarning(line);
      if (warning !== undefined) warnings.set(warning, (warnings.get(warning) ?? 0) + 1);
    },
  });
  closers.push(() => nodes.close());

  const violations: Violation[] = [];
  const state: RunState = {
    random: createSeededRandom(seed),
    markets,
    postgres,
    redis,
    postgresProxy,
    redisProxy,
    nodes,
    isOver: () => stop.aborted,
    onRedisEmptied: () => history.redisEmptied(),
    report: (violation) => violations.push(violation),
    counts: new Map(),
  };
  markets.startMoving();
  nodes.start();
  const startMs = Date.now();
  await sleep(FIRST_LIFE_MS);
  await untilHealed(state);
  say(`seed ${seed}: ${markets.instruments.length} instruments are live and true, faults begin`);

  const lanes = new FaultLanes(state, { seed, untilMs: Date.now() + minutes * 60_000 });
  const progress = setInterval(() => {
    const found = violations.length + history.violations.length + nodes.violations.length;
    say(`${Math.round((Date.now() - startMs) / 1000)} s: ${lanes.describe()}; ${found} violations`);
  }, PROGRESS_MS);
  closers.push(() => clearInterval(progress));
  await lanes.run();
  clearInterval(progress);

  say('faults are over, checking');
  await untilHealed(state);
  const final = await checkEnd(state, violations);
  await history.finish();
  violations.push(...history.violations, ...nodes.violations);
  return createReport({
    seed,
    minutes,
    startMs,
    state,
    history,
    final,
    violations,
    warnings,
    lanes,
  });
}

async function createHistory(url: string): Promise<void> {
  const database = await openDatabase({
    location: { url },
    schema: SCHEMA,
    timers: systemTimers,
    log: new RecordingLog(),
  });
  await database.close();
  const client = new pg.Client(url);
  await client.connect();
  await client.query(createHistoryText(SCHEMA));
  await client.end();
}

/** Asks what the node and the tables hold, then ends the node in order. */
async function checkEnd(state: RunState, violations: Violation[]): Promise<FinalResult> {
  const { nodes, markets, postgres } = state;
  const adminUrl = nodes.current?.adminUrl;
  const final =
    adminUrl === undefined
      ? { violations: [], missing: new Map(), storedTrades: 0, candles: 0 }
      : await checkFinalState({ markets, postgresUrl: postgres.url, schema: SCHEMA, adminUrl });
  violations.push(...final.violations);
  const end = await nodes.stopInOrder(15_000);
  if (end?.code !== 0) {
    violations.push({
      rule: 'stops',
      subject: nodes.current?.name ?? 'node',
      expected: 'an end in order with code 0 on SIGTERM',
      was:
        end === undefined
          ? 'still running'
          : `code ${end.code}, signal ${end.signal}: ${end.errors.slice(0, 300)}`,
    });
  }
  return final;
}
