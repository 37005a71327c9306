/**
 * One simulated world: its time, its chance, and the order in which everything in it happens. Each turn of the event loop is one task; among
 * those that could run the seed picks, and when none can, time jumps to the next timer. Nothing here waits for real time.
 */
import type { Clock, RandomSource, TimerHandle, Timers } from '../../../src/base/clock.ts';
import { createSeededRandom } from '../../../src/base/clock.ts';
import { TimerHeap } from './timer-heap.ts';
import { TraceHash } from './trace-hash.ts';

/** Whom a task belongs to: a process that can be paused and killed. Its promises go on only within its own tasks. */
export class Process {
  readonly name: string;
  isDead = false;
  isPaused = false;
  /** What its wall clock is ahead of the world's. */
  wallOffsetMs = 0;
  /** Called when it is killed: what it held elsewhere is let go. */
  readonly onKilled: (() => void)[] = [];
  /** Tasks that wait for the process to be resumed. */
  readonly waiting: Task[] = [];

  constructor(name: string) {
    this.name = name;
  }
}

type Task = { readonly process: Process; readonly label: string; readonly run: () => void };

export type Crash = { readonly process: Process; readonly error: unknown };

const START_MS = Date.UTC(2026, 0, 1, 11, 59, 30);
const realSetImmediate = globalThis.setImmediate;

export class World {
  readonly seed: number;
  readonly random: RandomSource;
  readonly trace = new TraceHash();
  /** The world itself: markets, servers, the hand that injects faults. */
  readonly nature = new Process('nature');
  /** Errors that nobody caught, with the process in whose task they came. */
  readonly uncaught: Crash[] = [];
  taskCount = 0;
  #nowMs = START_MS;
  #current: Process = this.nature;
  #runnable: Task[] = [];
  readonly #timers = new TimerHeap<Task>();
  readonly #onTask: (() => void)[] = [];
  #held: Promise<void>[] = [];

  constructor(seed: number) {
    this.seed = seed;
    this.random = this.stream('schedule');
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get elapsedMs(): number {
    return this.#nowMs - START_MS;
  }

  /** Chance of its own for one purpose, so that one part's draws do not change another's. */
  stream(purpose: string): RandomSource {
    let mixed = this.seed >>> 0;
    for (const character of purpose) mixed = Math.imul(mixed ^ character.codePointAt(0)!, 0x01000193) >>> 0;
    const random = createSeededRandom(mixed);
    for (let count = 0; count < 3; count++) random();
    return random;
  }

  /** Called after each task. */
  onTask(listener: () => void): void {
    this.#onTask.push(listener);
  }

  /**
   * Lets nothing else happen, and no time pass, until the work is done: for a real server, which here answers at once. Called within a task; the
   * work must not wait for anything of the world.
   */
  hold(work: Promise<void>): void {
    this.#held.push(work);
  }

  clockOf(process: Process): Clock {
    return {
      nowMs: () => this.#nowMs + process.wallOffsetMs,
      monotonicMs: () => this.#nowMs - START_MS,
    };
  }

  timersOf(process: Process): Timers {
    const after = (delayMs: number, action: () => void): TimerHandle =>
      this.after(process, delayMs, 'timer', action);
    return {
      after,
      every: (periodMs, action, firstDelayMs = periodMs) => {
        let handle: TimerHandle;
        let isCancelled = false;
        const next = (delayMs: number): void => {
          handle = after(delayMs, () => {
            next(Math.max(1, periodMs));
            // Cancelled by the action itself, or before it.
            if (!isCancelled) action();
          });
        };
        next(firstDelayMs);
        return {
          cancel: () => {
            isCancelled = true;
            handle.cancel();
          },
        };
      },
      sleep: (delayMs) =>
        new Promise((resolve) => {
          after(delayMs, resolve);
        }),
    };
  }

  /** Runs `action` as a task of `process`, in some order among all that can run now. */
  soon(process: Process, label: string, action: () => void): void {
    this.#enqueue({ process, label, run: action });
  }

  /** Runs `action` as a task of `process` when `delayMs` has passed (in whole milliseconds). */
  after(process: Process, delayMs: number, label: string, action: () => void): TimerHandle {
    const dueMs = this.#nowMs + Math.max(0, Math.ceil(Math.min(delayMs, 2 ** 40)));
    return this.#timers.add(dueMs, { process, label, run: action });
  }

  /** Never again runs anything of the process. */
  kill(process: Process): void {
    process.isDead = true;
    process.waiting.length = 0;
    for (const listener of process.onKilled) listener();
  }

  resume(process: Process): void {
    process.isPaused = false;
    for (const task of process.waiting.splice(0)) this.#enqueue(task);
  }

  /** Runs until `isOver` says so or `untilMs` (elapsed) is reached; the first is asked after each task. */
  async run(untilMs: number, isOver: () => boolean = () => false): Promise<void> {
    const endMs = START_MS + untilMs;
    const restore = this.#takeGlobals();
    try {
      while (!isOver()) {
        if (this.#runnable.length === 0 && !this.#advance(endMs)) break;
        const task = this.#pick();
        if (task === undefined) continue;
        this.#execute(task);
        // One real turn of the loop: everything that this task's promises lead to happens before the next task.
        await new Promise<void>((resolve) => realSetImmediate(resolve));
        while (this.#held.length > 0) await Promise.all(this.#held.splice(0));
        for (const listener of this.#onTask) listener();
      }
    } finally {
      restore();
      this.#current = this.nature;
    }
  }

  #enqueue(task: Task): void {
    if (task.process.isDead) return;
    if (task.process.isPaused) task.process.waiting.push(task);
    else this.#runnable.push(task);
  }

  #advance(endMs: number): boolean {
    const dueMs = this.#timers.nextDueMs;
    if (dueMs === undefined || dueMs > endMs) {
      this.#nowMs = endMs;
      return false;
    }
    this.#nowMs = Math.max(this.#nowMs, dueMs);
    for (let task = this.#timers.take(dueMs); task !== undefined; task = this.#timers.take(dueMs))
      this.#enqueue(task);
    return true;
  }

  #pick(): Task | undefined {
    if (this.#runnable.length === 0) return undefined;
    const index = Math.floor(this.random() * this.#runnable.length);
    const task = this.#runnable[index]!;
    const last = this.#runnable.pop()!;
    if (last !== task) this.#runnable[index] = last;
    if (task.process.isDead) return undefined;
    if (task.process.isPaused) {
      task.process.waiting.push(task);
      return undefined;
    }
    return task;
  }

  #execute({ process, label, run }: Task): void {
    this.taskCount++;
    this.#current = process;
    this.trace.add(`${String(this.#nowMs)} ${process.name} ${label}`);
    try {
      run();
    } catch (error) {
      this.uncaught.push({ process, error });
    }
  }

  /** Takes over what parts of the system reach for without being handed it: `setImmediate` (nact), and rejections that nobody handles. */
  #takeGlobals(): () => void {
    const original = globalThis.setImmediate;
    const simulated = (action: (...values: unknown[]) => void, ...values: unknown[]): unknown => {
      const process = this.#current;
      this.soon(process, 'turn', () => action(...values));
      return undefined;
    };
    globalThis.setImmediate = simulated as unknown as typeof setImmediate;
    const onRejection = (error: unknown): void => {
      if (!this.#current.isDead) this.uncaught.push({ process: this.#current, error });
    };
    process.on('unhandledRejection', onRejection);
    return () => {
      globalThis.setImmediate = original;
      process.off('unhandledRejection', onRejection);
    };
  }
}
