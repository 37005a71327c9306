/** Three nodes in processes of their own on simulated exchanges, and how long each instrument's subscribers hear nothing while nodes come and go. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../scripts/services/server-process.mjs';
import type { Simulation } from '../../src/cli/simulate.ts';
import { startSimulation } from '../../src/cli/simulate.ts';
import { LIVE_WITHIN_MS, SilenceWatch } from './silence-watch.ts';

const NAMES = ['node-1', 'node-2', 'node-3'] as const;
const PROGRAM = join(import.meta.dirname, '../../src/cli/tampines.js');
const READY_WITHIN_MS = 60_000;
/** Between two disturbances, so that each is over before the next. */
const CALM_MS = 4_000;
/** Market events a second and symbol: each book changes between any two publications. */
const STEPS_PER_SECOND = 20;

export type ClusterRunOptions = {
  readonly brokers: string;
  readonly postgresUrl: string;
  readonly redisUrl: string;
  readonly schema: string;
  readonly settings: readonly string[];
};

export class ClusterRun {
  readonly #options: ClusterRunOptions;
  readonly #simulation: Simulation;
  readonly #watch: SilenceWatch;
  readonly #ports = new Map<string, number>();
  readonly #nodes = new Map<string, ChildProcess>();

  private constructor(options: ClusterRunOptions, simulation: Simulation, watch: SilenceWatch) {
    this.#options = options;
    this.#simulation = simulation;
    this.#watch = watch;
  }

  static async start(options: ClusterRunOptions): Promise<ClusterRun> {
    const simulation = await startSimulation({ seed: 1, stepsPerSecond: STEPS_PER_SECOND });
    const keys = simulation.instruments.map((instrument) => `orderbook:${instrument}:1`);
    const run = new ClusterRun(options, simulation, await SilenceWatch.open(options.redisUrl, keys));
    for (const name of NAMES) {
      run.#ports.set(name, await freePort());
      run.#start(name);
    }
    await run.#untilCalm();
    return run;
  }

  /** Ends each node in turn so many times, and returns how long the instruments that moved from it were silent, ms. */
  async disturb(signal: 'SIGKILL' | 'SIGTERM', rounds: number): Promise<number[]> {
    const silences: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const name = NAMES[round % NAMES.length]!;
      const end = this.#watch.begin();
      await this.#end(name, signal);
      // Until what was published just before counts as live no more.
      await sleep(2 * LIVE_WITHIN_MS);
      await this.#untilCalm();
      silences.push(
        ...end()
          .filter(({ hasMoved }) => hasMoved)
          .map(({ silentMs }) => silentMs),
      );
      this.#start(name);
      await this.#untilCalm();
    }
    return silences;
  }

  /** Ends and starts all nodes one after the other, and returns the longest silence of each instrument, ms. */
  async restartAll(): Promise<number[]> {
    const end = this.#watch.begin();
    for (const name of NAMES) {
      await this.#end(name, 'SIGTERM');
      this.#start(name);
      await this.#untilCalm();
    }
    return end().map(({ silentMs }) => silentMs);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#nodes.keys()].map((name) => this.#end(name, 'SIGKILL')));
    this.#watch.close();
    await this.#simulation.close();
  }

  #start(name: string): void {
    const { brokers, postgresUrl, redisUrl, schema, settings } = this.#options;
    const assignments = [
      `node.name=${name}`,
      `admin.port=${this.#ports.get(name)}`,
      `postgres.schema=${schema}`,
      'log.level=error',
      `kafka.brokers=${brokers}`,
      `kafka.topicPrefix=${schema.replaceAll('_', '-')}`,
      'kafka.partitions=12',
      'kafka.replicationFactor=1',
      `instruments=${this.#simulation.instruments.join(',')}`,
      ...this.#simulation.assignments,
      ...settings,
    ];
    const args = assignments.flatMap((assignment) => ['--set', assignment]);
    const child = spawn(process.execPath, [PROGRAM, 'start', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, TAMPINES_POSTGRES_URL: postgresUrl, TAMPINES_REDIS_URL: redisUrl },
    });
    this.#nodes.set(name, child);
  }

  async #end(name: string, signal: NodeJS.Signals): Promise<void> {
    const child = this.#nodes.get(name);
    if (child === undefined) return;
    this.#nodes.delete(name);
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** All nodes answer, every instrument is live, and has been for a while. */
  async #untilCalm(): Promise<void> {
    const giveUpMs = performance.now() + READY_WITHIN_MS;
    for (;;) {
      const areReady = await Promise.all([...this.#nodes.keys()].map((name) => this.#isReady(name)));
      if (areReady.every(Boolean) && this.#watch.areAllLive) break;
      if (performance.now() > giveUpMs) throw new Error('The cluster did not come to rest');
      await sleep(50);
    }
    await sleep(CALM_MS);
  }

  async #isReady(name: string): Promise<boolean> {
    try {
      const url = `http://127.0.0.1:${this.#ports.get(name)}/health/live`;
      return (await fetch(url, { signal: AbortSignal.timeout(1_000) })).ok;
    } catch {
      return false;
    }
  }
}
