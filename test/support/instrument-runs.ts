/** Runs deliveries through decide and evolve as a symbol actor does, for tests of instrument state. */
import type { EventBatch, LogEntry, MarketEvent } from '../../src/market/events.ts';
import { decide } from '../../src/market/decide.ts';
import type { Decision } from '../../src/market/decide.ts';
import { evolve } from '../../src/market/evolve.ts';
import type { BookStatusChange, EvolveOutputs } from '../../src/market/evolve.ts';
import {
  DEFAULT_MAX_FUTURE_MS,
  createInstrumentState,
  restoreInstrument,
  snapshotInstrument,
} from '../../src/market/instrument-state.ts';
import type {
  InstrumentPolicy,
  InstrumentSnapshot,
  InstrumentState,
} from '../../src/market/instrument-state.ts';

/** Sums a book up so that any change of a best level changes the sum; stands for an exchange's rule. */
export const TEST_POLICY: InstrumentPolicy = {
  checksum: (book) => {
    const bid = book.bidCount === 0 ? 0n : BigInt(book.bidPrice(0)) * 31n + BigInt(book.bidQuantity(0));
    const ask = book.askCount === 0 ? 0n : BigInt(book.askPrice(0)) * 37n + BigInt(book.askQuantity(0));
    return Number((bid + ask) % 1_000_003n);
  },
  candles: {
    intervals: ['1s', '1m', '1h'],
    outOfOrdernessMs: 5_000,
    allowedLatenessMs: 60_000,
    emptyIntervals: 'carry',
  },
  maxFutureMs: DEFAULT_MAX_FUTURE_MS,
};

/** One instrument with its log in memory and everything its fold told. */
export class InstrumentRun {
  state: InstrumentState;
  readonly log: LogEntry[] = [];
  readonly told: unknown[] = [];
  readonly statusChanges: BookStatusChange[] = [];
  readonly #policy: InstrumentPolicy;
  readonly #outputs: EvolveOutputs = {
    onTrade: (trade) => this.told.push(['trade', trade.tradeId]),
    onCandleClosed: (candle) => this.told.push(['candle', candle]),
    onLateTrade: (trade) => this.told.push(['late', trade.tradeId]),
    onCandlesSkipped: (skipped) => this.told.push(['skipped', skipped]),
    onBookUnsure: (reason) => this.told.push(['unsure', reason]),
    onBookStatus: (change) => this.statusChanges.push(change),
  };

  constructor(policy: InstrumentPolicy = TEST_POLICY) {
    this.#policy = policy;
    this.state = createInstrumentState(policy);
  }

  get loggedEvents(): MarketEvent[] {
    return this.log.flatMap((entry) => entry.events);
  }

  get snapshot(): InstrumentSnapshot {
    return snapshotInstrument(this.state);
  }

  deliver(batch: EventBatch): Decision {
    const decision = decide(this.state, batch, this.#policy);
    if (decision.entry !== undefined) this.fold(decision.entry);
    return decision;
  }

  fold(entry: LogEntry): void {
    this.log.push(entry);
    evolve(this.state, entry, this.#policy, this.#outputs);
  }

  /** Goes on with a state that was read back from its snapshot. */
  restart(): void {
    this.state = restoreInstrument(snapshotInstrument(this.state), this.#policy);
  }
}

/** Text that is equal only for equal data in equal order: bigints are told from numbers, and −0 from 0. */
export function toBytes(data: unknown): string {
  return JSON.stringify(data, (_name, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    if (value === undefined) return 'undefined';
    return Object.is(value, -0) ? '-0' : value;
  });
}
