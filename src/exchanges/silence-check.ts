/** Finds the book of a connection that is silent beyond its habit while the connection is alive, and has it checked. */
import type { BookSync } from './book-sync.ts';
import type { FeedPace } from './feed-pace.ts';
import { SILENCE_MIN_MS } from './feed-pace.ts';

/** Where nobody can lose patience before, books are looked at so often: patience fades. */
const LOOK_EVERY_MS = SILENCE_MIN_MS / 10;

/** With nothing but keepalives on the whole connection (a halted exchange, one slow symbol) silence has to last this much longer. */
const NOBODY_HEARD_FACTOR = 3;

type Listened = { readonly pace: FeedPace | undefined };
type CheckedBook = Listened & { readonly book: BookSync | undefined };

type SilentBook = { readonly symbol: string; readonly silenceMs: number; readonly meanMs: number };

export class SilenceCheck {
  /** When any trade was heard on the connection: a sign that the market moves. */
  #lastTradeMs = -Infinity;
  #nextLookMs = -Infinity;

  tradeHeard(nowMs: number): void {
    this.#lastTradeMs = nowMs;
  }

  /** Whoever did not listen calls nobody silent. To be called with the ticks of the connection. */
  tick(books: ReadonlyMap<string, CheckedBook>, nowMs: number, { isDeaf }: { isDeaf: boolean }): void {
    if (isDeaf) {
      for (const { pace } of books.values()) pace?.excuse(nowMs);
      return;
    }
    if (nowMs < this.#nextLookMs) return;
    const isSure = ({ book }: CheckedBook): boolean => book?.isSynced === true;
    const { silent, nextLookMs } = findSilent(books, { isSure, lastTradeMs: this.#lastTradeMs, nowMs });
    this.#nextLookMs = nextLookMs;
    if (silent === undefined) return;
    const { symbol, silenceMs, meanMs } = silent;
    const { book, pace } = books.get(symbol)!;
    // The answer to the check is no sign of the book's own pace.
    pace?.excuse(nowMs);
    book?.suspect(`silent for ${Math.round(silenceMs)} ms, usually every ${meanMs} ms`, nowMs, () =>
      pace?.wasQuiet(silenceMs, nowMs),
    );
  }
}

/**
 * Returns a book that `isSure` of itself and is silent for longer than is ordinary; at most one, so that a halt of the whole exchange is no storm. And
 * when there may be one next.
 * @param lastTradeMs when any trade was heard on the connection: a sign that the market moves
 */
function findSilent<Book extends Listened>(
  books: ReadonlyMap<string, Book>,
  options: { isSure: (book: Book) => boolean; lastTradeMs: number; nowMs: number },
): { readonly silent: SilentBook | undefined; readonly nextLookMs: number } {
  const { isSure, nowMs } = options;
  let newestMs: number | undefined;
  let nextLookMs = nowMs + LOOK_EVERY_MS;
  for (const [symbol, book] of books) {
    const { pace } = book;
    if (pace?.lastMs === undefined) continue;
    const silenceMs = nowMs - pace.lastMs;
    if (silenceMs <= SILENCE_MIN_MS) {
      nextLookMs = Math.min(nextLookMs, pace.lastMs + SILENCE_MIN_MS);
      continue;
    }
    // One that is not sure, or not known, will be heard first: its silence begins anew then.
    const patienceMs = isSure(book) ? pace.patienceMs(nowMs) : undefined;
    if (patienceMs === undefined) continue;
    nextLookMs = Math.min(nextLookMs, pace.lastMs + patienceMs);
    if (silenceMs <= patienceMs) continue;
    // The newest is not this book's own: that one is older than its patience.
    newestMs ??= newestOf(books, options.lastTradeMs);
    const areOthersHeard = nowMs - newestMs <= patienceMs / 2;
    if (areOthersHeard || silenceMs > NOBODY_HEARD_FACTOR * patienceMs) {
      return { silent: { symbol, silenceMs, meanMs: Math.round(pace.meanMs) }, nextLookMs };
    }
  }
  return { silent: undefined, nextLookMs };
}

function newestOf(books: ReadonlyMap<string, Listened>, lastTradeMs: number): number {
  let newestMs = lastTradeMs;
  for (const { pace } of books.values()) newestMs = Math.max(newestMs, pace?.lastMs ?? -Infinity);
  return newestMs;
}
