/** How often one book may ask for a fresh start: at once the first time, then ever more slowly, so that a broken symbol never storms an exchange. */

const RESYNC_DELAY_INITIAL_MS = 500;
export const RESYNC_DELAY_MAX_MS = 60_000;
/** A book that held this long has earned an immediate resync again. */
const RESYNC_FORGIVEN_AFTER_MS = 60_000;

export class ResyncPace {
  readonly #random: () => number;
  #attemptCount = 0;
  #heldSinceMs: number | undefined;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Returns the delay before the next attempt, and counts it: 0, 500 ms, 1 s, 2 s … 60 s, each ± 20 %. */
  nextDelayMs(nowMs: number): number {
    if (this.#heldSinceMs !== undefined && nowMs - this.#heldSinceMs >= RESYNC_FORGIVEN_AFTER_MS) {
      this.#attemptCount = 0;
    }
    this.#heldSinceMs = undefined;
    const attemptIndex = this.#attemptCount++;
    if (attemptIndex === 0) return 0;
    const plainMs = Math.min(
      RESYNC_DELAY_MAX_MS,
      RESYNC_DELAY_INITIAL_MS * 2 ** Math.min(attemptIndex - 1, 20),
    );
    return Math.round(plainMs * (0.8 + 0.4 * this.#random()));
  }

  /** The book is sure from now on. */
  held(nowMs: number): void {
    this.#heldSinceMs = nowMs;
  }
}
