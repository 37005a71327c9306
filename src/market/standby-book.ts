/**
 * The book of a second feed, kept beside the one that is followed: snapshot and deltas of its own source, so that it is the exchange's at any moment. When
 * the followed one is lost it takes its place at once, and there is no gap.
 *
 * 1. Lost is a followed book that is not sure (its feed said so, a checksum or a crossed book did, an event of it was refused), whose feed has been silent
 *    for `FEED_SILENT_MS`, or whose lease another node has.
 * 2. Only a book that is sure, of a feed that is not silent, takes its place. Nothing goes back by itself: both are as good.
 * 3. How long a feed is silent is told by the receive times of the other: by one clock, and only by what is in the log. What one event adds is bounded, so
 *    that neither a clock that is set nor a feed that was away itself makes the other one silent.
 * 4. A feed that speaks of what is long past is as good as silent: it is heard only while its book is at most `FEED_SILENT_MS` behind that of the other, by
 *    the clock of the exchange. Else a book could go back by as long as a node is behind with its writes.
 * 5. A book of a feed that was silent for `FEED_GONE_MS` is kept no longer, for it may be gone for good. Should it come back, it is asked for a fresh one.
 */
import type { BookSources, FeedSide } from './book-sources.ts';
import { isAnnouncement, replicaOf } from './book-sources.ts';
import type { BookTrack } from './book-track.ts';
import type { MarketEvent, Trade } from './events.ts';
import type { BookData } from './order-book.ts';
import { OrderBook } from './order-book.ts';
import type { TickerWindow } from './ticker-window.ts';
import type { TradeIdentities } from './trade-identities.ts';

/** Feeds say something each `feed.heartbeatMs`, a second by default; of two that both live neither says twice as much for long. */
export const FEED_SILENT_MS = 2_500;
const STEP_MAX_MS = FEED_SILENT_MS / 2;
/** Longer than what a connection that is lost, or a lease, takes to come again. */
export const FEED_GONE_MS = 60_000;
/** A trade this old a feed tells live only where it is long behind. */
const LONG_TOLD_MS = 60_000;
const GONE_REASON = `nothing came from its feed for ${FEED_GONE_MS / 1_000} s`;

/** What is heard of a feed, from any of its connections. */
export type FeedHearing = {
  /** Of its newest event; `undefined` while none came since there are two. */
  lastReceiveMs: number | undefined;
  /** By the clock of the other feed: for how long none came, or none of now, at most `FEED_GONE_MS`. */
  silentMs: number;
  /** Up to when, by the clock of the exchange, it has told its book; 0 before its first delta. */
  toldMs: number;
};

/** Changed in place by `evolve` and by nothing else. */
export type StandbyBook = BookTrack & {
  heard: FeedHearing;
  /** Of the feed that is followed. */
  followedHeard: FeedHearing;
  /** How often one took the place of the other. */
  switchCount: number;
};

/** The same as plain data, and whose it is. */
export type StandbySnapshot = Omit<StandbyBook, 'book' | 'heard' | 'followedHeard'> & {
  readonly source: string;
  readonly book: BookData;
  readonly heard: Readonly<FeedHearing>;
  readonly followedHeard: Readonly<FeedHearing>;
};

export function createStandbyBook(): StandbyBook {
  return {
    bookStatus: { status: 'empty', reason: '', sinceMs: undefined },
    book: new OrderBook(),
    lastBookEvent: undefined,
    heard: createHearing(),
    followedHeard: createHearing(),
    switchCount: 0,
  };
}

export function snapshotStandby(standby: StandbyBook, source: string): StandbySnapshot {
  return {
    ...standby,
    source,
    book: standby.book.snapshot(),
    heard: { ...standby.heard },
    followedHeard: { ...standby.followedHeard },
  };
}

export function restoreStandby(snapshot: StandbySnapshot): StandbyBook {
  const { bookStatus, book, lastBookEvent, heard, followedHeard, switchCount } = snapshot;
  return {
    bookStatus,
    book: OrderBook.restore(book),
    lastBookEvent,
    heard: { ...heard },
    followedHeard: { ...followedHeard },
    switchCount,
  };
}

function createHearing(): FeedHearing {
  return { lastReceiveMs: undefined, silentMs: 0, toldMs: 0 };
}

/** An event of the feed came, whatever of it. Returns why its book is to be fetched anew; `undefined` where it is as good as it was. */
export function noteHeard(standby: StandbyBook, side: FeedSide, event: MarketEvent): string | undefined {
  const { heard, followedHeard } = standby;
  const own = side === 'followed' ? followedHeard : heard;
  const other = side === 'followed' ? heard : followedHeard;
  const { receiveTimeMs } = event;
  const passedMs = own.lastReceiveMs === undefined ? 0 : receiveTimeMs - own.lastReceiveMs;
  const stepMs = Math.min(Math.max(0, passedMs), STEP_MAX_MS);
  own.lastReceiveMs = receiveTimeMs;
  other.silentMs = Math.min(other.silentMs + stepMs, FEED_GONE_MS);
  if (side === 'followed' && heard.silentMs >= FEED_GONE_MS) loseStandby(standby, GONE_REASON, receiveTimeMs);
  own.toldMs = toldAfter(event, own, other);
  if (own.toldMs < other.toldMs - FEED_SILENT_MS) return undefined;
  const wasGone = side === 'standby' && own.silentMs >= FEED_GONE_MS;
  own.silentMs = 0;
  return wasGone && !isAnnouncement(event) ? GONE_REASON : undefined;
}

/**
 * The time of a delta is the exchange's. That of a snapshot may be when it was asked for, or that of its newest level: it is as new as what the other feed
 * has told, unless it was received before. In a quiet market one of the two would be behind for ever else.
 */
function toldAfter(event: MarketEvent, own: FeedHearing, other: FeedHearing): number {
  if (event.type === 'BookDelta') return event.eventTimeMs;
  if (event.type !== 'BookSnapshot') return own.toldMs;
  const newestMs = Math.max(event.eventTimeMs, event.receiveTimeMs);
  return Math.max(own.toldMs, Math.min(newestMs, other.toldMs));
}

/** Whether the standby's book is to be followed from here on. */
export function isSwitchDue(
  followed: Pick<BookTrack, 'bookStatus'>,
  standby: StandbyBook,
  isFollowedReplaced: boolean,
): boolean {
  if (standby.bookStatus.status !== 'live' || isSilent(standby.heard)) return false;
  return followed.bookStatus.status !== 'live' || isSilent(standby.followedHeard) || isFollowedReplaced;
}

export function switchBooks(
  state: BookTrack & { readonly bookSources: BookSources },
  standby: StandbyBook,
): void {
  const { bookStatus, book, lastBookEvent } = state;
  const { heard, followedHeard } = standby;
  state.bookStatus = standby.bookStatus;
  state.book = standby.book;
  state.lastBookEvent = standby.lastBookEvent;
  standby.bookStatus = bookStatus;
  standby.book = book;
  standby.lastBookEvent = lastBookEvent;
  standby.heard = followedHeard;
  standby.followedHeard = heard;
  standby.switchCount++;
  state.bookSources.switch();
}

/** Another node feeds what this book is of: nothing of it follows any more. */
export function replaceStandby(standby: StandbyBook, sinceMs: number): void {
  loseStandby(standby, 'another node feeds it now', sinceMs);
}

function loseStandby(standby: StandbyBook, reason: string, sinceMs: number): void {
  if (standby.bookStatus.status === 'live') standby.bookStatus = { status: 'stale', reason, sinceMs };
}

/** Levels of a book that can't be followed before its next snapshot are of no use. */
export function forgetUnsureLevels(standby: StandbyBook): void {
  const { book, bookStatus } = standby;
  if (bookStatus.status !== 'live' && book.bidCount + book.askCount > 0) standby.book = new OrderBook();
}

/**
 * Whether the trade was told by the other feed, though nothing proves it any more: identities are forgotten, and of two feeds one may be behind by more
 * trades than are remembered. What was fetched to fill a gap never is.
 */
export function isLongTold(
  {
    standby,
    trades,
    ticker,
  }: {
    readonly standby: StandbyBook | undefined;
    readonly trades: Pick<TradeIdentities, 'spareCount'>;
    readonly ticker: Pick<TickerWindow, 'endMs'>;
  },
  trade: Pick<Trade, 'eventTimeMs' | 'isHistory'>,
): boolean {
  if (standby === undefined || trade.isHistory || trades.spareCount > 0 || ticker.endMs === undefined)
    return false;
  return trade.eventTimeMs < ticker.endMs - LONG_TOLD_MS;
}

/** Why the book may be wrong though neither of its feeds says so; `undefined` where the one that is followed is heard, or there is no other. */
export function followedSilence({
  standby,
}: {
  readonly standby: StandbyBook | undefined;
}): string | undefined {
  if (standby === undefined || !isSilent(standby.followedHeard)) return undefined;
  return `the feed of its book has been silent or behind for ${FEED_SILENT_MS} ms, and the other one has no sure book`;
}

/** One of the sources that books are made of, and how its book stands. */
export type BookFeed = BookTrack['bookStatus'] & {
  readonly source: string;
  readonly replica: number;
  readonly isFollowed: boolean;
};

/** Returns the source that is followed, none where none is known, and then the one that stands by. */
export function feedsOf({
  bookStatus,
  bookSources,
  standby,
}: Pick<BookTrack, 'bookStatus'> & {
  readonly bookSources: BookSources;
  readonly standby: StandbyBook | undefined;
}): readonly BookFeed[] {
  const feedOf = (source: string, status: BookTrack['bookStatus'], isFollowed: boolean): BookFeed => ({
    ...status,
    ...{ source, replica: replicaOf(source), isFollowed },
  });
  return [
    ...bookSources.snapshot().map((source) => feedOf(source, bookStatus, true)),
    ...(standby === undefined ? [] : [feedOf(bookSources.standby!, standby.bookStatus, false)]),
  ];
}

function isSilent({ silentMs }: FeedHearing): boolean {
  return silentMs >= FEED_SILENT_MS;
}
