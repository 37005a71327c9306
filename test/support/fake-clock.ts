/**
 * Time that stands still until a test moves it. Timers fire in order of their due time, those of the same time in order of their making.
 * Between two timers the event loop turns, so that actors (which run on `setImmediate`) react before time goes on.
 */
import type { Clock, TimerHandle, Timers } from '../../src/base/clock.ts';

/** Loop turns given to actors after each timer; enough for a chain of a few messages with some awaits each. */
const SETTLE_TURNS = 12;
const UNTIL_MAX_TURNS = 10_000;

type PendingTimer = {
  dueMs: number;
  readonly order: number;
  readonly action: () => void;
  readonly periodMs: number | undefined;
};

export class FakeClock implements Clock, Timers {
  readonly #startMs: number;
  #nowMs: number;
  /** How far somebody set the wall clock away from where it would be. */
  #setByMs = 0;
  #order = 0;
  readonly #pending = new Set<PendingTimer>();

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs;
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs + this.#setByMs;
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs;
  }

  /** Timers that wait for their time. */
  get pendingTimerCount(): number {
    return this.#pending.size;
  }

  /** Due times of the waiting timers, in ms from now, soonest first. */
  get pendingDelaysMs(): readonly number[] {
    return [...this.#pending].map((timer) => timer.dueMs - this.#nowMs).sort((a, b) => a - b);
  }

  after(delayMs: number, action: () => void): TimerHandle {
    return this.#add({ dueMs: this.#nowMs + Math.max(0, delayMs), action, periodMs: undefined });
  }

  every(periodMs: number, action: () => void, firstDelayMs = periodMs): TimerHandle {
    return this.#add({ dueMs: this.#nowMs + Math.max(0, firstDelayMs), action, periodMs });
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, resolve);
    });
  }

  /** Moves time on by `durationMs`, firing what falls due on the way, and lets the event loop settle after each step. */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    await settle();
    for (let timer = this.#nextDue(endMs); timer !== undefined; timer = this.#nextDue(endMs)) {
      this.#fire(timer);
      await settle();
    }
    this.#nowMs = endMs;
    await settle();
  }

  /** Sets the wall clock forward, or back where `byMs` is below 0. No length of time changes, and no timer fires earlier or later. */
  setWallClock(byMs: number): void {
    this.#setByMs += byMs;
  }

  /** Moves both clocks on without firing anything, as when the process is stopped; what fell due fires with the next move. */
  freeze(durationMs: number): void {
    this.#nowMs += durationMs;
  }

  /** Moves time on like `advance`, but without letting anything else run in between: for pure code. */
  advanceNow(durationMs: number): void {
    const endMs = this.#nowMs + durationMs;
    for (let timer = this.#nextDue(endMs); timer !== undefined; timer = this.#nextDue(endMs))
      this.#fire(timer);
    this.#nowMs = endMs;
  }

  #add(timer: Omit<PendingTimer, 'order'>): TimerHandle {
    const pending = { ...timer, order: this.#order++ };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  #nextDue(endMs: number): PendingTimer | undefined {
    let next: PendingTimer | undefined;
    for (const timer of this.#pending) {
      if (timer.dueMs > endMs) continue;
      if (next === undefined || timer.dueMs < next.dueMs) next = timer;
      else if (timer.dueMs === next.dueMs && timer.order < next.order) next = timer;
    }
    return next;
  }

  #fire(timer: PendingTimer): void {
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
    if (timer.periodMs === undefined) this.#pending.delete(timer);
    else timer.dueMs += Math.max(1, timer.periodMs);
    timer.action();
  }
}

/** Lets the event loop turn a fixed number of times, so that everything that waits for nothing but the loop has run. */
export async function settle(turns = SETTLE_TURNS): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await nextTurn();
}

/** Lets the event loop turn until `isTrue` holds. @throws Error when it still does not after ten thousand turns */
export async function until(isTrue: () => boolean, what = 'the condition'): Promise<void> {
  for (let turn = 0; turn < UNTIL_MAX_TURNS; turn++) {
    if (isTrue()) return;
    await nextTurn();
  }
  throw new Error(`Waited ${String(UNTIL_MAX_TURNS)} loop turns for ${what}, which never came`);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
