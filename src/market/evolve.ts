/**
 * Folds log entries into the state of an instrument: rules over values, no clock, no randomness, no I/O. The state is changed in place
 * because it is large, has one owner (its symbol actor) and changes thousands of times a second; apart from that these are pure functions.
 */
import type { Candle, CandleOutputs, SkippedCandles } from './candle.ts';
import { isAnnouncement } from './book-sources.ts';
import type { CountedTrade } from './candle-bar.ts';
import type { BookDelta, BookSnapshot, LogEntry, MarketEvent, Trade } from './events.ts';
import type { BookTrack } from './book-track.ts';
import { BEHIND, HANDED_OVER } from './book-track.ts';
import type { InstrumentCounters, InstrumentPolicy, InstrumentState } from './instrument-state.ts';
import type { OrderBook } from './order-book.ts';
import type { StandbyBook } from './standby-book.ts';
import {
  createStandbyBook,
  forgetUnsureLevels,
  isLongTold,
  isSwitchDue,
  noteHeard,
  replaceStandby,
  switchBooks,
} from './standby-book.ts';
import { formatUnits } from './units.ts';

/** Levels per side beyond which a book is nobody's: the largest real ones have a tenth of it. Its memory and its snapshots stay bounded by this. */
export const BOOK_SIDE_MAX_LEVELS = 250_000;

/** What the fold finds on its way, told in order. During a replay the caller hands in outputs that ignore it. */
export interface EvolveOutputs extends CandleOutputs {
  onTrade(trade: Trade): void;
  /** The book contradicts the exchange (checksum, crossed) and is stale from here on: it needs a resync. */
  onBookUnsure(reason: string): void;
  /** The book was sure and is not any more, or the other way round. */
  onBookStatus(change: BookStatusChange): void;
}

export type BookStatusChange =
  /** `lastSoundMs`: receive time of the last book event that left it sure. */
  | { readonly status: 'stale'; readonly reason: string; readonly lastSoundMs: number }
  /** `sinceMs`: receive time of the event that made it sure again. */
  | { readonly status: 'live'; readonly sinceMs: number };

/** Folds the entry into `state`; the same entries always give the same state. Entries must come in log order, each once. */
export function evolve(
  state: InstrumentState,
  entry: LogEntry,
  policy: InstrumentPolicy,
  outputs: EvolveOutputs,
): void {
  const counting = new LateTradeCount(state, outputs);
  for (const event of entry.events) {
    state.position++;
    if (isAnnouncement(event)) announce(state, entry.source, event, counting);
    if (state.standby === undefined) foldEvent(state, state, event, policy, counting);
    else foldOneOfTwo(state, state.standby, entry.source, event, policy, counting);
  }
  state.sources.record(entry.source, entry.lastOrdinal);
}

function announce(state: InstrumentState, source: string, event: MarketEvent, outputs: EvolveOutputs): void {
  const { bookSources } = state;
  const isHandedOver = bookSources.standingOf(source) > 0;
  if (bookSources.announce(source) === 'standby') state.standby ??= createStandbyBook();
  // Of two feeds the other one goes on meanwhile.
  if (!isHandedOver || state.standby !== undefined) return;
  markStale(state, HANDED_OVER, event.receiveTimeMs, state.lastBookEvent, outputs);
  if (state.bookStatus.status === 'stale') state.bookStatus = { ...state.bookStatus, reason: HANDED_OVER };
}

/** Where there are two feeds: into the book of the one that the event is of. What becomes of the book is told of that which is followed in the end. */
function foldOneOfTwo(
  state: InstrumentState,
  standby: StandbyBook,
  source: string,
  event: MarketEvent,
  policy: InstrumentPolicy,
  outputs: LateTradeCount,
): void {
  const side = state.bookSources.sideOf(source);
  const standing = state.bookSources.standingOf(source);
  const before = state.bookStatus.status;
  const doubt = standing === 0 ? noteHeard(standby, side, event) : undefined;
  if (doubt !== undefined) outputs.onBookUnsure(doubt);
  const isReplaced = standing > 0;
  if (isReplaced && side === 'standby') replaceStandby(standby, event.receiveTimeMs);
  const changes: BookStatusChange[] = [];
  outputs.heldBack = changes;
  foldEvent(state, side === 'standby' ? standby : state, event, policy, outputs);
  outputs.heldBack = undefined;
  if (isSwitchDue(state, standby, isReplaced && side === 'followed')) {
    switchBooks(state, standby);
    if (isReplaced) replaceStandby(standby, event.receiveTimeMs);
    if (before === 'stale') outputs.onBookStatus({ status: 'live', sinceMs: event.receiveTimeMs });
  } else if (side === 'followed') {
    for (const change of changes) outputs.onBookStatus(change);
  }
  forgetUnsureLevels(standby);
}

/** @param track the state itself, or the book beside it that a book event is of */
function foldEvent(
  state: InstrumentState,
  track: BookTrack,
  event: MarketEvent,
  policy: InstrumentPolicy,
  outputs: EvolveOutputs,
): void {
  switch (event.type) {
    case 'BookDelta':
      foldDelta(state, track, event, policy, outputs);
      return;
    case 'BookSnapshot':
      foldSnapshot(state, track, event, policy, outputs);
      return;
    case 'Trade':
      if (!isLongTold(state, event)) foldTrade(state, event, outputs);
      return;
    case 'Heartbeat':
      state.ticker.advanceTo(event.eventTimeMs);
      state.candles.advanceTo(event.eventTimeMs, outputs);
      return;
    case 'FeedStatus':
      if (event.status === 'connected' && track.bookStatus.reason === HANDED_OVER) return;
      markStale(track, event.reason, event.receiveTimeMs, track.lastBookEvent, outputs);
      return;
    case 'Instrument':
      state.metadata = {
        nativeSymbol: event.nativeSymbol,
        tickSize: event.tickSize,
        lotSize: event.lotSize,
      };
      return;
    default:
      event satisfies never;
  }
}

function foldSnapshot(
  { counters }: InstrumentState,
  track: BookTrack,
  event: BookSnapshot,
  policy: InstrumentPolicy,
  outputs: EvolveOutputs,
): void {
  track.book.applySnapshot(event);
  counters.bookSnapshots++;
  const isFirst = track.bookStatus.reason === HANDED_OVER;
  if (isFirst && isBehind(track, event)) followBehind(counters, track, event, policy, outputs);
  else becomeLive(counters, track, event, policy, outputs);
}

/** Whether the event is from before the last that was shown, by the clocks of both its node and the exchange: of these one alone may have been set. */
function isBehind({ lastBookEvent: shown }: BookTrack, event: BookSnapshot | BookDelta): boolean {
  if (shown === undefined) return false;
  return event.receiveTimeMs < shown.receiveTimeMs && event.eventTimeMs < shown.eventTimeMs;
}

function becomeLive(
  counters: InstrumentCounters,
  track: BookTrack,
  event: BookSnapshot | BookDelta,
  policy: InstrumentPolicy,
  outputs: EvolveOutputs,
): void {
  const before = track.bookStatus.status;
  if (before !== 'live') track.bookStatus = { status: 'live', reason: '', sinceMs: event.receiveTimeMs };
  const isSure = concludeBookEvent(counters, track, event, policy, outputs);
  if (isSure && before === 'stale') outputs.onBookStatus({ status: 'live', sinceMs: event.receiveTimeMs });
}

function followBehind(
  counters: InstrumentCounters,
  track: BookTrack,
  event: BookSnapshot | BookDelta,
  policy: InstrumentPolicy,
  outputs: EvolveOutputs,
): void {
  markStale(track, BEHIND, event.receiveTimeMs, track.lastBookEvent, outputs);
  const doubt = findDoubt(counters, track.book, event.checksum, policy);
  track.bookStatus = { ...track.bookStatus, reason: doubt ?? BEHIND };
  if (doubt !== undefined) outputs.onBookUnsure(doubt);
}

/** A delta on top of a book that is not sure proves nothing and is left out until the next snapshot. */
function foldDelta(
  { counters }: InstrumentState,
  track: BookTrack,
  event: BookDelta,
  policy: InstrumentPolicy,
  outputs: EvolveOutputs,
): void {
  const { status, reason } = track.bookStatus;
  const isFollowing = status === 'stale' && reason === BEHIND;
  if (status !== 'live' && !isFollowing) {
    counters.deltasIgnoredWhileStale++;
    return;
  }
  counters.deltasApplied++;
  counters.deletesOfUnknownLevel += track.book.applyDelta(event);
  if (!isFollowing) concludeBookEvent(counters, track, event, policy, outputs);
  else if (isBehind(track, event)) followBehind(counters, track, event, policy, outputs);
  else becomeLive(counters, track, event, policy, outputs);
}

/** Returns whether the book is sure with the event in it. */
function concludeBookEvent(
  counters: InstrumentCounters,
  track: BookTrack,
  event: BookSnapshot | BookDelta,
  policy: InstrumentPolicy,
  outputs: EvolveOutputs,
): boolean {
  const { eventTimeMs, receiveTimeMs, sequence } = event;
  const before = track.lastBookEvent;
  track.lastBookEvent = { eventTimeMs, receiveTimeMs, sequence };
  const doubt = findDoubt(counters, track.book, event.checksum, policy);
  if (doubt === undefined) return true;
  markStale(track, doubt, receiveTimeMs, before, outputs);
  outputs.onBookUnsure(doubt);
  return false;
}

/** Returns why the book can't be right; `undefined` when nothing speaks against it. */
function findDoubt(
  counters: InstrumentCounters,
  book: OrderBook,
  expected: number | undefined,
  policy: InstrumentPolicy,
): string | undefined {
  let doubt: string | undefined;
  if (expected !== undefined && policy.checksum !== undefined) {
    const was = policy.checksum(book);
    if (was === expected) {
      counters.checksumsOk++;
    } else {
      counters.checksumsBad++;
      doubt = `checksum mismatch: expected ${expected}, was ${was}`;
    }
  }
  if (book.isCrossed) {
    counters.crossedAfterUpdate++;
    const bestBid = formatUnits(book.bidPrice(0), book.scales.price);
    const bestAsk = formatUnits(book.askPrice(0), book.scales.price);
    doubt ??= `crossed book: best bid ${bestBid}, best ask ${bestAsk}`;
  }
  if (book.bidCount > BOOK_SIDE_MAX_LEVELS || book.askCount > BOOK_SIDE_MAX_LEVELS) {
    doubt ??= `book too large: expected at most ${BOOK_SIDE_MAX_LEVELS} levels per side, was ${book.bidCount} bids and ${book.askCount} asks`;
  }
  return doubt;
}

/** A book that was never sure stays empty, and one that is stale keeps its first reason: that is what has to be repaired. */
function markStale(
  track: BookTrack,
  reason: string,
  sinceMs: number,
  lastSound: BookTrack['lastBookEvent'],
  outputs: EvolveOutputs,
): void {
  if (track.bookStatus.status !== 'live') {
    // What follows from behind follows no more: its feed begins anew.
    const { reason: before } = track.bookStatus;
    if (before === BEHIND || before === HANDED_OVER) track.bookStatus = { ...track.bookStatus, reason };
    return;
  }
  track.bookStatus = { status: 'stale', reason, sinceMs };
  outputs.onBookStatus({ status: 'stale', reason, lastSoundMs: lastSound?.receiveTimeMs ?? sinceMs });
}

function foldTrade(state: InstrumentState, trade: Trade, outputs: EvolveOutputs): void {
  // `decide` lets no duplicate into the log; should an older log hold one, it counts once all the same.
  if (!state.trades.add(trade.tradeId)) return;
  if (trade.isHistory) state.counters.tradesHistory++;
  else state.counters.tradesLive++;
  outputs.onTrade(trade);
  state.ticker.addTrade(trade);
  state.candles.addTrade(trade, outputs);
}

/** Folds a trade that was in the log before; it moves no position, and whoever kept it knows of it. */
export function foldStoredTrade(state: InstrumentState, trade: Trade, outputs: CandleOutputs): void {
  foldTrade(
    state,
    trade,
    new LateTradeCount(state, {
      onTrade: () => undefined,
      onBookUnsure: () => undefined,
      onBookStatus: () => undefined,
      onCandleClosed: (candle) => outputs.onCandleClosed(candle),
      onLateTrade: (late) => outputs.onLateTrade(late),
      onCandlesSkipped: (skipped) => outputs.onCandlesSkipped(skipped),
    }),
  );
}

/** Passes everything on and counts late trades. A class, because it is made for every entry, and closures would be too. */
class LateTradeCount implements EvolveOutputs {
  readonly #state: InstrumentState;
  readonly #outputs: EvolveOutputs;
  /** Takes what becomes of a book, while it is not known whether that book will be followed. */
  heldBack: BookStatusChange[] | undefined;

  constructor(state: InstrumentState, outputs: EvolveOutputs) {
    this.#state = state;
    this.#outputs = outputs;
  }

  onTrade(trade: Trade): void {
    this.#outputs.onTrade(trade);
  }

  onBookUnsure(reason: string): void {
    this.#outputs.onBookUnsure(reason);
  }

  onBookStatus(change: BookStatusChange): void {
    if (this.heldBack === undefined) this.#outputs.onBookStatus(change);
    else this.heldBack.push(change);
  }

  onCandleClosed(candle: Candle): void {
    this.#outputs.onCandleClosed(candle);
  }

  onCandlesSkipped(skipped: SkippedCandles): void {
    this.#outputs.onCandlesSkipped(skipped);
  }

  onLateTrade(trade: CountedTrade): void {
    this.#state.counters.tradesLate++;
    this.#outputs.onLateTrade(trade);
  }
}
