/**
 * Brings values to Redis: set and published in one step, and only where newer than what is there. While Redis is slow or away the latest value
 * per key waits, and closed candles wait in a bounded queue. Nobody upstream ever waits or gets an error.
 */
import type { Publication, Publisher } from '../actors/ports.ts';
import type { BackoffPolicy } from '../base/backoff.ts';
import { backoffDelayMs } from '../base/backoff.ts';
import type { Clock, RandomSource, Timers } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { closedCandlesKey, streamKey } from './keys.ts';
import type { RedisClient } from './redis-client.ts';
import { createRedisClient } from './redis-client.ts';
import type { RedisScript } from './scripts.ts';
import { APPEND_CLOSED, EXPIRE_OWN, REFRESH, SET_NEWER } from './scripts.ts';
import { stampValue } from './value-head.ts';

export type RedisPublisherOptions = {
  readonly url: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly log: Log;
  /** Life of a key that is no longer refreshed. */
  readonly keyTtlMs: number;
  /** Closed candles kept per list. */
  readonly closedCandlesMax: number;
  /** Entries kept per stream, about; 0: no streams. */
  readonly streamMaxLength?: number;
  /** Closed candles that may wait while Redis is away; the oldest are dropped beyond it. */
  readonly closedQueueMax?: number;
  /** Told which refreshed keys Redis no longer has (it was restarted empty): their instruments have to publish again. */
  readonly onKeysLost?: (keys: readonly string[]) => void;
};

/** Counts since the start. */
export type PublisherMetrics = {
  published: number;
  closedPublished: number;
  /** Values that a newer one replaced before they were sent. */
  conflated: number;
  /** Closed candles lost because the queue was full, and values that are no JSON object. */
  dropped: number;
  /** Values that Redis refused because a newer version is there: some other writer has taken over. */
  rejectedAsOld: number;
  refreshed: number;
  failedRounds: number;
  /** From `publish` to the answer of Redis, of the value that waited longest in the newest round, and ever. */
  latenessMs: number;
  latenessMaxMs: number;
  lastErrorText: string;
};

type Waiting = { readonly publication: Publication; readonly sinceMs: number };
type Call = {
  readonly script: RedisScript;
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
};
type Outcome = { readonly ok: true; readonly reply: unknown } | { readonly ok: false; readonly error: Error };

export const DEFAULT_CLOSED_QUEUE_MAX = 50_000;
/** Keys of one round; the next one takes what has come meanwhile. */
const ROUND_KEYS_MAX = 500;
/** Keys of one script call: enough to make the call cheap, few enough that others aren't kept waiting. */
const CALL_KEYS_MAX = 50;
/** What a stopped instrument's last value still lives. */
const EXPIRE_GRACE_MS = 1_000;
const CONNECT_TIMEOUT_MS = 3_000;
const COMMAND_TIMEOUT_MS = 5_000;
const RETRY: BackoffPolicy = { initialMs: 50, maxMs: 2_000, jitter: 0.2 };

export class RedisPublisher implements Publisher {
  readonly metrics: PublisherMetrics = {
    published: 0,
    closedPublished: 0,
    conflated: 0,
    dropped: 0,
    rejectedAsOld: 0,
    refreshed: 0,
    failedRounds: 0,
    latenessMs: 0,
    latenessMaxMs: 0,
    lastErrorText: '',
  };
  readonly #options: RedisPublisherOptions;
  readonly #client: RedisClient;
  readonly #callKeysMax: number;
  readonly #streamLength: number;
  /** One value per key, so bounded by the number of keys. */
  readonly #latest = new Map<string, Waiting>();
  /** In order of arrival; stamped on arrival, so that one that is sent again is the same text. */
  readonly #closed = new Set<{
    readonly key: string;
    readonly publication: Publication;
    readonly value: string;
  }>();
  readonly #refresh = new Set<string>();
  readonly #expire = new Set<string>();
  /** Epoch last published per key: a key that a newer epoch has taken over is not ours to expire. */
  readonly #epochs = new Map<string, number>();
  #isRunning = false;
  #isClosed = false;
  #isAway = false;
  readonly #onIdle = new Set<() => void>();

  constructor(options: RedisPublisherOptions) {
    this.#options = options;
    this.#streamLength = options.streamMaxLength ?? 0;
    this.#client = createRedisClient(options.url, {
      reconnect: RETRY,
      random: options.random,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      commandTimeoutMs: COMMAND_TIMEOUT_MS,
    });
    this.#callKeysMax = this.#client.isCluster ? 1 : CALL_KEYS_MAX;
    this.#client.on('error', (error: Error) => this.#noteAway(error));
    this.#client.on('close', () => this.#noteAway(undefined));
    this.#client.on('ready', () => this.#noteBack());
  }

  /** Whether the connection is up; for health and readiness. */
  get isConnected(): boolean {
    return this.#client.status === 'ready';
  }

  /** Values and closed candles that wait. */
  get pendingCount(): number {
    return this.#latest.size + this.#closed.size;
  }

  publish(publications: readonly Publication[]): void {
    if (this.#isClosed) return;
    const nowMs = this.#options.clock.nowMs();
    for (const publication of publications) {
      if (publication.kind === 'latest') this.#addLatest({ publication, sinceMs: nowMs });
      else this.#addClosed(publication, nowMs);
    }
    this.#wake();
  }

  refresh(keys: readonly string[]): void {
    if (this.#isClosed) return;
    for (const key of keys) {
      this.#expire.delete(key);
      this.#refresh.add(key);
    }
    this.#wake();
  }

  expire(keys: readonly string[]): void {
    if (this.#isClosed) return;
    for (const key of keys) {
      this.#refresh.delete(key);
      this.#expire.add(key);
    }
    this.#wake();
  }

  async flush(timeoutMs: number): Promise<void> {
    if (!this.#isRunning || this.#isClosed) return;
    await new Promise<void>((resolve) => {
      const timer = this.#options.timers.after(timeoutMs, done);
      const onIdle = this.#onIdle;
      onIdle.add(done);
      function done(): void {
        timer.cancel();
        onIdle.delete(done);
        resolve();
      }
    });
  }

  /** Ends the connection; what still waits is lost, so flush first. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#client.disconnect();
    this.#becomeIdle();
  }

  #addLatest(waiting: Waiting): void {
    const { key } = waiting.publication;
    this.#expire.delete(key);
    const held = this.#latest.get(key);
    if (held !== undefined) this.metrics.conflated++;
    if (held !== undefined && isOlder(waiting.publication, held.publication)) return;
    // The age is that of the oldest value a subscriber is still waiting for.
    this.#latest.set(key, held === undefined ? waiting : { ...waiting, sinceMs: held.sinceMs });
  }

  #addClosed(publication: Publication, nowMs: number): void {
    const value = stampValue(publication, nowMs);
    if (value === undefined) {
      this.#drop(`the value of ${publication.key} is no JSON object`);
      return;
    }
    this.#closed.add({ key: closedCandlesKey(publication.key), publication, value });
    if (this.#closed.size <= (this.#options.closedQueueMax ?? DEFAULT_CLOSED_QUEUE_MAX)) return;
    for (const oldest of this.#closed) {
      this.#closed.delete(oldest);
      this.#drop('too many closed candles wait for Redis');
      break;
    }
  }

  #drop(why: string): void {
    this.metrics.dropped++;
    this.metrics.lastErrorText = why;
  }

  #wake(): void {
    if (this.#isRunning || this.#isClosed || !this.#hasWork) return;
    this.#isRunning = true;
    // What the caller hands in within this tick goes in one round.
    queueMicrotask(() => void this.#run());
  }

  get #hasWork(): boolean {
    return this.#latest.size + this.#closed.size + this.#refresh.size + this.#expire.size > 0;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (this.#hasWork && !this.#isClosed) {
      await this.#untilReady();
      if (this.#mayStop()) break;
      const error = await this.#sendRound();
      if (error === undefined) {
        failures = 0;
        continue;
      }
      this.metrics.failedRounds++;
      this.#noteAway(error);
      await this.#options.timers.sleep(backoffDelayMs(RETRY, failures++, this.#options.random));
    }
    this.#becomeIdle();
  }

  /** Read after each wait: closing may have come meanwhile. */
  #mayStop(): boolean {
    return this.#isClosed;
  }

  #becomeIdle(): void {
    this.#isRunning = false;
    for (const done of [...this.#onIdle]) done();
  }

  async #untilReady(): Promise<void> {
    if (this.isConnected) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#client.off('ready', done);
        this.#client.off('end', done);
        resolve();
      };
      this.#client.on('ready', done);
      this.#client.on('end', done);
    });
  }

  /** Sends some of each kind and returns the first error; what failed waits again. */
  async #sendRound(): Promise<Error | undefined> {
    const errors = await Promise.all([this.#sendLatest(), this.#sendClosed()]);
    // After the values, so that the TTL of what was just set is the one that counts.
    const later = await Promise.all([this.#sendRefreshes(), this.#sendExpiries()]);
    const error = [...errors, ...later].find((each) => each !== undefined);
    if (error === undefined && this.#isAway) this.#noteBack();
    return error;
  }

  async #sendLatest(): Promise<Error | undefined> {
    const batch = takeFirst(this.#latest, ROUND_KEYS_MAX).map(([, waiting]) => waiting);
    if (batch.length === 0) return undefined;
    const nowMs = this.#options.clock.nowMs();
    let oldestMs = nowMs;
    const chunks = chunk(batch, this.#callKeysMax);
    const outcomes = await Promise.all(
      chunks.map((waitings) => {
        const keys: string[] = [];
        const args: (string | number)[] = [this.#options.keyTtlMs, this.#streamLength];
        for (const { publication, sinceMs } of waitings) {
          const value = stampValue(publication, nowMs);
          if (value === undefined) {
            this.#drop(`the value of ${publication.key} is no JSON object`);
            continue;
          }
          oldestMs = Math.min(oldestMs, sinceMs);
          this.#epochs.set(publication.key, publication.epoch);
          keys.push(publication.key);
          args.push(publication.epoch, publication.seq, value);
        }
        if (this.#streamLength > 0) keys.push(...keys.map(streamKey));
        return this.#call({ script: SET_NEWER, keys, args });
      }),
    );
    let error: Error | undefined;
    outcomes.forEach((outcome, index) => {
      const waitings = chunks[index]!;
      if (outcome.ok) {
        const rejectedCount = toCount(outcome.reply);
        this.metrics.rejectedAsOld += rejectedCount;
        this.metrics.published += waitings.length - rejectedCount;
        return;
      }
      error ??= outcome.error;
      for (const waiting of waitings) this.#putBack(waiting);
    });
    this.metrics.latenessMs = this.#options.clock.nowMs() - oldestMs;
    this.metrics.latenessMaxMs = Math.max(this.metrics.latenessMaxMs, this.metrics.latenessMs);
    return error;
  }

  #putBack(waiting: Waiting): void {
    const { key } = waiting.publication;
    const newer = this.#latest.get(key);
    if (newer !== undefined) this.metrics.conflated++;
    this.#latest.set(key, newer === undefined ? waiting : { ...newer, sinceMs: waiting.sinceMs });
  }

  async #sendClosed(): Promise<Error | undefined> {
    const byKey = new Map<string, { key: string; publication: Publication; value: string }[]>();
    let count = 0;
    for (const candle of this.#closed) {
      if (count++ >= ROUND_KEYS_MAX) break;
      const group = byKey.get(candle.key);
      if (group === undefined) byKey.set(candle.key, [candle]);
      else group.push(candle);
    }
    const groups = [...byKey.values()];
    const outcomes = await Promise.all(
      groups.map((group) => {
        const args: (string | number)[] = [this.#options.closedCandlesMax];
        for (const { publication, value } of group) args.push(publication.epoch, publication.seq, value);
        return this.#call({ script: APPEND_CLOSED, keys: [group[0]!.key], args });
      }),
    );
    let error: Error | undefined;
    outcomes.forEach((outcome, index) => {
      const group = groups[index]!;
      const mayHelpLater = !outcome.ok && isRetryable(outcome.error);
      if (mayHelpLater) {
        error ??= outcome.error;
        return;
      }
      for (const candle of group) this.#closed.delete(candle);
      if (outcome.ok) {
        const rejectedCount = toCount(outcome.reply);
        this.metrics.rejectedAsOld += rejectedCount;
        this.metrics.closedPublished += group.length - rejectedCount;
      } else {
        for (const { key } of group) this.#drop(`${key}: ${outcome.error.message}`);
      }
    });
    return error;
  }

  async #sendRefreshes(): Promise<Error | undefined> {
    const keys = takeFirst(this.#refresh, ROUND_KEYS_MAX).map(([key]) => key);
    // A value that waits brings its own TTL.
    const wanted = keys.filter((key) => !this.#latest.has(key));
    const chunks = chunk(wanted, this.#callKeysMax);
    const outcomes = await Promise.all(
      chunks.map((some) => this.#call({ script: REFRESH, keys: some, args: [this.#options.keyTtlMs] })),
    );
    let error: Error | undefined;
    const lost: string[] = [];
    outcomes.forEach((outcome, index) => {
      const some = chunks[index]!;
      if (outcome.ok) {
        const missing = Array.isArray(outcome.reply) ? outcome.reply.map(Number) : [];
        // A key that was never published (an interval without candles) is not lost.
        for (const place of missing) if (this.#epochs.has(some[place]!)) lost.push(some[place]!);
        this.metrics.refreshed += some.length - missing.length;
        return;
      }
      error ??= outcome.error;
      for (const key of some) this.#refresh.add(key);
    });
    if (lost.length > 0) this.#options.onKeysLost?.(lost);
    return error;
  }

  async #sendExpiries(): Promise<Error | undefined> {
    const keys = takeFirst(this.#expire, ROUND_KEYS_MAX).map(([key]) => key);
    const isWaiting = (key: string): boolean => this.#latest.has(key);
    for (const key of keys.filter(isWaiting)) this.#expire.add(key);
    const chunks = chunk(
      keys.filter((key) => !isWaiting(key)).flatMap((key) => this.#keysBeside(key)),
      this.#callKeysMax,
    );
    const outcomes = await Promise.all(
      chunks.map((some) =>
        this.#call({
          script: EXPIRE_OWN,
          keys: some.map(({ key }) => key),
          args: [EXPIRE_GRACE_MS, ...some.map(({ owner }) => this.#epochs.get(owner) ?? 0)],
        }),
      ),
    );
    let error: Error | undefined;
    outcomes.forEach((outcome, index) => {
      for (const { owner } of chunks[index]!) {
        if (outcome.ok) this.#epochs.delete(owner);
        else this.#expire.add(owner);
      }
      if (!outcome.ok) error ??= outcome.error;
    });
    return error;
  }

  #keysBeside(owner: string): { readonly key: string; readonly owner: string }[] {
    const keys = [owner];
    if (owner.startsWith('candle:')) keys.push(closedCandlesKey(owner));
    return keys.map((key) => ({ key, owner }));
  }

  /** Never rejects. A script that Redis has forgotten is sent in full, after which Redis knows it again. */
  async #call(call: Call): Promise<Outcome> {
    const { script, keys, args } = call;
    if (keys.length === 0) return { ok: true, reply: 0 };
    try {
      try {
        return { ok: true, reply: await this.#client.evalsha(script.sha, keys.length, ...keys, ...args) };
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
        return { ok: true, reply: await this.#client.eval(script.lua, keys.length, ...keys, ...args) };
      }
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      // A server that hangs keeps the connection open; only a new one tells whether it lives.
      if (error.message === 'Command timed out' && !this.#isClosed && !this.#client.isCluster) {
        this.#client.disconnect(true);
      }
      return { ok: false, error };
    }
  }

  #noteAway(error: Error | undefined): void {
    if (error !== undefined) this.metrics.lastErrorText = error.message === '' ? error.name : error.message;
    if (this.#isAway || this.#isClosed) return;
    this.#isAway = true;
    this.#options.log.warn(
      { error: this.metrics.lastErrorText, pendingCount: this.pendingCount },
      'Redis is away; the latest value per key waits',
    );
  }

  #noteBack(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#options.log.info({ pendingCount: this.pendingCount }, 'Redis is back');
  }
}

function isOlder(a: Publication, b: Publication): boolean {
  return a.epoch === b.epoch ? a.seq < b.seq : a.epoch < b.epoch;
}

/** Removes and returns the first entries of a map or set. */
function takeFirst<Key, Value>(
  from: { entries(): IterableIterator<[Key, Value]>; delete(key: Key): boolean },
  count: number,
): [Key, Value][] {
  const taken: [Key, Value][] = [];
  for (const entry of from.entries()) {
    if (taken.length === count) break;
    taken.push(entry);
  }
  for (const [key] of taken) from.delete(key);
  return taken;
}

function chunk<Item>(items: readonly Item[], sizeMax: number): Item[][] {
  const chunks: Item[][] = [];
  for (let index = 0; index < items.length; index += sizeMax)
    chunks.push(items.slice(index, index + sizeMax));
  return chunks;
}

function toCount(reply: unknown): number {
  return typeof reply === 'number' ? reply : Number(reply);
}

const NEVER_HELPS = /^(?:WRONGTYPE|ERR|NOPERM)\b/;

/** Whether the same call may pass later; a list key that holds something else won't mend itself. */
function isRetryable(error: Error): boolean {
  return !NEVER_HELPS.test(error.message);
}
