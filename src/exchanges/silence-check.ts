/** Finds the book of a connection that is silent beyond its habit while the connection is alive. */
import type { FeedPace } from './feed-pace.ts';
import { SILENCE_MIN_MS } from './feed-pace.ts';

/** With nothing but keepalives on the whole connection (a halted exchange, one slow symbol) silence has to last this much longer. */
const NOBODY_HEARD_FACTOR = 3;

type Listened = { readonly pace: FeedPace | undefined };

/**
 * Returns a book that `isSure` of itself and is silent for longer than is ordinary; at most one, so that a halt of the whole exchange is no storm.
 * @param lastTradeMs when any trade was heard on the connection: a sign that the market moves
 */
export function findSilent<Book extends Listened>(
  books: ReadonlyMap<string, Book>,
  options: { isSure: (book: Book) => boolean; lastTradeMs: number; nowMs: number },
): { readonly symbol: string; readonly silenceMs: number; readonly meanMs: number } | undefined {
  const { isSure, nowMs } = options;
  let newestMs: number | undefined;
  for (const [symbol, book] of books) {
    const { pace } = book;
    if (pace?.lastMs === undefined) continue;
    const silenceMs = nowMs - pace.lastMs;
    // The first question is the cheapest: asked of every book four times a second.
    if (silenceMs <= SILENCE_MIN_MS || !isSure(book)) continue;
    const patienceMs = pace.patienceMs(nowMs);
    if (patienceMs === undefined || silenceMs <= patienceMs) continue;
    // The newest is not this book's own: that one is older than its patience.
    newestMs ??= newestOf(books, options.lastTradeMs);
    const areOthersHeard = nowMs - newestMs <= patienceMs / 2;
    if (areOthersHeard || silenceMs > NOBODY_HEARD_FACTOR * patienceMs) {
      return { symbol, silenceMs, meanMs: Math.round(pace.meanMs) };
    }
  }
  return undefined;
}

function newestOf(books: ReadonlyMap<string, Listened>, lastTradeMs: number): number {
  let newestMs = lastTradeMs;
  for (const { pace } of books.values()) newestMs = Math.max(newestMs, pace?.lastMs ?? -Infinity);
  return newestMs;
}
