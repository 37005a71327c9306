/**
 * The records on their way into one partition: gathered for a moment, one request at a time, tried until it is durable. One request holds records
 * of one partition only and is repeated as it was: so a broker that had taken it already knows it again, and no answer for one partition hides
 * that another one was not written.
 */
import type { BackoffPolicy } from '../base/backoff.ts';
import { backoffDelayMs } from '../base/backoff.ts';
import type { RandomSource, TimerHandle, Timers } from '../base/clock.ts';

/** A request is made of so many bytes at most, unless one record alone is larger. */
export const REQUEST_MAX_BYTES = 1024 * 1024;
/** The client's cost grows with the square of this. */
const REQUEST_MAX_RECORDS = 500;
/** So many bytes are worth a request of their own: they wait for no more. */
const LINGER_MAX_BYTES = 256 * 1024;
const RETRY_POLICY: BackoffPolicy = { initialMs: 100, maxMs: 5_000, jitter: 0.2 };

export type LaneRecord = { readonly sizeBytes: number };

export type LaneOptions<Record extends LaneRecord> = {
  readonly lingerMs: number;
  readonly timers: Timers;
  readonly random: RandomSource;
  /** Resolves to the offset of the first one when all are durable. */
  readonly send: (records: readonly Record[]) => Promise<number>;
  /** Whether the same request may be tried again after this failure. */
  readonly isTransient: (failure: unknown) => boolean;
  readonly onRetry: (failure: unknown, attempt: { readonly count: number; readonly delayMs: number }) => void;
  readonly onDurable: (records: readonly Record[], firstOffset: number) => void;
  readonly onFailed: (failure: unknown) => void;
};

export class PartitionLane<Record extends LaneRecord> {
  readonly #options: LaneOptions<Record>;
  #waiting: Record[] = [];
  #waitingBytes = 0;
  #linger: TimerHandle | undefined;
  /** What is being sent, retries and all. */
  #sending: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: LaneOptions<Record>) {
    this.#options = options;
  }

  get isIdle(): boolean {
    return this.#sending === undefined && this.#waiting.length === 0;
  }

  add(record: Record): void {
    this.#waiting.push(record);
    this.#waitingBytes += record.sizeBytes;
    if (this.#sending !== undefined) return;
    if (this.#waitingBytes >= LINGER_MAX_BYTES) this.flush();
    else this.#linger ??= this.#options.timers.after(this.#options.lingerMs, () => this.flush());
  }

  /** Sends what waits now. While a request is under way what comes is gathered anyway. */
  flush(): void {
    this.#linger?.cancel();
    this.#linger = undefined;
    if (this.#sending !== undefined || this.#waiting.length === 0 || this.#isStopped) return;
    this.#sending = this.#sendAll().finally(() => (this.#sending = undefined));
  }

  /** Sends nothing more; resolves when the attempt that is under way has ended, one way or another. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#linger?.cancel();
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#isStopped) {
      const records = this.#take();
      const firstOffset = await this.#sendUntilDurable(records);
      if (firstOffset === undefined) return;
      this.#options.onDurable(records, firstOffset);
    }
  }

  #take(): Record[] {
    let count = 0;
    let bytes = 0;
    for (const { sizeBytes } of this.#waiting) {
      if (count > 0 && (bytes + sizeBytes > REQUEST_MAX_BYTES || count === REQUEST_MAX_RECORDS)) break;
      count++;
      bytes += sizeBytes;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  /** `undefined` when it was given up. */
  async #sendUntilDurable(records: readonly Record[]): Promise<number | undefined> {
    const { timers, random, send, isTransient, onRetry, onFailed } = this.#options;
    for (let count = 1; ; count++) {
      try {
        return await send(records);
      } catch (failure) {
        if (this.#hasStopped()) return undefined;
        if (!isTransient(failure)) {
          this.#isStopped = true;
          onFailed(failure);
          return undefined;
        }
        const delayMs = backoffDelayMs(RETRY_POLICY, count - 1, random);
        onRetry(failure, { count, delayMs });
        await timers.sleep(delayMs);
        if (this.#hasStopped()) return undefined;
      }
    }
  }

  /** Asked anew: it may have become true while something was waited for. */
  #hasStopped(): boolean {
    return this.#isStopped;
  }
}
