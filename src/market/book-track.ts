/** A book as one source makes it, and how sure it is. */
import type { Sequence } from './events.ts';
import type { OrderBook } from './order-book.ts';

/**
 * `empty`: no snapshot was ever seen. `live`: the book is the exchange's. `stale`: it may be wrong and is not to be relied on.
 * `reason` tells why it is stale and is empty otherwise; `sinceMs` is the receive time of the event that brought the status.
 */
type BookStatus = {
  readonly status: 'empty' | 'live' | 'stale';
  readonly reason: string;
  readonly sinceMs: number | undefined;
};

/** Why a book is stale whose feed another node has taken over, until that one's snapshot. */
export const HANDED_OVER = 'another node feeds it now';

/**
 * Why a book is stale that follows its feed all the same, from further back than what was shown before: a feed that was opened before it took over
 * brings what it was held back with. It is live when it has come as far.
 */
export const BEHIND = 'its new feed has not come as far as the one before yet';

/** The last book event that changed the levels of a book that was sure. */
type LastBookEvent = {
  readonly eventTimeMs: number;
  readonly receiveTimeMs: number;
  readonly sequence: Sequence | undefined;
};

/** Changed in place by `evolve` and by nothing else. */
export type BookTrack = {
  bookStatus: BookStatus;
  book: OrderBook;
  lastBookEvent: LastBookEvent | undefined;
};
