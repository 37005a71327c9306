/** Events that wait for one symbol actor, in order, with what they come to: book events and bytes are counted as they come and go. */
import { estimateEventBytes } from '../market/event-bytes.ts';
import type { MarketEvent } from '../market/events.ts';

export class PendingEvents {
  #events: MarketEvent[] = [];
  /** Index in `#events` of the first one that still waits. */
  #headIndex = 0;
  #bytes = 0;
  #bookCount = 0;
  #bookBytes = 0;

  get count(): number {
    return this.#events.length - this.#headIndex;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get bookCount(): number {
    return this.#bookCount;
  }

  get bookBytes(): number {
    return this.#bookBytes;
  }

  push(event: MarketEvent): void {
    this.#events.push(event);
    this.#note(event, 1);
  }

  /** Puts events before all others. O(length). */
  pushFirst(events: readonly MarketEvent[]): void {
    this.#events = [...events, ...this.#events.slice(this.#headIndex)];
    this.#headIndex = 0;
    for (const event of events) this.#note(event, 1);
  }

  /** Removes and returns the first events: at most `maxEvents`, and none after those whose levels come to `maxLevels`. */
  take(maxEvents: number, maxLevels: number): readonly MarketEvent[] {
    let endIndex = this.#headIndex;
    let levelCount = 0;
    while (
      endIndex < this.#events.length &&
      endIndex - this.#headIndex < maxEvents &&
      levelCount < maxLevels
    ) {
      const event = this.#events[endIndex++]!;
      levelCount += countLevels(event);
      this.#note(event, -1);
    }
    const taken = this.#events.slice(this.#headIndex, endIndex);
    this.#headIndex = endIndex;
    if (endIndex === this.#events.length) {
      // Not a new list: one that waited empty until it is old holds what is put into it until a whole collection.
      this.#events.length = 0;
      this.#headIndex = 0;
    } else if (this.#headIndex >= COMPACT_AT && this.#headIndex * 2 >= this.#events.length) {
      // What was taken must not be held by the array; at least half of it is used up, so this costs O(1) per event.
      this.#events = this.#events.slice(this.#headIndex);
      this.#headIndex = 0;
    }
    return taken;
  }

  /** Removes what `isKept` says no to, but not the first `spareCount` events, and returns how many those were. O(length). */
  filter(spareCount: number, isKept: (event: MarketEvent) => boolean): number {
    const spareEndIndex = this.#headIndex + spareCount;
    const before = this.count;
    const kept: MarketEvent[] = [];
    for (let index = this.#headIndex; index < this.#events.length; index++) {
      const event = this.#events[index]!;
      if (index < spareEndIndex || isKept(event)) kept.push(event);
      else this.#note(event, -1);
    }
    this.#events = kept;
    this.#headIndex = 0;
    return before - kept.length;
  }

  #note(event: MarketEvent, sign: 1 | -1): void {
    const bytes = sign * estimateEventBytes(event);
    this.#bytes += bytes;
    if (!isBookEvent(event)) return;
    this.#bookCount += sign;
    this.#bookBytes += bytes;
  }
}

export function isBookEvent(event: MarketEvent): boolean {
  return event.type === 'BookDelta' || event.type === 'BookSnapshot';
}

const COMPACT_AT = 1_024;

function countLevels(event: MarketEvent): number {
  return event.type === 'BookDelta' || event.type === 'BookSnapshot'
    ? (event.bids.length + event.asks.length) / 2
    : 0;
}
