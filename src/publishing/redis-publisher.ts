/**
 * Brings values to Redis: set and published in one step, and only where newer than what is there. While Redis is slow or away the latest value
 * per key waits, and closed candles wait in a bounded queue. Nobody upstream ever waits or gets an error.
 */
import type { Publication, Publisher, PublishLease, StaleMark } from '../actors/ports.ts';
import type { BackoffPolicy } from '../base/backoff.ts';
import { backoffDelayMs } from '../base/backoff.ts';
import type { Clock, RandomSource, TimerHandle, Timers } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { keysBeside, streamKey } from './keys.ts';
import type { RedisClientOptions, ScriptClient } from './redis-client.ts';
import { createRedisClient, untilReady } from './redis-client.ts';
import { EXPIRE_OWN, MARK_STALE, REFRESH, SET_NEWER } from './scripts.ts';
import { sendClosedCandles } from './closed-candle-sending.ts';
import type { ScriptCall, ScriptOutcome } from './script-calls.ts';
import { callScript, chunk, HELD_BACK, needsNewConnection, toCount, toPlaces } from './script-calls.ts';
import { DEFAULT_CLOSED_QUEUE_MAX, PublisherBacklog } from './publisher-backlog.ts';
import { createPublisherMetrics } from './publisher-metrics.ts';
import { LeaseWait } from './lease-wait.ts';
import { PublishedKeys } from './published-keys.ts';
import { stampValue } from './value-head.ts';

export type RedisPublisherOptions = {
  readonly url: string;
  /** Opens the connection. Default: `createRedisClient`. */
  readonly connect?: (url: string, options: RedisClientOptions) => ScriptClient;
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
  /** Asked right before each send; what may not be said waits until it may. Without one everything may. */
  readonly lease?: PublishLease;
  /**
   * Told which keys Redis has lost, or may have: it came back empty, or with older values (from its last dump, or as a replica that lagged). Their
   * instruments have to publish again.
   */
  readonly onKeysLost?: (keys: readonly string[]) => void;
};

/** Keys of one round; the next one takes what has come meanwhile. */
const ROUND_KEYS_MAX = 500;
/** Keys of one script call: enough to make the call cheap, few enough that others aren't kept waiting. */
const CALL_KEYS_MAX = 50;
/** So many keys to keep alive are worth a round of their own; fewer wait for others, for a part of their life. */
const REFRESHES_MIN = ROUND_KEYS_MAX / 2;
const REFRESH_WAIT_PART = 1 / 100;
/** What a stopped instrument's last value still lives. */
const EXPIRE_GRACE_MS = 1_000;
const CONNECT_TIMEOUT_MS = 3_000;
const COMMAND_TIMEOUT_MS = 5_000;
const RETRY: BackoffPolicy = { initialMs: 50, maxMs: 2_000, jitter: 0.2 };

export class RedisPublisher implements Publisher {
  readonly metrics = createPublisherMetrics();
  readonly #options: RedisPublisherOptions;
  readonly #client: ScriptClient;
  readonly #callKeysMax: number;
  readonly #streamLength: number;
  readonly #backlog: PublisherBacklog;
  readonly #lease: LeaseWait;
  readonly #published: PublishedKeys;
  #isRunning = false;
  #refreshTimer: TimerHandle | undefined;
  #isClosed = false;
  #isAway = false;
  readonly #onIdle = new Set<() => void>();

  constructor(options: RedisPublisherOptions) {
    this.#options = options;
    this.#lease = new LeaseWait(options.lease);
    this.#backlog = new PublisherBacklog(this.metrics, options.closedQueueMax ?? DEFAULT_CLOSED_QUEUE_MAX);
    this.#published = new PublishedKeys(options.keyTtlMs);
    this.#streamLength = options.streamMaxLength ?? 0;
    this.#client = (options.connect ?? createRedisClient)(options.url, {
      reconnect: RETRY,
      random: options.random,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      commandTimeoutMs: COMMAND_TIMEOUT_MS,
    });
    this.#callKeysMax = this.#client.isCluster ? 1 : CALL_KEYS_MAX;
    this.#client.on('error', (error: Error) => this.#noteAway(error));
    this.#client.on('close', () => this.#noteAway(undefined));
    this.#client.on('ready', () => {
      // Where something waits, only a round that is taken tells that it is back.
      if (this.#backlog.isEmpty) this.#noteBack();
      this.#sayAllAgain();
    });
    // A node of a Cluster comes back, or is replaced, without the Cluster being away.
    for (const event of ['+node', '-node'] as const) this.#client.on(event, () => this.#sayAllAgain());
  }

  get isConnected(): boolean {
    return this.#client.status === 'ready';
  }

  /** Whether Redis takes what is sent: it may be connected and refuse all (its memory or disk is full, it has become a replica). */
  get isTaken(): boolean {
    return this.isConnected && !this.#isAway;
  }

  /** Values and closed candles that wait. */
  get pendingCount(): number {
    return this.#backlog.valueCount;
  }

  get waitingClosedCount(): number {
    return this.#backlog.closed.count;
  }

  publish(publications: readonly Publication[]): void {
    if (this.#isClosed) return;
    for (const publication of publications) this.#backlog.add(publication, this.#options.clock);
    this.#wake();
  }

  refresh(keys: readonly string[]): void {
    if (this.#isClosed) return;
    for (const key of keys) this.#backlog.addRefresh(key);
    const { timers, keyTtlMs } = this.#options;
    if (this.#backlog.refreshCount >= REFRESHES_MIN) this.#wake();
    else this.#refreshTimer ??= timers.after(REFRESH_WAIT_PART * keyTtlMs, () => this.#wake());
  }

  markStale(marks: readonly StaleMark[]): void {
    if (this.#isClosed) return;
    for (const mark of marks) this.#backlog.addMark(mark);
    this.#lease.end();
    this.#wake();
  }

  expire(keys: readonly string[]): void {
    if (this.#isClosed) return;
    for (const key of keys) this.#backlog.addExpiry(key);
    this.#wake();
  }

  async flush(timeoutMs: number): Promise<void> {
    this.#wake();
    if (!this.#isRunning) return;
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
    this.#refreshTimer?.cancel();
    this.#lease.end();
    this.#client.disconnect();
    this.#becomeIdle();
  }

  /**
   * Behind a new connection may be a Redis that holds older values. Where they are of the version that was published last, but say `live` where
   * `stale` was said since, no comparison would tell.
   */
  #sayAllAgain(): void {
    for (const key of this.#published.ended(this.#options.clock.monotonicMs())) {
      this.#backlog.addExpiry(key);
      this.#backlog.addMark({
        key,
        epoch: this.#published.epochOf(key),
        reason: 'the instrument was stopped',
      });
    }
    this.#sayAgain(this.#published.running());
  }

  #sayAgain(lost: readonly string[]): void {
    if (this.#isClosed) return;
    this.#backlog.repeatMarks();
    if (this.#backlog.hasMarks) this.#lease.end();
    if (lost.length > 0) this.#options.onKeysLost?.(lost);
    this.#wake();
  }

  #wake(): void {
    this.#refreshTimer?.cancel();
    this.#refreshTimer = undefined;
    if (this.#isRunning || this.#isClosed || this.#backlog.isEmpty) return;
    this.#isRunning = true;
    // What comes within this turn of the event loop, from many instruments, goes in one round.
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#backlog.isEmpty && !this.#isClosed) {
      await untilReady(this.#client);
      if (!this.#backlog.hasMarks) await this.#lease.untilHeld();
      if (this.#mayStop()) break;
      const error = await (this.#lease.isHeld() ? this.#sendRound() : this.#sendMarks({ inForce: false }));
      if (error === HELD_BACK) continue;
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

  /** Sends some of each kind and returns the first error; what failed waits again. */
  async #sendRound(): Promise<Error | undefined> {
    const errors = await Promise.all([this.#sendLatest(), this.#sendClosed()]);
    // After the values, so that the TTL of what was just set is the one that counts.
    const later = await Promise.all([
      this.#sendRefreshes(),
      this.#sendExpiries(),
      this.#sendMarks({ inForce: true }),
    ]);
    const found = [...errors, ...later].filter((each) => each !== undefined);
    if (found.length === 0 && this.#isAway) this.#noteBack();
    return found.find((each) => each !== HELD_BACK) ?? found[0];
  }

  async #sendLatest(): Promise<Error | undefined> {
    const batch = this.#backlog.takeLatest(ROUND_KEYS_MAX);
    if (batch.length === 0) return undefined;
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    let oldestMs = clock.monotonicMs();
    const chunks = chunk(batch, this.#callKeysMax);
    const outcomes = await Promise.all(
      chunks.map((waitings) => {
        const keys: string[] = [];
        const args: (string | number)[] = [this.#options.keyTtlMs, this.#streamLength];
        for (const { publication, sinceMs } of waitings) {
          oldestMs = Math.min(oldestMs, sinceMs);
          this.#published.noteSent(publication);
          keys.push(publication.key);
          args.push(publication.epoch, publication.seq, stampValue(publication, nowMs));
        }
        if (this.#streamLength > 0) keys.push(...keys.map(streamKey));
        return this.#call({ script: SET_NEWER, keys, args });
      }),
    );
    let error: Error | undefined;
    outcomes.forEach((outcome, index) => {
      const waitings = chunks[index]!;
      if (outcome.ok) {
        const refused = toPlaces(outcome.reply);
        this.metrics.rejectedAsOld += refused.size;
        this.metrics.published += waitings.length - refused.size;
        waitings.forEach(({ publication }, place) => this.#noteRefused(publication, refused.has(place)));
        return;
      }
      error ??= outcome.error;
      for (const waiting of waitings) this.#backlog.putBack(waiting);
    });
    this.metrics.latenessMs = clock.monotonicMs() - oldestMs;
    this.metrics.latenessMaxMs = Math.max(this.metrics.latenessMaxMs, this.metrics.latenessMs);
    return error;
  }

  #sendClosed(): Promise<Error | undefined> {
    const sending = {
      queue: this.#backlog.closed,
      metrics: this.metrics,
      isCluster: this.#client.isCluster,
      listLength: this.#options.closedCandlesMax,
      call: (call: ScriptCall) => this.#call(call),
      onDropped: (why: string) => this.#backlog.countDropped(why),
    };
    return sendClosedCandles(sending, ROUND_KEYS_MAX);
  }

  async #sendRefreshes(): Promise<Error | undefined> {
    const keys: string[] = [];
    const versions: string[] = [];
    for (const key of this.#backlog.takeRefreshes(ROUND_KEYS_MAX)) {
      const version = this.#published.versionOf(key);
      // A value that waits brings its own TTL; one that was never published (an interval without candles) has none.
      if (version === undefined || this.#backlog.hasLatest(key)) continue;
      keys.push(key);
      versions.push(`${version.epoch} ${version.seq}`);
    }
    // To keep a key alive costs Redis a fraction of setting it, so that a call may have more of them.
    const callKeysMax = this.#client.isCluster ? 1 : ROUND_KEYS_MAX / 2;
    const chunks = chunk(keys, callKeysMax);
    const outcomes = await Promise.all(
      chunks.map((some, index) => {
        const from = index * callKeysMax;
        const own = versions.slice(from, from + some.length).join(' ');
        return this.#call({ script: REFRESH, keys: some, args: [this.#options.keyTtlMs, own] });
      }),
    );
    let error: Error | undefined;
    const lost: string[] = [];
    outcomes.forEach((outcome, index) => {
      const some = chunks[index]!;
      if (outcome.ok) {
        const places = toPlaces(outcome.reply);
        for (const place of places) lost.push(some[place]!);
        this.metrics.refreshed += some.length - places.size;
        return;
      }
      error ??= outcome.error;
      for (const key of some) this.#backlog.addRefresh(key);
    });
    if (lost.length > 0) this.#sayAgain(lost);
    return error;
  }

  async #sendExpiries(): Promise<Error | undefined> {
    const keys = this.#backlog.takeExpiries(ROUND_KEYS_MAX);
    const isWaiting = (key: string): boolean => this.#backlog.hasLatest(key);
    for (const key of keys.filter(isWaiting)) this.#backlog.addExpiry(key);
    const chunks = chunk(
      keys.filter((key) => !isWaiting(key)).flatMap((key) => keysBeside(key)),
      this.#callKeysMax,
    );
    const outcomes = await Promise.all(
      chunks.map((some) =>
        this.#call({
          script: EXPIRE_OWN,
          keys: some.map(({ key }) => key),
          args: [EXPIRE_GRACE_MS, ...some.map(({ owner }) => this.#published.epochOf(owner))],
        }),
      ),
    );
    let error: Error | undefined;
    const nowMs = this.#options.clock.monotonicMs();
    outcomes.forEach((outcome, index) => {
      for (const { owner } of chunks[index]!) {
        if (outcome.ok) {
          this.#published.noteEnded(owner, nowMs);
          this.#backlog.forgetMark(owner);
        } else this.#backlog.addExpiry(owner);
      }
      if (!outcome.ok) error ??= outcome.error;
    });
    return error;
  }

  /** A mark promises nothing, so it needs no lease. */
  async #sendMarks(options: { inForce: boolean }): Promise<Error | undefined> {
    const chunks = chunk(this.#backlog.takeMarks(ROUND_KEYS_MAX, options), this.#callKeysMax);
    const nowMs = this.#options.clock.nowMs();
    const outcomes = await Promise.all(
      chunks.map((marks) => {
        const keys = marks.map(({ key }) => key);
        if (this.#streamLength > 0) keys.push(...keys.map(streamKey));
        const args = marks.flatMap(({ epoch, reason }) => [epoch, JSON.stringify(reason)]);
        return this.#call({
          script: MARK_STALE,
          keys,
          args: [this.#streamLength, nowMs, ...args],
          mayBeSent: () => true,
        });
      }),
    );
    let error: Error | undefined;
    outcomes.forEach((outcome, index) => {
      if (outcome.ok) {
        this.metrics.markedStale += toCount(outcome.reply);
        return;
      }
      error ??= outcome.error;
      for (const mark of chunks[index]!) this.#backlog.putBackMark(mark);
    });
    return error;
  }

  async #call(call: ScriptCall): Promise<ScriptOutcome> {
    const outcome = await callScript(this.#client, { mayBeSent: this.#lease.isHeld, ...call });
    if (!outcome.ok && needsNewConnection(outcome.error) && !this.#isClosed && !this.#client.isCluster) {
      this.#client.disconnect(true);
    }
    return outcome;
  }

  #noteRefused({ key, epoch, seq }: Publication, isRefused: boolean): void {
    if (!this.#published.noteRefused(key, isRefused)) return;
    this.#options.log.warn(
      { key, epoch, seq },
      'Redis holds newer values than this node has: another node owns the instruments, or Postgres was set back; they are left to expire',
    );
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
