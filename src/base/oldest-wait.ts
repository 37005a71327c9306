import type { Clock } from './clock.ts';

/** How long the oldest of several pieces of work has been under way. Costs the same for any number of them. */
export class OldestWait {
  readonly #clock: Clock;
  /** In order of their beginning. */
  readonly #sinceMs = new Set<{ readonly atMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts one more piece of work, until the returned function is called. */
  begin(): () => void {
    const since = { atMs: this.#clock.monotonicMs() };
    this.#sinceMs.add(since);
    return () => this.#sinceMs.delete(since);
  }

  /** Age in ms; 0 while nothing is under way. */
  get ageMs(): number {
    for (const { atMs } of this.#sinceMs) return this.#clock.monotonicMs() - atMs;
    return 0;
  }
}
