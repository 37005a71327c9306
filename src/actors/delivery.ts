/**
 * Delivery of one feed's events to one symbol actor: at most one batch is unacknowledged, what comes meanwhile grows the next one.
 * The actor acknowledges a batch when it is durable; after a failure the same batch is sent again, event by event, so that a poison
 * event stands alone. The actor drops what it already has by its ordinal: at-least-once delivery, effectively once.
 */
import type { EventBatch, FeedStatus, MarketEvent } from '../market/events.ts';
import { PendingEvents, isBookEvent } from './pending-events.ts';

/** Events in one batch: large enough to make the cost per batch vanish, small enough to keep the loop responsive. */
export const BATCH_MAX_EVENTS = 512;
/** Levels in one batch: a snapshot of 20,000 levels is one event, so events alone do not bound the work. */
export const BATCH_MAX_LEVELS = 20_000;
/** Failures of one event, alone in its batch, after which it is given up as poison. */
export const POISON_FAILURES = 2;

/**
 * Single events that are sent once more when a feed ends: a tenth of what a mailbox holds (`MAILBOX_MAX_MESSAGES`), for several feeds may end while
 * their instrument takes nothing. What is beyond goes in batches alone.
 */
const LAST_COPIES_MAX = 1_000;

export type DeliveryOptions = {
  readonly source: string;
  /** Hands a batch to the symbol actor; false when that takes none (parked, gone). */
  readonly send: (batch: EventBatch) => boolean;
  /**
   * An event that failed its actor again and again is given up; the rest goes on. A `FeedStatus` `stale` takes the place of a book event, and is
   * itself never given up.
   */
  readonly onPoison: (event: MarketEvent, cause: string) => void;
};

/** Why a symbol actor came back without having acknowledged what it was sent. */
export type DeliveryFailure = {
  readonly cause: string;
  /** The batch in hand when it failed; `undefined` when it failed over something else, or was restarted. */
  readonly batch: (Pick<EventBatch, 'source' | 'firstOrdinal'> & { readonly eventCount: number }) | undefined;
  /** The batch was not to blame. */
  readonly isTransient: boolean;
};

export class InstrumentDelivery {
  readonly #options: DeliveryOptions;
  /** Not yet taken into a batch. */
  readonly #pending = new PendingEvents();
  #nextOrdinal = 1;
  #inFlight: EventBatch | undefined;
  #inFlightBytes = 0;
  /** The batch in flight was not taken: it waits for `retry`. */
  #isRefused = false;
  /** What was in flight at the last `retry`. */
  #inFlightAtRetry: EventBatch | undefined;
  /** Events that are sent one by one after a failure, before batches grow again. */
  #cautiousCount = 0;
  #failureCount = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Events that wait for the batch in flight to be acknowledged. */
  get pendingCount(): number {
    return this.#pending.count;
  }

  /** Of them, those of books: what may be dropped. */
  get pendingBookCount(): number {
    return this.#pending.bookCount;
  }

  get pendingBookBytes(): number {
    return this.#pending.bookBytes;
  }

  /** Of all that waits, about. */
  get pendingBytes(): number {
    return this.#pending.bytes;
  }

  /** Of what waits and what is in flight, about. */
  get heldBytes(): number {
    return this.#pending.bytes + this.#inFlightBytes;
  }

  get source(): string {
    return this.#options.source;
  }

  /** The actor took nothing of what was sent last: it is parked or gone. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  get isIdle(): boolean {
    return this.#inFlight === undefined && this.pendingCount === 0;
  }

  /** Queues the event; `flush` sends what is queued, so that all events of one read from the network make one batch. */
  push(event: MarketEvent): void {
    this.#pending.push(event);
  }

  flush(): void {
    if (this.#inFlight === undefined) this.#sendNext();
  }

  /** The actor has made everything up to `lastOrdinal` durable. */
  acknowledge(lastOrdinal: number): void {
    const batch = this.#inFlight;
    if (batch === undefined || lastOrdinal < batch.firstOrdinal + batch.events.length - 1) return;
    this.#land();
    this.#failureCount = 0;
    this.#sendNext();
  }

  /**
   * Sends the batch in flight again if it was refused, or was in flight at the last call already: its actor may have been parked over it. An
   * actor that is only slow drops the second copy.
   */
  retry(): void {
    const batch = this.#inFlight;
    if (batch !== undefined && (this.#isRefused || batch === this.#inFlightAtRetry)) this.#send(batch);
    this.#inFlightAtRetry = batch;
  }

  /**
   * The actor failed and is back: the batch in flight is sent again. It is blamed only when it is the very batch that the actor failed on,
   * for what lay in the mailbox meanwhile (another feed's batch, an older copy of this one) says nothing about it.
   */
  redeliver(failure: DeliveryFailure): void {
    const batch = this.#inFlight;
    if (batch === undefined) return;
    if (failure.isTransient || !isSameBatch(batch, failure)) {
      this.#send(batch);
      return;
    }
    if (batch.events.length === 1) {
      this.#retryOrGiveUp(batch, failure.cause);
      return;
    }
    this.#land();

    // The failed batch goes back to the head of the queue, ordinals and all, and is taken up one event at a time.
    this.#pending.pushFirst(batch.events);
    this.#nextOrdinal = batch.firstOrdinal;
    this.#cautiousCount = batch.events.length;
    this.#sendNext();
  }

  /**
   * Takes book events that were never sent out of the queue and returns how many: the book will start again from a fresh snapshot,
   * trades are never dropped.
   */
  dropPendingBookEvents(): number {
    return this.#keepPending((event) => !isBookEvent(event));
  }

  /**
   * Takes all market data that was never sent out of the queue, puts `stale` in its place and returns how many events that was: for an actor
   * that takes nothing and may not do so for days.
   */
  dropPending(stale: FeedStatus): number {
    const droppedCount = this.#keepPending((event) => event.type === 'Instrument');
    this.#pending.push(stale);
    return droppedCount;
  }

  /**
   * Sends what waits without waiting for acknowledgements: the feed ends, and nothing is sent again after this. Behind each batch its events go once
   * more, one by one: its actor may fail on it, and what is asked of the exchange later is only what follows on the newest trade, so that those
   * beside a poison event would be lost unsaid. Book events are left out, and those of a batch that may fail become `stale`: the last word about
   * the book is that its feed is gone, and nothing of it must follow on a hole.
   */
  sendRest(): void {
    let copiesLeft = LAST_COPIES_MAX;
    const batch = this.#inFlight;
    if (batch !== undefined) {
      if (this.#isRefused) this.#send(batch);
      copiesLeft -= this.#sendOneByOne(batch, copiesLeft);
    }
    this.dropPendingBookEvents();
    while (this.pendingCount > 0) {
      this.#sendNext();
      copiesLeft -= this.#sendOneByOne(this.#inFlight!, copiesLeft);
    }
  }

  /** Returns how many were sent. An actor that has the batch drops them. */
  #sendOneByOne({ source, firstOrdinal, events }: EventBatch, maxCount: number): number {
    if (this.#isRefused || events.length > maxCount) return 0;
    for (const [index, event] of events.entries()) {
      const copy = isBookEvent(event)
        ? toStaleStatus(event, 'the batch that it came in was not taken')
        : event;
      // Where there is no room for it there is none for those behind it, and batches need what room there is.
      if (!this.#options.send({ source, firstOrdinal: firstOrdinal + index, events: [copy] }))
        return maxCount;
    }
    return events.length;
  }

  /** What was sent before keeps its place: its ordinals may be in the log already. */
  #keepPending(isKept: (event: MarketEvent) => boolean): number {
    return this.#pending.filter(this.#cautiousCount, isKept);
  }

  #retryOrGiveUp(batch: EventBatch, cause: string): void {
    this.#failureCount++;
    const event = batch.events[0]!;
    // A status is never given up: it may say that there is a hole before the next delta. An actor that can't even take that is parked in the end.
    if (this.#failureCount < POISON_FAILURES || event.type === 'FeedStatus') {
      this.#send(batch);
      return;
    }
    this.#failureCount = 0;
    if (isBookEvent(event)) {
      // What follows on a book event that is missing would make a wrong book, so the hole itself goes into the log, under the same ordinal.
      this.#send({ ...batch, events: [toStaleStatus(event, `its actor failed on it twice: ${cause}`)] });
    } else {
      this.#land();
      this.#sendNext();
    }
    this.#options.onPoison(event, cause);
  }

  #sendNext(): void {
    if (this.#pending.count === 0) return;
    const maxEvents = this.#cautiousCount > 0 ? 1 : BATCH_MAX_EVENTS;
    if (this.#cautiousCount > 0) this.#cautiousCount--;
    const bytesBefore = this.#pending.bytes;
    const events = this.#pending.take(maxEvents, BATCH_MAX_LEVELS);
    this.#inFlightBytes = bytesBefore - this.#pending.bytes;
    const batch = { source: this.#options.source, firstOrdinal: this.#nextOrdinal, events };
    this.#nextOrdinal += events.length;
    this.#send(batch);
  }

  #send(batch: EventBatch): void {
    this.#inFlight = batch;
    this.#isRefused = !this.#options.send(batch);
  }

  /** Nothing is in flight any more. */
  #land(): void {
    this.#inFlight = undefined;
    this.#inFlightBytes = 0;
  }
}

function isSameBatch({ source, firstOrdinal, events }: EventBatch, { batch }: DeliveryFailure): boolean {
  return (
    batch?.source === source && batch.firstOrdinal === firstOrdinal && batch.eventCount === events.length
  );
}

function toStaleStatus({ receiveTimeMs }: MarketEvent, cause: string): FeedStatus {
  const reason = `a book event was given up, ${cause}`;
  return { type: 'FeedStatus', status: 'stale', reason, eventTimeMs: receiveTimeMs, receiveTimeMs };
}
