/**
 * Delivery of one instrument's records to its symbol actor: in the order of the log, one batch at a time, each following on the place that the actor
 * is at. What the actor lacks after a failure is read from the log again. A record that fails its actor is delivered event by event, and an
 * event that fails it again is given up, alone; the log keeps it.
 */
import type { EventBatch, FeedStatus, MarketEvent } from '../../market/events.ts';
import { BATCH_MAX_EVENTS, POISON_FAILURES } from '../delivery.ts';
import type { DeliveryFailure } from '../delivery.ts';
import type { LogRecord } from '../event-log.ts';
import { isBookEvent } from '../pending-events.ts';
import type { LoggedPlace } from '../symbol-protocol.ts';

/** Records of an actor that takes none that are kept; beyond, they are read again when it does. */
export const LANE_MAX_RECORDS = 1_024;

/** Events that failed their actor of which is remembered how often: should the log be read again, they are given up at once. */
const FAILURES_MAX = 1_000;

export type LogLaneOptions = {
  /** Hands a batch to the actor; false when it takes none (parked, gone). */
  readonly send: (batch: EventBatch, logged: LoggedPlace) => boolean;
  /** @param name of the event by its place in the log of the shard */
  readonly onPoison: (event: MarketEvent, cause: string, name: string) => void;
};

type InFlight = {
  readonly batch: EventBatch;
  readonly logged: LoggedPlace;
  /** Whole records; none where the batch is a single event of one. */
  readonly records: readonly LogRecord[];
  /** Of the first record. */
  readonly offset: number;
  /** Of the single event. */
  readonly eventIndex: number | undefined;
};

export class LogLane {
  readonly #options: LogLaneOptions;
  #waiting: LogRecord[] = [];
  /** Up to where the actor has the log; `undefined` while it recovers. */
  #place: number | undefined;
  #life = 0;
  /** Up to where records were taken, whether they wait, were sent, or were dropped. */
  #takenTo = 0;
  /** Up to where records have left the queue. */
  #leftTo = 0;
  #inFlight: InFlight | undefined;
  #isRefused = false;
  /** Records were dropped: none is sent before they were read again. */
  #isHoled = false;
  #inFlightAtRetry: InFlight | undefined;
  /** Records of this stretch are delivered event by event. */
  #cautious = { after: 0, to: 0 };
  /** Of the first waiting record, while it is delivered event by event. */
  #eventIndex = 0;
  readonly #failures = new Map<string, number>();

  constructor(options: LogLaneOptions) {
    this.#options = options;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  get isReady(): boolean {
    return this.#place !== undefined;
  }

  /** Of the actor, the last that began. */
  get life(): number {
    return this.#life;
  }

  /** Whether what waits here goes on as soon as the actor has done what it was sent. */
  get isTaking(): boolean {
    return this.isReady && !this.#isRefused;
  }

  /** Offset of the first record that the actor has not acknowledged; Infinity where it has all. */
  get firstOutstanding(): number {
    if (this.#isHoled) return this.#place ?? 0;
    const [sent] = this.#inFlight?.records ?? [];
    return sent?.offset ?? this.#waiting[0]?.offset ?? Infinity;
  }

  /** Takes a record of the log, unless it was taken before. */
  take(record: LogRecord): void {
    if (record.offset < this.#takenTo) return;
    this.#takenTo = record.offset + 1;
    if (this.#isHoled || (this.#waiting.length >= LANE_MAX_RECORDS && !this.isTaking)) {
      // Read again when it is back; nobody else waits for it.
      this.#isHoled = true;
      this.#leftTo = this.#takenTo;
      this.#waiting = [];
      return;
    }
    this.#waiting.push(record);
    if (this.#inFlight === undefined) this.#sendNext();
  }

  /**
   * A life of the actor begins, with all of the log before `place`. Returns false when records behind it have left here: they must be read again.
   * @param fellBack records behind it may never have come here
   */
  begin(place: number, life: number, fellBack = false): boolean {
    this.#place = place;
    this.#life = life;
    this.#inFlight = undefined;
    this.#isRefused = false;
    this.#isHoled = false;
    this.#eventIndex = 0;
    const isWhole = !fellBack && this.#leftTo <= place;
    if (isWhole) {
      this.#waiting = this.#waiting.filter(({ offset }) => offset >= place);
      this.#takenTo = Math.max(this.#takenTo, place);
    } else {
      this.#waiting = [];
      this.#takenTo = place;
    }
    this.#leftTo = place;
    this.#sendNext();
    return isWhole;
  }

  /** The life has ended; what it failed on is treated with care when it comes again. */
  fail(failure: DeliveryFailure): void {
    const failed = this.#inFlight;
    this.#place = undefined;
    if (failed === undefined || failure.isTransient || !isSameBatch(failed.batch, failure)) return;
    if (failed.eventIndex === undefined) {
      this.#cautious = failed.logged;
      return;
    }
    const [event] = failed.batch.events;
    // A status may say that there is a hole before the next delta. An actor that can't even take that is parked in the end.
    if (event === undefined || event.type === 'FeedStatus') return;
    const name = nameOf(failed.offset, failed.eventIndex);
    const count = (this.#failures.get(name) ?? 0) + 1;
    this.#failures.set(name, count);
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > FAILURES_MAX) this.#failures.delete(oldest!);
    if (count === POISON_FAILURES) this.#options.onPoison(event, failure.cause, name);
  }

  /**
   * The actor has what was sent, or all of the log before `batchNumber`. Returns from where on the log must be read again for it, where records that
   * follow were dropped while it took none.
   */
  acknowledge({
    source,
    lastOrdinal,
    batchNumber,
  }: Pick<EventBatch, 'source'> & { readonly lastOrdinal: number; readonly batchNumber: number }):
    number | undefined {
    const sent = this.#inFlight;
    if (sent === undefined || this.#place === undefined || batchNumber < this.#place) return undefined;
    const { batch, logged, records, eventIndex } = sent;
    const isWhole =
      batchNumber >= logged.to &&
      source === batch.source &&
      lastOrdinal >= batch.firstOrdinal + batch.events.length - 1;
    if (!isWhole && batchNumber === this.#place) return undefined;
    this.#isRefused = false;
    if (this.#isHoled) {
      this.begin(batchNumber, this.#life);
      return batchNumber;
    }
    this.#inFlight = undefined;
    this.#place = batchNumber;
    if (eventIndex === undefined) {
      const left = records.filter(({ offset }) => offset >= batchNumber);
      if (left.length > 0) this.#waiting = [...left, ...this.#waiting];
    } else this.#passEvent(batchNumber);
    this.#sendNext();
    return undefined;
  }

  /** Sends again what was refused, or has waited for its acknowledgement since the last call. */
  retry(): void {
    const sent = this.#inFlight;
    if (sent !== undefined && (this.#isRefused || sent === this.#inFlightAtRetry)) this.#send(sent);
    this.#inFlightAtRetry = sent;
  }

  #passEvent(place: number): void {
    const [record] = this.#waiting;
    if (record === undefined) return;
    this.#eventIndex++;
    if (place <= record.offset && this.#eventIndex < record.batch.events.length) return;
    this.#eventIndex = 0;
    this.#waiting.shift();
    this.#leftTo = record.offset + 1;
  }

  #sendNext(): void {
    const [record] = this.#waiting;
    if (record === undefined || this.#place === undefined) return;
    this.#send(
      this.#isCautiousAt(record.offset) ? this.#singleEvent(record, this.#place) : this.#merge(this.#place),
    );
  }

  #isCautiousAt(offset: number): boolean {
    return offset >= this.#cautious.after && offset < this.#cautious.to;
  }

  #send(sent: InFlight): void {
    this.#inFlight = sent;
    this.#isRefused = !this.#options.send(sent.batch, sent.logged);
  }

  /** Records of one source that follow one on the other make one batch. */
  #merge(after: number): InFlight {
    const [first] = this.#waiting;
    const { source, firstOrdinal } = first!.batch;
    let count = 0;
    let eventCount = 0;
    for (const { batch, offset } of this.#waiting) {
      const follows = batch.source === source && batch.firstOrdinal === firstOrdinal + eventCount;
      if (count > 0 && (!follows || eventCount + batch.events.length > BATCH_MAX_EVENTS)) break;
      if (this.#isCautiousAt(offset)) break;
      eventCount += batch.events.length;
      count++;
    }
    const records = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    const to = records.at(-1)!.offset + 1;
    this.#leftTo = to;
    const events = count === 1 ? first!.batch.events : records.flatMap(({ batch }) => batch.events);
    return {
      batch: { source, firstOrdinal, events },
      logged: { life: this.#life, after, to },
      records,
      offset: first!.offset,
      eventIndex: undefined,
    };
  }

  #singleEvent({ offset, batch }: LogRecord, after: number): InFlight {
    const { source, firstOrdinal, events } = batch;
    const index = this.#eventIndex;
    const event = events[index];
    const isGivenUp = (this.#failures.get(nameOf(offset, index)) ?? 0) >= POISON_FAILURES;
    const to = index >= events.length - 1 ? offset + 1 : after;
    return {
      batch: {
        source,
        firstOrdinal: firstOrdinal + index,
        events: event === undefined ? [] : isGivenUp ? inPlaceOf(event) : [event],
      },
      logged: { life: this.#life, after, to },
      records: [],
      offset,
      eventIndex: index,
    };
  }
}

/** What follows on a book event that is missing would make a wrong book, so the hole itself is told. */
function inPlaceOf(event: MarketEvent): readonly FeedStatus[] {
  if (!isBookEvent(event)) return [];
  const { receiveTimeMs } = event;
  const reason = 'a book event was given up, its actor failed on it twice';
  return [{ type: 'FeedStatus', status: 'stale', reason, eventTimeMs: receiveTimeMs, receiveTimeMs }];
}

function nameOf(offset: number, eventIndex: number): string {
  return `${offset}.${eventIndex}`;
}

function isSameBatch({ source, firstOrdinal, events }: EventBatch, { batch }: DeliveryFailure): boolean {
  return (
    batch?.source === source && batch.firstOrdinal === firstOrdinal && batch.eventCount === events.length
  );
}
