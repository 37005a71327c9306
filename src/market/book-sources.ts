/**
 * Which of its sources an instrument's book follows: one at a time, from the moment that it announces a book (`connected`, or a snapshot) until another
 * one does. A delta of another source is on top of another book. In a cluster a source says by its lease's epoch under which right it feeds: what comes of
 * a smaller one than that which is followed is late, were it an announcement (a node that was frozen, and had some of it on its way).
 */
import type { MarketEvent } from './events.ts';

/** Between the epoch of a lease and the name of the source that feeds under it. */
const EPOCH_END = '!';

/** Returns the name of the source as it stands in the log of a cluster. */
export function sourceUnderLease(epoch: number, source: string): string {
  return `${epoch}${EPOCH_END}${source}`;
}

export class BookSources {
  #followed: string | undefined;

  /** @param followed the one that is followed last; none in a new state */
  constructor(followed: readonly string[] = []) {
    this.#followed = followed.at(-1);
  }

  /** Whether the event of this source says something of the book that is followed, or announces one to follow. Others than of books always count. */
  counts(source: string, event: MarketEvent): boolean {
    switch (event.type) {
      case 'BookSnapshot':
      case 'BookDelta':
      case 'FeedStatus': {
        const followed = this.#followed;
        if (followed === undefined || followed === source) return true;
        return isAnnouncement(event) && epochOf(source) >= epochOf(followed);
      }
      case 'Trade':
      case 'Heartbeat':
      case 'Instrument':
        return true;
      default:
        return event satisfies never;
    }
  }

  /** An event of this source that counts was folded. */
  note(source: string, event: MarketEvent): void {
    if (isAnnouncement(event)) this.#followed = source;
  }

  snapshot(): readonly string[] {
    return this.#followed === undefined ? [] : [this.#followed];
  }
}

function isAnnouncement(event: MarketEvent): boolean {
  return event.type === 'BookSnapshot' || (event.type === 'FeedStatus' && event.status === 'connected');
}

/** Sources of a node alone feed under no lease. */
function epochOf(source: string): number {
  const digits = /^(\d+)!/.exec(source)?.[1];
  return digits === undefined ? 0 : Number(digits);
}
