/** A book whose feed is handed over: its next feed was opened earlier, and tells all that it was held back with since. */
import { expect, it } from 'vitest';
import { BookGaps } from '../../src/actors/book-gaps.ts';
import { InstrumentDelivery } from '../../src/actors/delivery.ts';
import type { FeedGap } from '../../src/actors/ports.ts';
import { sourceUnderLease } from '../../src/market/book-sources.ts';
import { BEHIND } from '../../src/market/book-track.ts';
import { decide } from '../../src/market/decide.ts';
import type { EventBatch, MarketEvent } from '../../src/market/events.ts';
import { evolve } from '../../src/market/evolve.ts';
import { createInstrumentState } from '../../src/market/instrument-state.ts';
import { MemoryOperationsRecords } from '../../src/persistence/memory-operations-records.ts';
import { silentLog } from '../actors/support.ts';
import { wantedInstrument } from '../actors/shards/shard-world.ts';
import { TEST_POLICY } from '../support/instrument-runs.ts';
import { NOON_MS, bookDelta, bookSnapshot, feedStatus, timesAt } from '../support/market-events.ts';

const at = (ms: number) => timesAt(NOON_MS + ms);
const deltas = (fromMs: number, toMs: number): MarketEvent[] => {
  const events: MarketEvent[] = [];
  for (let ms = fromMs; ms <= toMs; ms += 2)
    events.push(bookDelta({ sequence: ms, bids: [9_000, ms], ...at(ms) }));
  return events;
};

/** Folds what the holder brings, then what its heir was held back with, as its relay writes it. Returns what was to be seen after each batch. */
function handOver(holder: readonly MarketEvent[], heir: readonly MarketEvent[]) {
  const state = createInstrumentState(TEST_POLICY);
  const records = new MemoryOperationsRecords();
  const ended: FeedGap[] = [];
  records.recordFeedGap = (gap) => void ended.push(gap);
  const gaps = new BookGaps(wantedInstrument('BTC'), records);
  const shown: { status: string; reason: string; bookMs: number | undefined }[] = [];
  const fold = (batch: EventBatch): void => {
    const { entry } = decide(state, batch, TEST_POLICY);
    const ignore = (): void => undefined;
    const ignored = { onTrade: ignore, onBookUnsure: ignore, onCandleClosed: ignore };
    const outputs = { ...ignored, onLateTrade: ignore, onCandlesSkipped: ignore };
    if (entry !== undefined)
      evolve(state, entry, TEST_POLICY, { ...outputs, onBookStatus: (change) => gaps.note(change) });
    const { status, reason } = state.bookStatus;
    const { receiveTimeMs } = state.lastBookEvent ?? {};
    shown.push({ status, reason, bookMs: receiveTimeMs && receiveTimeMs - NOON_MS });
  };
  fold({ source: sourceUnderLease(1, 'a'), firstOrdinal: 1, events: holder });
  const sent: EventBatch[] = [];
  const delivery = new InstrumentDelivery({
    source: 'b',
    send: (batch) => sent.push(batch) > 0,
    onPoison: () => undefined,
  });
  for (const event of heir) {
    delivery.push(event);
    // What it is opened with stands alone: it is sent before anything else is there.
    if (event.type === 'FeedStatus') delivery.flush();
  }
  // Each acknowledgement brings the next.
  for (const batch of sent) {
    fold({ ...batch, source: sourceUnderLease(2, batch.source) });
    delivery.acknowledge(batch.firstOrdinal + batch.events.length - 1);
  }
  gaps.tellEnded(silentLog);
  return { state, shown, ended };
}

const holderUntil3000 = [
  feedStatus({ status: 'connected', ...at(0) }),
  bookSnapshot({ sequence: 1, ...at(100) }),
  ...deltas(200, 3_000),
  feedStatus({ status: 'disconnected', ...at(3_001) }),
];

it('is not shown live as it was before, and its gap does not end before it began', () => {
  const heir = [
    feedStatus({ status: 'connected', ...at(1_000) }),
    bookSnapshot({ sequence: 1_100, ...at(1_100) }),
    ...deltas(1_102, 3_050),
  ];
  const { state, shown, ended } = handOver(holderUntil3000, heir);
  expect(shown.length).toBeGreaterThan(3);
  expect(shown.at(-2)).toEqual({ status: 'stale', reason: BEHIND, bookMs: 3_000 });
  expect(shown.at(-1)).toEqual({ status: 'live', reason: '', bookMs: 3_050 });
  const times = shown.map(({ bookMs }) => bookMs!);
  expect(times).toEqual([...times].sort((one, other) => one - other));
  expect(ended.map(({ fromMs, toMs }) => [fromMs - NOON_MS, toMs - NOON_MS])).toEqual([[3_000, 3_000]]);
  expect(state.book.bidQuantity(0)).toBeDefined();
  expect(state.counters.deltasIgnoredWhileStale).toBe(0);
});

it('is live as soon as it has what was shown last, however quiet it is', () => {
  const heir = [
    feedStatus({ status: 'connected', ...at(1_000) }),
    bookSnapshot({ sequence: 1_100, ...at(1_100) }),
    ...deltas(1_102, 3_000).slice(-1),
  ];
  expect(handOver(holderUntil3000, heir).shown.at(-1)).toEqual({ status: 'live', reason: '', bookMs: 3_000 });
});

it('follows no more when its new feed is lost on the way, until that begins anew', () => {
  const heir = [
    feedStatus({ status: 'connected', ...at(1_000) }),
    bookSnapshot({ sequence: 1_100, ...at(1_100) }),
    feedStatus({ status: 'stale', reason: 'a gap', ...at(1_200) }),
    ...deltas(3_002, 3_010),
  ];
  const { state, shown } = handOver(holderUntil3000, heir);
  expect(shown.at(-1)).toEqual({ status: 'stale', reason: 'a gap', bookMs: 3_000 });
  expect(state.counters.deltasIgnoredWhileStale).toBe(5);
});
