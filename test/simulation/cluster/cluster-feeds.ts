/**
 * Those who write the log: for each instrument one feed or two at once, each with a book of its own making. They reconnect, fall silent, write again
 * what they wrote before, cut in other ways, and go on after another one has been followed.
 */
import type { RandomSource } from '../../../src/base/clock.ts';
import type { BookDelta, BookSnapshot, EventBatch, MarketEvent } from '../../../src/market/events.ts';
import type { InstrumentKey } from '../../../src/market/symbols.ts';
import type { MemoryEventLog } from '../../support/memory-event-log.ts';
import {
  bookDelta,
  bookSnapshot,
  feedStatus,
  heartbeat,
  timesAt,
  trade,
} from '../../support/market-events.ts';
import type { World } from '../world/world.ts';

const MID = 10_000;
const LEVELS = 6;
const HEARTBEAT_MS = 1_000;
/** Events that a feed still has, and may write again. */
const KEPT_EVENTS = 40;

class Feed {
  readonly #source: string;
  readonly #random: RandomSource;
  readonly #bids = new Map<number, number>();
  readonly #asks = new Map<number, number>();
  #kept: MarketEvent[] = [];
  #lastOrdinal = 0;

  constructor(source: string, random: RandomSource) {
    this.#source = source;
    this.#random = random;
    for (let level = 1; level <= LEVELS; level++) {
      this.#bids.set(MID - level, level);
      this.#asks.set(MID + level, level);
    }
  }

  batch(events: readonly MarketEvent[]): EventBatch {
    const firstOrdinal = this.#lastOrdinal + 1;
    this.#lastOrdinal += events.length;
    this.#kept = [...this.#kept, ...events].slice(-KEPT_EVENTS);
    return { source: this.#source, firstOrdinal, events };
  }

  /** What it may not know to be in the log, cut anew. */
  batchesAgain(): EventBatch[] {
    const batches: EventBatch[] = [];
    for (let at = Math.floor(this.#random() * this.#kept.length); at < this.#kept.length;) {
      const count = 1 + Math.floor(this.#random() * 8);
      const firstOrdinal = this.#lastOrdinal - this.#kept.length + 1 + at;
      batches.push({ source: this.#source, firstOrdinal, events: this.#kept.slice(at, at + count) });
      at += count;
    }
    return batches;
  }

  snapshot(nowMs: number): BookSnapshot {
    return bookSnapshot({
      ...timesAt(nowMs),
      bids: [...this.#bids].sort(([a], [b]) => b - a).flat(),
      asks: [...this.#asks].sort(([a], [b]) => a - b).flat(),
    });
  }

  delta(nowMs: number): BookDelta {
    const isBid = this.#random() < 0.5;
    const price = isBid
      ? MID - 1 - Math.floor(this.#random() * LEVELS)
      : MID + 1 + Math.floor(this.#random() * LEVELS);
    const quantity = Math.floor(this.#random() * 9);
    const side = isBid ? this.#bids : this.#asks;
    if (quantity === 0) side.delete(price);
    else side.set(price, quantity);
    return bookDelta({ ...timesAt(nowMs), [isBid ? 'bids' : 'asks']: [price, quantity] });
  }
}

class InstrumentFeeds {
  readonly #feeds: Feed[] = [];
  readonly #options: ClusterFeedsOptions & { readonly instrument: InstrumentKey };
  readonly #random: RandomSource;
  #feedCount = 0;
  #tradeCount = 0;
  #quietUntilMs = 0;

  constructor(options: ClusterFeedsOptions & { readonly instrument: InstrumentKey }) {
    this.#options = options;
    this.#random = options.world.stream(`feeds of ${options.instrument}`);
    this.connect();
  }

  connect(): void {
    const { world, instrument } = this.#options;
    const feed = new Feed(`${instrument}/${++this.#feedCount}`, this.#random);
    this.#feeds.push(feed);
    if (this.#feeds.length > 2) this.#feeds.shift();
    const { nowMs } = world;
    this.#write(feed.batch([feedStatus({ ...timesAt(nowMs), status: 'connected', reason: 'new' })]));
    this.#write(feed.batch([feed.snapshot(nowMs)]));
  }

  resync(): void {
    const feed = this.#feeds.at(-1)!;
    const { nowMs } = this.#options.world;
    this.#write(feed.batch([feedStatus({ ...timesAt(nowMs), status: 'stale', reason: 'asked' })]));
    this.#write(feed.batch([feed.snapshot(nowMs)]));
  }

  beSilent(untilMs: number): void {
    this.#quietUntilMs = untilMs;
  }

  writeAgain(): void {
    const feed = this.#feeds[Math.floor(this.#random() * this.#feeds.length)]!;
    for (const batch of feed.batchesAgain()) this.#write(batch);
  }

  speak(): void {
    const { nowMs } = this.#options.world;
    if (nowMs < this.#quietUntilMs) return;
    for (const feed of this.#feeds) {
      const events: MarketEvent[] = [];
      for (let count = Math.floor(this.#random() ** 2 * 6); count >= 0; count--) {
        if (this.#random() < 0.7) events.push(feed.delta(nowMs));
        // Of two feeds that tell the same trade it counts once.
        else events.push(trade({ ...timesAt(nowMs), tradeId: String(this.#nextTradeId()) }));
      }
      this.#write(feed.batch(events));
    }
  }

  tellTime(): void {
    const { nowMs } = this.#options.world;
    if (nowMs < this.#quietUntilMs) return;
    this.#write(this.#feeds.at(-1)!.batch([heartbeat(nowMs)]));
  }

  #nextTradeId(): number {
    return this.#random() < 0.2 ? this.#tradeCount : ++this.#tradeCount;
  }

  #write(batch: EventBatch): void {
    const { log, instrument, later } = this.#options;
    later(() => log.write(instrument, batch));
  }
}

export type ClusterFeedsOptions = {
  readonly world: World;
  readonly log: MemoryEventLog;
  /** In order. */
  readonly later: (action: () => void) => void;
};

export class ClusterFeeds {
  readonly #world: World;
  readonly #random: RandomSource;
  readonly #feeds: ReadonlyMap<InstrumentKey, InstrumentFeeds>;
  #isOver = false;

  constructor(options: ClusterFeedsOptions, instruments: readonly InstrumentKey[]) {
    this.#world = options.world;
    this.#random = options.world.stream('feeds');
    this.#feeds = new Map(
      instruments.map((instrument) => [instrument, new InstrumentFeeds({ ...options, instrument })]),
    );
  }

  start(stepMs: number): void {
    for (const feeds of this.#feeds.values()) {
      this.#every(
        () => stepMs * (0.2 + 1.6 * this.#random()),
        () => feeds.speak(),
      );
      this.#every(
        () => HEARTBEAT_MS,
        () => feeds.tellTime(),
      );
    }
  }

  stop(): void {
    this.#isOver = true;
  }

  resync(instrument: InstrumentKey): void {
    if (!this.#isOver) this.#feeds.get(instrument)?.resync();
  }

  /** One of them, by chance. */
  pick(): InstrumentFeeds {
    return [...this.#feeds.values()][Math.floor(this.#random() * this.#feeds.size)]!;
  }

  /** All speak again. */
  wake(): void {
    for (const feeds of this.#feeds.values()) feeds.beSilent(0);
  }

  #every(delayMs: () => number, action: () => void): void {
    this.#world.after(this.#world.nature, delayMs(), 'feed', () => {
      if (this.#isOver) return;
      action();
      this.#every(delayMs, action);
    });
  }
}
