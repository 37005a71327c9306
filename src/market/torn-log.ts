/** What is folded in place of entries that a log lost before they were read. */
import type { FeedStatus, LogEntry } from './events.ts';
import type { InstrumentState } from './instrument-state.ts';

/**
 * Returns the entry after which the book is stale until its source gives it whole; `undefined` where it follows none. Deltas behind the loss look like
 * those that follow: nothing in them tells of a hole.
 */
export function tornLogEntry(
  state: InstrumentState,
  { reason }: { readonly reason: string },
  clock: { nowMs(): number },
): LogEntry | undefined {
  const source = state.bookSources.snapshot().at(-1);
  if (source === undefined) return undefined;
  const nowMs = clock.nowMs();
  const torn: FeedStatus = {
    type: 'FeedStatus',
    status: 'stale',
    reason,
    eventTimeMs: nowMs,
    receiveTimeMs: nowMs,
  };
  return { source, lastOrdinal: state.sources.lastOrdinal(source) ?? 0, events: [torn] };
}
