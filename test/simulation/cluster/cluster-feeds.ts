/**
 * Those who write the log: for each instrument one feed or two at once, each with a book of its own making. They reconnect, fall silent, write again
 * what they wrote before, cut in other ways, and go on after another one has been followed. Where instruments are fed twice the two are replicas, each of
 * a node that may be lost and whose place another one takes later, under the next lease.
 */
import type { RandomSource } from '../../../src/base/clock.ts';
import { sourceUnderLease } from '../../../src/market/book-sources.ts';
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
  /** The newest two or, where it is fed twice, one of each replica. */
  #feeds: Feed[] = [];
  readonly #options: ClusterFeedsOptions & { readonly instrument: InstrumentKey };
  readonly #random: RandomSource;
  readonly #lost = new Set<Feed>();
  readonly #epochs = [1, 1];
  #feedCount = 0;
  #tradeCount = 0;
  #quietUntilMs = 0;

  constructor(options: ClusterFeedsOptions & { readonly instrument: InstrumentKey }) {
    this.#options = options;
    this.#random = options.world.stream(`feeds of ${options.instrument}`);
    for (let replica = 0; replica < options.redundancy; replica++) this.#connect(replica);
  }

  /** One of its feeds opens another connection; false where that one's node is lost. So are the others below. */
  connect(): boolean {
    const replica = this.#drawReplica();
    if (this.#isLost(replica)) return false;
    this.#connect(replica);
    return true;
  }

  #connect(replica: number): void {
    const { world, instrument, redundancy } = this.#options;
    const name = `${instrument}/${++this.#feedCount}`;
    const isReplica = redundancy > 1;
    const feed = new Feed(
      isReplica ? sourceUnderLease(this.#epochs[replica]!, name, replica) : name,
      this.#random,
    );
    if (isReplica) this.#feeds[replica] = feed;
    else this.#feeds = [...this.#feeds, feed].slice(-2);
    const { nowMs } = world;
    this.#write(feed.batch([feedStatus({ ...timesAt(nowMs), status: 'connected', reason: 'new' })]));
    this.#writeBookOf(feed);
  }

  /** At once where it is fed once. Else the other feed has its say before. */
  #writeBookOf(feed: Feed): void {
    const { world, redundancy } = this.#options;
    const write = (): void => {
      if (!this.#lost.has(feed)) this.#write(feed.batch([feed.snapshot(world.nowMs)]));
    };
    if (redundancy === 1) write();
    else world.after(world.nature, 200 + this.#random() * 2_000, 'book', write);
  }

  /** Nothing comes from the node of this replica any more. */
  lose(replica: number): void {
    this.#lost.add(this.#feeds[replica]!);
  }

  takeOver(replica: number): void {
    this.#epochs[replica]!++;
    this.#connect(replica);
  }

  resync(replica = this.#drawReplica()): boolean {
    const feed = this.#options.redundancy > 1 ? this.#feeds[replica]! : this.#feeds.at(-1)!;
    if (this.#lost.has(feed)) return false;
    const { nowMs } = this.#options.world;
    this.#write(feed.batch([feedStatus({ ...timesAt(nowMs), status: 'stale', reason: 'asked' })]));
    this.#writeBookOf(feed);
    return true;
  }

  beSilent(untilMs: number): void {
    this.#quietUntilMs = untilMs;
  }

  writeAgain(): boolean {
    const feed = this.#feeds[Math.floor(this.#random() * this.#feeds.length)]!;
    if (this.#lost.has(feed)) return false;
    for (const batch of feed.batchesAgain()) this.#write(batch);
    return true;
  }

  speak(): void {
    const { nowMs } = this.#options.world;
    if (nowMs < this.#quietUntilMs) return;
    for (const feed of this.#living()) {
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
    const { world, redundancy } = this.#options;
    if (world.nowMs < this.#quietUntilMs) return;
    for (const feed of redundancy > 1 ? this.#living() : this.#feeds.slice(-1))
      this.#write(feed.batch([heartbeat(world.nowMs)]));
  }

  #living(): Feed[] {
    return this.#feeds.filter((feed) => !this.#lost.has(feed));
  }

  #isLost(replica: number): boolean {
    const feed = this.#feeds[replica];
    return this.#options.redundancy > 1 && feed !== undefined && this.#lost.has(feed);
  }

  #drawReplica(): number {
    const { redundancy } = this.#options;
    return redundancy === 1 ? 0 : Math.floor(this.#random() * redundancy);
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
  /** Feeds of each instrument that are meant to be there at once. */
  readonly redundancy: number;
  /** In order. */
  readonly later: (action: () => void) => void;
};

export class ClusterFeeds {
  readonly #world: World;
  readonly #random: RandomSource;
  readonly #feeds: ReadonlyMap<InstrumentKey, InstrumentFeeds>;
  readonly #redundancy: number;
  readonly #lostReplicas = new Set<number>();
  #isOver = false;

  constructor(options: ClusterFeedsOptions, instruments: readonly InstrumentKey[]) {
    this.#world = options.world;
    this.#redundancy = options.redundancy;
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

  resync(instrument: InstrumentKey, replica: number): void {
    if (!this.#isOver) this.#feeds.get(instrument)?.resync(replica);
  }

  /** A node that feeds one of the replicas is lost; another one takes its place after a while. False where instruments are fed once. */
  loseFeeder(): boolean {
    if (this.#redundancy === 1) return false;
    const replica = Math.floor(this.#random() * this.#redundancy);
    if (this.#lostReplicas.has(replica)) return false;
    this.#lostReplicas.add(replica);
    for (const feeds of this.#feeds.values()) feeds.lose(replica);
    this.#world.after(this.#world.nature, 1_000 + this.#random() * 11_000, 'another feeder', () => {
      this.#lostReplicas.delete(replica);
      for (const feeds of this.#feeds.values()) feeds.takeOver(replica);
    });
    return true;
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
