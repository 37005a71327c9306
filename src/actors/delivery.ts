/**
 * Delivery of one feed's events to one symbol actor: at most one batch is unacknowledged, what comes meanwhile grows the next one.
 * The actor acknowledges a batch when it is durable; after a failure the same batch is sent again, event by event, so that a poison
 * event stands alone. The actor drops what it already has by its ordinal: at-least-once delivery, effectively once.
 */
import type { EventBatch, MarketEvent } from '../market/events.ts';

/** Events in one batch: large enough to make the cost per batch vanish, small enough to keep the loop responsive. */
export const BATCH_MAX_EVENTS = 512;
/** Levels in one batch: a snapshot of 20,000 levels is one event, so events alone do not bound the work. */
export const BATCH_MAX_LEVELS = 20_000;
/** Failures of one event, alone in its batch, after which it is given up as poison. */
export const POISON_FAILURES = 2;

export type DeliveryOptions = {
  readonly source: string;
  /** Hands a batch to the symbol actor. */
  readonly send: (batch: EventBatch) => void;
  /** An event that failed its actor again and again is given up; the rest goes on. */
  readonly onPoison: (event: MarketEvent, cause: string) => void;
};

export class InstrumentDelivery {
  readonly #options: DeliveryOptions;
  #pending: MarketEvent[] = [];
  /** Index in `#pending` of the first event not yet taken into a batch. */
  #headIndex = 0;
  #nextOrdinal = 1;
  #inFlight: EventBatch | undefined;
  /** Events that are sent one by one after a failure, before batches grow again. */
  #cautiousCount = 0;
  #failureCount = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Events that wait for the batch in flight to be acknowledged. */
  get pendingCount(): number {
    return this.#pending.length - this.#headIndex;
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
    this.#inFlight = undefined;
    this.#failureCount = 0;
    this.#sendNext();
  }

  /** The actor lost the batch in flight (it failed and came back): it is sent again. `isTransient`: the batch was not to blame. */
  redeliver(failure: { cause: string; isTransient: boolean }): void {
    const batch = this.#inFlight;
    if (batch === undefined) return;
    this.#inFlight = undefined;
    const [first, ...rest] = batch.events;
    if (first === undefined) {
      this.#sendNext();
      return;
    }
    if (failure.isTransient) {
      this.#send(batch);
      return;
    }

    if (rest.length === 0) {
      this.#failureCount++;
      if (this.#failureCount >= POISON_FAILURES) {
        this.#failureCount = 0;
        this.#options.onPoison(first, failure.cause);
        this.#sendNext();
        return;
      }
      this.#send(batch);
      return;
    }

    // The failed batch goes back to the head of the queue, ordinals and all, and is taken up one event at a time.
    this.#pending = [...batch.events, ...this.#pending.slice(this.#headIndex)];
    this.#headIndex = 0;
    this.#nextOrdinal = batch.firstOrdinal;
    this.#cautiousCount = batch.events.length;
    this.#sendNext();
  }

  /**
   * Takes book events that were not sent yet out of the queue and returns how many: the book will start again from a fresh snapshot,
   * trades are never dropped.
   */
  dropPendingBookEvents(): number {
    const waiting = this.#pending.slice(this.#headIndex);
    this.#pending = waiting.filter((event) => event.type !== 'BookDelta' && event.type !== 'BookSnapshot');
    this.#headIndex = 0;
    // Caution counts events by place, and places have moved: be careful with all of them.
    if (this.#cautiousCount > 0) this.#cautiousCount = this.#pending.length;
    return waiting.length - this.#pending.length;
  }

  #sendNext(): void {
    if (this.#headIndex === this.#pending.length) return;
    const events = this.#takeEvents();
    const batch = { source: this.#options.source, firstOrdinal: this.#nextOrdinal, events };
    this.#nextOrdinal += events.length;
    this.#send(batch);
  }

  #send(batch: EventBatch): void {
    this.#inFlight = batch;
    this.#options.send(batch);
  }

  #takeEvents(): readonly MarketEvent[] {
    const maxEvents = this.#cautiousCount > 0 ? 1 : BATCH_MAX_EVENTS;
    if (this.#cautiousCount > 0) this.#cautiousCount--;
    let endIndex = this.#headIndex;
    let levelCount = 0;
    while (
      endIndex < this.#pending.length &&
      endIndex - this.#headIndex < maxEvents &&
      levelCount < BATCH_MAX_LEVELS
    ) {
      levelCount += countLevels(this.#pending[endIndex]!);
      endIndex++;
    }
    const events = this.#pending.slice(this.#headIndex, endIndex);
    if (endIndex === this.#pending.length) {
      this.#pending = [];
      this.#headIndex = 0;
    } else {
      this.#headIndex = endIndex;
    }
    return events;
  }
}

function countLevels(event: MarketEvent): number {
  return event.type === 'BookDelta' || event.type === 'BookSnapshot'
    ? (event.bids.length + event.asks.length) / 2
    : 0;
}
