/** One node of a cluster under destruction: kept running as an init system does, each of its connections through a proxy of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultProxy } from '../fault-proxy.ts';
import type { NodeProcessOptions, ProcessEnd } from '../nodes/node-process.ts';
import { NodeProcess } from '../nodes/node-process.ts';
import type { Violation } from '../violation.ts';

export type NodeProxies = {
  readonly kafka: FaultProxy;
  readonly postgres: FaultProxy;
  readonly redis: FaultProxy;
};

/** An end that a node may choose by itself: what it needs is away at its start. */
const EXCUSED_END = /tampines: (SERVICE_UNAVAILABLE|OUTCOME_UNKNOWN)/;
const RESTART_DELAY_MS = 200;
const STOPS_WITHIN_MS = 30_000;

export class ClusterNode {
  readonly name: string;
  readonly proxies: NodeProxies;
  readonly #options: NodeProcessOptions;
  readonly #report: (violation: Violation) => void;
  #process: NodeProcess | undefined;
  #isStopping = false;
  #isClosed = false;
  startCount = 0;

  constructor(
    options: NodeProcessOptions & { proxies: NodeProxies; report: (violation: Violation) => void },
  ) {
    const { proxies, report, ...processOptions } = options;
    this.name = options.name;
    this.proxies = proxies;
    this.#options = processOptions;
    this.#report = report;
  }

  /** Of the process that runs, once it was ready. */
  get adminUrl(): string | undefined {
    return this.#process?.isRunning === true ? this.#process.adminUrl : undefined;
  }

  start(): void {
    const started = new NodeProcess(this.#options);
    this.#process = started;
    this.#isStopping = false;
    this.startCount++;
    void started.ended.then(async (end) => {
      if (this.#isClosed) return;
      this.#noteEnd(end);
      await sleep(RESTART_DELAY_MS);
      this.#startAgain();
    });
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  freeze(): void {
    this.#process?.freeze();
  }

  thaw(): void {
    this.#process?.thaw();
  }

  /** Asks it to end, which it must in order and in time. */
  async stop(): Promise<void> {
    const stopping = this.#process;
    if (stopping?.isRunning !== true) return;
    this.#isStopping = true;
    stopping.terminate();
    const end = await Promise.race([stopping.ended, sleep(STOPS_WITHIN_MS, undefined, { ref: false })]);
    if (end?.code === 0) return;
    this.#report({
      rule: 'stops',
      subject: this.name,
      expected: `an end with code 0 within ${STOPS_WITHIN_MS / 1000} s of SIGTERM`,
      was: end === undefined ? 'still running' : describeEnd(end),
    });
    await stopping.kill();
  }

  /** From now on it is not started again. */
  retire(): void {
    this.#isClosed = true;
  }

  async close(): Promise<void> {
    this.retire();
    await this.kill();
    await Promise.all(Object.values(this.proxies).map((proxy: FaultProxy) => proxy.close()));
  }

  #startAgain(): void {
    if (!this.#isClosed) this.start();
  }

  #noteEnd(end: ProcessEnd): void {
    if (end.signal === 'SIGKILL' || this.#isStopping || EXCUSED_END.test(end.errors)) return;
    this.#report({
      rule: 'no-crash',
      subject: this.name,
      expected: 'a process that lives until it is ended',
      was: describeEnd(end),
    });
  }
}

function describeEnd({ code, signal, errors }: ProcessEnd): string {
  return `${signal ?? `code ${code}`}: ${errors.slice(0, 600)}`;
}
