/** A book follows one source at a time, and what a node says that lost its lease comes too late. */
import { describe, expect, it } from 'vitest';
import { BookSources, isAnnouncement, sourceUnderLease } from '../../src/market/book-sources.ts';
import type { MarketEvent } from '../../src/market/events.ts';
import { bookDelta, bookSnapshot, NOON_MS, timesAt, trade } from '../support/market-events.ts';

const status = (status: 'connected' | 'stale'): MarketEvent => ({
  type: 'FeedStatus',
  ...timesAt(NOON_MS),
  status,
  reason: '',
});

/** Says them one after the other, and returns which of them counted. */
function hear(sources: BookSources, said: readonly (readonly [string, MarketEvent])[]): boolean[] {
  return said.map(([source, event]) => {
    const counts = sources.counts(source, event);
    if (counts && isAnnouncement(event)) sources.announce(source);
    return counts;
  });
}

describe('the source that a book follows', () => {
  it('is the one that announced itself last, whose deltas alone count', () => {
    const sources = new BookSources();
    expect(
      hear(sources, [
        ['a', bookSnapshot()],
        ['b', bookDelta()],
        ['b', status('stale')],
        ['b', status('connected')],
        ['a', bookDelta()],
        ['b', bookSnapshot()],
        ['b', bookDelta()],
        ['a', trade()],
      ]),
    ).toEqual([true, false, false, true, false, true, true, true]);
    expect(sources.snapshot()).toEqual(['b']);
  });

  it('is not one of a node whose lease another has taken, whatever it announces', () => {
    const woken = sourceUnderLease(4, 'woken');
    const current = sourceUnderLease(5, 'current');
    const sources = new BookSources([sourceUnderLease(4, 'woken')]);
    expect(
      hear(sources, [
        [current, status('connected')],
        [current, bookSnapshot()],
        [woken, status('connected')],
        [woken, bookSnapshot()],
        [current, bookDelta()],
      ]),
    ).toEqual([true, true, false, false, true]);
  });

  it('may be one that was followed before, where it feeds under the same lease', () => {
    const [one, other] = [sourceUnderLease(5, 'one'), sourceUnderLease(5, 'other')];
    const sources = new BookSources();
    expect(
      hear(sources, [
        [one, bookSnapshot()],
        [other, bookSnapshot()],
        [one, status('connected')],
        [one, bookSnapshot()],
      ]),
    ).toEqual([true, true, true, true]);
  });
});
