import type { Clock } from './clock.ts';

/** How long the oldest of several pieces of work has been under way, and what those took that ended. Costs the same for any number of them. */
export class OldestWait {
  readonly #clock: Clock;
  /** In order of their beginning. */
  readonly #sinceMs = new Set<{ readonly atMs: number }>();

  #endedCount = 0;
  #endedMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts one more piece of work, until the returned function is called. */
  begin(): () => void {
    const since = { atMs: this.#clock.monotonicMs() };
    this.#sinceMs.add(since);
    return () => {
      if (!this.#sinceMs.delete(since)) return;
      this.#endedCount++;
      this.#endedMs += this.#clock.monotonicMs() - since.atMs;
    };
  }

  /** How many ended, well or not, and the sum of what they took. */
  get ended(): { readonly count: number; readonly totalMs: number } {
    return { count: this.#endedCount, totalMs: this.#endedMs };
  }

  /** Age in ms; 0 while nothing is under way. */
  get ageMs(): number {
    for (const { atMs } of this.#sinceMs) return this.#clock.monotonicMs() - atMs;
    return 0;
  }
}
