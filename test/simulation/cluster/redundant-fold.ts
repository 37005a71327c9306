/**
 * What two feeds of each instrument must come to: wherever in the log one of them has just spoken and has a sure book, the instrument's book is live. An
 * oracle of its own, which knows of books only whether there is one.
 */
import { replicaOf } from '../../../src/market/book-sources.ts';
import type { MarketEvent } from '../../../src/market/events.ts';
import type { Violation } from '../checks/violation.ts';
import type { ClusterFold } from './cluster-fold.ts';

/** As far as the log says. */
type ToldFeed = { source: string; isSure: boolean; readonly lastOrdinals: Map<string, number> };

export function checkRedundancy(fold: ClusterFold): Violation[] {
  const feeds = new Map<number, ToldFeed>();
  for (const { batch, offset } of fold.records) {
    const replica = replicaOf(batch.source);
    const feed = feeds.get(replica) ?? { source: '', isSure: false, lastOrdinals: new Map<string, number>() };
    feeds.set(replica, feed);
    for (const [index, event] of batch.events.entries()) {
      const ordinal = batch.firstOrdinal + index;
      if (ordinal <= (feed.lastOrdinals.get(batch.source) ?? 0)) continue;
      feed.lastOrdinals.set(batch.source, ordinal);
      tell(feed, batch.source, event);
    }
    const status = fold.statusAfter(offset);
    if (!feed.isSure || feed.source !== batch.source || status === undefined || status === 'live') continue;
    const rule = 'a book is live while one of its feeds is sound';
    return [{ rule, instrument: fold.instrument, expected: `live after offset ${offset}`, was: status }];
  }
  return [];
}

function tell(feed: ToldFeed, source: string, event: MarketEvent): void {
  if (event.type === 'BookSnapshot') Object.assign(feed, { source, isSure: true });
  if (event.type !== 'FeedStatus') return;
  if (event.status === 'connected') feed.source = source;
  if (feed.source === source) feed.isSure = false;
}
