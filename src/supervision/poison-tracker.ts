/** Counts how often single messages failed their actor, to tell a bad message from bad luck. */

/** Failures of one message after which it is given up. */
export const POISON_AFTER_FAILURES = 2;

const TRACKED_MAX = 1024;

/**
 * A message that fails its actor twice is poison. Messages are told apart by a key of the caller's choice (source and ordinal).
 * Bounded: of more than 1,024 failing messages the one that failed longest ago is forgotten, which at worst gives it one more try.
 */
export class PoisonTracker {
  readonly #afterFailures: number;
  readonly #trackedMax: number;
  /** Failures by key, the one that failed longest ago first. */
  readonly #failures = new Map<string, number>();

  constructor(options: { afterFailures?: number; trackedMax?: number } = {}) {
    this.#afterFailures = options.afterFailures ?? POISON_AFTER_FAILURES;
    this.#trackedMax = options.trackedMax ?? TRACKED_MAX;
  }

  /** Counts a failure and returns whether the message is poison by now; then it is forgotten, for it will not come again. */
  recordFailure(messageKey: string): boolean {
    const failures = (this.#failures.get(messageKey) ?? 0) + 1;
    this.#failures.delete(messageKey);
    if (failures >= this.#afterFailures) return true;
    this.#failures.set(messageKey, failures);
    if (this.#failures.size > this.#trackedMax) {
      for (const oldest of this.#failures.keys()) {
        this.#failures.delete(oldest);
        break;
      }
    }
    return false;
  }

  /** The message was handled after all. */
  recordSuccess(messageKey: string): void {
    this.#failures.delete(messageKey);
  }

  get trackedCount(): number {
    return this.#failures.size;
  }
}
