/** One node that feeds and so many that compute, each in a process of its own, under the load of an exchange that can't be outrun. */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MarketPace } from '../feeds/market-moments.ts';
import { LoadingExchange, instrumentNames } from '../end-to-end/loading-exchange.ts';
import type { MemberOrder, MemberReport } from './member-process.ts';

const SEED = 21;
const SYMBOL_COUNT = 16;
const PARTITIONS = 16;
const PLACED_WITHIN_MS = 60_000;
const POLL_MS = 250;

export type LoadedClusterOptions = {
  readonly computeCount: number;
  readonly brokers: string;
  readonly postgresUrl: string;
  readonly redisUrl: string;
  readonly framesPerRound: number;
  /** Beside a first one that warms up. */
  readonly rounds: number;
  readonly pace: MarketPace;
};

export type ClusterLoadReport = {
  readonly framesPerSecond: readonly number[];
  /** Instruments of each node that computes. */
  readonly instrumentCounts: readonly number[];
  /** Processor time of a frame, µs, over all rounds: of the node that feeds, of all that compute, and of everything on this machine. */
  readonly feedCpuUs: number;
  readonly computeCpuUs: number;
  readonly machineCpuUs: number;
};

export async function loadCluster(options: LoadedClusterOptions): Promise<ClusterLoadReport> {
  const { framesPerRound, rounds, computeCount, pace } = options;
  const exchange = await LoadingExchange.start({
    symbolCount: SYMBOL_COUNT,
    frameCount: framesPerRound * (rounds + 1),
    seed: SEED,
    pace,
  });
  const members: Member[] = [];
  try {
    const start = (role: 'ingest' | 'compute', index: number): void => {
      members.push(new Member(memberOrder(options, exchange, { role, index })));
    };
    for (let index = 0; index < computeCount; index++) start('compute', index);
    await untilPlaced(members);
    start('ingest', 0);
    const [feeder, computers] = [members.at(-1)!, members.slice(0, -1)];
    await exchange.subscribed;
    const readCounts = async (): Promise<{ deltas: number; trades: number }> => {
      const reports = await Promise.all(computers.map((computer) => computer.report()));
      return { deltas: sumOf(reports, 'deltas'), trades: sumOf(reports, 'trades') };
    };
    await exchange.send({ frameCount: framesPerRound }, readCounts);
    const before = await readCpu(feeder, computers);
    const framesPerSecond: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const startMs = performance.now();
      await exchange.send({ frameCount: framesPerRound }, readCounts);
      framesPerSecond.push((1_000 * framesPerRound) / (performance.now() - startMs));
    }
    const after = await readCpu(feeder, computers);
    const usPerFrame = (part: keyof typeof after): number =>
      (1_000 * (after[part] - before[part])) / (framesPerRound * rounds);
    const reports = await Promise.all(computers.map((computer) => computer.report()));
    return {
      framesPerSecond,
      instrumentCounts: reports.map(({ instrumentCount }) => instrumentCount),
      feedCpuUs: usPerFrame('feedMs'),
      computeCpuUs: usPerFrame('computeMs'),
      machineCpuUs: usPerFrame('machineMs'),
    };
  } finally {
    await Promise.all(members.map((member) => member.stop()));
    await exchange.close();
  }
}

function memberOrder(
  { brokers, postgresUrl, redisUrl, computeCount }: LoadedClusterOptions,
  exchange: LoadingExchange,
  { role, index }: { role: 'ingest' | 'compute'; index: number },
): MemberOrder {
  const name = `bench_${process.pid}_of_${computeCount}`;
  return {
    environment: { TAMPINES_POSTGRES_URL: postgresUrl, TAMPINES_REDIS_URL: redisUrl },
    assignments: [
      `node.name=${role}-${index}`,
      `node.roles=${role}`,
      'admin.port=0',
      'log.level=error',
      'shutdown.deadlineMs=20000',
      `postgres.schema=${name}`,
      `kafka.brokers=${brokers}`,
      `kafka.topicPrefix=${name.replaceAll('_', '-')}`,
      `kafka.partitions=${PARTITIONS}`,
      'kafka.replicationFactor=1',
      `instruments=${instrumentNames('C', SYMBOL_COUNT).join(',')}`,
      ...exchange.assignments,
    ],
  };
}

/** Every node that computes has its share of the instruments, and all of them run somewhere. */
async function untilPlaced(computers: readonly Member[]): Promise<void> {
  const giveUpMs = performance.now() + PLACED_WITHIN_MS;
  for (;;) {
    const reports = await Promise.all(computers.map((computer) => computer.report()));
    const counts = reports.map(({ instrumentCount }) => instrumentCount);
    if (counts.every((count) => count > 0) && sumOf(reports, 'instrumentCount') === SYMBOL_COUNT) return;
    if (performance.now() > giveUpMs) throw new Error(`Instruments were not placed: ${counts.join(', ')}`);
    await sleep(POLL_MS);
  }
}

async function readCpu(
  feeder: Member,
  computers: readonly Member[],
): Promise<{ feedMs: number; computeMs: number; machineMs: number }> {
  const reports = await Promise.all(computers.map((computer) => computer.report()));
  const machineMs = cpus().reduce(
    (sum, { times }) => sum + times.user + times.nice + times.sys + times.irq,
    0,
  );
  return { feedMs: (await feeder.report()).cpuMs, computeMs: sumOf(reports, 'cpuMs'), machineMs };
}

function sumOf(reports: readonly MemberReport[], part: keyof MemberReport): number {
  return reports.reduce((sum, report) => sum + report[part], 0);
}

class Member {
  readonly #process: ChildProcess;
  /** Its first report comes by itself, when it has started; then one each time it is asked. */
  #last: Promise<MemberReport>;
  #waiting: { resolve(report: MemberReport): void; reject(error: Error): void } | undefined;

  constructor(order: MemberOrder) {
    this.#process = fork(join(import.meta.dirname, 'member-process.js'), {
      execArgv: ['--max-semi-space-size=64'],
    });
    this.#process.on('message', (report: MemberReport) => this.#waiting?.resolve(report));
    this.#process.on('exit', (code) => {
      this.#waiting?.reject(new Error(`A node of the benchmark ended with ${code}`));
    });
    this.#last = this.#ask(order);
  }

  report(): Promise<MemberReport> {
    this.#last = this.#last.then(() => this.#ask('report'));
    return this.#last;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.send('stop');
    await ended;
  }

  #ask(word: MemberOrder | 'report'): Promise<MemberReport> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#process.send(word);
    });
  }
}
