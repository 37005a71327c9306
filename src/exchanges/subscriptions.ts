/**
 * The subscribe frames of one connection: as many symbols in a frame as it takes. Symbols that come, and books that have to start again, while
 * frames wait for their turn share the next ones: a thousand instruments that are wanted one by one would otherwise take a frame each.
 */
import type { NativeSymbol } from '../market/symbols.ts';
import type { AdapterOptions, Channel, ExchangeAdapter } from './adapter.ts';
import type { FrameOutbox } from './frame-outbox.ts';
import type { Moment } from './moment.ts';

type Symbols = readonly NativeSymbol[];

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

  /** Sends what the budget allows now. */
  flush(now: Moment): void {
    this.#outbox.flush(now.monotonicMs);
    if (this.#outbox.queuedCount > 0) return;
    for (const chunk of this.#chunks(takeAll(this.#joining))) {
      this.#queueSubscribe(chunk, this.#channels, now);
    }
    for (const chunk of this.#chunks(takeAll(this.#wanting))) {
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

  #chunks(symbols: Symbols): NativeSymbol[][] {
    const size = Math.max(1, this.#adapter.limits.symbolsPerSubscribeFrame);
    const chunks: NativeSymbol[][] = [];
    for (let index = 0; index < symbols.length; index += size)
      chunks.push(symbols.slice(index, index + size));
    return chunks;
  }
}

function takeAll(symbols: Set<NativeSymbol>): NativeSymbol[] {
  const taken = [...symbols];
  symbols.clear();
  return taken;
}
