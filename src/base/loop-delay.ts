import type { Clock, TimerHandle, Timers } from './clock.ts';

const PERIOD_MS = 100;
/** Two windows of so many periods each: what is told reaches back 5 to 10 s. */
const WINDOW_PERIODS = 50;

/** How late timers came of late: the longest time for which the event loop was held up by one piece of work. */
export class LoopDelay {
  readonly #clock: Clock;
  readonly #timers: Timers;
  #timer: TimerHandle | undefined;
  #dueMs = 0;
  #periodCount = 0;
  #windowMaxMs = 0;
  #windowBeforeMaxMs = 0;

  constructor(options: { clock: Clock; timers: Timers }) {
    this.#clock = options.clock;
    this.#timers = options.timers;
  }

  start(): void {
    this.#dueMs = this.#clock.monotonicMs() + PERIOD_MS;
    this.#timer = this.#timers.every(PERIOD_MS, () => this.#note());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** The longest delay of the last 5 to 10 s. */
  get maxMs(): number {
    return Math.max(this.#windowMaxMs, this.#windowBeforeMaxMs, this.#clock.monotonicMs() - this.#dueMs, 0);
  }

  #note(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#windowMaxMs = Math.max(this.#windowMaxMs, nowMs - this.#dueMs);
    this.#dueMs = nowMs + PERIOD_MS;
    if (++this.#periodCount % WINDOW_PERIODS !== 0) return;
    this.#windowBeforeMaxMs = this.#windowMaxMs;
    this.#windowMaxMs = 0;
  }
}
