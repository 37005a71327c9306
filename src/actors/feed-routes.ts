/**
 * Where the events of one connection go: for each native symbol, the deliveries of its book and of its trades. Usually both are the same
 * symbol actor; they differ where a recording holds redundant feeds, each with its own book, whose trades count once.
 */
import type { Clock } from '../base/clock.ts';
import type { Channel } from '../exchanges/adapter.ts';
import type { EventBatch, FeedStatus, Instrument, MarketEvent } from '../market/events.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import type { DeliveryFailure } from './delivery.ts';
import { ExchangeTime } from './exchange-time.ts';
import { InstrumentDelivery } from './delivery.ts';
import type { ActorRef } from './kernel/actor-types.ts';
import type { SymbolMessage } from './symbol.ts';

/** Decimal text; `undefined` where the exchange gives none. */
export type SymbolMetadata = { readonly tickSize: string | undefined; readonly lotSize: string | undefined };

export type RouteRequest = {
  readonly nativeSymbol: NativeSymbol;
  readonly channels: readonly Channel[];
  readonly instrument: string;
  readonly target: ActorRef<SymbolMessage>;
  readonly metadata: SymbolMetadata | undefined;
  readonly timeMs: number;
};

type Destination = {
  readonly instrument: string;
  readonly delivery: InstrumentDelivery;
  readonly nativeSymbols: Set<NativeSymbol>;
  /** When something was pushed last, by our clock. */
  lastPushMs: number;
  /** Events were dropped while its actor took nothing: its book has to start again once it does. */
  hasLostEvents: boolean;
};

export type DroppedEvents = {
  readonly instrument: string;
  /** Its actor takes nothing, so all kinds of events were dropped. */
  readonly isRefused: boolean;
  readonly droppedCount: number;
  /** Native symbols of its books. */
  readonly books: readonly NativeSymbol[];
};

export type FeedRoutesOptions = {
  readonly clock: Clock;
  /** Names the source of the first delivery to each instrument; a later one gets a name of its own. */
  readonly source: string;
  /** Whether the state of this connection says anything about books. */
  readonly carriesBooks: boolean;
  /** Returns false when the target takes nothing. */
  readonly deliver: (target: ActorRef<SymbolMessage>, batch: EventBatch) => boolean;
  readonly onPoison: (instrument: string, event: MarketEvent, cause: string) => void;
};

export class FeedRoutes {
  readonly #options: FeedRoutesOptions;
  readonly #exchangeTime: ExchangeTime;
  readonly #books = new Map<NativeSymbol, Destination>();
  readonly #trades = new Map<NativeSymbol, Destination>();
  readonly #destinations = new Map<string, Destination>();
  /** Destinations that were pushed to since the last flush. */
  readonly #unflushed = new Set<Destination>();
  #removedCount = 0;

  constructor(options: FeedRoutesOptions) {
    this.#options = options;
    this.#exchangeTime = new ExchangeTime(options.clock);
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
    if (metadata !== undefined) this.#pushTo(destination, toInstrument(nativeSymbol, metadata, timeMs));
    return true;
  }

  /** Tells the instruments of a symbol its metadata. */
  describe(nativeSymbol: NativeSymbol, metadata: SymbolMetadata, timeMs: number): void {
    for (const destination of new Set([this.#books.get(nativeSymbol), this.#trades.get(nativeSymbol)])) {
      if (destination !== undefined) this.#pushTo(destination, toInstrument(nativeSymbol, metadata, timeMs));
    }
  }

  remove(nativeSymbol: NativeSymbol): void {
    this.#books.delete(nativeSymbol);
    this.#trades.delete(nativeSymbol);
    for (const [instrument, destination] of this.#destinations) {
      destination.nativeSymbols.delete(nativeSymbol);
      if (destination.nativeSymbols.size > 0) continue;
      this.#destinations.delete(instrument);
      this.#unflushed.delete(destination);
      this.#removedCount++;
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
    if (event.type === 'Trade' || event.type === 'BookDelta') this.#exchangeTime.note(event.eventTimeMs);
    const destination =
      event.type === 'Trade' ? this.#trades.get(nativeSymbol) : this.#books.get(nativeSymbol);
    // A frame of a symbol that was unsubscribed a moment ago.
    if (destination !== undefined) this.#pushTo(destination, event);
  }

  /** Lets the exchange's time pass for destinations that nothing was pushed to for `quietMs`. */
  pushHeartbeats(quietMs: number): void {
    const nowMs = this.#options.clock.nowMs();
    const timeMs = this.#exchangeTime.read();
    if (timeMs === undefined) return;
    for (const destination of this.#destinations.values()) {
      if (nowMs - destination.lastPushMs < quietMs) continue;
      destination.lastPushMs = nowMs;
      this.#pushTo(destination, { type: 'Heartbeat', eventTimeMs: timeMs, receiveTimeMs: nowMs });
    }
  }

  /** Sends what was pushed since the last flush. */
  flush(): void {
    for (const destination of this.#unflushed) destination.delivery.flush();
    this.#unflushed.clear();
  }

  acknowledge(instrument: string, source: string, lastOrdinal: number): void {
    const delivery = this.#destinations.get(instrument)?.delivery;
    if (delivery?.source === source) delivery.acknowledge(lastOrdinal);
  }

  redeliver(instrument: string, failure: DeliveryFailure): void {
    this.#destinations.get(instrument)?.delivery.redeliver(failure);
  }

  /** Sends again what was refused, or has waited for its acknowledgement since the last call. */
  retry(): void {
    for (const { delivery } of this.#destinations.values()) delivery.retry();
  }

  /** Returns the native symbols of the books whose actors take deliveries again after some of their events were dropped; each once. */
  takeReturned(): NativeSymbol[] {
    const returned: NativeSymbol[] = [];
    for (const destination of this.#destinations.values()) {
      if (!destination.hasLostEvents || destination.delivery.isRefused) continue;
      destination.hasLostEvents = false;
      returned.push(...this.booksOf(destination.instrument));
    }
    return returned;
  }

  /** The feed ends here: all that waits is sent at once, without its book events. */
  sendRest(): void {
    for (const { delivery } of this.#destinations.values()) delivery.sendRest();
    this.#unflushed.clear();
  }

  /**
   * Makes room where more than `maxPendingEvents` wait, and returns where. An actor that takes nothing loses all that waits for it, so that it
   * holds up nobody else; of one that is only slow, book events are dropped. Such books need a fresh start.
   */
  dropPending(maxPendingEvents: number, nowMs: number): DroppedEvents[] {
    const dropped: DroppedEvents[] = [];
    for (const destination of this.#destinations.values()) {
      const { instrument, delivery } = destination;
      if (delivery.pendingCount <= maxPendingEvents) continue;
      const isRefused = delivery.isRefused;
      if (isRefused) destination.hasLostEvents = true;
      const droppedCount = isRefused
        ? delivery.dropPending(toStaleStatus('events were dropped: the actor takes none', nowMs))
        : delivery.dropPendingBookEvents();
      if (droppedCount > 0) {
        dropped.push({ instrument, isRefused, droppedCount, books: this.booksOf(instrument) });
      }
    }
    return dropped;
  }

  isOverLimit(maxPendingEvents: number): boolean {
    for (const { delivery } of this.#destinations.values()) {
      if (delivery.pendingCount > maxPendingEvents) return true;
    }
    return false;
  }

  #createDestination(instrument: string, target: ActorRef<SymbolMessage>, timeMs: number): Destination {
    const destination: Destination = {
      instrument,
      nativeSymbols: new Set(),
      lastPushMs: timeMs,
      hasLostEvents: false,
      delivery: new InstrumentDelivery({
        // Ordinals begin anew with the delivery. Under the old name the actor would take the new events for those it has already.
        source:
          this.#removedCount === 0 ? this.#options.source : `${this.#options.source}~${this.#removedCount}`,
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

function toStaleStatus(reason: string, nowMs: number): FeedStatus {
  return { type: 'FeedStatus', status: 'stale', reason, eventTimeMs: nowMs, receiveTimeMs: nowMs };
}

function toInstrument(nativeSymbol: NativeSymbol, metadata: SymbolMetadata, timeMs: number): Instrument {
  return { type: 'Instrument', nativeSymbol, ...metadata, eventTimeMs: timeMs, receiveTimeMs: timeMs };
}
