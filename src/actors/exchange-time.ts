/**
 * What time it is at an exchange, for the heartbeats of quiet instruments: the newest event time seen, carried on by the monotonic clock, and
 * never ahead of our wall clock. Heartbeats enter logs for good; a wall clock that jumps ahead must not take every instrument's time with it.
 */
import type { Clock } from '../base/clock.ts';

export class ExchangeTime {
  readonly #clock: Clock;
  #newest: { readonly eventTimeMs: number; readonly atMonotonicMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(eventTimeMs: number): void {
    if (this.#newest !== undefined && eventTimeMs <= this.#carriedOn(this.#newest)) return;
    this.#newest = { eventTimeMs, atMonotonicMs: this.#clock.monotonicMs() };
  }

  /** Returns Unix milliseconds, an integer; `undefined` before the first event. */
  read(): number | undefined {
    if (this.#newest === undefined) return undefined;
    return Math.min(this.#clock.nowMs(), Math.floor(this.#carriedOn(this.#newest)));
  }

  #carriedOn({ eventTimeMs, atMonotonicMs }: { eventTimeMs: number; atMonotonicMs: number }): number {
    return eventTimeMs + this.#clock.monotonicMs() - atMonotonicMs;
  }
}
