import { describe, expect, it } from 'vitest';
import { HELD_DELTAS_MAX_BYTES, HeldDeltas } from '../../src/exchanges/held-deltas.ts';
import { estimateEventBytes } from '../../src/market/event-bytes.ts';
import { bookDelta } from '../support/market-events.ts';

/** A delta of 100,000 levels. */
const large = (sequence: number) => ({
  event: bookDelta({ sequence, bids: new Array<number>(200_000).fill(1) }),
  range: { last: sequence },
});

describe('deltas held for a book snapshot', () => {
  it('are bounded in bytes over all books of a connection, the oldest of the book that adds going first', () => {
    const tally = { bytes: 0 };
    const books = Array.from({ length: 8 }, () => new HeldDeltas(tally));
    let addedCount = 0;
    let droppedCount = 0;
    for (let sequence = 1; sequence <= 20; sequence++) {
      for (const book of books) {
        droppedCount += book.add(large(sequence));
        addedCount++;
        expect(tally.bytes).toBeLessThanOrEqual(HELD_DELTAS_MAX_BYTES);
      }
    }
    const held = books.map((book) => book.takeAll());
    expect(held.flat()).toHaveLength(addedCount - droppedCount);
    expect(droppedCount).toBeGreaterThan(0);
    for (const deltas of held) {
      const sequences = deltas.map(({ range }) => Number(range.last));
      // What is left has no holes.
      expect(sequences).toEqual(sequences.map((_, index) => 20 - sequences.length + 1 + index));
    }
    expect(tally.bytes).toBe(0);
  });

  it('count levels and not only deltas', () => {
    expect(estimateEventBytes(large(1).event)).toBeGreaterThan(1_000_000);
    expect(estimateEventBytes(bookDelta({ sequence: 1 }))).toBeLessThan(1_000);
  });
});
