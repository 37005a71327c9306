/**
 * Normalized market events: what an adapter makes of an exchange's frames and what an instrument's log holds.
 * All times are Unix milliseconds (integers); all levels carry the new absolute quantity at a price, zero removes it.
 */
import type { Scales, Units } from './units.ts';

/** Flat pairs `price, quantity, price, quantity, …` in wire order, in units of the event's `scales`. */
export type Levels = readonly Units[];

/** An exchange's sequence or update id. */
export type Sequence = number | bigint;

export type TakerSide = 'buy' | 'sell';

type Times = {
  /** The exchange's clock; the receive time where the exchange gives none. */
  readonly eventTimeMs: number;
  /** Stamped by our edge when the frame arrived. */
  readonly receiveTimeMs: number;
};

/** A whole book; replaces whatever was held and makes the book sure again. */
export type BookSnapshot = Times & {
  readonly type: 'BookSnapshot';
  readonly scales: Scales;
  readonly bids: Levels;
  readonly asks: Levels;
  /** Levels per side that the exchange keeps for us; the book is cut to it after every change. `undefined`: no cut. */
  readonly depth: number | undefined;
  readonly sequence: Sequence | undefined;
  /** The exchange's checksum of the book after this event, to be compared by the book's own rule. */
  readonly checksum: number | undefined;
};

/** Changes of levels on top of what is held; already known to follow on it (the synchroniser checked the sequence). */
export type BookDelta = Times & {
  readonly type: 'BookDelta';
  readonly scales: Scales;
  readonly bids: Levels;
  readonly asks: Levels;
  readonly sequence: Sequence | undefined;
  readonly checksum: number | undefined;
};

export type Trade = Times & {
  readonly type: 'Trade';
  readonly scales: Scales;
  readonly price: Units;
  readonly quantity: Units;
  readonly takerSide: TakerSide;
  /** Identity of the trade within its instrument, as the adapter defines it; the same trade sent twice has the same one. */
  readonly tradeId: string;
  /** True for trades that the exchange sent as history on subscribe or that were backfilled. */
  readonly isHistory: boolean;
};

/** The edge's clock as an entry of the log, so that time passes for quiet instruments too. */
export type Heartbeat = Times & { readonly type: 'Heartbeat' };

/**
 * What the edge knows of the feed of this instrument's book.
 * `connected`: a feed is (again) there, the book is unsure until its snapshot. `disconnected`, `stale`: the book may be wrong from here on.
 */
export type FeedStatus = Times & {
  readonly type: 'FeedStatus';
  readonly status: 'connected' | 'disconnected' | 'stale';
  /** Why, in a few words with values: `sequence gap: expected 1042, was 1050`. */
  readonly reason: string;
};

/** The instrument's metadata as the exchange publishes it. */
export type Instrument = Times & {
  readonly type: 'Instrument';
  readonly nativeSymbol: string;
  /** Smallest price step as decimal text; `undefined` when unknown. */
  readonly tickSize: string | undefined;
  readonly lotSize: string | undefined;
};

export type MarketEvent = BookSnapshot | BookDelta | Trade | Heartbeat | FeedStatus | Instrument;

/**
 * What a feed delivers to a symbol actor: events of one instrument, in order, numbered by the feed.
 * Event i of the batch has the ordinal `firstOrdinal + i`. The same source sends the same event under the same ordinal again after a restart.
 */
export type EventBatch = {
  /** Names one incarnation of one connection (live), or one connection of one recording. */
  readonly source: string;
  readonly firstOrdinal: number;
  readonly events: readonly MarketEvent[];
};

/** One row of an instrument's log: the accepted events of one delivery. */
export type LogEntry = {
  readonly source: string;
  /** Ordinal of the last event in `events` within `source`. */
  readonly lastOrdinal: number;
  readonly events: readonly MarketEvent[];
};
