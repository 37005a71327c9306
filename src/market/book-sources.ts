/**
 * Which sources an instrument's book is made of: one that is followed, from the moment that it announces a book (`connected`, or a snapshot) until
 * another one takes its place, and, where a second feed runs beside the first, one more that stands by with a book of its own (`standby-book.ts`).
 *
 * In a cluster a source says under which right it feeds: by the lease of which replica of its slot, and by the epoch of that lease. A source takes the
 * place of the one of its own replica, and of none with a greater epoch: what comes of a smaller one is late, were it an announcement (a node that was
 * frozen, and had some of it on its way). Sources without a lease, those of a node alone, are of the first replica.
 */
import type { MarketEvent } from './events.ts';

/** Between the right of a source and its name: `5!name`, of the second replica `5.1!name`. */
const RIGHT = /^(\d+)(?:\.(\d+))?!/;

/** `followed`: its book is the instrument's. `standby`: the other one. */
export type FeedSide = 'followed' | 'standby';

/** Returns the name of the source as it stands in the log of a cluster. */
export function sourceUnderLease(epoch: number, source: string, replica = 0): string {
  return replica === 0 ? `${epoch}!${source}` : `${epoch}.${replica}!${source}`;
}

/** Which of the feeds of its slot the source belongs to, counted from 0. */
export function replicaOf(source: string): number {
  return rightOf(source).replica;
}

export class BookSources {
  #followed: string | undefined;
  #standby: string | undefined;

  /** @param followed the one that is followed last; none in a new state */
  constructor(followed: readonly string[] = [], standby?: string) {
    this.#followed = followed.at(-1);
    this.#standby = standby;
  }

  copy(): BookSources {
    return new BookSources(this.snapshot(), this.#standby);
  }

  /** `undefined` in a new state. */
  get followed(): string | undefined {
    return this.#followed;
  }

  get standby(): string | undefined {
    return this.#standby;
  }

  /** Whether the source is the one that is followed, or may be: a state that is older than the question does not know. */
  follows(source: string): boolean {
    return this.#followed === undefined || this.#followed === source;
  }

  /** Whether the source is of the feed that is followed, by whichever connection, under the lease of the present book. */
  isOfFollowed(source: string): boolean {
    return this.follows(source) || (this.sideOf(source) === 'followed' && this.standingOf(source) === 0);
  }

  /** Whether the event of this source says something of a book that is kept, or announces one to keep. Others than of books always count. */
  counts(source: string, event: MarketEvent): boolean {
    switch (event.type) {
      case 'BookSnapshot':
      case 'BookDelta':
      case 'FeedStatus': {
        if (this.follows(source) || this.#standby === source) return true;
        return isAnnouncement(event) && this.standingOf(source) >= 0;
      }
      case 'Trade':
      case 'Heartbeat':
      case 'Instrument':
        return true;
      default:
        return event satisfies never;
    }
  }

  /** An announcement of this source that counts was folded. Returns which book it announces. */
  announce(source: string): FeedSide {
    const side = this.sideOf(source);
    if (side === 'followed') this.#followed = source;
    else this.#standby = source;
    return side;
  }

  /** Which of the two feeds the source belongs to: to the one of its replica. */
  sideOf(source: string): FeedSide {
    if (this.follows(source)) return 'followed';
    if (this.#standby === source) return 'standby';
    return replicaOf(source) === replicaOf(this.#followed!) ? 'followed' : 'standby';
  }

  /**
   * Below 0 where the source feeds under an older lease than the one that its side has the book of, above 0 under a newer one. 0 under the same: another
   * connection of the same node, which is not dead then.
   */
  standingOf(source: string): number {
    const rival = this.sideOf(source) === 'followed' ? this.#followed : this.#standby;
    return rival === undefined || rival === source ? 0 : rightOf(source).epoch - rightOf(rival).epoch;
  }

  /** From now on the one that stood by is followed, and the other way round. */
  switch(): void {
    [this.#followed, this.#standby] = [this.#standby, this.#followed];
  }

  /** The one that is followed; none in a new state. */
  snapshot(): readonly string[] {
    return this.#followed === undefined ? [] : [this.#followed];
  }
}

/** Whether the event begins a book: those of its source from here on are of it. */
export function isAnnouncement(event: MarketEvent): boolean {
  return event.type === 'BookSnapshot' || (event.type === 'FeedStatus' && event.status === 'connected');
}

function rightOf(source: string): { readonly epoch: number; readonly replica: number } {
  const [, epoch, replica] = RIGHT.exec(source) ?? [];
  return { epoch: Number(epoch ?? 0), replica: Number(replica ?? 0) };
}
