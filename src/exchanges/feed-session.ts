/**
 * The brain of one connection to an exchange, from its opening to its closing, without the connection: frames, answers and the time come in by
 * methods, everything that is to happen goes out by `FeedSessionEffects`. The same inputs give the same outputs, live and in a replay.
 * A new connection gets a new session. Nothing that comes over the wire makes it throw.
 */
import type { FeedStatus, MarketEvent, Sequence } from '../market/events.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import type {
  AdapterOptions,
  Channel,
  ConnectionKind,
  Endpoints,
  ExchangeAdapter,
  FeedMessage,
  FrameDecoder,
  HttpRequest,
} from './adapter.ts';
import type { BookRequest, BookSyncCounters } from './book-sync.ts';
import { BookSync } from './book-sync.ts';
import { ClientPing } from './client-ping.ts';
import { ConnectionSequence } from './connection-sequence.ts';
import type { FrameAllowance } from './frame-outbox.ts';
import { FrameOutbox } from './frame-outbox.ts';
import type { HeldTally } from './held-deltas.ts';
import { EXCHANGE_WORDS_MAX_CHARS, FrameRejections } from './frame-rejections.ts';
import type { FeedPace, FeedPaces } from './feed-pace.ts';
import { Listening } from './listening.ts';
import type { Moment } from './moment.ts';
import { SilenceCheck } from './silence-check.ts';
import { Subscriptions } from './subscriptions.ts';

/** Answer to `fetchSnapshot`; each request gets exactly one. */
export type SnapshotAnswer =
  | { readonly ok: true; readonly status: number; readonly body: string }
  | { readonly ok: false; readonly reason: string };

/**
 * `now`: the connection is useless, replace it. `afterReplacement`: the exchange will close it soon but it still works; open the new one first.
 */
export type ReconnectUrgency = 'now' | 'afterReplacement';

export interface FeedSessionEffects {
  /** An event of a watched symbol, in order. The first one of each symbol on a connection that carries books is `FeedStatus` `connected`. */
  deliver(nativeSymbol: NativeSymbol, event: MarketEvent): void;
  send(frame: string): void;
  fetchSnapshot(nativeSymbol: NativeSymbol, request: HttpRequest): void;
  /** Asked for once; a second time only when `afterReplacement` turns into `now`. */
  reconnect(reason: string, urgency: ReconnectUrgency): void;
  /** The exchange refused something that was asked for. */
  refuse(nativeSymbol: NativeSymbol | undefined, code: string, message: string): void;
  /** Dead letter: `text` is the raw frame, cut to `REJECTED_TEXT_MAX_CHARS`. */
  reject(nativeSymbol: NativeSymbol | undefined, reason: string, detail: string, text: string): void;
  /** Trades may have been lost with something that could not be read; `undefined`: of any symbol. */
  suspectTrades(nativeSymbol: NativeSymbol | undefined, reason: string): void;
}

export type FeedSessionStatus = {
  readonly state: 'new' | 'open' | 'closed';
  readonly watchedCount: number;
  /** Books that are sure now. */
  readonly syncedCount: number;
  /** Symbols of the others. */
  readonly unsynced: readonly NativeSymbol[];
  readonly queuedFrames: number;
  readonly framesReceived: number;
  readonly framesRejected: number;
  readonly lastSound: Moment | undefined;
  /** Checks of the connection's own counter (scope `connection`). */
  readonly connectionSequenceChecksOk: number;
  readonly connectionGapCount: number;
};

type Watched = {
  readonly book: BookSync | undefined;
  /** `undefined` where silence is not judged. */
  readonly pace: FeedPace | undefined;
};

export class FeedSession {
  /** What its books hold while their snapshots are fetched. */
  readonly heldDeltas: HeldTally = { bytes: 0 };
  /** Whether the frame that subscribes the symbol has left. */
  readonly isSubscribed = (symbol: NativeSymbol): boolean => this.#subscriptions.isSubscribed(symbol);
  readonly #adapter: ExchangeAdapter;
  readonly #channels: readonly Channel[];
  readonly #options: AdapterOptions;
  readonly #endpoints: Endpoints;
  readonly #effects: FeedSessionEffects;
  readonly #random: () => number;
  readonly #decoder: FrameDecoder;
  readonly #rejections: FrameRejections;
  readonly #sequence: ConnectionSequence;
  readonly #outbox: FrameOutbox;
  readonly #subscriptions: Subscriptions;
  readonly #paces: FeedPaces | undefined;
  readonly #listening = new Listening();
  readonly #watched = new Map<NativeSymbol, Watched>();
  /** Of many books nearly all wait for nothing. */
  readonly #waitingBooks = new Set<BookSync>();
  #state: 'new' | 'open' | 'closed' = 'new';
  #replacement: ReconnectUrgency | undefined;
  #now: Moment = { wallMs: 0, monotonicMs: 0 };
  readonly #ping: ClientPing;
  readonly #silence = new SilenceCheck();
  #framesReceived = 0;

  /** `random` spreads the delays of resyncs; without it they are not spread. */
  constructor(options: {
    adapter: ExchangeAdapter;
    connectionKind: ConnectionKind;
    options: AdapterOptions;
    endpoints: Endpoints;
    symbols: readonly NativeSymbol[];
    effects: FeedSessionEffects;
    random?: () => number;
    /** Where the exchange counts frames per IP. */
    sharedFrames?: FrameAllowance | undefined;
    /** What is known of how often each book is heard of; without it no book is called silent (recordings). */
    paces?: FeedPaces | undefined;
  }) {
    this.#adapter = options.adapter;
    this.#channels = options.connectionKind.channels;
    this.#options = options.options;
    this.#endpoints = options.endpoints;
    this.#effects = options.effects;
    this.#random = options.random ?? (() => 0.5);
    this.#ping = new ClientPing(options.adapter.clientPing);
    this.#decoder = options.adapter.createDecoder(options.options);
    this.#sequence = new ConnectionSequence((last) => options.adapter.nextConnectionSequence(last));
    this.#rejections = new FrameRejections((symbol, reason, detail, text) =>
      this.#effects.reject(symbol, reason, detail, text),
    );
    this.#outbox = new FrameOutbox({
      budget: options.adapter.limits.framesPerConnection,
      shared: options.sharedFrames,
      send: (frame) => this.#effects.send(frame),
    });
    this.#subscriptions = new Subscriptions({
      adapter: this.#adapter,
      options: this.#options,
      outbox: this.#outbox,
      channels: this.#channels,
      onSent: (symbols, nowMs) => {
        for (const symbol of symbols) this.#watched.get(symbol)?.book?.subscriptionSent(nowMs);
      },
    });
    this.#paces = options.paces;
    for (const symbol of options.symbols) this.#addSymbol(symbol);
  }

  opened(now: Moment): void {
    if (this.#state !== 'new') return;
    this.#now = now;
    this.#state = 'open';
    this.#listening.begin(now);
    this.#ping.begin(now.monotonicMs);
    this.#outbox.openAt(now.monotonicMs + this.#adapter.limits.settleMs);
    this.#start([...this.#watched.keys()]);
  }

  frame(frame: string | Uint8Array, now: Moment): void {
    if (this.#state !== 'open') return;
    this.#now = now;
    this.#listening.heard(now);
    this.#framesReceived++;
    let messages: readonly FeedMessage[];
    try {
      messages = this.#decoder.decode(frame, now.wallMs);
    } catch (error) {
      messages = [{ type: 'rejected', nativeSymbol: undefined, reason: `decoder failed: ${String(error)}` }];
    }
    this.#rejections.frameBegins();
    for (const message of messages) this.#take(message, frame);
    const untoldCount = this.#rejections.frameEnds(frame);
    if (untoldCount > 0) this.#effects.suspectTrades(undefined, `lost ${untoldCount} parts of a frame`);
    if (this.#subscriptions.hasFrames) this.#subscriptions.flush(now);
  }

  /** The answer to `fetchSnapshot`. One that was not asked for is taken too, if the book still waits. */
  snapshotAnswered(nativeSymbol: NativeSymbol, answer: SnapshotAnswer, now: Moment): void {
    const book = this.#watched.get(nativeSymbol)?.book;
    if (this.#state !== 'open' || book === undefined) return;
    this.#now = now;
    if (!answer.ok || answer.status !== 200) {
      const reason = answer.ok
        ? `book snapshot answered with HTTP ${answer.status}: ${answer.body.slice(0, EXCHANGE_WORDS_MAX_CHARS)}`
        : answer.reason;
      if (answer.ok) this.#effects.refuse(nativeSymbol, `HTTP ${answer.status}`, reason);
      book.snapshotFailed(reason, now.monotonicMs);
      return;
    }
    const reading = this.#readSnapshot(nativeSymbol, answer.body, now.wallMs);
    if (reading.ok) {
      book.snapshot(reading.event, now.monotonicMs);
    } else {
      this.#rejections.reject(nativeSymbol, reading.reason, answer.body);
      book.snapshotFailed(reading.reason, now.monotonicMs);
    }
  }

  closed(reason: string, now: Moment): void {
    if (this.#state === 'closed') return;
    const wasOpen = this.#state === 'open';
    this.#state = 'closed';
    this.#now = now;
    this.#outbox.close();
    for (const [symbol, { book }] of this.#watched) {
      if (book === undefined) continue;
      book.subscriptionEnded();
      if (wasOpen) this.#deliverStatus(symbol, 'disconnected', reason);
    }
  }

  /** Lets time pass: keepalive, dead connection, timers of books, frames whose turn has come. Wanted four times a second. */
  tick(now: Moment, { isPaused = false }: { isPaused?: boolean } = {}): void {
    if (this.#state !== 'open') return;
    this.#now = now;
    const nowMs = now.monotonicMs;
    const lastSoundMs = this.#listening.tick(nowMs, { isPaused });
    if (nowMs - lastSoundMs > this.#adapter.deadAfterMs) {
      this.#replace(`silent for ${Math.round(nowMs - lastSoundMs)} ms`, 'now');
      return;
    }
    const ping = this.#ping.take(now, lastSoundMs);
    if (ping !== undefined) this.#outbox.push({ text: ping }, { isUrgent: true });
    if (!this.#isReplaced) {
      const { isDeaf } = this;
      for (const book of this.#waitingBooks) book.tick(nowMs, { isDeaf });
      if (this.#paces !== undefined) this.#silence.tick(this.#watched, nowMs, { isDeaf });
    }
    this.#subscriptions.flush(now, { isTick: true });
  }

  /** Subscribes symbols that are not watched yet. */
  watch(symbols: readonly NativeSymbol[], now: Moment): void {
    this.#now = now;
    const added = [...new Set(symbols)].filter((symbol) => !this.#watched.has(symbol));
    for (const symbol of added) this.#addSymbol(symbol);
    if (this.#state === 'open') this.#start(added);
  }

  /** Ends the subscription of symbols; nothing of them is delivered any more. */
  unwatch(symbols: readonly NativeSymbol[], now: Moment): void {
    this.#now = now;
    const removed = [...new Set(symbols)].filter((symbol) => this.#watched.has(symbol));
    for (const symbol of removed) {
      const { book } = this.#watched.get(symbol)!;
      if (book !== undefined) this.#waitingBooks.delete(book);
      this.#watched.delete(symbol);
    }
    if (this.#state !== 'open' || removed.length === 0) return;
    this.#subscriptions.unsubscribe(removed, now);
    this.#subscriptions.flush(now);
  }

  /** The symbol's book was found wrong by someone else (checksum mismatch): it becomes stale and gets a fresh start. */
  resync(nativeSymbol: NativeSymbol, reason: string, now: Moment): void {
    if (this.#state !== 'open') return;
    this.#now = now;
    const options = { isConnectionReplaced: this.#isReplaced };
    this.#watched.get(nativeSymbol)?.book?.lost(reason, now.monotonicMs, options);
    this.#subscriptions.flush(now);
  }

  /** At the last tick the socket was paused, or ticks had stood still: what comes next may be old. */
  get isDeaf(): boolean {
    return this.#listening.isDeaf;
  }

  /** Whether the symbol's book waits for the answer to `fetchSnapshot`. */
  wantsSnapshot(nativeSymbol: NativeSymbol): boolean {
    return this.#state === 'open' && this.#watched.get(nativeSymbol)?.book?.isFetching === true;
  }

  /** Counts of the symbol's book; `undefined` when it is not watched or this connection carries no books. */
  counters(nativeSymbol: NativeSymbol): BookSyncCounters | undefined {
    return this.#watched.get(nativeSymbol)?.book?.counters;
  }

  get state(): FeedSessionStatus['state'] {
    return this.#state;
  }

  /** When the other side was heard last; `undefined` before it was opened. */
  get lastSound(): Moment | undefined {
    return this.#listening.lastSound;
  }

  /** O(symbols). */
  status(): FeedSessionStatus {
    const books = [...this.#watched].filter(([, { book }]) => book !== undefined);
    const unsynced = books.flatMap(([symbol, { book }]) => (book?.isSynced === true ? [] : [symbol]));
    return {
      state: this.#state,
      ...{ watchedCount: this.#watched.size, syncedCount: books.length - unsynced.length, unsynced },
      queuedFrames: this.#outbox.queuedCount,
      ...{ framesReceived: this.#framesReceived, framesRejected: this.#rejections.count },
      lastSound: this.lastSound,
      connectionSequenceChecksOk: this.#sequence.checksOk,
      connectionGapCount: this.#sequence.gapCount,
    };
  }

  #take(message: FeedMessage, frame: string | Uint8Array): void {
    switch (message.type) {
      case 'book': {
        const watched = this.#watched.get(message.nativeSymbol);
        watched?.book?.snapshot(message.event, this.#now.monotonicMs);
        watched?.pace?.heard(this.#now.monotonicMs);
        return;
      }
      case 'delta': {
        const watched = this.#watched.get(message.nativeSymbol);
        watched?.pace?.heard(this.#now.monotonicMs);
        watched?.book?.delta(message.event, message.range, this.#now.monotonicMs);
        return;
      }
      case 'trade':
        this.#silence.tradeHeard(this.#now.monotonicMs);
        if (this.#watched.has(message.nativeSymbol))
          this.#effects.deliver(message.nativeSymbol, message.event);
        return;
      case 'connectionSequence':
        this.#checkConnectionSequence(message.sequence);
        return;
      case 'reply':
        this.#outbox.push({ text: message.frame }, { isUrgent: true });
        return;
      case 'refused':
        this.#effects.refuse(
          message.nativeSymbol,
          message.code.slice(0, EXCHANGE_WORDS_MAX_CHARS),
          message.message.slice(0, EXCHANGE_WORDS_MAX_CHARS),
        );
        return;
      case 'leave':
        this.#replace(message.reason, 'afterReplacement');
        return;
      case 'rejected':
        this.#rejectPart(message, frame);
        return;
      case 'subscribed':
      case 'unsubscribed':
      case 'alive':
        // An acknowledgement promises nothing; the first snapshot does.
        return;
      default:
        message satisfies never;
    }
  }

  #checkConnectionSequence(sequence: Sequence): void {
    const reason = this.#sequence.check(sequence);
    if (reason === undefined) return;
    this.#loseAllBooks(reason, { isConnectionReplaced: true });
    this.#replace(reason, 'now');
  }

  #rejectPart(
    { nativeSymbol, reason, damagesBook = false }: Extract<FeedMessage, { type: 'rejected' }>,
    frame: string | Uint8Array,
  ): void {
    const isTold = this.#rejections.rejectPart(nativeSymbol, reason, frame);
    const shortReason = reason.slice(0, EXCHANGE_WORDS_MAX_CHARS);
    this.#loseDamagedBooks(nativeSymbol, shortReason, damagesBook);
    const mayBeTrades = nativeSymbol === undefined || !damagesBook;
    if (isTold && mayBeTrades) this.#effects.suspectTrades(nativeSymbol, `lost a frame: ${shortReason}`);
  }

  /** A lost part of a book shows in the next sequence or checksum. Where there is neither, it must be assumed to be a book's. */
  #loseDamagedBooks(nativeSymbol: NativeSymbol | undefined, reason: string, damagesBook: boolean): void {
    const wouldShow =
      this.#adapter.continuityScope !== 'none' ||
      this.#adapter.snapshotPolicy === 'everyFrame' ||
      this.#adapter.checksum !== undefined;
    const options = { isConnectionReplaced: this.#isReplaced };
    if (nativeSymbol === undefined) {
      if (damagesBook || !wouldShow) this.#loseAllBooks(`lost a frame: ${reason}`, options);
    } else if (damagesBook) {
      const { book } = this.#watched.get(nativeSymbol) ?? {};
      book?.lost(`lost a part of the book: ${reason}`, this.#now.monotonicMs, options);
    }
  }

  #loseAllBooks(reason: string, options: { isConnectionReplaced: boolean }): void {
    for (const { book } of this.#watched.values()) book?.lost(reason, this.#now.monotonicMs, options);
  }

  #addSymbol(symbol: NativeSymbol): void {
    if (this.#watched.has(symbol)) return;
    const hasBook = this.#channels.includes('book') && this.#adapter.snapshotPolicy !== 'none';
    const book = hasBook
      ? new BookSync({
          rules: this.#adapter,
          random: this.#random,
          held: this.heldDeltas,
          waiting: this.#waitingBooks,
          effects: {
            deliver: (event) => this.#effects.deliver(symbol, event),
            stale: (reason) => this.#deliverStatus(symbol, 'stale', reason),
            request: (request, reason) => this.#serveBook(symbol, request, reason),
          },
        })
      : undefined;
    this.#watched.set(symbol, { book, pace: hasBook ? this.#paces?.begin(symbol) : undefined });
  }

  #start(symbols: readonly NativeSymbol[]): void {
    for (const symbol of symbols) {
      if (this.#watched.get(symbol)?.book !== undefined)
        this.#deliverStatus(symbol, 'connected', 'connection opened');
    }
    this.#subscriptions.subscribe(symbols);
    this.#subscriptions.flush(this.#now);
  }

  #serveBook(symbol: NativeSymbol, request: BookRequest, reason: string): void {
    if (request === 'reconnect') {
      this.#replace(reason, 'now');
    } else if (request === 'fetchSnapshot') {
      const httpRequest = this.#adapter.snapshotRequest(this.#endpoints, symbol, this.#options);
      if (httpRequest !== undefined) this.#effects.fetchSnapshot(symbol, httpRequest);
    } else {
      this.#subscriptions.restartBook(symbol);
    }
  }

  #readSnapshot(symbol: NativeSymbol, body: string, receiveTimeMs: number) {
    try {
      return this.#adapter.readSnapshot(body, symbol, receiveTimeMs, this.#decoder);
    } catch (error) {
      return { ok: false, reason: `reading the book snapshot failed: ${String(error)}` } as const;
    }
  }

  #deliverStatus(symbol: NativeSymbol, status: FeedStatus['status'], reason: string): void {
    const times = { eventTimeMs: this.#now.wallMs, receiveTimeMs: this.#now.wallMs };
    this.#effects.deliver(symbol, { type: 'FeedStatus', status, reason, ...times });
  }

  get #isReplaced(): boolean {
    return this.#replacement === 'now';
  }

  #replace(reason: string, urgency: ReconnectUrgency): void {
    if (this.#replacement === 'now' || this.#replacement === urgency) return;
    this.#replacement = urgency;
    this.#effects.reconnect(reason, urgency);
  }
}
