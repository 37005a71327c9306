/**
 * Channels of instruments that other nodes of a cluster have, heard through Redis: what is published there is what their own node tells its readers. Only
 * what somebody reads here is followed.
 *
 * Their owners' leases are kept by their owners: what is in Redis was said under them. What nobody keeps alive any more is gone from there, and in doubt
 * here; so is everything while Redis is away.
 */
import type { Redis } from 'ioredis';
import type { BackoffPolicy } from '../base/backoff.ts';
import type { Clock, RandomSource, TimerHandle, Timers } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { InProcessChannels } from './in-process-channels.ts';
import type { RedisClient, RedisClientOptions } from './redis-client.ts';
import { createRedisClient } from './redis-client.ts';

const RETRY: BackoffPolicy = { initialMs: 50, maxMs: 2_000, jitter: 0.2 };
const CONNECT_TIMEOUT_MS = 3_000;
const COMMAND_TIMEOUT_MS = 5_000;
const LOOK_MS = 1_000;
/** A channel that said nothing for so long is looked at: an unchanged value is kept alive without a word. */
const SILENT_MS = 2_000;
const CLOSED_END = ':closed';

export type RedisChannelsOptions = {
  readonly url: string;
  readonly channels: InProcessChannels;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly log: Log;
};

type Followed = { heardAtMs: number };

export class RedisChannels {
  readonly #options: RedisChannelsOptions;
  /** A connection that subscribes can do nothing else. */
  readonly #subscriber: RedisClient;
  readonly #reader: RedisClient;
  readonly #followed = new Map<string, Followed>();
  readonly #looking: TimerHandle;
  #isAway = false;
  #isClosed = false;

  /** @throws TampinesError `SETTINGS_INVALID` when the address is none */
  constructor(options: RedisChannelsOptions) {
    this.#options = options;
    const client: RedisClientOptions = {
      reconnect: RETRY,
      random: options.random,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      commandTimeoutMs: COMMAND_TIMEOUT_MS,
    };
    this.#subscriber = createRedisClient(options.url, client);
    this.#reader = createRedisClient(options.url, client);
    const subscriber = this.#subscriber as Redis;
    subscriber.on('message', (channel: string, text: string) => this.#hear(channel, text));
    for (const connection of [subscriber, this.#reader as Redis]) {
      connection.on('error', () => this.#noteAway());
      connection.on('close', () => this.#noteAway());
      connection.on('ready', () => this.#noteBack());
    }
    this.#looking = options.timers.every(LOOK_MS, () => this.#look());
  }

  /** Follows the channel from now on; its value comes as soon as Redis has told it. */
  follow(channel: string): void {
    if (this.#isClosed || this.#followed.has(channel)) return;
    this.#followed.set(channel, { heardAtMs: this.#options.clock.monotonicMs() });
    if (this.#isReady) void this.#begin([channel]);
    else if (this.#isAway) this.#doubt([channel], AWAY);
  }

  /** Follows those that are read here and are of another node, and no other. */
  keep(isElsewhere: (channel: string) => boolean): void {
    for (const channel of this.#options.channels.readChannels())
      if (isElsewhere(channel)) this.follow(channel);
    for (const channel of this.#followed.keys()) if (!isElsewhere(channel)) this.#unfollow(channel);
  }

  /** Channels that are followed. */
  get followedCount(): number {
    return this.#followed.size;
  }

  close(): void {
    this.#isClosed = true;
    this.#looking.cancel();
    this.#followed.clear();
    this.#subscriber.disconnect();
    this.#reader.disconnect();
  }

  get #isReady(): boolean {
    return this.#subscriber.status === 'ready' && this.#reader.status === 'ready';
  }

  /** Subscribes before it reads, so that nothing is published in between unheard. */
  async #begin(channels: readonly string[]): Promise<void> {
    if (channels.length === 0) return;
    try {
      await this.#subscriber.subscribe(...channels);
      await Promise.all(channels.filter(hasValue).map((channel) => this.#read(channel)));
    } catch {
      this.#doubt(channels, AWAY);
    }
  }

  async #read(channel: string): Promise<void> {
    const text = await this.#reader.get(channel);
    if (!this.#followed.has(channel)) return;
    if (text === null) this.#doubt([channel], GONE);
    else this.#hear(channel, text);
  }

  #unfollow(channel: string): void {
    this.#followed.delete(channel);
    // One that stays subscribed is heard by nobody.
    this.#subscriber.unsubscribe(channel).catch(() => undefined);
  }

  #hear(channel: string, text: string): void {
    const followed = this.#followed.get(channel);
    if (followed === undefined) return;
    followed.heardAtMs = this.#options.clock.monotonicMs();
    this.#options.channels.hear(channel, text, hasValue(channel) ? 'latest' : 'closedCandle');
  }

  #look(): void {
    for (const channel of this.#followed.keys()) {
      if (!this.#options.channels.isRead(channel)) this.#unfollow(channel);
    }
    if (!this.#isReady) return;
    const beforeMs = this.#options.clock.monotonicMs() - SILENT_MS;
    for (const [channel, { heardAtMs }] of this.#followed) {
      if (heardAtMs <= beforeMs && hasValue(channel)) void this.#lookAt(channel);
    }
  }

  async #lookAt(channel: string): Promise<void> {
    try {
      const isThere = (await this.#reader.exists(channel)) === 1;
      if (!isThere && this.#followed.has(channel)) this.#doubt([channel], GONE);
    } catch {
      this.#doubt([channel], AWAY);
    }
  }

  #noteAway(): void {
    if (this.#isAway || this.#isClosed) return;
    this.#isAway = true;
    this.#options.log.warn(
      { followed: this.#followed.size },
      'Redis is away: channels of other nodes are in doubt until it is back',
    );
    this.#doubt([...this.#followed.keys()], AWAY);
  }

  #noteBack(): void {
    if (!this.#isReady || this.#isClosed) return;
    if (this.#isAway) this.#options.log.info({ followed: this.#followed.size }, 'Redis is back');
    this.#isAway = false;
    void this.#begin([...this.#followed.keys()]);
  }

  #doubt(channels: readonly string[], reason: string): void {
    const marks = channels
      .filter((channel) => this.#followed.has(channel))
      // Whatever epoch it has: it is no claim of this node.
      .map((key) => ({ key, epoch: Number.MAX_SAFE_INTEGER, reason }));
    this.#options.channels.markStale(marks);
  }
}

const AWAY = "Redis can't be asked, through which its node is heard";
const GONE = 'its node says nothing of it any more';

/** Closed candles are events; a list holds them. */
function hasValue(channel: string): boolean {
  return !channel.endsWith(CLOSED_END);
}
