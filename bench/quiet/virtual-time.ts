/** Time that passes as fast as the work in it is done: what is measured is that work and no waiting, whatever else the machine does. */
import type { Clock, TimerHandle, Timers } from '../../src/base/clock.ts';

type Timer = { readonly action: () => void; readonly periodMs: number | undefined; isCancelled: boolean };

/** Loop turns after each step in which timers fired: a message and its answer. What takes more of them goes on in the next step. */
const TURNS_PER_STEP = 4;

export class VirtualTime implements Clock, Timers {
  readonly #startMs: number;
  #nowMs: number;
  /** By due time, in whole ms. */
  readonly #due = new Map<number, Timer[]>();

  constructor(startMs: number) {
    this.#startMs = startMs;
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs;
  }

  after(delayMs: number, action: () => void): TimerHandle {
    return this.#add({ action, periodMs: undefined, isCancelled: false }, delayMs);
  }

  every(periodMs: number, action: () => void, firstDelayMs = periodMs): TimerHandle {
    return this.#add({ action, periodMs, isCancelled: false }, firstDelayMs);
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, resolve);
    });
  }

  /** @param onStep told how much processor time the longest turn of each step took, in ms */
  async pass(durationMs: number, onStep: (longestTurnMs: number) => void = () => undefined): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    while (this.#nowMs < endMs) {
      this.#nowMs++;
      const timers = this.#due.get(this.#nowMs);
      if (timers === undefined) continue;
      this.#due.delete(this.#nowMs);
      let longestTurnMs = 0;
      let begunMs = cpuMs();
      for (const timer of timers) this.#fire(timer);
      for (let turn = 0; turn < TURNS_PER_STEP; turn++) {
        await nextTurn();
        const endedMs = cpuMs();
        longestTurnMs = Math.max(longestTurnMs, endedMs - begunMs);
        begunMs = endedMs;
      }
      onStep(longestTurnMs);
    }
  }

  #fire(timer: Timer): void {
    if (timer.isCancelled) return;
    if (timer.periodMs !== undefined) this.#add(timer, timer.periodMs);
    timer.action();
  }

  #add(timer: Timer, delayMs: number): TimerHandle {
    const dueMs = Math.max(this.#nowMs + 1, Math.ceil(this.#nowMs + delayMs));
    const timers = this.#due.get(dueMs);
    if (timers === undefined) this.#due.set(dueMs, [timer]);
    else timers.push(timer);
    return {
      cancel: () => {
        timer.isCancelled = true;
      },
    };
  }
}

/** Of all threads: what the wall clock says is as much about other work on the machine. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
