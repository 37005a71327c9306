/**
 * What an instrument's log holds after a day: its state as of the last checkpoint, and the batches that came after it. Made by the fold itself
 * from seeded events, so that every part of the state is what a day of such events leaves.
 */
import type { RandomSource } from '../../src/base/clock.ts';
import { createSeededRandom } from '../../src/base/clock.ts';
import type { BookDelta, LogEntry, MarketEvent, Trade } from '../../src/market/events.ts';
import { evolve } from '../../src/market/evolve.ts';
import type { InstrumentPolicy, InstrumentSnapshot } from '../../src/market/instrument-state.ts';
import { createInstrumentState, snapshotInstrument } from '../../src/market/instrument-state.ts';

/** How one kind of instrument trades and changes. */
export type InstrumentKind = {
  readonly name: string;
  readonly count: number;
  readonly levelsPerSide: number;
  /** Seconds with trades on a day, spread evenly with chance. */
  readonly tradeSecondsPerDay: number;
  readonly tradesPerSecond: number;
  /** Batches a second in the journal tail. */
  readonly batchesPerSecond: number;
  /** `counted`: by one; `jumping`: long integers with holes, as some exchanges make them; `text`: no numbers at all. */
  readonly tradeIds: 'counted' | 'jumping' | 'text';
};

export type PreparedInstrument = {
  readonly snapshot: InstrumentSnapshot;
  readonly snapshotBatchNumber: number;
  /** Batches after the state snapshot, oldest first. */
  readonly tail: readonly LogEntry[];
  /** The last trades of the log, newest first: what the exchange answers with when it is asked which were missed. */
  readonly recentTrades: readonly Trade[];
};

/** What Bybit's spot answers with at most. */
const RECENT_TRADES = 60;

const DAY_MS = 86_400_000;
const SCALES = { price: 2, quantity: 6 };
const START_PRICE_UNITS = 5_000_000;
const LEVELS_PER_DELTA = 8;
const SOURCE = 'bybit-spot/market-1@before.1';
const SILENT = {
  onTrade: () => undefined,
  onCandleClosed: () => undefined,
  onLateTrade: () => undefined,
  onCandlesSkipped: () => undefined,
  onBookUnsure: (reason: string) => {
    throw new Error(`The prepared book is wrong: ${reason}`);
  },
  onBookStatus: () => undefined,
};

/** Returns one instrument whose log ends at `endMs` and whose last checkpoint was `tailMs` before. */
export function prepareInstrument(options: {
  kind: InstrumentKind;
  seed: number;
  endMs: number;
  tailMs: number;
  policy: InstrumentPolicy;
}): PreparedInstrument {
  const { kind, seed, endMs, tailMs, policy } = options;
  const market = new DayOfTrades(kind, createSeededRandom(seed));
  const state = createInstrumentState(policy);
  let lastOrdinal = 0;
  const toEntry = (events: readonly MarketEvent[]): LogEntry => {
    lastOrdinal += events.length;
    return { source: SOURCE, lastOrdinal, events };
  };
  const checkpointMs = endMs - tailMs;
  evolve(state, toEntry(market.begin(checkpointMs - DAY_MS)), policy, SILENT);
  const stepMs = DAY_MS / kind.tradeSecondsPerDay;
  for (let at = 0; at < kind.tradeSecondsPerDay; at++) {
    const events = market.second(Math.floor(checkpointMs - DAY_MS + (at + 0.5) * stepMs));
    evolve(state, toEntry(events), policy, SILENT);
  }
  const time = { eventTimeMs: checkpointMs, receiveTimeMs: checkpointMs };
  evolve(state, toEntry([{ type: 'Heartbeat', ...time }]), policy, SILENT);
  const tailCount = Math.round((tailMs / 1_000) * kind.batchesPerSecond);
  const snapshot = snapshotInstrument(state);
  const tail = Array.from({ length: tailCount }, (_, index) =>
    toEntry(market.batch(checkpointMs + Math.floor(((index + 1) * tailMs) / tailCount))),
  );
  return { snapshot, snapshotBatchNumber: 1_000_000, tail, recentTrades: market.recentTrades };
}

class DayOfTrades {
  readonly #kind: InstrumentKind;
  readonly #random: RandomSource;
  #tradeCount = 0;
  #sequence = 1;
  readonly #recentTrades: Trade[] = [];

  constructor(kind: InstrumentKind, random: RandomSource) {
    this.#kind = kind;
    this.#random = random;
  }

  /** The first word of a feed: metadata and the whole book. */
  begin(timeMs: number): MarketEvent[] {
    const time = { eventTimeMs: timeMs, receiveTimeMs: timeMs };
    return [
      { type: 'Instrument', ...time, nativeSymbol: 'PREPARED', tickSize: '0.01', lotSize: '0.000001' },
      {
        type: 'BookSnapshot',
        ...time,
        scales: SCALES,
        ...this.#sides(this.#kind.levelsPerSide),
        depth: this.#kind.levelsPerSide,
        sequence: this.#sequence,
        checksum: undefined,
      },
    ];
  }

  /** The trades of one second. */
  second(timeMs: number): MarketEvent[] {
    return Array.from({ length: this.#kind.tradesPerSecond }, (_, index) => this.#trade(timeMs + index));
  }

  /** What one frame brings: mostly changes of the book, now and then a trade, time. */
  batch(timeMs: number): MarketEvent[] {
    const share = this.#random();
    if (share < 0.1) return [this.#trade(timeMs)];
    if (share < 0.2) return [{ type: 'Heartbeat', eventTimeMs: timeMs, receiveTimeMs: timeMs }];
    return [this.#delta(timeMs)];
  }

  #delta(timeMs: number): BookDelta {
    return {
      type: 'BookDelta',
      eventTimeMs: timeMs,
      receiveTimeMs: timeMs,
      scales: SCALES,
      ...this.#sides(LEVELS_PER_DELTA / 2),
      sequence: ++this.#sequence,
      checksum: undefined,
    };
  }

  /** The best levels of both sides at their prices, with new quantities. */
  #sides(levelCount: number): { bids: number[]; asks: number[] } {
    const bids: number[] = [];
    const asks: number[] = [];
    for (let index = 0; index < levelCount; index++) {
      bids.push(START_PRICE_UNITS - 1 - index * 3, this.#quantity());
      asks.push(START_PRICE_UNITS + 1 + index * 3, this.#quantity());
    }
    return { bids, asks };
  }

  get recentTrades(): readonly Trade[] {
    return this.#recentTrades.toReversed();
  }

  #trade(timeMs: number): Trade {
    const trade: Trade = {
      type: 'Trade',
      eventTimeMs: timeMs,
      receiveTimeMs: timeMs,
      scales: SCALES,
      price: START_PRICE_UNITS + Math.floor(this.#random() * 10_000) - 5_000,
      quantity: this.#quantity(),
      takerSide: this.#random() < 0.5 ? 'buy' : 'sell',
      tradeId: this.#nextTradeId(),
      isHistory: false,
    };
    this.#recentTrades.push(trade);
    if (this.#recentTrades.length > RECENT_TRADES) this.#recentTrades.shift();
    return trade;
  }

  #quantity(): number {
    return 1 + Math.floor(this.#random() * 90_000_000);
  }

  #nextTradeId(): string {
    const number = ++this.#tradeCount;
    switch (this.#kind.tradeIds) {
      case 'counted':
        return String(1_500_000_000 + number);
      case 'jumping':
        return String(2_290_000_000_000_000_000n + BigInt(number) * 1_337n);
      case 'text': {
        const hex = (): string =>
          Math.floor(this.#random() * 2 ** 32)
            .toString(16)
            .padStart(8, '0');
        return `${hex()}-${hex().slice(4)}-${hex().slice(4)}-${hex()}${number.toString(16).padStart(8, '0')}`;
      }
    }
  }
}
