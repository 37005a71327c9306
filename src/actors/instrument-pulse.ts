/**
 * What can be said of an instrument without asking its actor: written with each fold and by nobody else, read when somebody counts. Numbers of ten
 * thousand instruments for a scrape would otherwise be ten thousand questions.
 */
import type { LogEntry } from '../market/events.ts';
import type { InstrumentState } from '../market/instrument-state.ts';

export class InstrumentPulse {
  /** As the log says; whoever can't speak for his book is stale besides. */
  bookStatus: 'empty' | 'live' | 'stale' = 'empty';
  /** Highest time of the newest events of deliveries, over all lives here, Unix ms; 0 before the first. The time that feeds tell quiet instruments counts. */
  eventTimeMs = 0;
  /** Deliveries folded by this node that brought something new. */
  deliveryCount = 0;
  /** Their time from being received (the newest event of each) until they were durable and folded, together; clocks that were set count as none. */
  deliveryMs = 0;

  noteDelivery({ bookStatus }: InstrumentState, { events }: LogEntry, nowMs: number): void {
    this.bookStatus = bookStatus.status;
    const { eventTimeMs, receiveTimeMs } = events[events.length - 1]!;
    if (eventTimeMs > this.eventTimeMs) this.eventTimeMs = eventTimeMs;
    this.deliveryCount++;
    this.deliveryMs += Math.max(0, nowMs - receiveTimeMs);
  }
}

/** The instruments of one exchange together. */
export type ExchangePulse = Pick<InstrumentPulse, 'eventTimeMs' | 'deliveryCount' | 'deliveryMs'>;

/** Sums that do not fall when an instrument ends. */
export class PulseReadings {
  readonly #ended = new Map<string, ExchangePulse>();

  noteEnded(exchange: string, pulse: ExchangePulse): void {
    this.#ended.set(exchange, sumOf(this.#ended.get(exchange), pulse));
  }

  read(
    running: Iterable<{ readonly exchange: string; readonly pulse: ExchangePulse }>,
  ): ReadonlyMap<string, ExchangePulse> {
    const sums = new Map(this.#ended);
    for (const { exchange, pulse } of running) sums.set(exchange, sumOf(sums.get(exchange), pulse));
    return sums;
  }
}

function sumOf(sum: ExchangePulse | undefined, pulse: ExchangePulse): ExchangePulse {
  const { eventTimeMs, deliveryCount, deliveryMs } = pulse;
  if (sum === undefined) return { eventTimeMs, deliveryCount, deliveryMs };
  return {
    eventTimeMs: Math.max(sum.eventTimeMs, eventTimeMs),
    deliveryCount: sum.deliveryCount + deliveryCount,
    deliveryMs: sum.deliveryMs + deliveryMs,
  };
}
