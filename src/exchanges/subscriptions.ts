/**
 * The subscribe frames of one connection: as many symbols in a frame as it takes. Symbols that come one by one, and books that have to start again,
 * have a frame each while hardly any were sent lately; after that they share the next ones. A thousand instruments that recover one after the other
 * would else spend what the exchange takes on frames of one symbol, and the last of them wait for the next window.
 */
import type { NativeSymbol } from '../market/symbols.ts';
import type { AdapterOptions, Channel, ExchangeAdapter } from './adapter.ts';
import type { FrameOutbox } from './frame-outbox.ts';
import type { Moment } from './moment.ts';

type Symbols = readonly NativeSymbol[];

/** Of the frames that a window takes, so many may have gone before one that is not full has to wait for the tick. */
const NOT_FULL_PART = 1 / 8;

export class Subscriptions {
  readonly #adapter: ExchangeAdapter;
  readonly #options: AdapterOptions;
  readonly #outbox: FrameOutbox;
  readonly #channels: readonly Channel[];
  readonly #onSent: (symbols: Symbols, nowMs: number) => void;
  /** Symbols that are to be subscribed to, and have no frame yet. */
  readonly #joining = new Set<NativeSymbol>();
  /** Books that are to start again, and have no frame yet. */
  readonly #wanting = new Set<NativeSymbol>();
  /** Books that are to start again, and whose frame has not left. */
  readonly #waiting = new Set<NativeSymbol>();
  /** Symbols whose frame has left. */
  readonly #subscribed = new Set<NativeSymbol>();

  constructor(options: {
    adapter: ExchangeAdapter;
    options: AdapterOptions;
    outbox: FrameOutbox;
    channels: readonly Channel[];
    /** The frame that subscribes these left. */
    onSent: (symbols: Symbols, nowMs: number) => void;
  }) {
    this.#adapter = options.adapter;
    this.#options = options.options;
    this.#outbox = options.outbox;
    this.#channels = options.channels;
    this.#onSent = options.onSent;
  }

  get hasFrames(): boolean {
    return this.#joining.size > 0 || this.#wanting.size > 0 || this.#outbox.queuedCount > 0;
  }

  isSubscribed(symbol: NativeSymbol): boolean {
    return this.#subscribed.has(symbol);
  }

  subscribe(symbols: Symbols): void {
    for (const symbol of symbols) this.#joining.add(symbol);
  }

  unsubscribe(symbols: Symbols, now: Moment): void {
    for (const symbol of symbols) {
      this.#wanting.delete(symbol);
      this.#subscribed.delete(symbol);
    }
    const joined = symbols.filter((symbol) => !this.#joining.delete(symbol));
    for (const chunk of this.#chunks(joined)) this.#queueUnsubscribe(chunk, this.#channels, now);
  }

  /** Once is enough, however long it has to wait. */
  restartBook(symbol: NativeSymbol): void {
    if (!this.#waiting.has(symbol) && !this.#joining.has(symbol)) this.#wanting.add(symbol);
  }

  /** Sends what the budget allows now; frames that are not full yet on a tick only, unless hardly any were sent lately. */
  flush(now: Moment, { isTick = false }: { isTick?: boolean } = {}): void {
    this.#outbox.flush(now.monotonicMs);
    if (this.#outbox.queuedCount > 0) return;
    const isFullOnly = !isTick && this.#outbox.spentPart(now.monotonicMs) > NOT_FULL_PART;
    for (const chunk of this.#takeChunks(this.#joining, isFullOnly)) {
      this.#queueSubscribe(chunk, this.#channels, now);
    }
    for (const chunk of this.#takeChunks(this.#wanting, isFullOnly)) {
      this.#queueUnsubscribe(chunk, ['book'], now);
      for (const symbol of chunk) this.#waiting.add(symbol);
      this.#queueSubscribe(chunk, ['book'], now);
    }
    this.#outbox.flush(now.monotonicMs);
  }

  #queueSubscribe(symbols: Symbols, channels: readonly Channel[], now: Moment): void {
    const frames = this.#adapter.subscribeFrames(symbols, channels, this.#options, now.wallMs);
    // Where the address itself names the symbols there is no frame, and the subscription holds from the opening on.
    if (frames.length === 0) this.#sent(symbols, now.monotonicMs);
    for (const [index, text] of frames.entries()) {
      const isLast = index === frames.length - 1;
      this.#outbox.push(
        { text, onSent: isLast ? (sentMs) => this.#sent(symbols, sentMs) : undefined },
        { isUrgent: false },
      );
    }
  }

  #queueUnsubscribe(symbols: Symbols, channels: readonly Channel[], now: Moment): void {
    const frames = this.#adapter.unsubscribeFrames(symbols, channels, this.#options, now.wallMs);
    for (const text of frames) this.#outbox.push({ text }, { isUrgent: false });
  }

  #sent(symbols: Symbols, nowMs: number): void {
    for (const symbol of symbols) {
      this.#waiting.delete(symbol);
      this.#subscribed.add(symbol);
    }
    this.#onSent(symbols, nowMs);
  }

  /** Those that stay are too few for a frame. */
  #takeChunks(symbols: Set<NativeSymbol>, isFullOnly: boolean): NativeSymbol[][] {
    const count = isFullOnly ? symbols.size - (symbols.size % this.#frameSize) : symbols.size;
    if (count === 0) return [];
    const taken = [...symbols].slice(0, count);
    for (const symbol of taken) symbols.delete(symbol);
    return this.#chunks(taken);
  }

  get #frameSize(): number {
    return Math.max(1, this.#adapter.limits.symbolsPerSubscribeFrame);
  }

  #chunks(symbols: Symbols): NativeSymbol[][] {
    const size = this.#frameSize;
    const chunks: NativeSymbol[][] = [];
    for (let index = 0; index < symbols.length; index += size)
      chunks.push(symbols.slice(index, index + size));
    return chunks;
  }
}
