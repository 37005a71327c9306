/**
 * Answers a request that is sent again, because its answer was lost, as it was answered the first time. Only what was done is remembered: what was
 * refused may be tried again under its key.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { TampinesError } from '../base/errors.ts';

/** Answers that are remembered; the oldest gives way. */
export const REMEMBERED_ANSWERS_MAX = 1_000;
const REMEMBERED_MS = 600_000;

type Remembered<Answer> = {
  readonly bodyDigest: string;
  readonly sinceMs: number;
  readonly answer: Promise<Answer>;
};

export class Idempotency<Answer> {
  readonly #clock: Clock;
  /** By requester and key, oldest first. */
  readonly #remembered = new Map<string, Remembered<Answer>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Returns what `work` does, or did when the key came first, and whether it is that; also while it is still being done.
   * @throws TampinesError `IDEMPOTENCY_KEY_REUSED` when the key came with another body
   */
  async once(
    request: { readonly who: string; readonly key: string | undefined; readonly body: unknown },
    work: () => Promise<Answer>,
  ): Promise<{ readonly answer: Answer; readonly isReplayed: boolean }> {
    if (request.key === undefined) return { answer: await work(), isReplayed: false };
    const name = `${request.who} ${request.key}`;
    const bodyDigest = createHash('sha256').update(JSON.stringify(request.body)).digest('hex');
    this.#forgetOld();
    const known = this.#remembered.get(name);
    if (known !== undefined) {
      if (known.bodyDigest !== bodyDigest) {
        const message = 'The Idempotency-Key was used for another body; give each request a key of its own';
        throw new TampinesError('IDEMPOTENCY_KEY_REUSED', message);
      }
      return { answer: await known.answer, isReplayed: true };
    }
    const remembered = { bodyDigest, sinceMs: this.#clock.monotonicMs(), answer: work() };
    this.#remembered.set(name, remembered);
    try {
      return { answer: await remembered.answer, isReplayed: false };
    } catch (error) {
      if (this.#remembered.get(name) === remembered) this.#remembered.delete(name);
      throw error;
    }
  }

  #forgetOld(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [name, { sinceMs }] of this.#remembered) {
      if (nowMs - sinceMs < REMEMBERED_MS && this.#remembered.size < REMEMBERED_ANSWERS_MAX) return;
      this.#remembered.delete(name);
    }
  }
}
