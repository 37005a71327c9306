import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BookSources } from '../../src/market/book-sources.ts';
import type { MarketEvent } from '../../src/market/events.ts';
import { InstrumentRun } from '../support/instrument-runs.ts';
import { bookDelta, bookSnapshot, feedStatus, heartbeat, NOON_MS, trade } from '../support/market-events.ts';

const connected = feedStatus({ status: 'connected', reason: 'new' });

type Told = { readonly source: string; readonly event: MarketEvent };

/** What three feeds say, in turn by chance, each with numbers of its own. */
const told: fc.Arbitrary<Told[]> = fc
  .array(
    fc.record({
      source: fc.constantFrom('a', 'b', 'c'),
      kind: fc.constantFrom('connected', 'stale', 'snapshot', 'delta', 'delta', 'delta', 'trade', 'time'),
      level: fc.nat(5),
      quantity: fc.nat(3),
    }),
    { maxLength: 40 },
  )
  .map((drawn) =>
    drawn.map(({ source, kind, level, quantity }, index) => {
      const price = 9_900 + level;
      switch (kind) {
        case 'connected':
          return { source, event: connected };
        case 'stale':
          return { source, event: feedStatus({ status: 'stale' }) };
        case 'snapshot':
          return { source, event: bookSnapshot({ bids: [price, quantity + 1], asks: [10_000, 1] }) };
        case 'delta':
          return { source, event: bookDelta({ bids: [price, quantity] }) };
        case 'trade':
          return { source, event: trade({ tradeId: String(index) }) };
        case 'time':
          return { source, event: heartbeat(NOON_MS + index) };
      }
    }),
  );

/** Delivers it in batches of one source each, which end where `cuts` says so, and returns what they came to. */
function foldInBatches(events: readonly Told[], cuts: readonly boolean[]): InstrumentRun {
  const run = new InstrumentRun();
  const ordinals = new Map<string, number>();
  for (let at = 0; at < events.length;) {
    const { source } = events[at]!;
    let end = at + 1;
    while (end < events.length && events[end]!.source === source && cuts[end] !== true) end++;
    const batch = {
      source,
      firstOrdinal: (ordinals.get(source) ?? 0) + 1,
      events: events.slice(at, end).map(({ event }) => event),
    };
    ordinals.set(source, batch.firstOrdinal + batch.events.length - 1);
    run.deliver(batch);
    at = end;
  }
  return run;
}

const isOfBook = ({ type }: MarketEvent): boolean =>
  type === 'BookDelta' || type === 'BookSnapshot' || type === 'FeedStatus';
const isAnnouncement = (event: MarketEvent): boolean =>
  event.type === 'BookSnapshot' || (event.type === 'FeedStatus' && event.status === 'connected');

/** What is left of it when each book event is dropped that is not of the feed that announced itself last, each feed once. */
function followPlainly(events: readonly Told[]): Told[] {
  const announced: string[] = [];
  return events.filter(({ source, event }) => {
    if (!isOfBook(event)) return true;
    const current = announced.at(-1);
    const isNew = isAnnouncement(event) && !announced.includes(source);
    if (current !== undefined && current !== source && !isNew) return false;
    if (isNew) announced.push(source);
    return true;
  });
}

describe('the book of several sources', () => {
  it('is the same however what they say is cut into batches', () => {
    fc.assert(
      fc.property(told, fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), (events, cuts) => {
        expect(foldInBatches(events, cuts).snapshot).toEqual(foldInBatches(events, []).snapshot);
      }),
      { numRuns: 500, seed: 20261128 },
    );
  });

  it('is that of the one that announced itself last, as if the others had said nothing of theirs', () => {
    fc.assert(
      fc.property(told, (events) => {
        const { book, bookStatus, position } = foldInBatches(events, []).state;
        const plain = foldInBatches(followPlainly(events), []).state;
        expect(book.snapshot()).toEqual(plain.book.snapshot());
        expect(bookStatus).toEqual(plain.bookStatus);
        expect(position).toBe(plain.position);
      }),
      { numRuns: 500, seed: 20261128 },
    );
  });

  it('is not changed by a delta of a source that was superseded, nor by its last word', () => {
    const sources = new BookSources();
    sources.note('a', connected);
    sources.note('b', bookSnapshot());
    expect(sources.counts('a', bookDelta())).toBe(false);
    expect(sources.counts('a', bookSnapshot())).toBe(false);
    expect(sources.counts('a', feedStatus({ status: 'disconnected' }))).toBe(false);
    expect(sources.counts('a', trade())).toBe(true);
    expect(sources.counts('b', bookDelta())).toBe(true);
    expect(sources.counts('c', bookDelta())).toBe(false);
    expect(sources.counts('c', connected)).toBe(true);
    expect(sources.snapshot()).toEqual(['a', 'b']);
  });
});
