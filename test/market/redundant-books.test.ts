/**
 * Two feeds of one instrument, each with a book of its own: whatever happens to them, the book is the exchange's at the sequence that it says, it is live
 * while one of them is sound, and each trade counts once. The oracle is the exchange itself: what its book was after each of its updates.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logCodec } from '../../src/codec/log-codec.ts';
import { decodeState } from '../../src/codec/state-codec.ts';
import { sourceUnderLease } from '../../src/market/book-sources.ts';
import { BEHIND } from '../../src/market/book-track.ts';
import type { EventBatch, Levels, MarketEvent, Sequence } from '../../src/market/events.ts';
import type { InstrumentState } from '../../src/market/instrument-state.ts';
import { restoreInstrument, snapshotInstrument } from '../../src/market/instrument-state.ts';
import { FEED_SILENT_MS, followedSilence } from '../../src/market/standby-book.ts';
import { InstrumentRun, TEST_POLICY } from '../support/instrument-runs.ts';
import {
  NOON_MS,
  bookDelta,
  bookSnapshot,
  feedStatus,
  heartbeat,
  timesAt,
  trade,
} from '../support/market-events.ts';

const SEED = 20_261_129;
const LEVELS = 4;

/** The exchange: its book after each update, by sequence, and its trades. */
class Exchange {
  readonly updates: { readonly bids: Levels; readonly asks: Levels; readonly atMs: number }[] = [];
  /** So far behind all others that none of these, however it is set, takes its times for those of the future. */
  clockMs = NOON_MS - 1_000 * 60 * 60 * 24 * 365;
  readonly #texts: string[] = [];
  readonly #bids = new Map<number, number>();
  readonly #asks = new Map<number, number>();
  tradeCount = 0;

  constructor() {
    for (let level = 1; level <= LEVELS; level++) {
      this.#bids.set(1_000 - level, level);
      this.#asks.set(1_000 + level, level);
    }
    this.#keep({ bids: [], asks: [] });
  }

  get sequence(): number {
    return this.updates.length - 1;
  }

  change(place: number, quantity: number): void {
    const isBid = place % 2 === 0;
    const price = isBid ? 999 - (place % LEVELS) : 1_001 + (place % LEVELS);
    const side = isBid ? this.#bids : this.#asks;
    if (quantity === 0) side.delete(price);
    else side.set(price, quantity);
    this.#keep({ bids: isBid ? [price, quantity] : [], asks: isBid ? [] : [price, quantity] });
  }

  snapshotAt(sequence: number): { bids: Levels; asks: Levels } {
    return JSON.parse(this.#texts[sequence]!) as { bids: Levels; asks: Levels };
  }

  textAt(sequence: Sequence | undefined): string {
    return this.#texts[Number(sequence)]!;
  }

  #keep(update: { bids: Levels; asks: Levels }): void {
    this.updates.push({ ...update, atMs: this.clockMs });
    this.#texts.push(
      JSON.stringify({
        bids: [...this.#bids].sort(([a], [b]) => b - a).flat(),
        asks: [...this.#asks].sort(([a], [b]) => a - b).flat(),
      }),
    );
  }
}

/** One of the two: what it says enters the log at once. Its clock is its own. */
class Feed {
  readonly replica: number;
  other: Feed = this;
  readonly #exchange: Exchange;
  readonly #write: (feed: Feed, batch: EventBatch) => void;
  epoch = 0;
  clockMs: number;
  isDead = true;
  isSound = false;
  lastSaidMs: number | undefined;
  /** Times of its last book event. */
  bookAtMs = { receive: 0, event: 0 };
  /** Up to when by the exchange's clock it has told the book. */
  toldMs = 0;
  /** By its clock, since the other one was heard last. */
  otherSilentMs = 0;
  #lastOrdinal = 0;
  #sourceCount = 0;
  #sequence = 0;
  #tradesTold = 0;

  constructor(replica: number, exchange: Exchange, write: (feed: Feed, batch: EventBatch) => void) {
    this.replica = replica;
    this.#exchange = exchange;
    this.#write = write;
    this.clockMs = NOON_MS + replica * 7_777;
  }

  /** What it tells of the book is of long before what the other one has told. */
  get isBehind(): boolean {
    return this.toldMs < this.other.toldMs - FEED_SILENT_MS;
  }

  get source(): string {
    return sourceUnderLease(this.epoch, `s${this.#sourceCount}`, this.replica);
  }

  /** Another node has the lease, or the same one has opened another connection. */
  connect({ isTakenOver }: { isTakenOver: boolean }): void {
    if (isTakenOver || this.isDead) this.epoch++;
    this.#sourceCount++;
    this.#lastOrdinal = 0;
    this.isDead = false;
    this.isSound = false;
    this.say(feedStatus({ ...timesAt(this.clockMs), status: 'connected', reason: 'new' }));
  }

  snapshot(): void {
    this.#sequence = this.#exchange.sequence;
    this.isSound = true;
    this.toldMs = Math.max(this.toldMs, this.other.toldMs);
    const levels = this.#exchange.snapshotAt(this.#sequence);
    this.bookAtMs = { receive: this.clockMs, event: timesAt(this.clockMs).eventTimeMs };
    this.say(bookSnapshot({ ...timesAt(this.clockMs), ...levels, sequence: this.#sequence }));
  }

  /** Tells what happened at the exchange since, up to so many updates and trades. */
  follow(maxCount: number): void {
    if (this.isDead) return;
    for (let count = 0; count < maxCount; count++) {
      if (this.isSound && this.#sequence < this.#exchange.sequence) {
        const { atMs, ...update } = this.#exchange.updates[++this.#sequence]!;
        this.toldMs = atMs;
        const times = { eventTimeMs: atMs, receiveTimeMs: this.clockMs };
        this.bookAtMs = { receive: this.clockMs, event: atMs };
        this.say(bookDelta({ ...times, ...update, sequence: this.#sequence }));
      }
      if (this.#tradesTold < this.#exchange.tradeCount) {
        this.say(trade({ ...timesAt(this.clockMs), tradeId: String(++this.#tradesTold) }));
      }
    }
  }

  /** It missed an update and knows it. */
  lose(status: 'stale' | 'disconnected'): void {
    this.isSound = false;
    this.say(feedStatus({ ...timesAt(this.clockMs), status, reason: 'gap' }));
  }

  /** An update is wrong, which only its checksum shows. */
  corrupt(): void {
    if (!this.isSound) return;
    this.isSound = false;
    this.toldMs = this.#exchange.clockMs;
    const times = { eventTimeMs: this.toldMs, receiveTimeMs: this.clockMs };
    this.say(bookDelta({ ...times, bids: [999, 77], checksum: -1, sequence: this.#sequence }));
  }

  say(...events: readonly MarketEvent[]): void {
    if (this.isDead) return;
    const firstOrdinal = this.#lastOrdinal + 1;
    this.#lastOrdinal += events.length;
    this.#write(this, { source: this.source, firstOrdinal, events });
  }
}

type FeedAct = 'follow' | 'lag' | 'snapshot' | 'stale' | 'disconnected' | 'corrupt' | 'die';
type Step =
  | { readonly type: 'market'; readonly place: number; readonly quantity: number; readonly isTrade: boolean }
  | { readonly type: 'time'; readonly ms: number }
  | { readonly type: FeedAct; readonly feed: number }
  | { readonly type: 'connect' | 'takeover'; readonly feed: number }
  | { readonly type: 'clock'; readonly feed: number; readonly ms: number }
  | { readonly type: 'again'; readonly back: number };

const feed = fc.integer({ min: 0, max: 1 });
const stepsOf = (
  faults: readonly { weight: number; arbitrary: fc.Arbitrary<Step> }[],
): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      {
        weight: 12,
        arbitrary: fc.record({
          type: fc.constant('market' as const),
          place: fc.nat(7),
          quantity: fc.nat(5),
          isTrade: fc.boolean(),
        }),
      },
      { weight: 8, arbitrary: fc.record({ type: fc.constant('time' as const), ms: fc.nat(900) }) },
      {
        weight: 16,
        arbitrary: fc.record({ type: fc.constantFrom('follow' as const, 'lag' as const), feed }),
      },
      { weight: 6, arbitrary: fc.record({ type: fc.constant('snapshot' as const), feed }) },
      ...faults,
    ),
    { maxLength: 120, size: 'max' },
  );
const spoken = fc.constantFrom('stale' as const, 'disconnected' as const, 'corrupt' as const);
const steps = stepsOf([
  { weight: 2, arbitrary: fc.record({ type: spoken, feed }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constantFrom('connect' as const, 'takeover' as const), feed }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('die' as const), feed }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('clock' as const),
      feed,
      ms: fc.integer({ min: -9e6, max: 9e6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('again' as const), back: fc.nat(6) }) },
]);

/** The two feeds, the log that they write, and its fold, checked after each entry. */
class Scene {
  readonly exchange = new Exchange();
  readonly run = new InstrumentRun();
  readonly batches: EventBatch[] = [];
  readonly feeds: readonly [Feed, Feed];
  #isAgain = false;
  #shown: InstrumentState['lastBookEvent'];

  constructor(options: { isWithBoth: boolean }) {
    const write = (from: Feed, batch: EventBatch): void => this.#write(from, batch);
    const [first, second] = [new Feed(0, this.exchange, write), new Feed(1, this.exchange, write)];
    first.other = second;
    second.other = first;
    this.feeds = [first, second];
    for (const each of options.isWithBoth ? this.feeds : []) {
      each.connect({ isTakenOver: false });
      each.snapshot();
    }
  }

  do(step: Step): void {
    const { type: kind } = step;
    switch (kind) {
      case 'market':
        this.exchange.change(step.place, step.quantity);
        if (step.isTrade) this.exchange.tradeCount++;
        return;
      case 'time':
        this.exchange.clockMs += step.ms;
        // Each says what time it is, as a feed does that has nothing else to say.
        for (const each of this.feeds) {
          each.clockMs += step.ms;
          each.say(heartbeat(each.clockMs));
        }
        return;
      case 'clock':
        this.feeds[step.feed]!.clockMs += step.ms;
        return;
      case 'again':
        this.#isAgain = true;
        for (const batch of this.batches.slice(-1 - step.back)) this.run.deliver(batch);
        this.#isAgain = false;
        this.#check();
        return;
      case 'connect':
      case 'takeover':
        this.feeds[step.feed]!.connect({ isTakenOver: step.type === 'takeover' });
        return;
      case 'follow':
      case 'lag':
      case 'snapshot':
      case 'stale':
      case 'disconnected':
      case 'corrupt':
      case 'die':
        if (!this.feeds[step.feed]!.isDead) this.#act(this.feeds[step.feed]!, kind);
        return;
      default:
        kind satisfies never;
    }
  }

  #act(one: Feed, what: FeedAct): void {
    switch (what) {
      case 'follow':
        one.follow(1_000);
        return;
      case 'lag':
        one.follow(1);
        return;
      case 'snapshot':
        one.snapshot();
        return;
      case 'stale':
      case 'disconnected':
        one.lose(what);
        return;
      case 'corrupt':
        one.corrupt();
        return;
      case 'die':
        one.isDead = true;
        return;
      default:
        what satisfies never;
    }
  }

  #write(from: Feed, batch: EventBatch): void {
    const { other } = from;
    const receiveTimeMs = batch.events[0]!.receiveTimeMs;
    from.otherSilentMs += Math.max(0, receiveTimeMs - (from.lastSaidMs ?? receiveTimeMs));
    from.lastSaidMs = receiveTimeMs;
    // A trade may be one that the other told: then nothing of it is in the log.
    if (batch.events[0]!.type !== 'Trade' && !from.isBehind) other.otherSilentMs = 0;
    this.batches.push(batch);
    this.run.deliver(batch);
    this.#check(from);
  }

  #check(from?: Feed): void {
    const { state } = this.run;
    if (state.bookStatus.status === 'live') {
      const { bids, asks } = state.book.snapshot();
      expect(JSON.stringify({ bids, asks })).toBe(this.exchange.textAt(state.lastBookEvent?.sequence));
      this.#shown = state.lastBookEvent;
    }
    // The only feed there ever was is another node's now, and begins before what the last one had shown.
    if (state.bookStatus.reason === BEHIND) {
      const fed = this.feeds.find(({ source }) => source === state.bookSources.followed)!;
      expect(state.standby).toBeUndefined();
      expect(fed.bookAtMs.receive).toBeLessThan(this.#shown!.receiveTimeMs);
      expect(fed.bookAtMs.event).toBeLessThan(this.#shown!.eventTimeMs);
      return;
    }
    if (this.#isAgain || from === undefined) return;
    // Whoever has just spoken and has a sure book is there to be followed; so is the other, unless it was silent meanwhile. None is that was long behind.
    const isSure = ({ isSound, other }: Feed): boolean => isSound && other.otherSilentMs < FEED_SILENT_MS;
    if (!isSure(from) && !isSure(from.other)) return;
    expect(state.bookStatus).toMatchObject({ status: 'live', reason: '' });
    expect(followedSilence(state)).toBeUndefined();
  }
}

function play(all: readonly Step[], options: { isWithBoth: boolean }): Scene {
  const scene = new Scene(options);
  for (const step of all) scene.do(step);
  return scene;
}

const bytesOf = (run: InstrumentRun): string =>
  Buffer.from(logCodec.encodeState(snapshotInstrument(run.state))).toString('base64');

describe('a book of two feeds', () => {
  it('is the exchange’s at its sequence, and live while one of them is sound', () => {
    fc.assert(
      fc.property(steps, fc.boolean(), (all, isWithBoth) => {
        play(all, { isWithBoth });
      }),
      { seed: SEED, numRuns: 1_500 },
    );
  });

  it('has no gap while only one of them is lost, however often and in which way', () => {
    // The other one tells what happens before it is long past.
    const ofOne = (one: Step): Step[] => {
      if (one.type === 'time') return [one, { type: 'follow', feed: 1 }];
      return ['feed' in one && one.type !== 'follow' ? { ...one, feed: 0 } : one];
    };
    fc.assert(
      fc.property(steps, (all) => {
        const { run, feeds } = play(all.flatMap(ofOne), { isWithBoth: true });
        feeds[1].clockMs += 400;
        feeds[1].say(heartbeat(feeds[1].clockMs));
        expect(run.statusChanges).toEqual([]);
        expect(run.state.bookStatus.status).toBe('live');
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('counts each trade of either once, in the order in which it was told first', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const { run, exchange, feeds } = play(all, { isWithBoth: true });
        for (const each of feeds) {
          if (each.isDead) each.connect({ isTakenOver: true });
          each.follow(1_000);
        }
        const told = run.told.flatMap((what) => (isTrade(what) ? [what[1]] : []));
        expect(told).toEqual(Array.from({ length: exchange.tradeCount }, (_, index) => String(index + 1)));
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it('is the same however its log is cut, and wherever it was saved and read back', () => {
    fc.assert(
      fc.property(steps, fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }), (all, chances) => {
        const { run, batches } = play(all, { isWithBoth: true });
        const again = new InstrumentRun();
        const other = new InstrumentRun();
        for (const [index, batch] of batches.entries()) {
          again.deliver(batch);
          if (chances[index % chances.length] === 0) {
            const bytes = logCodec.encodeState(snapshotInstrument(again.state));
            again.state = restoreInstrument(decodeState(logCodec.stateSchemaId, bytes), TEST_POLICY);
          }
        }
        for (const batch of mergeNeighbours(batches)) other.deliver(batch);
        expect(bytesOf(other)).toBe(bytesOf(run));
        const undisturbed = new InstrumentRun();
        for (const batch of batches) undisturbed.deliver(batch);
        expect(bytesOf(again)).toBe(bytesOf(undisturbed));
        expect(bytesOf(undisturbed)).toBe(bytesOf(run));
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});

function isTrade(what: unknown): what is ['trade', string] {
  return Array.isArray(what) && what[0] === 'trade';
}

/** Deliveries of one source that follow one another as one. */
function mergeNeighbours(batches: readonly EventBatch[]): EventBatch[] {
  const merged: EventBatch[] = [];
  for (const batch of batches) {
    const last = merged.at(-1);
    const follows =
      last?.source === batch.source && last.firstOrdinal + last.events.length === batch.firstOrdinal;
    if (follows) merged.splice(-1, 1, { ...last, events: [...last.events, ...batch.events] });
    else merged.push(batch);
  }
  return merged;
}
