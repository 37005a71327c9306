/** Watches as a subscriber does what a node publishes: when each key was first published in its epoch, and when each book was live. */
import { Redis } from 'ioredis';
import { EXCHANGE } from './prepared-database.ts';

/** Bytes of a document that hold everything before its body. */
const HEAD_BYTES = 400;

export class RedisWatch {
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  #epoch = Number.POSITIVE_INFINITY;
  #seen = new Set<string>();
  #liveBooks = new Set<string>();
  #conditions: { isMet: () => boolean; resolve: () => void }[] = [];

  constructor(url: string) {
    this.#redis = new Redis(url);
    this.#subscriber = new Redis(url);
    this.#subscriber.on('pmessageBuffer', (_pattern: unknown, channel: Buffer, value: Buffer) => {
      this.#note(channel.toString(), value.toString('latin1', 0, HEAD_BYTES));
    });
  }

  async start(): Promise<void> {
    await this.#subscriber.psubscribe(
      ...['orderbook', 'ticker', 'candle'].map((kind) => `${kind}:${EXCHANGE}:*`),
    );
  }

  /** Forgets what was seen; only what the claim `epoch` publishes counts from here on. */
  expect(epoch: number): void {
    this.#epoch = epoch;
    this.#seen = new Set();
    this.#liveBooks = new Set();
    this.#conditions = [];
  }

  untilPublished(keyCount: number): Promise<void> {
    return this.#until(() => this.#seen.size >= keyCount);
  }

  untilLive(bookCount: number): Promise<void> {
    return this.#until(() => this.#liveBooks.size >= bookCount);
  }

  get publishedCount(): number {
    return this.#seen.size;
  }

  get liveCount(): number {
    return this.#liveBooks.size;
  }

  /** Counts the books that Redis holds under their keys as live ones of this epoch: what a reader who comes now gets. */
  async countLiveKeys(): Promise<number> {
    const keys = await this.#redis.keys(`orderbook:${EXCHANGE}:*`);
    const values = keys.length === 0 ? [] : await this.#redis.mget(keys);
    return values.filter((value) => value !== null && this.#isLive(value.slice(0, HEAD_BYTES))).length;
  }

  async forgetAll(): Promise<void> {
    await this.#redis.flushall();
  }

  close(): void {
    this.#redis.disconnect();
    this.#subscriber.disconnect();
  }

  #note(channel: string, head: string): void {
    if (channel.endsWith(':closed') || !head.startsWith(`{"epoch":${this.#epoch},`)) return;
    this.#seen.add(channel);
    if (channel.startsWith('orderbook:') && this.#isLive(head)) this.#liveBooks.add(channel);
    this.#conditions = this.#conditions.filter(({ isMet, resolve }) => {
      if (!isMet()) return true;
      resolve();
      return false;
    });
  }

  #isLive(head: string): boolean {
    return head.startsWith(`{"epoch":${this.#epoch},`) && head.includes('"status":"live"');
  }

  #until(isMet: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      if (isMet()) resolve();
      else this.#conditions.push({ isMet, resolve });
    });
  }
}
