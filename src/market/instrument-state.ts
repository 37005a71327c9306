/**
 * Everything that is known of one instrument, as a pure function of its log: `decide` says which delivered events enter the log, `evolve`
 * folds what is in it, and this file holds the state between them, to plain data and back. What is configured (intervals, lateness, the
 * checksum rule) is policy and stays outside of the state.
 */
import type { CandlePolicy, CandlesSnapshot } from './candle.ts';
import { BookSources } from './book-sources.ts';
import type { BookTrack } from './book-track.ts';
import { Candles } from './candles.ts';
import type { ChecksumInput } from './checksum-input.ts';
import type { BookData } from './order-book.ts';
import { OrderBook } from './order-book.ts';
import type { SourcePosition } from './source-positions.ts';
import { SourcePositions } from './source-positions.ts';
import type { StandbyBook, StandbySnapshot } from './standby-book.ts';
import { restoreStandby, snapshotStandby } from './standby-book.ts';
import type { TickerWindowSnapshot } from './ticker.ts';
import { TICKER_WINDOW_MS, TickerWindow } from './ticker-window.ts';
import type { TradeIdentitiesSnapshot } from './trade-identities.ts';
import { TradeIdentities } from './trade-identities.ts';

/** Choices that hold for an instrument but are no part of its state; the same log needs the same policy to give the same state. */
export type InstrumentPolicy = {
  /** The exchange's checksum rule; `undefined`: checksums in events are not verified. */
  readonly checksum: ((book: ChecksumInput) => number) | undefined;
  readonly candles: CandlePolicy;
  /** How far an event time may lie ahead of its receive time; clocks differ by seconds, `DEFAULT_MAX_FUTURE_MS` is generous. */
  readonly maxFutureMs: number;
};

export const DEFAULT_MAX_FUTURE_MS = 600_000;

type InstrumentMetadata = {
  readonly nativeSymbol: string;
  /** Decimal text; `undefined` when unknown. */
  readonly tickSize: string | undefined;
  readonly lotSize: string | undefined;
};

/** Counts over the whole log. */
export type InstrumentCounters = {
  bookSnapshots: number;
  deltasApplied: number;
  deltasIgnoredWhileStale: number;
  deletesOfUnknownLevel: number;
  checksumsOk: number;
  checksumsBad: number;
  crossedAfterUpdate: number;
  tradesLive: number;
  tradesHistory: number;
  /** Too late for every candle; the ticker counts them while its window holds their time. */
  tradesLate: number;
};

/** Changed in place by `evolve` and by nothing else. The book is that of the source that is followed. */
export type InstrumentState = BookTrack & {
  /** Events folded so far. */
  position: number;
  sources: SourcePositions;
  bookSources: BookSources;
  /** Of a second feed; `undefined` until one announces its book. */
  standby: StandbyBook | undefined;
  trades: TradeIdentities;
  ticker: TickerWindow;
  candles: Candles;
  metadata: InstrumentMetadata | undefined;
  counters: InstrumentCounters;
};

/** The state as plain data: numbers, bigints, strings, arrays, objects and `undefined`, sharing nothing mutable with the state. */
export type InstrumentSnapshot = {
  readonly position: number;
  /** In order of use, the most recent last. */
  readonly sources: readonly SourcePosition[];
  /** Sources that the book has followed, the present one last. */
  readonly bookSources: readonly string[];
  readonly standby: StandbySnapshot | undefined;
  readonly bookStatus: BookTrack['bookStatus'];
  readonly book: BookData;
  readonly lastBookEvent: BookTrack['lastBookEvent'];
  readonly trades: TradeIdentitiesSnapshot;
  readonly ticker: TickerWindowSnapshot;
  readonly candles: CandlesSnapshot;
  readonly metadata: InstrumentMetadata | undefined;
  readonly counters: Readonly<InstrumentCounters>;
};

/** Returns the state before the first log entry. */
export function createInstrumentState(policy: InstrumentPolicy): InstrumentState {
  return {
    position: 0,
    sources: new SourcePositions(),
    bookSources: new BookSources(),
    standby: undefined,
    bookStatus: { status: 'empty', reason: '', sinceMs: undefined },
    book: new OrderBook(),
    lastBookEvent: undefined,
    trades: new TradeIdentities(),
    ticker: new TickerWindow(),
    candles: new Candles(policy.candles),
    metadata: undefined,
    counters: {
      bookSnapshots: 0,
      deltasApplied: 0,
      deltasIgnoredWhileStale: 0,
      deletesOfUnknownLevel: 0,
      checksumsOk: 0,
      checksumsBad: 0,
      crossedAfterUpdate: 0,
      tradesLive: 0,
      tradesHistory: 0,
      tradesLate: 0,
    },
  };
}

/** Returns the state as plain data. The same log gives the same data in the same order, whatever the batches and restarts on the way. */
export function snapshotInstrument(state: InstrumentState): InstrumentSnapshot {
  const { standby, bookSources } = state;
  return {
    position: state.position,
    sources: state.sources.snapshot(),
    bookSources: bookSources.snapshot(),
    standby: standby && snapshotStandby(standby, bookSources.standby!),
    bookStatus: state.bookStatus,
    book: state.book.snapshot(),
    lastBookEvent: state.lastBookEvent,
    trades: state.trades.snapshot(),
    ticker: state.ticker.snapshot(),
    candles: state.candles.snapshot(),
    metadata: state.metadata,
    counters: { ...state.counters },
  };
}

/** Returns the state that `snapshotInstrument` took the data from. */
export function restoreInstrument(snapshot: InstrumentSnapshot, policy: InstrumentPolicy): InstrumentState {
  const { standby } = snapshot;
  return {
    position: snapshot.position,
    sources: SourcePositions.restore(snapshot.sources),
    bookSources: new BookSources(snapshot.bookSources, standby?.source),
    standby: standby && restoreStandby(standby),
    bookStatus: snapshot.bookStatus,
    book: OrderBook.restore(snapshot.book),
    lastBookEvent: snapshot.lastBookEvent,
    trades: TradeIdentities.restore(snapshot.trades),
    ticker: TickerWindow.restore(snapshot.ticker),
    candles: Candles.restore(snapshot.candles, policy.candles),
    metadata: snapshot.metadata,
    counters: { ...snapshot.counters },
  };
}

/** The newest trade that an instrument counted, and the event time up to which it has lived; trades after it may be missing after an absence. */
export type KnownTrades = {
  readonly newest: { readonly tradeId: string; readonly eventTimeMs: number };
  /** Of the trade with the latest event time, where it lies within the last 24 hours. The greatest id may be one that was a lie. */
  readonly latestTradeId?: string | undefined;
  readonly timeMs: number;
};

/**
 * Returns what is known of the newest trade, `undefined` before the first one. Its time is that of the newest trade of the last 24 hours, or their
 * beginning where nothing was traded since: never later than the trade that may follow next.
 */
export function readKnownTrades(state: InstrumentState): KnownTrades | undefined {
  const tradeId = state.trades.newest;
  const timeMs = state.ticker.endMs;
  if (tradeId === undefined || timeMs === undefined) return undefined;
  const latest = state.ticker.newestTrade;
  return {
    newest: { tradeId, eventTimeMs: latest?.eventTimeMs ?? timeMs - TICKER_WINDOW_MS },
    latestTradeId: latest && String(latest.key),
    timeMs,
  };
}

/** Event times from which on an instrument wants to be told how late it is, though nothing else is heard of it; Infinity: never. */
export type TimeWanted = {
  /** A candle with trades closes, or trades leave the ticker's window. */
  readonly atMs: number;
  /** Nothing but empty candles follow: they may come later, many at once. */
  readonly emptyAtMs: number;
};

/** Returns when the state next changes by time alone. O(intervals). */
export function readTimeWanted({ ticker, candles }: InstrumentState): TimeWanted {
  return {
    atMs: Math.min(ticker.tradesLeaveAtMs, candles.tradesCloseAtMs),
    emptyAtMs: candles.emptyAtMs,
  };
}
