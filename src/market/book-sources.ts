/**
 * Which of its sources an instrument's book follows: one at a time, from the moment that it announces a book (`connected`, or a snapshot) until another
 * one does. A delta of another source is on top of another book, and what a source says that was followed before is late.
 */
import type { MarketEvent } from './events.ts';

/** Those that may still be heard from are a few; an older one would have to announce itself anew. */
const BOOK_SOURCES_MAX = 4;

export class BookSources {
  /** In order, the one that is followed last. */
  #followed: readonly string[];

  constructor(followed: readonly string[] = []) {
    this.#followed = followed;
  }

  /** Whether the event of this source says something of the book that is followed, or announces one to follow. Others than of books always count. */
  counts(source: string, event: MarketEvent): boolean {
    switch (event.type) {
      case 'BookSnapshot':
      case 'BookDelta':
      case 'FeedStatus': {
        const current = this.#followed.at(-1);
        if (current === undefined || current === source) return true;
        return isAnnouncement(event) && !this.#followed.includes(source);
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
    if (!isAnnouncement(event) || this.#followed.at(-1) === source) return;
    this.#followed = [...this.#followed, source].slice(-BOOK_SOURCES_MAX);
  }

  snapshot(): readonly string[] {
    return this.#followed;
  }
}

function isAnnouncement(event: MarketEvent): boolean {
  return event.type === 'BookSnapshot' || (event.type === 'FeedStatus' && event.status === 'connected');
}
