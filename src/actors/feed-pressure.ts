/**
 * Whether the symbol actors behind one connection keep up with it. One of them that does not is no reason to keep the others waiting: what comes
 * for it waits, up to its own limit. Where most of them don't, something behind all of them is slow, and the socket waits early.
 */
import type { Clock } from '../base/clock.ts';
import type { InstrumentDelivery } from './delivery.ts';
import type { FeedLimits } from './feed-budget.ts';

/** One instrument of the connection. */
export type Burden = {
  readonly delivery: InstrumentDelivery;
  /** Of what it held when it was noted last. */
  notedBytes: number;
  /** Since when its actor has owed an acknowledgement, on the monotonic clock. */
  owedSinceMs: number | undefined;
  /** When its actor acknowledged last. */
  answeredAtMs: number;
};

/** An actor that owes its acknowledgement for longer is behind. */
const BEHIND_AFTER_MS = 1_000;
/** An actor that isn't behind and acknowledged within this time keeps up; of others nothing is known. */
const ANSWERED_WITHIN_MS = 5_000;

export class FeedPressure {
  readonly #limits: FeedLimits;
  readonly #clock: Clock;
  readonly #burdens = new Set<Burden>();
  readonly #over = new Set<Burden>();
  #bytes = 0;

  constructor(limits: FeedLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** What all deliveries hold, those in flight too, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Those of which more than `maxPendingEvents` or `maxPendingBytes` wait. */
  get over(): ReadonlySet<Burden> {
    return this.#over;
  }

  add(delivery: InstrumentDelivery): Burden {
    const burden = { delivery, notedBytes: 0, owedSinceMs: undefined, answeredAtMs: -Infinity };
    this.#burdens.add(burden);
    return burden;
  }

  remove(burden: Burden): void {
    this.#bytes -= burden.notedBytes;
    this.#burdens.delete(burden);
    this.#over.delete(burden);
  }

  /** To be called after each change of the delivery. */
  note(burden: Burden): void {
    const { delivery } = burden;
    this.#bytes += delivery.heldBytes - burden.notedBytes;
    burden.notedBytes = delivery.heldBytes;
    if (delivery.isIdle) burden.owedSinceMs = undefined;
    else burden.owedSinceMs ??= this.#clock.monotonicMs();
    if (this.#isOver(burden, 1)) this.#over.add(burden);
    else this.#over.delete(burden);
  }

  /** The actor acknowledged something. */
  noteAnswer(burden: Burden): void {
    burden.answeredAtMs = this.#clock.monotonicMs();
    burden.owedSinceMs = undefined;
    this.note(burden);
  }

  /**
   * Whether the connection has to stop reading: most actors are behind and of one too much waits, or of one far too much. Actors that take nothing
   * don't count. With `part` below 1 the limits are this part of theirs: once it was too much, reading goes on only well below. O(instruments)
   * while something is over a limit, or `part` is below 1.
   */
  isTooMuch(part = 1): boolean {
    let isOneOver = false;
    for (const burden of part === 1 ? this.#over : this.#burdens) {
      const { delivery } = burden;
      if (delivery.isRefused) continue;
      if (delivery.pendingBytes > this.#limits.maxPendingTradeBytes * part) return true;
      isOneOver ||= this.#isOver(burden, part);
    }
    return isOneOver && this.#areMostBehind(part);
  }

  /** Of the instrument of which most waits. O(instruments) */
  fullest(): { pendingEventsMax: number; pendingBytesMax: number } {
    const fullest = { pendingEventsMax: 0, pendingBytesMax: 0 };
    for (const { delivery } of this.#burdens) {
      fullest.pendingEventsMax = Math.max(fullest.pendingEventsMax, delivery.pendingCount);
      fullest.pendingBytesMax = Math.max(fullest.pendingBytesMax, delivery.pendingBytes);
    }
    return fullest;
  }

  #areMostBehind(part: number): boolean {
    const nowMs = this.#clock.monotonicMs();
    let behindCount = 0;
    let promptCount = 0;
    for (const burden of this.#burdens) {
      if (burden.delivery.isRefused) continue;
      const owedForMs = nowMs - (burden.owedSinceMs ?? nowMs);
      if (owedForMs > BEHIND_AFTER_MS || this.#isOver(burden, part)) behindCount++;
      else if (nowMs - burden.answeredAtMs <= ANSWERED_WITHIN_MS) promptCount++;
    }
    return behindCount > promptCount;
  }

  #isOver({ delivery }: Burden, part: number): boolean {
    const { maxPendingEvents, maxPendingBytes } = this.#limits;
    return delivery.pendingCount > maxPendingEvents * part || delivery.pendingBytes > maxPendingBytes * part;
  }
}
