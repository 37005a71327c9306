/** Watches what Redis tells subscribers, and where that goes back. */
import { Redis } from 'ioredis';

type Last = { readonly epoch: number; readonly seq: number; readonly bookSeq: number };

export class RedisOrder {
  readonly stepsBack: string[] = [];
  readonly #seen = new Map<string, Last>();
  readonly #reader: Redis;
  publicationCount = 0;

  private constructor(url: string) {
    this.#reader = new Redis(url);
    this.#reader.on('error', () => undefined);
    this.#reader.on('message', (channel: string, text: string) => this.#take(channel, text));
  }

  static async watch(url: string, channels: readonly string[]): Promise<RedisOrder> {
    const order = new RedisOrder(url);
    await order.#reader.subscribe(...channels);
    return order;
  }

  get seenCount(): number {
    return this.#seen.size;
  }

  close(): void {
    this.#reader.disconnect();
  }

  #take(channel: string, text: string): void {
    this.publicationCount++;
    const { epoch, seq } = JSON.parse(text) as { epoch: number; seq: number };
    const last = this.#seen.get(channel) ?? { epoch: 0, seq: 0, bookSeq: 0 };
    const isOlder = epoch < last.epoch || (epoch === last.epoch && seq < last.seq);
    // A new owner marks what is held as its own at sequence 0; the book itself follows, and counts on where the log is.
    const isOlderBook = seq > 0 && seq < last.bookSeq;
    if (isOlder || isOlderBook)
      this.stepsBack.push(`${channel}: ${epoch}.${seq} after ${JSON.stringify(last)}`);
    this.#seen.set(channel, { epoch, seq, bookSeq: Math.max(seq, last.bookSeq) });
  }
}
