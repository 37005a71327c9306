/** The log of something that fails again and again while what it needs is away: who reads it learns when that began, that it goes on, and when it was over. */
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

/** Between two lines of one outage. */
export const TOLD_EVERY_MS = 30_000;

export class OutageLog {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #log: Log;
  /** Of the outage that is; 0: there is none. */
  #failureCount = 0;
  #sinceMs = 0;
  #toldMs = 0;

  constructor({ clock, log }: { clock: Pick<Clock, 'monotonicMs'>; log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Warns of the first failure of an outage at once; of those after it every `TOLD_EVERY_MS`, with how many there were. */
  failed(fields: object, message: string): void {
    const nowMs = this.#clock.monotonicMs();
    this.#failureCount++;
    if (this.#failureCount === 1) {
      this.#sinceMs = nowMs;
      this.#log.warn(fields, message);
    } else if (nowMs - this.#toldMs >= TOLD_EVERY_MS) {
      this.#log.warn({ ...fields, ...this.#length(nowMs) }, `${message} (as before)`);
    } else return;
    this.#toldMs = nowMs;
  }

  /** Says that the outage is over; nothing where there was none. */
  over(message: string): void {
    if (this.#failureCount === 0) return;
    this.#log.info(this.#length(this.#clock.monotonicMs()), message);
    this.#failureCount = 0;
  }

  #length(nowMs: number): { failures: number; forMs: number } {
    return { failures: this.#failureCount, forMs: Math.round(nowMs - this.#sinceMs) };
  }
}
