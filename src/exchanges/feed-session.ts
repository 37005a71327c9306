/**
 * The brain of one connection to an exchange, from its opening to its closing, without the connection: frames, answers and the time come in by
 * methods, everything that is to happen goes out by `FeedSessionEffects`. The same inputs give the same outputs, live and in a replay.
 * A new connection gets a new session. Nothing that comes over the wire makes it throw.
 */
import type { MarketEvent, Sequence } from '../market/events.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import { toNativeSymbol } from '../market/symbols.ts';
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
import { detachedText } from './detached-text.ts';
import type { FrameAllowance } from './frame-outbox.ts';
import type { HeldTally } from './held-deltas.ts';
import { FrameOutbox } from './frame-outbox.ts';

/** Raw text kept of a frame that could not be understood. */
export const REJECTED_TEXT_MAX_CHARS = 4096;
/** Text kept of an exchange's own words (refusals, error bodies) and of reasons that quote them. */
const EXCHANGE_WORDS_MAX_CHARS = 200;
/** Dead letters of one frame: a list of a million things that can't be read is told by its first ones and one with the number of the others. */
const REJECTIONS_PER_FRAME_MAX = 10;
/** Characters of a symbol that a dead letter names: what is no symbol of ours may be of any length. */
const SYMBOL_MAX_CHARS = 64;

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
}

export type FeedSessionStatus = {
  readonly state: 'new' | 'open' | 'closed';
  readonly watchedCount: number;
  /** Books that are sure now. */
  readonly syncedCount: number;
  readonly queuedFrames: number;
  readonly framesReceived: number;
  readonly framesRejected: number;
  readonly lastSoundMs: number | undefined;
  /** Checks of the connection's own counter (scope `connection`). */
  readonly connectionSequenceChecksOk: number;
  readonly connectionGapCount: number;
};

type Watched = { readonly book: BookSync | undefined; isResubscribing: boolean };

export class FeedSession {
  /** What its books hold while their snapshots are fetched. */
  readonly heldDeltas: HeldTally = { bytes: 0 };
  readonly #adapter: ExchangeAdapter;
  readonly #channels: readonly Channel[];
  readonly #options: AdapterOptions;
  readonly #endpoints: Endpoints;
  readonly #effects: FeedSessionEffects;
  readonly #random: () => number;
  readonly #decoder: FrameDecoder;
  readonly #outbox: FrameOutbox;
  readonly #watched = new Map<NativeSymbol, Watched>();

  #state: 'new' | 'open' | 'closed' = 'new';
  #replacement: ReconnectUrgency | undefined;
  #nowMs = 0;
  #rejectionsInFrame = 0;
  #lastSoundMs: number | undefined;
  #lastPingMs = 0;
  #connectionSequence: Sequence | undefined;
  #connectionSequenceChecksOk = 0;
  #connectionGapCount = 0;
  #framesReceived = 0;
  #framesRejected = 0;

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
  }) {
    this.#adapter = options.adapter;
    this.#channels = options.connectionKind.channels;
    this.#options = options.options;
    this.#endpoints = options.endpoints;
    this.#effects = options.effects;
    this.#random = options.random ?? (() => 0.5);
    this.#decoder = options.adapter.createDecoder(options.options);
    this.#outbox = new FrameOutbox({
      budget: options.adapter.limits.framesPerConnection,
      shared: options.sharedFrames,
      send: (frame) => this.#effects.send(frame),
    });
    for (const symbol of options.symbols) this.#addSymbol(symbol);
  }

  opened(nowMs: number): void {
    if (this.#state !== 'new') return;
    this.#nowMs = nowMs;
    this.#state = 'open';
    this.#lastSoundMs = nowMs;
    this.#lastPingMs = nowMs;
    this.#outbox.openAt(nowMs + this.#adapter.limits.settleMs);
    this.#start([...this.#watched.keys()]);
  }

  frame(frame: string | Uint8Array, receiveTimeMs: number): void {
    if (this.#state !== 'open') return;
    this.#nowMs = receiveTimeMs;
    this.#lastSoundMs = receiveTimeMs;
    this.#framesReceived++;
    let messages: readonly FeedMessage[];
    try {
      messages = this.#decoder.decode(frame, receiveTimeMs);
    } catch (error) {
      messages = [{ type: 'rejected', nativeSymbol: undefined, reason: `decoder failed: ${String(error)}` }];
    }
    this.#rejectionsInFrame = 0;
    for (const message of messages) this.#take(message, frame);
    const untoldCount = this.#rejectionsInFrame - REJECTIONS_PER_FRAME_MAX;
    if (untoldCount > 0) {
      this.#reject(undefined, `${untoldCount} more parts of the frame can't be used`, frame);
    }
    if (this.#outbox.queuedCount > 0) this.#outbox.flush(receiveTimeMs);
  }

  /** The answer to `fetchSnapshot`. One that was not asked for is taken too, if the book still waits. */
  snapshotAnswered(nativeSymbol: NativeSymbol, answer: SnapshotAnswer, receiveTimeMs: number): void {
    const book = this.#watched.get(nativeSymbol)?.book;
    if (this.#state !== 'open' || book === undefined) return;
    this.#nowMs = receiveTimeMs;
    if (!answer.ok || answer.status !== 200) {
      const reason = answer.ok
        ? `book snapshot answered with HTTP ${answer.status}: ${answer.body.slice(0, EXCHANGE_WORDS_MAX_CHARS)}`
        : answer.reason;
      if (answer.ok) this.#effects.refuse(nativeSymbol, `HTTP ${answer.status}`, reason);
      book.snapshotFailed(reason, receiveTimeMs);
      return;
    }
    const reading = this.#readSnapshot(nativeSymbol, answer.body, receiveTimeMs);
    if (reading.ok) {
      book.snapshot(reading.event);
    } else {
      this.#reject(nativeSymbol, reading.reason, answer.body);
      book.snapshotFailed(reading.reason, receiveTimeMs);
    }
  }

  closed(reason: string, nowMs: number): void {
    if (this.#state === 'closed') return;
    const wasOpen = this.#state === 'open';
    this.#state = 'closed';
    this.#nowMs = nowMs;
    this.#outbox.close();
    for (const [symbol, { book }] of this.#watched) {
      if (book === undefined) continue;
      book.subscriptionEnded();
      if (wasOpen) this.#deliverStatus(symbol, 'disconnected', reason);
    }
  }

  /** Lets time pass: keepalive, dead connection, timers of books, frames whose turn has come. Wanted every 100 ms or so. */
  tick(nowMs: number, { isPaused = false }: { isPaused?: boolean } = {}): void {
    if (this.#state !== 'open') return;
    this.#nowMs = nowMs;
    // Whoever does not listen can't call the other side silent.
    if (isPaused) this.#lastSoundMs = nowMs;
    const lastSoundMs = this.#lastSoundMs ?? nowMs;
    if (nowMs - lastSoundMs > this.#adapter.deadAfterMs) {
      this.#replace(`silent for ${nowMs - lastSoundMs} ms`, 'now');
      return;
    }
    const ping = this.#adapter.clientPing;
    if (ping !== undefined) {
      const sinceMs = ping.whenIdle ? Math.max(this.#lastPingMs, lastSoundMs) : this.#lastPingMs;
      if (nowMs - sinceMs >= ping.everyMs) {
        this.#lastPingMs = nowMs;
        this.#outbox.push({ text: ping.frame(nowMs) }, { isUrgent: true });
      }
    }
    if (!this.#isReplaced) for (const { book } of this.#watched.values()) book?.tick(nowMs);
    this.#outbox.flush(nowMs);
  }

  /** Subscribes symbols that are not watched yet. */
  watch(symbols: readonly NativeSymbol[], nowMs: number): void {
    this.#nowMs = nowMs;
    const added = [...new Set(symbols)].filter((symbol) => !this.#watched.has(symbol));
    for (const symbol of added) this.#addSymbol(symbol);
    if (this.#state === 'open') this.#start(added);
  }

  /** Ends the subscription of symbols; nothing of them is delivered any more. */
  unwatch(symbols: readonly NativeSymbol[], nowMs: number): void {
    this.#nowMs = nowMs;
    const removed = [...new Set(symbols)].filter((symbol) => this.#watched.delete(symbol));
    if (this.#state !== 'open' || removed.length === 0) return;
    for (const chunk of this.#chunks(removed)) this.#queueUnsubscribe(chunk, this.#channels);
    this.#outbox.flush(nowMs);
  }

  /** The symbol's book was found wrong by someone else (checksum mismatch): it becomes stale and gets a fresh start. */
  resync(nativeSymbol: NativeSymbol, reason: string, nowMs: number): void {
    if (this.#state !== 'open') return;
    this.#nowMs = nowMs;
    this.#watched.get(nativeSymbol)?.book?.lost(reason, nowMs, { isConnectionReplaced: this.#isReplaced });
    this.#outbox.flush(nowMs);
  }

  /** Whether the symbol's book waits for the answer to `fetchSnapshot`. */
  wantsSnapshot(nativeSymbol: NativeSymbol): boolean {
    return this.#state === 'open' && this.#watched.get(nativeSymbol)?.book?.isFetching === true;
  }

  /** Counts of the symbol's book; `undefined` when it is not watched or this connection carries no books. */
  counters(nativeSymbol: NativeSymbol): BookSyncCounters | undefined {
    return this.#watched.get(nativeSymbol)?.book?.counters;
  }

  status(): FeedSessionStatus {
    let syncedCount = 0;
    for (const { book } of this.#watched.values()) if (book?.isSynced === true) syncedCount++;
    return {
      state: this.#state,
      watchedCount: this.#watched.size,
      syncedCount,
      queuedFrames: this.#outbox.queuedCount,
      framesReceived: this.#framesReceived,
      framesRejected: this.#framesRejected,
      lastSoundMs: this.#lastSoundMs,
      connectionSequenceChecksOk: this.#connectionSequenceChecksOk,
      connectionGapCount: this.#connectionGapCount,
    };
  }

  #take(message: FeedMessage, frame: string | Uint8Array): void {
    switch (message.type) {
      case 'book':
        this.#watched.get(message.nativeSymbol)?.book?.snapshot(message.event);
        return;
      case 'delta':
        this.#watched.get(message.nativeSymbol)?.book?.delta(message.event, message.range);
        return;
      case 'trade':
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
        if (++this.#rejectionsInFrame <= REJECTIONS_PER_FRAME_MAX) {
          this.#reject(message.nativeSymbol, message.reason, frame);
        }
        this.#loseDamagedBooks(
          message.nativeSymbol,
          message.reason.slice(0, EXCHANGE_WORDS_MAX_CHARS),
          message.damagesBook ?? false,
        );
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
    const last = this.#connectionSequence;
    this.#connectionSequence = sequence;
    if (last === undefined) return;
    const expected = this.#adapter.nextConnectionSequence(last);
    if (sequence === expected) {
      this.#connectionSequenceChecksOk++;
      return;
    }
    this.#connectionGapCount++;
    const reason = `connection sequence gap: expected ${expected}, was ${sequence}`;
    this.#loseAllBooks(reason, { isConnectionReplaced: true });
    this.#replace(reason, 'now');
  }

  /** A lost part of a book shows in the next sequence or checksum. Where there is neither, it must be assumed to be a book's. */
  #loseDamagedBooks(nativeSymbol: NativeSymbol | undefined, reason: string, damagesBook: boolean): void {
    const wouldShow =
      this.#adapter.continuityScope !== 'none' ||
      this.#adapter.snapshotPolicy === 'everyFrame' ||
      this.#adapter.checksum !== undefined;
    if (nativeSymbol === undefined) {
      if (damagesBook || !wouldShow) {
        this.#loseAllBooks(`lost a frame: ${reason}`, { isConnectionReplaced: this.#isReplaced });
      }
    } else if (damagesBook) {
      this.#watched.get(nativeSymbol)?.book?.lost(`lost a part of the book: ${reason}`, this.#nowMs, {
        isConnectionReplaced: this.#isReplaced,
      });
    }
  }

  #loseAllBooks(reason: string, options: { isConnectionReplaced: boolean }): void {
    for (const { book } of this.#watched.values()) book?.lost(reason, this.#nowMs, options);
  }

  #addSymbol(symbol: NativeSymbol): void {
    if (this.#watched.has(symbol)) return;
    const hasBook = this.#channels.includes('book') && this.#adapter.snapshotPolicy !== 'none';
    const book = hasBook
      ? new BookSync({
          rules: this.#adapter,
          random: this.#random,
          held: this.heldDeltas,
          effects: {
            deliver: (event) => this.#effects.deliver(symbol, event),
            request: (request, reason) => this.#serveBook(symbol, request, reason),
          },
        })
      : undefined;
    this.#watched.set(symbol, { book, isResubscribing: false });
  }

  #start(symbols: readonly NativeSymbol[]): void {
    for (const symbol of symbols) {
      if (this.#watched.get(symbol)?.book !== undefined)
        this.#deliverStatus(symbol, 'connected', 'connection opened');
    }
    for (const chunk of this.#chunks(symbols)) this.#queueSubscribe(chunk, this.#channels);
    this.#outbox.flush(this.#nowMs);
  }

  #serveBook(symbol: NativeSymbol, request: BookRequest, reason: string): void {
    if (request === 'reconnect') {
      this.#replace(reason, 'now');
    } else if (request === 'fetchSnapshot') {
      const httpRequest = this.#adapter.snapshotRequest(this.#endpoints, symbol, this.#options);
      if (httpRequest !== undefined) this.#effects.fetchSnapshot(symbol, httpRequest);
    } else {
      const watched = this.#watched.get(symbol);
      // One in the queue is enough, however long it has to wait there.
      if (watched === undefined || watched.isResubscribing) return;
      watched.isResubscribing = true;
      this.#queueUnsubscribe([symbol], ['book']);
      this.#queueSubscribe([symbol], ['book']);
    }
  }

  #queueSubscribe(symbols: readonly NativeSymbol[], channels: readonly Channel[]): void {
    const frames = this.#adapter.subscribeFrames(symbols, channels, this.#options, this.#nowMs);
    // Where the address itself names the symbols there is no frame, and the subscription holds from the opening on.
    if (frames.length === 0) this.#subscriptionSent(symbols, this.#nowMs);
    for (const [index, text] of frames.entries()) {
      const isLast = index === frames.length - 1;
      this.#outbox.push(
        { text, onSent: isLast ? (nowMs) => this.#subscriptionSent(symbols, nowMs) : undefined },
        { isUrgent: false },
      );
    }
  }

  #queueUnsubscribe(symbols: readonly NativeSymbol[], channels: readonly Channel[]): void {
    const frames = this.#adapter.unsubscribeFrames(symbols, channels, this.#options, this.#nowMs);
    for (const text of frames) this.#outbox.push({ text }, { isUrgent: false });
  }

  #subscriptionSent(symbols: readonly NativeSymbol[], nowMs: number): void {
    for (const symbol of symbols) {
      const watched = this.#watched.get(symbol);
      if (watched === undefined) continue;
      watched.isResubscribing = false;
      watched.book?.subscriptionSent(nowMs);
    }
  }

  #chunks(symbols: readonly NativeSymbol[]): NativeSymbol[][] {
    const size = Math.max(1, this.#adapter.limits.symbolsPerSubscribeFrame);
    const chunks: NativeSymbol[][] = [];
    for (let index = 0; index < symbols.length; index += size)
      chunks.push(symbols.slice(index, index + size));
    return chunks;
  }

  #readSnapshot(symbol: NativeSymbol, body: string, receiveTimeMs: number) {
    try {
      return this.#adapter.readSnapshot(body, symbol, receiveTimeMs, this.#decoder);
    } catch (error) {
      return { ok: false, reason: `reading the book snapshot failed: ${String(error)}` } as const;
    }
  }

  #deliverStatus(symbol: NativeSymbol, status: 'connected' | 'disconnected', reason: string): void {
    const times = { eventTimeMs: this.#nowMs, receiveTimeMs: this.#nowMs };
    this.#effects.deliver(symbol, { type: 'FeedStatus', status, reason, ...times });
  }

  #reject(symbol: NativeSymbol | undefined, detail: string, frame: string | Uint8Array): void {
    this.#framesRejected++;
    const text =
      typeof frame === 'string'
        ? detachedText(frame, REJECTED_TEXT_MAX_CHARS)
        : Buffer.from(frame.subarray(0, REJECTED_TEXT_MAX_CHARS / 2)).toString('hex');
    const shortSymbol =
      symbol === undefined ? undefined : toNativeSymbol(detachedText(symbol, SYMBOL_MAX_CHARS));
    this.#effects.reject(shortSymbol, 'bad-frame', detachedText(detail, EXCHANGE_WORDS_MAX_CHARS), text);
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
