/**
 * No book is shown as live that its own log does not vouch for: up to the version shown, the epoch that shows it has logged a book snapshot, and
 * nothing after it by which the feed took it back. Reads the log alone, so it holds also where the fold calls a book live too early.
 */
import type { MarketEvent } from '../../../src/market/events.ts';
import type { PublishedRecord } from '../history.ts';
import { instrumentOf } from './publications.ts';
import type { Violation } from './violation.ts';

/** One batch of an instrument's log. */
export type LoggedBatch = {
  readonly epoch: number;
  /** Of the instrument after the batch. */
  readonly position: number;
  readonly events: readonly MarketEvent[];
};

/** @param logs by instrument, in order */
export function checkSureBooks(
  published: readonly PublishedRecord[],
  logs: ReadonlyMap<string, readonly LoggedBatch[]>,
): Violation[] {
  const sure = new Map([...logs].map(([instrument, log]) => [instrument, sureVersions(log)]));
  const violations: Violation[] = [];
  for (const { key, epoch, seq, text } of published) {
    if (!key.startsWith('orderbook:') || !text.includes('"status":"live"')) continue;
    const instrument = instrumentOf(key);
    if (sure.get(instrument)?.has(`${epoch} ${seq}`) === true) continue;
    violations.push({
      rule: 'a live book has a snapshot of its epoch in the log, and nothing against it since',
      instrument,
      expected: `${key} stale at epoch ${epoch} seq ${seq}`,
      was: text,
    });
  }
  return violations;
}

function sureVersions(log: readonly LoggedBatch[]): ReadonlySet<string> {
  const versions = new Set<string>();
  let isSure = false;
  let lastEpoch: number | undefined;
  for (const { epoch, position, events } of log) {
    // Nobody watched the book between two owners.
    if (epoch !== lastEpoch) isSure = false;
    lastEpoch = epoch;
    for (const { type } of events) {
      if (type === 'BookSnapshot') isSure = true;
      else if (type === 'FeedStatus') isSure = false;
    }
    if (isSure) versions.add(`${epoch} ${position}`);
  }
  return versions;
}
