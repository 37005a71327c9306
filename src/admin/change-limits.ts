/**
 * How often one requester may change something, so that a script that ran wild leaves room for the others; and how often one address may be refused,
 * so that tokens can't be guessed. Whoever is beyond either is told to come again, without a look at what he sends.
 */
import type { Clock } from '../base/clock.ts';
import { TampinesError } from '../base/errors.ts';

/** Changes of one token, or of one address where no token is set, within a second. */
export const CHANGES_PER_SECOND_MAX = 50;
/** Refusals of one address within a second, after which all of its changes are refused unread until the second is over. */
export const REFUSALS_PER_SECOND_MAX = 10;

const WINDOW_MS = 1_000;

export class ChangeLimits {
  readonly #clock: Clock;
  #windowStartMs = -Infinity;
  // No larger than the requests that are taken within a second.
  readonly #changesOf = new Map<string, number>();
  readonly #refusalsOf = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws TampinesError `TOO_MANY_REQUESTS` where the address was refused too often */
  requireTrust(address: string): void {
    this.#beginWindow();
    if ((this.#refusalsOf.get(address) ?? 0) < REFUSALS_PER_SECOND_MAX) return;
    throw tooMany(`${REFUSALS_PER_SECOND_MAX} changes of ${address} were refused within this second`);
  }

  noteRefusal(address: string): void {
    this.#refusalsOf.set(address, (this.#refusalsOf.get(address) ?? 0) + 1);
  }

  /** @throws TampinesError `TOO_MANY_REQUESTS` */
  countChange(who: string): void {
    this.#beginWindow();
    const count = this.#changesOf.get(who) ?? 0;
    if (count >= CHANGES_PER_SECOND_MAX) {
      throw tooMany(`${CHANGES_PER_SECOND_MAX} changes of ${who} were taken within this second`);
    }
    this.#changesOf.set(who, count + 1);
  }

  #beginWindow(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#windowStartMs < WINDOW_MS) return;
    this.#windowStartMs = nowMs;
    this.#changesOf.clear();
    this.#refusalsOf.clear();
  }
}

function tooMany(why: string): TampinesError {
  return new TampinesError('TOO_MANY_REQUESTS', `The request was not taken: ${why}`, { isRetryable: true });
}
