/** Finds the book of a connection that is silent beyond its habit while the connection is alive. */
import type { FeedPace } from './feed-pace.ts';

/** With nothing but keepalives on the whole connection (a halted exchange, one slow symbol) silence has to last this much longer. */
const NOBODY_HEARD_FACTOR = 3;

type Listened = { readonly pace: FeedPace | undefined };

/**
 * Returns a book that `isSure` of itself and is silent for longer than is ordinary; at most one, so that a halt of the whole exchange is no storm.
 * @param lastTradeMs when any trade was heard on the connection: a sign that the market moves
 */
export function findSilent<Book extends Listened>(
  books: Iterable<readonly [string, Book]>,
  options: { isSure: (book: Book) => boolean; lastTradeMs: number; nowMs: number },
): { readonly symbol: string; readonly silenceMs: number; readonly meanMs: number } | undefined {
  const { isSure, nowMs, lastTradeMs } = options;
  const all = [...books];
  const newestMs = all.reduce((max, [, { pace }]) => Math.max(max, pace?.lastMs ?? -Infinity), lastTradeMs);
  for (const [symbol, book] of all) {
    const { pace } = book;
    if (pace?.lastMs === undefined || !isSure(book)) continue;
    const silenceMs = nowMs - pace.lastMs;
    const patienceMs = pace.patienceMs(nowMs);
    if (patienceMs === undefined || silenceMs <= patienceMs) continue;
    // The newest is not this book's own: that one is older than its patience.
    const areOthersHeard = nowMs - newestMs <= patienceMs / 2;
    if (areOthersHeard || silenceMs > NOBODY_HEARD_FACTOR * patienceMs) {
      return { symbol, silenceMs, meanMs: Math.round(pace.meanMs) };
    }
  }
  return undefined;
}
