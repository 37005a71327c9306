/**
 * Keeps one node running, as an init system does: whenever it ends, for whatever reason, a new one is started soon. Knows which ends were
 * meant: any other is told.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Violation } from '../violation.ts';
import type { LogLine, ProcessEnd } from './node-process.ts';
import { NodeProcess } from './node-process.ts';

/** Ends that a node may choose by itself: Postgres is away at its start. */
const EXCUSED_END = /tampines: (SERVICE_UNAVAILABLE|OUTCOME_UNKNOWN)/;
/** Another node took its shard over: docs/operations.md. */
export const FENCED_EXIT_CODE = 75;
const RESTART_DELAY_MS = 200;

export type SupervisorOptions = {
  readonly program: string;
  readonly folder: string;
  readonly assignments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly onLine: (node: string, line: LogLine) => void;
};

export class NodeSupervisor {
  readonly violations: Violation[] = [];
  readonly #options: SupervisorOptions;
  readonly #all = new Set<NodeProcess>();
  #current: NodeProcess | undefined;
  #startCount = 0;
  #isClosing = false;
  /** How often nodes ended by themselves, by exit code and the code of the error. */
  readonly ends = new Map<string, number>();
  lineCount = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  get startCount(): number {
    return this.#startCount;
  }

  get current(): NodeProcess | undefined {
    return this.#current;
  }

  /** Starts a node that is kept running from now on. */
  start(): NodeProcess {
    const node = this.launch();
    this.#current = node;
    return node;
  }

  /** Starts a process that nobody starts again, unless it takes the place of the current one by `adopt`. */
  launch(): NodeProcess {
    if (this.#isClosing) throw new Error('The run is over: no node starts any more');
    const name = `chaos-${++this.#startCount}`;
    const { onLine, ...options } = this.#options;
    const node: NodeProcess = new NodeProcess({
      ...options,
      name,
      onLine: (line) => {
        this.lineCount++;
        onLine(name, line);
      },
    });
    this.#all.add(node);
    void node.ended.then((end) => this.#noteEnd(node, end));
    return node;
  }

  /** From now on this one is kept running. */
  adopt(node: NodeProcess): void {
    this.#current = node;
    if (!node.isRunning) this.#startAgain();
  }

  async kill(node: NodeProcess): Promise<void> {
    await node.kill();
  }

  /** Ends all processes at once. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all([...this.#all].map((node) => node.kill()));
  }

  /** Ends the current one in order and waits for it. */
  async stopInOrder(withinMs: number): Promise<ProcessEnd | undefined> {
    this.#isClosing = true;
    const node = this.#current;
    if (!node?.isRunning) return undefined;
    node.terminate();
    return Promise.race([node.ended, sleep(withinMs, undefined, { ref: false })]);
  }

  #noteEnd(node: NodeProcess, { code, signal, errors }: ProcessEnd): void {
    this.#all.delete(node);
    if (this.#isClosing) return;
    if (signal !== 'SIGKILL') {
      const error = /tampines: ([A-Z_]+)/.exec(errors)?.[1] ?? '';
      const how = `${signal ?? `code ${code}`} ${error}`.trim();
      this.ends.set(how, (this.ends.get(how) ?? 0) + 1);
      // Only another node's claim fences one, and then it must say so by its code.
      const isFenced = code === FENCED_EXIT_CODE && node !== this.#current;
      if (!isFenced && !EXCUSED_END.test(errors)) {
        this.violations.push({
          rule: 'no-crash',
          subject: node.name,
          expected: 'a process that lives until it is killed',
          was: `${how}: ${errors.slice(0, 600)}`,
        });
      }
    }
    if (node === this.#current) this.#startAgain();
  }

  #startAgain(): void {
    setTimeout(() => {
      if (!this.#isClosing && this.#current?.isRunning !== true) this.start();
    }, RESTART_DELAY_MS);
  }
}
