/**
 * A subscriber to everything, who also looks at the keys now and then and survives every restart of Redis. It connects directly, past the
 * proxies. What is published while it is not back yet is not heard; what keys hold is looked at again.
 */
import { Redis } from 'ioredis';
import { bookText } from '../checks/book-text.ts';
import type { Publication } from '../checks/publish-check.ts';

const RECONNECT_MS = 50;
const LOOK_EVERY_MS = 1_000;

type Document = {
  readonly epoch: number;
  readonly seq: number;
  readonly status: string;
  readonly publishTimeMs: number;
  readonly bids?: readonly (readonly [string, string])[];
  readonly asks?: readonly (readonly [string, string])[];
};

export class RedisWitness {
  readonly #subscriber: Redis;
  readonly #reader: Redis;
  readonly #onPublication: (publication: Publication) => void;
  readonly #looking: NodeJS.Timeout;
  #isLooking = false;

  constructor(port: number, onPublication: (publication: Publication) => void) {
    this.#onPublication = onPublication;
    const options = {
      port,
      host: '127.0.0.1',
      retryStrategy: () => RECONNECT_MS,
      maxRetriesPerRequest: null,
    };
    this.#subscriber = new Redis(options);
    this.#reader = new Redis({
      ...options,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: 2_000,
    });
    for (const client of [this.#subscriber, this.#reader]) client.on('error', () => undefined);
    this.#subscriber.on('pmessage', (_pattern: string, channel: string, text: string) =>
      this.#take('published', channel, text),
    );
    this.#looking = setInterval(() => void this.#look(), LOOK_EVERY_MS);
  }

  async start(): Promise<void> {
    await this.#subscriber.psubscribe('*');
  }

  close(): void {
    clearInterval(this.#looking);
    this.#subscriber.disconnect();
    this.#reader.disconnect();
  }

  async #look(): Promise<void> {
    if (this.#isLooking || this.#reader.status !== 'ready') return;
    this.#isLooking = true;
    try {
      const keys = (await this.#reader.keys('*')).filter((key) => !key.endsWith(':closed'));
      if (keys.length === 0) return;
      const values = await this.#reader.mget(keys);
      keys.forEach((key, index) => {
        const text = values[index];
        if (typeof text === 'string') this.#take('read', key, text);
      });
    } catch {
      // Redis is away; the next look may find it.
    } finally {
      this.#isLooking = false;
    }
  }

  #take(way: Publication['way'], channel: string, text: string): void {
    const { epoch, seq, status, publishTimeMs, bids, asks } = JSON.parse(text) as Document;
    const isFinestBook = channel.startsWith('orderbook:') && channel.endsWith(':1');
    const levels =
      isFinestBook && bids !== undefined && asks !== undefined ? bookText(bids, asks) : undefined;
    this.#onPublication({ channel, way, epoch, seq, status, publishTimeMs, heardMs: Date.now(), levels });
  }
}
