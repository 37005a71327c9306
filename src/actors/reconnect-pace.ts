/** When a connection is opened: as soon as it is wanted, later after each failure in a row. Times are of a clock that nobody sets. */
import type { BackoffPolicy } from '../base/backoff.ts';
import { backoffDelayMs } from '../base/backoff.ts';
import type { RandomSource } from '../base/clock.ts';

/** A connection that lived this long starts again at the shortest delay. */
const HEALTHY_AFTER_MS = 30_000;

export type ReconnectPaceOptions = {
  readonly policy: BackoffPolicy;
  readonly random: RandomSource;
  /** Takes one connection attempt and returns 0, or says how long to wait. */
  readonly connectWaitMs: () => number;
};

export class ReconnectPace {
  readonly #options: ReconnectPaceOptions;
  #dueMs: number | undefined;
  #openedAtMs: number | undefined;
  #failuresInRow = 0;

  constructor(options: ReconnectPaceOptions) {
    this.#options = options;
  }

  /** It is wanted now; one that waits for its time goes on waiting. */
  openSoon(nowMs: number): void {
    this.#dueMs ??= nowMs;
  }

  /** It is wanted no more. */
  cancel(): void {
    this.#dueMs = undefined;
  }

  /** Whether it is to be opened now; said once. */
  takeTurn(nowMs: number): boolean {
    if (this.#dueMs === undefined || nowMs < this.#dueMs) return false;
    const waitMs = this.#options.connectWaitMs();
    this.#dueMs = waitMs > 0 ? nowMs + waitMs : undefined;
    return waitMs === 0;
  }

  opened(nowMs: number): void {
    this.#openedAtMs = nowMs;
  }

  /** The connection closed, or could not be opened: it is wanted again after a delay. Returns that, and the number of the next attempt in a row. */
  closed(nowMs: number): { readonly delayMs: number; readonly attempt: number } {
    const { policy, random } = this.#options;
    const wasHealthy = this.#openedAtMs !== undefined && nowMs - this.#openedAtMs > HEALTHY_AFTER_MS;
    this.#failuresInRow = wasHealthy ? 0 : this.#failuresInRow + 1;
    this.#openedAtMs = undefined;
    const delayMs = backoffDelayMs(policy, this.#failuresInRow, random);
    this.#dueMs = nowMs + delayMs;
    return { delayMs, attempt: this.#failuresInRow };
  }
}
