/**
 * Where the events of one connection go: for each native symbol, the deliveries of its book and of its trades. Usually both are the same
 * symbol actor; they differ where a recording holds redundant feeds, each with its own book, whose trades count once.
 */
import type { Channel } from '../exchanges/adapter.ts';
import type { EventBatch, MarketEvent } from '../market/events.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import { InstrumentDelivery } from './delivery.ts';
import type { ActorRef } from './kernel/actor-types.ts';
import type { SymbolMessage } from './symbol.ts';

export type RouteRequest = {
  readonly nativeSymbol: NativeSymbol;
  readonly channels: readonly Channel[];
  readonly instrument: string;
  readonly target: ActorRef<SymbolMessage>;
  readonly metadata:
    { readonly tickSize: string | undefined; readonly lotSize: string | undefined } | undefined;
  readonly timeMs: number;
};

type Destination = {
  readonly instrument: string;
  readonly delivery: InstrumentDelivery;
  readonly nativeSymbols: Set<NativeSymbol>;
  /** When something was pushed last, by our clock. */
  lastPushMs: number;
};

export type FeedRoutesOptions = {
  readonly source: string;
  /** Whether the state of this connection says anything about books. */
  readonly carriesBooks: boolean;
  readonly deliver: (target: ActorRef<SymbolMessage>, batch: EventBatch) => void;
  readonly onPoison: (instrument: string, event: MarketEvent, cause: string) => void;
};

export class FeedRoutes {
  readonly #options: FeedRoutesOptions;
  readonly #books = new Map<NativeSymbol, Destination>();
  readonly #trades = new Map<NativeSymbol, Destination>();
  readonly #destinations = new Map<string, Destination>();
  /** Destinations that were pushed to since the last flush. */
  readonly #unflushed = new Set<Destination>();

  constructor(options: FeedRoutesOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#destinations.size === 0;
  }

  get pendingCount(): number {
    let count = 0;
    for (const { delivery } of this.#destinations.values())
      count += delivery.isIdle ? 0 : delivery.pendingCount + 1;
    return count;
  }

  /** Returns false when all of it is carried already. */
  add(request: RouteRequest): boolean {
    const { nativeSymbol, channels, instrument, target, metadata, timeMs } = request;
    const destination =
      this.#destinations.get(instrument) ?? this.#createDestination(instrument, target, timeMs);
    const hasBook = !channels.includes('book') || this.#books.get(nativeSymbol) === destination;
    const hasTrades = !channels.includes('trades') || this.#trades.get(nativeSymbol) === destination;
    if (hasBook && hasTrades) return false;
    destination.nativeSymbols.add(nativeSymbol);
    if (channels.includes('book')) this.#books.set(nativeSymbol, destination);
    if (channels.includes('trades')) this.#trades.set(nativeSymbol, destination);
    if (metadata !== undefined)
      this.#pushTo(destination, {
        type: 'Instrument',
        nativeSymbol,
        ...metadata,
        eventTimeMs: timeMs,
        receiveTimeMs: timeMs,
      });
    return true;
  }

  /** Tells the instruments of a symbol its metadata. */
  describe(
    nativeSymbol: NativeSymbol,
    metadata: { readonly tickSize: string | undefined; readonly lotSize: string | undefined },
    timeMs: number,
  ): void {
    for (const destination of new Set([this.#books.get(nativeSymbol), this.#trades.get(nativeSymbol)])) {
      if (destination === undefined) continue;
      this.#pushTo(destination, {
        type: 'Instrument',
        nativeSymbol,
        ...metadata,
        eventTimeMs: timeMs,
        receiveTimeMs: timeMs,
      });
    }
  }

  remove(nativeSymbol: NativeSymbol): void {
    this.#books.delete(nativeSymbol);
    this.#trades.delete(nativeSymbol);
    for (const [instrument, destination] of this.#destinations) {
      destination.nativeSymbols.delete(nativeSymbol);
      if (destination.nativeSymbols.size === 0) this.#destinations.delete(instrument);
    }
  }

  nativeSymbols(): NativeSymbol[] {
    return [...new Set([...this.#books.keys(), ...this.#trades.keys()])];
  }

  /** Native symbols whose book goes to this instrument. */
  booksOf(instrument: string): NativeSymbol[] {
    return [...this.#books]
      .filter(([, destination]) => destination.instrument === instrument)
      .map(([symbol]) => symbol);
  }

  push(nativeSymbol: NativeSymbol, event: MarketEvent): void {
    if (event.type === 'FeedStatus' && !this.#options.carriesBooks) return;
    const destination =
      event.type === 'Trade' ? this.#trades.get(nativeSymbol) : this.#books.get(nativeSymbol);
    // A frame of a symbol that was unsubscribed a moment ago.
    if (destination !== undefined) this.#pushTo(destination, event);
  }

  /** Lets time pass for destinations that nothing was pushed to for `quietMs`. */
  pushHeartbeats(nowMs: number, quietMs: number): void {
    for (const destination of this.#destinations.values()) {
      if (nowMs - destination.lastPushMs < quietMs) continue;
      destination.lastPushMs = nowMs;
      this.#pushTo(destination, { type: 'Heartbeat', eventTimeMs: nowMs, receiveTimeMs: nowMs });
    }
  }

  /** Sends what was pushed since the last flush. */
  flush(): void {
    for (const destination of this.#unflushed) destination.delivery.flush();
    this.#unflushed.clear();
  }

  acknowledge(instrument: string, source: string, lastOrdinal: number): void {
    if (source === this.#options.source)
      this.#destinations.get(instrument)?.delivery.acknowledge(lastOrdinal);
  }

  redeliver(instrument: string, failure: { cause: string; isTransient: boolean }): void {
    this.#destinations.get(instrument)?.delivery.redeliver(failure);
  }

  isOverLimit(maxPendingEvents: number): boolean {
    for (const { delivery } of this.#destinations.values()) {
      if (delivery.pendingCount > maxPendingEvents) return true;
    }
    return false;
  }

  overLimit(maxPendingEvents: number): Pick<Destination, 'instrument' | 'nativeSymbols' | 'delivery'>[] {
    return [...this.#destinations.values()].filter(
      ({ delivery }) => delivery.pendingCount > maxPendingEvents,
    );
  }

  #createDestination(instrument: string, target: ActorRef<SymbolMessage>, timeMs: number): Destination {
    const destination: Destination = {
      instrument,
      nativeSymbols: new Set(),
      lastPushMs: timeMs,
      delivery: new InstrumentDelivery({
        source: this.#options.source,
        send: (batch) => this.#options.deliver(target, batch),
        onPoison: (event, cause) => this.#options.onPoison(instrument, event, cause),
      }),
    };
    this.#destinations.set(instrument, destination);
    return destination;
  }

  #pushTo(destination: Destination, event: MarketEvent): void {
    destination.delivery.push(event);
    destination.lastPushMs = Math.max(destination.lastPushMs, event.receiveTimeMs);
    this.#unflushed.add(destination);
  }
}
