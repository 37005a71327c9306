/**
 * What time it is at an exchange, for the heartbeats of quiet instruments: the newest event time heard lately, carried on by the monotonic clock,
 * and never ahead of our wall clock. Heartbeats enter logs for good; a wall clock that jumps ahead must not take every instrument's time with it.
 *
 * Where more comes than we take, what is heard grows older and older. Only the last seconds count therefore: with the time of what was heard
 * before, instruments would be told a time that their next trades are too late for.
 */
import type { Clock } from '../base/clock.ts';

/** The newest of this slice and of the one before it counts. */
const SLICE_MS = 5_000;

export class ExchangeTime {
  readonly #clock: Clock;
  #sliceBeganMs = -Infinity;
  /** The most that an event of the slice was ahead of the monotonic clock, as of the one before. */
  #aheadMs = -Infinity;
  #aheadBeforeMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(eventTimeMs: number): void {
    const atMs = this.#clock.monotonicMs();
    const sliceAgeMs = atMs - this.#sliceBeganMs;
    if (sliceAgeMs >= SLICE_MS) {
      this.#aheadBeforeMs = sliceAgeMs < 2 * SLICE_MS ? this.#aheadMs : -Infinity;
      this.#aheadMs = -Infinity;
      this.#sliceBeganMs = atMs;
    }
    this.#aheadMs = Math.max(this.#aheadMs, eventTimeMs - atMs);
  }

  /** What comes next may be older than what was heard: nobody listened for a while. */
  forget(): void {
    this.#aheadMs = -Infinity;
    this.#aheadBeforeMs = -Infinity;
    this.#sliceBeganMs = -Infinity;
  }

  /** Returns Unix milliseconds, an integer; `undefined` before the first event. */
  read(): number | undefined {
    const aheadMs = Math.max(this.#aheadMs, this.#aheadBeforeMs);
    if (aheadMs === -Infinity) return undefined;
    return Math.min(this.#clock.nowMs(), Math.floor(this.#clock.monotonicMs() + aheadMs));
  }
}
