/**
 * How actors see the outside world, but for their feeds (`feed-ports.ts`). Edges (persistence, publishing) implement these; `main.ts` plugs them in.
 * Everything that crosses here is a plain value; bytes are already encoded and keys already validated.
 */
import type { CandleText } from '../market/candle-text.ts';
import type { Levels, LogEntry } from '../market/events.ts';
import type { FeedGapCount } from '../market/feed-gap-cause.ts';
import type { InstrumentSnapshot } from '../market/instrument-state.ts';
import type { TickerText } from '../market/ticker.ts';
import type { ExchangeId, InstrumentKey, NativeSymbol, UnifiedSymbol } from '../market/symbols.ts';
import type { Scales } from '../market/units.ts';

// ---------------------------------------------------------------------------------------------------------- persistence

/** A claim on a shard: whoever holds the newest epoch may write. */
export type ShardClaim = { readonly shard: number; readonly epoch: number };

/** Who holds a shard now: the owner of its newest claim. */
export type ShardHolder = {
  readonly epoch: number;
  readonly owner: string;
  /** When it claimed the shard, by the clock of the database (Unix ms). */
  readonly claimedAtMs: number;
};

/** Whether this node may still speak as the owner of its instruments; to be asked right before each time it does. */
export interface PublishLease {
  isHeld(): boolean;
  /** Calls the listener whenever the lease was confirmed, from now on, until the returned function is called. */
  onHeld(listener: () => void): () => void;
}

export type JournalRow = {
  readonly instrument: InstrumentKey;
  /** Number of the batch in the instrument's journal, from 1, without holes. */
  readonly batchNumber: number;
  readonly epoch: number;
  readonly entry: LogEntry;
};

export type StateSnapshotRow = {
  readonly instrument: InstrumentKey;
  /** The last batch that the state contains. */
  readonly batchNumber: number;
  /** Entries (events) that the state contains. */
  readonly position: number;
  /** Plain data; encoded before `saveSnapshot` returns its promise, so the actor may go on at once. */
  readonly state: InstrumentSnapshot;
};

/** A state snapshot that is kept until somebody deletes it. */
export type Savepoint = {
  /** The last batch of the journal that it contains; names it among those of its instrument. */
  readonly batchNumber: number;
  /** Entries (events) that it contains. */
  readonly position: number;
  readonly savedAtMs: number;
  readonly sizeBytes: number;
};

/** Savepoints of one instrument that are kept at most. */
export const SAVEPOINTS_MAX = 10;

/**
 * The durable log of the instruments of one shard and their state snapshots. One implementation on Postgres (real or embedded), one in memory;
 * both pass the same contract suite.
 */
export interface Journal {
  /** Takes the shard over: the epoch grows, every older claim can write no more. */
  claim(shard: number, owner: string): Promise<ShardClaim>;
  /**
   * Appends one batch; resolves when it is durable. Appends of all instruments are committed in groups.
   * @throws TampinesError `FENCED` when a newer claim exists: stop, nothing was written
   * @throws TampinesError `OUTCOME_UNKNOWN` when the commit may or may not have happened: recover from the journal before writing again
   * @throws TampinesError `JOURNAL_SEQUENCE` when `batchNumber` is not the next one
   */
  append(claim: ShardClaim, instrument: InstrumentKey, batchNumber: number, entry: LogEntry): Promise<void>;
  /**
   * Saves a state snapshot under the fence, once `after` has resolved; keeps the newest two (savepoints apart).
   * @throws what `after` failed with; the errors of `append`
   */
  saveSnapshot(claim: ShardClaim, snapshot: StateSnapshotRow, after?: Promise<void>): Promise<void>;
  /**
   * Saves a state snapshot that is kept until it is deleted; the one of the same batch is made one. Errors as those of `append`, and
   * `SAVEPOINTS_FULL` when `SAVEPOINTS_MAX` others are kept.
   */
  saveSavepoint(claim: ShardClaim, snapshot: StateSnapshotRow): Promise<void>;
  /** Newest first. */
  listSavepoints(instrument: InstrumentKey): Promise<Savepoint[]>;
  /** @throws TampinesError `SAVEPOINT_UNKNOWN` · `STATE_UNREADABLE` */
  readSavepoint(instrument: InstrumentKey, batchNumber: number): Promise<InstrumentSnapshot>;
  /** Gives a savepoint up: recoveries go on from the ordinary snapshots. @throws TampinesError `FENCED` · `SAVEPOINT_UNKNOWN` */
  deleteSavepoint(claim: ShardClaim, instrument: InstrumentKey, batchNumber: number): Promise<void>;
  /**
   * The newest readable snapshot; one that is torn or of a wrong hash is skipped with a warning and the one before it used. `onSkipped` is called for
   * each that is skipped: more of the log is needed then than the snapshots promised.
   */
  latestSnapshot(instrument: InstrumentKey, onSkipped?: () => void): Promise<StateSnapshotRow | undefined>;
  /** Streams the batches after `afterBatchNumber` in order, in pages; `visit` is awaited for each. @throws TampinesError `JOURNAL_SEQUENCE` on a hole */
  readBatches(
    instrument: InstrumentKey,
    afterBatchNumber: number,
    visit: (row: JournalRow) => void | Promise<void>,
  ): Promise<void>;
  /** Drops journal rows that both kept snapshots contain. */
  prune(instrument: InstrumentKey): Promise<void>;
  /** Resolves when everything appended so far is durable or has failed. */
  flush(): Promise<void>;
}

export type TradeRow = {
  readonly instrument: InstrumentKey;
  readonly tradeId: string;
  readonly eventTimeMs: number;
  readonly receiveTimeMs: number;
  /** Decimal text. */
  readonly price: string;
  readonly quantity: string;
  readonly takerSide: 'buy' | 'sell';
  readonly isHistory: boolean;
};

export type CandleRow = {
  readonly instrument: InstrumentKey;
  readonly interval: string;
  readonly openTimeMs: number;
  /** 0 when it closed first; grows with each revision by a late trade. A smaller one never overwrites a larger one. */
  readonly revision: number;
  /** Decimal text; all four are the close before it for an empty interval. `undefined` while nothing was ever traded. */
  readonly open: string | undefined;
  readonly high: string | undefined;
  readonly low: string | undefined;
  readonly close: string | undefined;
  readonly volume: string;
  readonly quoteVolume: string;
  readonly takerBuyVolume: string;
  readonly tradeCount: number;
};

/** Tables for closed candles and trades; writing the same row again changes nothing. Writes are batched over all instruments. */
export interface MarketTables {
  /** So many rows of all instruments wait that whoever makes more should wait for his own first. */
  readonly isFull: boolean;
  /** Resolves when these rows are durable. Never drops; applies backpressure by resolving late. */
  write(rows: {
    readonly trades: readonly TradeRow[];
    readonly candles: readonly CandleRow[];
  }): Promise<void>;
  readCandles(query: {
    instrument: InstrumentKey;
    interval: string;
    fromMs: number;
    toMs: number;
    limit: number;
  }): Promise<CandleRow[]>;
  readTrades(query: {
    instrument: InstrumentKey;
    fromMs: number;
    toMs: number;
    limit: number;
  }): Promise<TradeRow[]>;
}

/** What an operator wants otherwise for one instrument than the settings of the node say for all; what is not named is as there. */
export type InstrumentSettings = {
  /** At least as long as that of the node, in whole multiples of it; the next one is taken. */
  readonly bookIntervalMs?: number | undefined;
  readonly tickerIntervalMs?: number | undefined;
  readonly candleIntervalMs?: number | undefined;
  /** Levels per side in a published book. */
  readonly bookDepth?: number | undefined;
};

/** What an operator wants to run; survives restarts. */
export type DesiredInstrument = {
  readonly instrument: InstrumentKey;
  /** Assigned once, never reused; subscribers may use it in place of names. */
  readonly instrumentId: number;
  readonly exchange: ExchangeId;
  readonly symbol: UnifiedSymbol;
  readonly nativeSymbol: NativeSymbol;
  readonly settings?: InstrumentSettings | undefined;
};

export interface InstrumentCatalog {
  list(): Promise<DesiredInstrument[]>;
  /** Adds it to the desired set; an id and settings it once had are kept. */
  add(instrument: Omit<DesiredInstrument, 'instrumentId' | 'settings'>): Promise<DesiredInstrument>;
  /** Replaces its settings. @throws TampinesError `INSTRUMENT_UNKNOWN` when it was never added */
  configure(instrument: InstrumentKey, settings: InstrumentSettings): Promise<void>;
  remove(instrument: InstrumentKey): Promise<void>;
}

export type SupervisionEvent = {
  readonly timeMs: number;
  readonly path: string;
  /** `restarted`, `parked`, `escalated`, `poison`, `stopped`, `started`, … */
  readonly kind: string;
  readonly cause: string;
  readonly decision: string;
  readonly attempt: number;
  readonly delayMs: number;
  /** Position in the log that the actor came back to; `undefined` where it has none. */
  readonly recoveredPosition: number | undefined;
};

export type SupervisionQuery = {
  readonly path: string | undefined;
  readonly kinds?: readonly string[] | undefined;
  readonly sinceMs?: number | undefined;
  readonly limit: number;
};

export type DeadLetter = {
  readonly timeMs: number;
  readonly exchange: string;
  /** Native or unified symbol where it is known. */
  readonly symbol: string | undefined;
  /** Stable code: `bad-frame`, `bad-level`, `poison`, `future-time`, … */
  readonly reason: string;
  readonly detail: string;
  /** Raw text, cut to a stated length. */
  readonly text: string;
  /** Names what it is about by its place in a log, so that it is told once however often that is read; feeds tell theirs without. */
  readonly place?: string | undefined;
};

/** An interval in which what was held of an instrument's feed was not whole; told when it ends. */
export type FeedGap = {
  readonly exchange: string;
  readonly instrument: string;
  readonly channel: 'book' | 'trades';
  /** The last moment it was whole, and the first at which it was again (our clock, Unix ms). */
  readonly fromMs: number;
  readonly toMs: number;
  /** What opened it: `sequence gap: expected 1042, was 1050`, `disconnected: …`. */
  readonly reason: string;
  /** `snapshot`: a fresh book replaced it. `refetched`: all trades of it were fetched. `incomplete`: trades of it are missing for good. */
  readonly repair: 'snapshot' | 'refetched' | 'incomplete';
  readonly tradesRefetched: number;
};

/** A change that was asked for over REST by someone who may. */
export type AuditEntry = {
  readonly timeMs: number;
  /** Name of the token; `local` where none is set. */
  readonly who: string;
  readonly address: string;
  readonly method: string;
  readonly path: string;
  /** JSON text, cut; empty where there was none. */
  readonly body: string;
  /** HTTP status of the answer. */
  readonly status: number;
};

/** Bounded records for operators; writing never blocks and never fails its caller. */
export interface OperationsRecords {
  recordSupervisionEvent(event: SupervisionEvent): void;
  recordDeadLetter(letter: DeadLetter): void;
  /** Once for each gap, when it ends. */
  recordFeedGap(gap: FeedGap): void;
  recordAudit(entry: AuditEntry): void;
  /** Newest first; of one path, of these kinds, from this time on. */
  readSupervisionEvents(query: SupervisionQuery): Promise<SupervisionEvent[]>;
  /** Calls the listener with each event as it is recorded, until the returned function is called. It must not throw. */
  followSupervisionEvents(listener: (event: SupervisionEvent) => void): () => void;
  readDeadLetters(query: { exchange: string | undefined; limit: number }): Promise<DeadLetter[]>;
  countDeadLetters(): Promise<{ exchange: string; reason: string; count: number }[]>;
  /** Newest first; of one exchange or one instrument where told. */
  readFeedGaps(query: {
    exchange?: string | undefined;
    instrument: string | undefined;
    limit: number;
  }): Promise<FeedGap[]>;
  /** Newest first; of one requester, from this time on. */
  readAudit(query: {
    who: string | undefined;
    sinceMs: number | undefined;
    limit: number;
  }): Promise<AuditEntry[]>;
  /** Since this process began. */
  countFeedGaps(): FeedGapCount[];
  /** By kind, since then. */
  countSupervisionEvents(): ReadonlyMap<string, number>;
}

// ----------------------------------------------------------------------------------------------------------- publishing

/** One value for one Redis key and channel of the same name. */
export type Publication = {
  /** `orderbook:…`, `ticker:…`, `candle:…`: see docs/redis.md. */
  readonly key: string;
  readonly epoch: number;
  /** Grows with the instrument's log; together with `epoch` it decides what is newer. */
  readonly seq: number;
  /** JSON text, decimals as strings, without `publishTimeMs`: the publisher adds it. */
  readonly value: string;
  /** A closed candle is appended to the capped list `<key>:closed` and published on its own channel instead of set. */
  readonly kind: 'latest' | 'closedCandle';
};

/** What is held at a book's key may be wrong: its owner can't say at present whether it is right. */
export type StaleMark = {
  readonly key: string;
  /** Of the claim under which this is said: a value of a newer owner is left alone. */
  readonly epoch: number;
  readonly reason: string;
};

/** Latest value wins per key while Redis is slow or away (`closedCandle`s are kept, bounded); nothing upstream ever blocks. */
export interface Publisher {
  publish(publications: readonly Publication[]): void;
  /** Keeps the keys of an unchanged instrument alive. */
  refresh(keys: readonly string[]): void;
  /**
   * Makes the status of what is held, and of what waits, `stale` until a value is published at the key again. Needs no lease, for it promises
   * nothing: the one thing that may be said when nothing is sure.
   */
  markStale(marks: readonly StaleMark[]): void;
  /** Lets the keys of a stopped instrument expire at once (after a short grace). */
  expire(keys: readonly string[]): void;
  /** Resolves when all that was handed in is with Redis, or after `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>;
}

/** The channel of what supervisors see and decide. */
export const SUPERVISION_CHANNEL = 'supervision';

/** One message of a channel, the same object for all who read it. */
export type LiveMessage = {
  readonly channel: string;
  /** A JSON object of the stream protocol (docs/gateway.md). */
  readonly text: string;
  /** Where it waits, a newer message of the channel takes its place: it holds all that an older one did. */
  readonly isReplaceable: boolean;
  /** It promises something of an instrument, so it may be said only by who holds the lease. */
  readonly needsLease: boolean;
};

export interface LiveReader {
  tell(message: LiveMessage): void;
  /** The channel has ended; the reader is none of it any more. */
  ended(channel: string): void;
}

/** What instruments publish, for those who are connected to this node: the values of Redis, as they are handed to it. */
export interface LiveChannels {
  /**
   * From now on the reader is told what the channel says, at once what it said last where that is held. Returns false where nothing is known of its
   * value: its instrument is to be asked.
   */
  join(channel: string, reader: LiveReader): boolean;
  leave(channel: string, reader: LiveReader): void;
  /** Channels that somebody reads and nothing is known of. */
  unknownChannels(): string[];
  /** What an instrument answered, in its own turn; `undefined` where it has no such value yet. */
  offer(channel: string, value: Publication | undefined): void;
  /** The instrument can't be asked now: whatever readers hold of the channel may be wrong. */
  doubt(channel: string, reason: string): void;
  /** Forgets channels that nobody has read for a while. */
  forgetUnread(): void;
}

/** The other end of `LiveChannels`, for what goes to no Redis. What nobody reads need not be made. */
export interface LiveReaders {
  isRead(channel: string): boolean;
  tell(event: LiveEvent): void;
  /** Its instrument was stopped. */
  end(channel: string): void;
}
export type LiveEvent = {
  readonly channel: string;
  readonly epoch: number;
  readonly seq: number;
  /** As that of a `Publication`. */
  readonly value: string;
};

/** What every published document begins with. */
export type DocumentHead = {
  readonly epoch: number;
  readonly seq: number;
  readonly exchange: ExchangeId;
  readonly symbol: UnifiedSymbol;
  /** Of the newest event that the document contains; `undefined` before the first. */
  readonly eventTimeMs: number | undefined;
  readonly receiveTimeMs: number | undefined;
  /** Of the book; tickers and candles follow from trades and carry it for information. */
  readonly status: 'empty' | 'live' | 'stale';
  /** Why it is stale; empty otherwise. */
  readonly reason: string;
};

export type BookDocument = DocumentHead & {
  /** In tick sizes. */
  readonly resolution: number;
  readonly scales: Scales;
  /** Best first. */
  readonly bids: Levels;
  readonly asks: Levels;
};

export type TickerDocument = DocumentHead & TickerText;
export type TradesDocument = DocumentHead & {
  /** `seq` of the trades before these; where a reader has another one, he missed some. */
  readonly afterSeq: number;
  /** Of one log entry, in its order. */
  readonly trades: readonly TradeRow[];
};

/** Names and texts of what is published. Pure; implemented beside the Redis layout that they belong to. */
export interface Documents {
  bookKey(instrument: DesiredInstrument, resolution: number): string;
  tickerKey(instrument: DesiredInstrument): string;
  candleKey(instrument: DesiredInstrument, interval: string): string;
  /** List and channel of the closed candles. */
  closedCandlesKey(instrument: DesiredInstrument, interval: string): string;
  /** A channel of the stream only. */
  tradesChannel(instrument: DesiredInstrument): string;
  book(document: BookDocument): string;
  ticker(document: TickerDocument): string;
  candle(document: DocumentHead & CandleText): string;
  /** For candles of one head. */
  candleWriter(head: DocumentHead): (candle: CandleText) => string;
  trades(document: TradesDocument): string;
}
