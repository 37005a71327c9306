/** How long to wait before a connection is opened again: longer after each failure in a row. */
import type { BackoffPolicy } from '../base/backoff.ts';
import { backoffDelayMs } from '../base/backoff.ts';
import type { RandomSource } from '../base/clock.ts';

/** A connection that lived this long starts again at the shortest delay. */
const HEALTHY_AFTER_MS = 30_000;

export class ReconnectPace {
  readonly #policy: BackoffPolicy;
  readonly #random: RandomSource;
  #openedAtMs: number | undefined;
  #failuresInRow = 0;

  constructor(policy: BackoffPolicy, random: RandomSource) {
    this.#policy = policy;
    this.#random = random;
  }

  opened(nowMs: number): void {
    this.#openedAtMs = nowMs;
  }

  /** The connection closed, or could not be opened. Returns the delay before the next attempt and its number in a row. */
  closed(nowMs: number): { readonly delayMs: number; readonly attempt: number } {
    const wasHealthy = this.#openedAtMs !== undefined && nowMs - this.#openedAtMs > HEALTHY_AFTER_MS;
    this.#failuresInRow = wasHealthy ? 0 : this.#failuresInRow + 1;
    this.#openedAtMs = undefined;
    const delayMs = backoffDelayMs(this.#policy, this.#failuresInRow, this.#random);
    return { delayMs, attempt: this.#failuresInRow };
  }
}
