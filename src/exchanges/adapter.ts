/**
 * What an exchange has to tell us so that everything else can be shared. One pure file per exchange implements `ExchangeAdapter`:
 * no sockets, no timers, no clock. What an adapter needs and this interface can't say is a missing word here, not an `if` elsewhere.
 */
import type { BookDelta, BookSnapshot, Sequence, Trade } from '../market/events.ts';
import type { ChecksumInput } from '../market/checksum-input.ts';
import type { ExchangeId, NativeSymbol, UnifiedSymbol } from '../market/symbols.ts';

/** Where a sure book starts from (the five policies of book synchronisation). */
export type SnapshotPolicy =
  /** The stream sends it after subscribing: wait for it, drop deltas before it. */
  | 'inStream'
  /** Fetched by REST: buffer deltas, fetch, align, replay. */
  | 'rest'
  /** Asked for over the same socket, then as `rest`. */
  | 'socketRequest'
  /** Every frame is a whole book. */
  | 'everyFrame'
  /** There is no book on this feed. */
  | 'none';

/** Verdict of the continuity rule about a delta, given what was last accepted. */
export type Continuity =
  | { readonly verdict: 'apply' }
  /** Already contained in the book. */
  | { readonly verdict: 'ignore' }
  /** The event is a new start: its sequence replaces ours, whatever ours was. */
  | { readonly verdict: 'reset' }
  | { readonly verdict: 'gap'; readonly expected: Sequence; readonly was: Sequence };

/** Sequences that a book frame carries; which of them an exchange fills in is its own affair. */
export type SequenceRange = {
  /** First update id in the event (`U`). */
  readonly first?: Sequence | undefined;
  /** The id that the event says it follows (`pu`, `prevSeqId`). */
  readonly previous?: Sequence | undefined;
  /** Last update id in the event (`u`, `seqId`); becomes the book's sequence. */
  readonly last?: Sequence | undefined;
};

/** What one frame means. A frame may mean several things, in order; one without meaning to us gives none. */
export type FeedMessage =
  | { readonly type: 'book'; readonly nativeSymbol: NativeSymbol; readonly event: BookSnapshot }
  | {
      readonly type: 'delta';
      readonly nativeSymbol: NativeSymbol;
      readonly event: BookDelta;
      readonly range: SequenceRange;
    }
  | { readonly type: 'trade'; readonly nativeSymbol: NativeSymbol; readonly event: Trade }
  /** The exchange took (or ended) a subscription. `channel` is the exchange's name of it. */
  | { readonly type: 'subscribed'; readonly channel: string; readonly nativeSymbol: NativeSymbol | undefined }
  | {
      readonly type: 'unsubscribed';
      readonly channel: string;
      readonly nativeSymbol: NativeSymbol | undefined;
    }
  /** The exchange refused something that we asked for; with a symbol when it names one. */
  | {
      readonly type: 'refused';
      readonly nativeSymbol: NativeSymbol | undefined;
      readonly code: string;
      readonly message: string;
    }
  /** The frame must be answered with this text (server heartbeats). */
  | { readonly type: 'reply'; readonly frame: string }
  /** A heartbeat, pong or other sign of life without market data. */
  | { readonly type: 'alive' }
  /** The counter of the connection (continuity scope `connection`), one for every frame that carries it. */
  | { readonly type: 'connectionSequence'; readonly sequence: Sequence }
  /** The exchange will close soon: open a new connection, then leave this one. */
  | { readonly type: 'leave'; readonly reason: string }
  /**
   * A part of the frame that can't be used; the rest of the frame goes on. `damagesBook`: what is missing belonged to the symbol's book (a level
   * left out, a delta that can't be read), so the book is wrong from here on though its sequence may go on without a hole.
   */
  | {
      readonly type: 'rejected';
      readonly nativeSymbol: NativeSymbol | undefined;
      readonly reason: string;
      readonly damagesBook?: boolean | undefined;
    };

/** Metadata of one symbol, from the exchange's instrument list. */
export type InstrumentListing = {
  readonly nativeSymbol: NativeSymbol;
  readonly symbol: UnifiedSymbol;
  /** Decimal text. `undefined` when the exchange gives none. */
  readonly tickSize: string | undefined;
  readonly lotSize: string | undefined;
  /** False while the exchange has halted it. */
  readonly isTrading: boolean;
};

export type HttpRequest = { readonly url: string };

/** Keepalive that we must send; answers to the server's own heartbeats are `reply` messages, WebSocket pings are answered by the socket. */
export type ClientPing = {
  /** Text to send; may differ each time (ids, times). */
  readonly frame: (nowMs: number) => string;
  /** Sent when this long has passed since the last ping (or, with `whenIdle`, since the last frame received). */
  readonly everyMs: number;
  readonly whenIdle: boolean;
};

/** Limits that bite, per IP and exchange unless said otherwise. All windows slide. */
export type ExchangeLimits = {
  readonly maxSymbolsPerConnection: number;
  /** Frames that we may send on one connection within the window. */
  readonly framesPerConnection: { readonly count: number; readonly windowMs: number };
  /** Frames that we may send on all connections together, where the exchange counts them so. */
  readonly framesPerIp?: { readonly count: number; readonly windowMs: number };
  /** Connection attempts. */
  readonly connects: { readonly count: number; readonly windowMs: number };
  /** Weight of REST requests; `weightOf` gives each one's. */
  readonly requests: {
    readonly weight: number;
    readonly windowMs: number;
    readonly weightOf: (request: HttpRequest) => number;
    /** Answers beside HTTP 429 that mean "you ask too much": those of this status, with this text in them. `pauseMs` holds where they name no time. */
    readonly refusals?: readonly {
      readonly status: number;
      readonly text?: string;
      readonly pauseMs: number;
    }[];
  };
  /** To wait after opening before the first frame is sent. */
  readonly settleMs: number;
  /** Symbols named in one subscribe frame. */
  readonly symbolsPerSubscribeFrame: number;
  /** Largest frame that is accepted. */
  readonly frameMaxBytes: number;
};

/** Which of a symbol's streams a connection carries. Most exchanges send both on one connection. */
export type Channel = 'book' | 'trades';

/** One kind of connection that an exchange needs: most have one; Binance USD-M needs one for books and one for trades. */
export type ConnectionKind = {
  /** Unique within the exchange: `market`, `book`, `trades`. */
  readonly name: string;
  readonly channels: readonly Channel[];
  /** Address to open; may name the symbols where the exchange subscribes in the URL. */
  readonly url: (endpoints: Endpoints) => string;
};

/** Base addresses; settings may replace them (regions, sandboxes, simulators). */
export type Endpoints = { readonly ws: string; readonly rest: string };

/** Choices of an operator that change what we ask for or how a frame is read. */
export type AdapterOptions = {
  /** Levels per side to subscribe to, where the exchange offers a choice. */
  readonly depth: number | undefined;
};

/** Decodes the frames of one connection. May keep what the connection taught it (channel numbers, scales), nothing else. */
export interface FrameDecoder {
  /**
   * Returns what the frame means, in order. Never throws for what comes over the wire: a frame that can't be read gives one `rejected`.
   * @param frame text as received; binary frames of compressed feeds are passed as bytes
   */
  decode(frame: string | Uint8Array, receiveTimeMs: number): readonly FeedMessage[];
}

/** What is missing of a symbol's trades: everything after the newest one that is held. */
export type MissingTrades = {
  /** For numbered trades the one with the greatest number, else the one with the latest event time. */
  readonly after: NewestTrade;
  /** `next` of the page before; `undefined` for the first page. */
  readonly cursor: string | undefined;
};

export type NewestTrade = { readonly tradeId: string; readonly eventTimeMs: number };

/** Trades in the order of the market, oldest first, whatever the order of the exchange's answer. */
export type TradePage = {
  readonly trades: readonly Trade[];
  /** What to ask for the page that follows; `undefined` when there is none (now). */
  readonly next: string | undefined;
  /** Nothing lies between the newest trade that is held and the first of this page, or this page goes on where the one before ended. */
  readonly reachesBack: boolean;
};

export type TradePageReading =
  { readonly ok: true; readonly page: TradePage } | { readonly ok: false; readonly reason: string };

/**
 * How trades that a feed missed are fetched. The identities must be those of the stream, else each trade that comes both ways would count twice.
 * `consecutive`: ids count up by one within a symbol, so a hole in them is a loss, and pages come oldest first. `other`: only the time tells what is
 * missing, and pages come newest first.
 */
export type TradeHistory = {
  readonly identity: 'consecutive' | 'other';
  /** Pages for one gap; what lies beyond is declared missing. */
  readonly maxPages: number;
  /** Weighed by `limits.requests.weightOf` like every request. */
  request(endpoints: Endpoints, nativeSymbol: NativeSymbol, missing: MissingTrades): HttpRequest;
  /** Reads an answer of status 200. Never throws for what comes over the wire. All trades are marked as history. */
  read(
    body: string,
    nativeSymbol: NativeSymbol,
    receiveTimeMs: number,
    missing: MissingTrades,
  ): TradePageReading;
};

/** The exchange gives no trades of the past, or only such that can't be told from those of the stream: a few words why. */
export type NoTradeHistory = { readonly identity: 'none'; readonly reason: string };

export interface ExchangeAdapter {
  readonly exchange: ExchangeId;
  /** Wire form, where an exchange has had several: `v2`, `v1`, `2021`. */
  readonly protocol: string;
  readonly snapshotPolicy: SnapshotPolicy;
  /** Whether sequences count per book, over the whole connection, or not at all. */
  readonly continuityScope: 'book' | 'connection' | 'none';
  readonly defaultEndpoints: Endpoints;
  readonly connectionKinds: readonly ConnectionKind[];
  readonly limits: ExchangeLimits;
  readonly clientPing: ClientPing | undefined;
  /** Silence on a whole connection (heartbeats and pongs count as sound) after which it is taken for dead. */
  readonly deadAfterMs: number;
  /** How to get a fresh book after a gap: resubscribe the symbol, fetch the snapshot again, or replace the connection. */
  readonly resync: 'resubscribe' | 'refetch' | 'reconnect';

  createDecoder(options: AdapterOptions): FrameDecoder;

  /** Frames that subscribe (or unsubscribe) these channels of these symbols on one connection; split as the limits demand. */
  subscribeFrames(
    symbols: readonly NativeSymbol[],
    channels: readonly Channel[],
    options: AdapterOptions,
    nowMs: number,
  ): readonly string[];
  unsubscribeFrames(
    symbols: readonly NativeSymbol[],
    channels: readonly Channel[],
    options: AdapterOptions,
    nowMs: number,
  ): readonly string[];

  /**
   * Continuity of a delta with the book's last accepted sequence. `isFirst`: the delta is the first after the snapshot (alignment rules differ there).
   * For `continuityScope` `connection` see `connectionContinuity`; for `none` this is never called.
   */
  continuity(last: Sequence, range: SequenceRange, isFirst: boolean): Continuity;

  /** For `rest` and `socketRequest`: whether a fetched snapshot is too old for the first buffered delta, so that it must be fetched again. */
  isSnapshotTooOld(snapshotSequence: Sequence, firstBuffered: SequenceRange): boolean;

  /** Continuity of the connection's own counter (scope `connection`): the next sequence expected after `last`. */
  nextConnectionSequence(last: Sequence): Sequence;

  /** For `rest`: the request for a symbol's book, and its answer read. */
  snapshotRequest(
    endpoints: Endpoints,
    nativeSymbol: NativeSymbol,
    options: AdapterOptions,
  ): HttpRequest | undefined;
  readSnapshot(
    body: string,
    nativeSymbol: NativeSymbol,
    receiveTimeMs: number,
    decoder: FrameDecoder,
  ): SnapshotReading;

  /** How trades are fetched that were missed while no connection carried them. */
  readonly tradeHistory: TradeHistory | NoTradeHistory;

  /** The request for the list of instruments, and its answer read; several pages are several requests. */
  instrumentsRequests(endpoints: Endpoints): readonly HttpRequest[];
  readInstruments(body: string): InstrumentsReading;

  /** Checksum of a book by this exchange's rule; `undefined`: the exchange has none. Levels come best first, see `ChecksumInput`. */
  readonly checksum: ((book: ChecksumInput) => number) | undefined;
}

export type SnapshotReading =
  { readonly ok: true; readonly event: BookSnapshot } | { readonly ok: false; readonly reason: string };

export type InstrumentsReading =
  | { readonly ok: true; readonly listings: readonly InstrumentListing[] }
  | { readonly ok: false; readonly reason: string };
