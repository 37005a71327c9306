/**
 * Where the events of one connection go: for each native symbol, the deliveries of its book and of its trades. Usually both are the same
 * symbol actor; they differ where a recording holds redundant feeds, each with its own book, whose trades count once.
 */
import type { Clock } from '../base/clock.ts';
import { momentOf } from '../base/clock.ts';
import type { Channel } from '../exchanges/adapter.ts';
import type { EventBatch, FeedStatus, Instrument, MarketEvent } from '../market/events.ts';
import type { TimeWanted } from '../market/instrument-state.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import type { DeliveryFailure } from './delivery.ts';
import { ExchangeTime } from './exchange-time.ts';
import { InstrumentDelivery } from './delivery.ts';
import type { FeedLimits } from './feed-budget.ts';
import type { Burden } from './feed-pressure.ts';
import { FeedPressure } from './feed-pressure.ts';
import type { ActorRef } from './kernel/actor-types.ts';
import type { FeedReply, FeedMessage } from './symbol-protocol.ts';

/** Decimal text; `undefined` where the exchange gives none. */
export type SymbolMetadata = { readonly tickSize: string | undefined; readonly lotSize: string | undefined };

export type RouteRequest = {
  readonly nativeSymbol: NativeSymbol;
  readonly channels: readonly Channel[];
  readonly instrument: string;
  readonly target: ActorRef<FeedMessage>;
  readonly metadata: SymbolMetadata | undefined;
  readonly timeMs: number;
};

type BatchAccepted = Omit<Extract<FeedReply, { type: 'BatchAccepted' }>, 'type' | 'batchNumber'>;

type Destination = {
  readonly instrument: string;
  readonly target: ActorRef<FeedMessage>;
  readonly delivery: InstrumentDelivery;
  readonly burden: Burden;
  readonly nativeSymbols: Set<NativeSymbol>;
  /** When something was pushed last, by the monotonic clock. */
  lastPushMs: number;
  /** As its actor said last; `undefined` before, and since it has failed. */
  timeWanted: TimeWanted | undefined;
  /** By how much its turns are later than those of the first. */
  readonly turnOffsetMs: number;
};

export type HeartbeatPace = {
  /** Nothing is told to whom something was pushed within this time. */
  readonly quietMs: number;
  /** Each has its turn once within this time, where it does not want it sooner. */
  readonly turnMs: number;
};

/** Between the turns of two that were added one after the other. */
const TURN_OFFSET_MS = 250;
/** Within how long those have their turn for whom time changes nothing: where a silence began is told by how late it was then. */
const UNWANTED_TURN_MS = 60_000;
/**
 * Of those that want to know it at once so many are told with each call, or so large a part of all: with the full hour thousands close the candles that
 * they traded in, and nothing else would get its turn meanwhile.
 */
const TOLD_AT_ONCE_MIN = 10;
const TOLD_AT_ONCE_PART = 1 / 10;
const AT_ONCE: TimeWanted = { atMs: -Infinity, emptyAtMs: -Infinity };

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
  readonly limits: FeedLimits;
  /** Whether the state of this connection says anything about books. */
  readonly carriesBooks: boolean;
  /** Returns false when the target takes nothing. */
  readonly deliver: (target: ActorRef<FeedMessage>, batch: EventBatch) => boolean;
  readonly onPoison: (instrument: string, event: MarketEvent, cause: string) => void;
};

export class FeedRoutes {
  readonly #options: FeedRoutesOptions;
  readonly #exchangeTime: ExchangeTime;
  /** Whether the actors keep up. Told of each change of a delivery. */
  readonly pressure: FeedPressure;
  readonly #books = new Map<NativeSymbol, Destination>();
  readonly #trades = new Map<NativeSymbol, Destination>();
  readonly #destinations = new Map<string, Destination>();
  /** Destinations that were pushed to since the last flush. */
  readonly #unflushed = new Set<Destination>();
  /** Events of these were dropped while their actors took nothing: once they do, their books have to start again. */
  readonly #lossy = new Set<Destination>();
  #removedCount = 0;
  #createdCount = 0;

  constructor(options: FeedRoutesOptions) {
    this.#options = options;
    this.#exchangeTime = new ExchangeTime(options.clock);
    this.pressure = new FeedPressure(options.limits, options.clock);
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
    const destination = this.#destinations.get(instrument) ?? this.#createDestination(instrument, target);
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
      this.#lossy.delete(destination);
      this.pressure.remove(destination.burden);
      this.#removedCount++;
    }
  }

  nativeSymbols(): NativeSymbol[] {
    return [...new Set([...this.#books.keys(), ...this.#trades.keys()])];
  }

  /** Native symbols whose book is carried. */
  bookSymbols(): NativeSymbol[] {
    return this.#options.carriesBooks ? [...this.#books.keys()] : [];
  }

  /** Native symbols whose book goes to this instrument. */
  booksOf(instrument: string): NativeSymbol[] {
    return [...this.#books]
      .filter(([, destination]) => destination.instrument === instrument)
      .map(([symbol]) => symbol);
  }

  /** Native symbols whose trades go to this instrument. */
  tradesOf(instrument: string): NativeSymbol[] {
    return [...this.#trades]
      .filter(([, destination]) => destination.instrument === instrument)
      .map(([symbol]) => symbol);
  }

  /** Where the trades of a symbol go; `undefined` when this connection does not carry them. */
  tradesTarget(
    nativeSymbol: NativeSymbol,
  ): { readonly instrument: string; readonly target: ActorRef<FeedMessage> } | undefined {
    return this.#trades.get(nativeSymbol);
  }

  /** Events that wait for the instrument of the symbol's trades and may be trades. */
  pendingTradesOf(nativeSymbol: NativeSymbol): number {
    const delivery = this.#trades.get(nativeSymbol)?.delivery;
    return delivery === undefined ? 0 : delivery.pendingCount - delivery.pendingBookCount;
  }

  push(nativeSymbol: NativeSymbol, event: MarketEvent): void {
    if (event.type === 'FeedStatus' && !this.#options.carriesBooks) return;
    if (event.type === 'Trade' || event.type === 'BookDelta') this.#exchangeTime.note(event.eventTimeMs);
    const destination =
      event.type === 'Trade' ? this.#trades.get(nativeSymbol) : this.#books.get(nativeSymbol);
    // A frame of a symbol that was unsubscribed a moment ago.
    if (destination !== undefined) this.#pushTo(destination, event);
  }

  /**
   * Lets the exchange's time pass for destinations that nothing was pushed to of late, unless it is held back for one of their symbols. Those where
   * something traded waits for it hear it at once, or with the next calls where they are many; the others by turns: of thousands nearly all are quiet.
   */
  pushHeartbeats(pace: HeartbeatPace, isHeldBack: (nativeSymbol: NativeSymbol) => boolean): void {
    const { wallMs, monotonicMs } = momentOf(this.#options.clock);
    const timeMs = this.#exchangeTime.read();
    if (timeMs === undefined) return;
    let toldAtOnceMax = Math.max(TOLD_AT_ONCE_MIN, this.#destinations.size * TOLD_AT_ONCE_PART);
    for (const destination of this.#destinations.values()) {
      if (monotonicMs - destination.lastPushMs < pace.quietMs) continue;
      const { atMs, emptyAtMs } = destination.timeWanted ?? AT_ONCE;
      const turnMs = timeMs < emptyAtMs ? UNWANTED_TURN_MS : pace.turnMs;
      const isTurn = hasTurn(destination, monotonicMs, turnMs);
      if (!isTurn && (timeMs < atMs || toldAtOnceMax < 1)) continue;
      if ([...destination.nativeSymbols].some(isHeldBack)) continue;
      if (!isTurn) toldAtOnceMax--;
      this.#pushTo(destination, { type: 'Heartbeat', eventTimeMs: timeMs, receiveTimeMs: wallMs });
    }
  }

  /** Nobody listened: no heartbeats until it is heard again what time it is. */
  forgetTime(): void {
    this.#exchangeTime.forget();
  }

  /** Sends what was pushed since the last flush. */
  flush(): void {
    if (this.#unflushed.size === 0) return;
    const nowMs = this.#options.clock.monotonicMs();
    for (const destination of this.#unflushed) {
      destination.lastPushMs = nowMs;
      destination.delivery.flush();
      this.pressure.note(destination.burden);
    }
    this.#unflushed.clear();
  }

  acknowledge({ instrument, source, lastOrdinal, timeWanted }: BatchAccepted): void {
    const destination = this.#destinations.get(instrument);
    if (destination?.delivery.source !== source) return;
    destination.timeWanted = timeWanted;
    destination.delivery.acknowledge(lastOrdinal);
    this.pressure.noteAnswer(destination.burden);
  }

  redeliver(instrument: string, failure: DeliveryFailure): void {
    const destination = this.#destinations.get(instrument);
    if (destination === undefined) return;
    destination.timeWanted = undefined;
    destination.delivery.redeliver(failure);
    this.pressure.note(destination.burden);
  }

  /** Sends again what was refused, or has waited for its acknowledgement since the last call. */
  retry(): void {
    for (const { delivery } of this.#destinations.values()) delivery.retry();
  }

  /** Returns the native symbols whose actors take deliveries again after some of their events were dropped; each once. */
  takeReturned(): NativeSymbol[] {
    const returned: NativeSymbol[] = [];
    for (const destination of this.#lossy) {
      if (destination.delivery.isRefused) continue;
      this.#lossy.delete(destination);
      returned.push(...destination.nativeSymbols);
    }
    return returned;
  }

  /** The feed ends here: all that waits is sent at once, without its book events. */
  sendRest(): void {
    for (const { delivery, burden } of this.#destinations.values()) {
      delivery.sendRest();
      this.pressure.note(burden);
    }
    this.#unflushed.clear();
  }

  /**
   * Makes room where too much waits, and returns where. An actor that takes nothing loses all that waits for it, so that it holds up nobody else; of
   * one that is only slow, book events are dropped when they alone are too many. Such books need a fresh start.
   */
  dropPending(nowMs: number): DroppedEvents[] {
    if (this.pressure.over.size === 0) return [];
    const { maxPendingEvents, maxPendingBytes } = this.#options.limits;
    const dropped: DroppedEvents[] = [];
    for (const destination of this.#destinations.values()) {
      const { instrument, delivery, burden } = destination;
      if (!this.pressure.over.has(burden)) continue;
      const isRefused = delivery.isRefused;
      if (isRefused) this.#lossy.add(destination);
      const isBookOver =
        delivery.pendingBookCount > maxPendingEvents || delivery.pendingBookBytes > maxPendingBytes;
      if (!isRefused && !isBookOver) continue;
      const droppedCount = isRefused
        ? delivery.dropPending(toStaleStatus('events were dropped: the actor takes none', nowMs))
        : delivery.dropPendingBookEvents();
      this.pressure.note(burden);
      if (droppedCount > 0) {
        dropped.push({ instrument, isRefused, droppedCount, books: this.booksOf(instrument) });
      }
    }
    return dropped;
  }

  #createDestination(instrument: string, target: ActorRef<FeedMessage>): Destination {
    const delivery = new InstrumentDelivery({
      // Ordinals begin anew with the delivery. Under the old name the actor would take the new events for those it has already.
      source:
        this.#removedCount === 0 ? this.#options.source : `${this.#options.source}~${this.#removedCount}`,
      send: (batch) => this.#options.deliver(target, batch),
      onPoison: (event, cause) => this.#options.onPoison(instrument, event, cause),
    });
    const burden = this.pressure.add(delivery);
    const destination: Destination = {
      instrument,
      target,
      nativeSymbols: new Set<NativeSymbol>(),
      lastPushMs: this.#options.clock.monotonicMs(),
      delivery,
      burden,
      timeWanted: undefined,
      turnOffsetMs: TURN_OFFSET_MS * this.#createdCount++,
    };
    this.#destinations.set(instrument, destination);
    return destination;
  }

  #pushTo(destination: Destination, event: MarketEvent): void {
    destination.delivery.push(event);
    this.#unflushed.add(destination);
  }
}

/** Whether a turn has begun since something was pushed last; those of a connection begin one after the other. */
function hasTurn({ lastPushMs, turnOffsetMs }: Destination, nowMs: number, turnMs: number): boolean {
  return Math.floor((nowMs - turnOffsetMs) / turnMs) > Math.floor((lastPushMs - turnOffsetMs) / turnMs);
}

function toStaleStatus(reason: string, nowMs: number): FeedStatus {
  return { type: 'FeedStatus', status: 'stale', reason, eventTimeMs: nowMs, receiveTimeMs: nowMs };
}

function toInstrument(nativeSymbol: NativeSymbol, metadata: SymbolMetadata, timeMs: number): Instrument {
  return { type: 'Instrument', nativeSymbol, ...metadata, eventTimeMs: timeMs, receiveTimeMs: timeMs };
}
