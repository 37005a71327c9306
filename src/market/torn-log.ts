/** What is folded in place of entries that a log lost before they were read. */
import type { FeedStatus, LogEntry } from './events.ts';
import type { InstrumentState } from './instrument-state.ts';

/**
 * Returns the entries after which the book is stale until a source gives it whole; none where it follows none. Deltas behind the loss look like those that
 * follow: nothing in them tells of a hole. The book that stands by has the same hole, and is told first: else it would take the place of the other.
 */
export function tornLogEntries(
  state: InstrumentState,
  { reason }: { readonly reason: string },
  clock: { nowMs(): number },
): readonly LogEntry[] {
  const nowMs = clock.nowMs();
  const torn: FeedStatus = {
    type: 'FeedStatus',
    status: 'stale',
    reason,
    eventTimeMs: nowMs,
    receiveTimeMs: nowMs,
  };
  const { standby, bookSources, sources } = state;
  const kept = [...(standby === undefined ? [] : [bookSources.standby!]), ...bookSources.snapshot()];
  return kept.map((source) => ({
    source,
    lastOrdinal: sources.lastOrdinal(source) ?? 0,
    events: [torn],
  }));
}
