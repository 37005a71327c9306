import { describe, expect, it } from 'vitest';
import type { HistoryRow } from './journal-check.ts';
import { JournalCheck } from './journal-check.ts';

const BTC = 'binance:BTC-USDT';
const ETH = 'binance:ETH-USDT';

let nextId = 1;
const head = () => ({ id: nextId++, timeMs: 1_000 });
const claim = (epoch: number): HistoryRow => ({
  ...head(),
  kind: 'claim',
  shard: 0,
  epoch,
  owner: `node-${epoch}`,
});
const batch = (batchNumber: number, epoch: number, eventCount = 1, instrument = BTC): HistoryRow => ({
  ...head(),
  kind: 'journal',
  instrument,
  batchNumber,
  epoch,
  eventCount,
});
const snapshot = (batchNumber: number, position: number, epoch = 1): HistoryRow => ({
  ...head(),
  kind: 'snapshot',
  instrument: BTC,
  batchNumber,
  position,
  epoch,
});
const pruned = (batchNumber: number): HistoryRow => ({
  ...head(),
  kind: 'pruned',
  instrument: BTC,
  batchNumber,
});

function rulesBrokenBy(rows: readonly HistoryRow[]): string[] {
  const check = new JournalCheck();
  for (const row of rows) check.add(row);
  return check.violations.map(({ rule }) => rule);
}

/** Two lives of two instruments, snapshots, a pruning, a takeover. */
const sound = (): HistoryRow[] => [
  claim(1),
  batch(1, 1, 3),
  batch(1, 1, 1, ETH),
  batch(2, 1, 2),
  snapshot(1, 3),
  snapshot(2, 5),
  pruned(1),
  claim(2),
  batch(3, 2, 4),
  batch(2, 2, 1, ETH),
  snapshot(3, 9, 2),
  pruned(2),
];

describe('a history', () => {
  it('of two writers that take turns breaks nothing', () => {
    expect(rulesBrokenBy(sound())).toEqual([]);
  });

  it.each<[string, string, () => HistoryRow[]]>([
    [
      'a batch of an older epoch after a newer claim',
      'single-writer',
      () => [claim(1), batch(1, 1), claim(2), batch(2, 1)],
    ],
    [
      'a snapshot of an older epoch after a newer claim',
      'single-writer',
      () => [claim(1), batch(1, 1), claim(2), snapshot(1, 1, 1)],
    ],
    ['a hole between batches', 'contiguous', () => [claim(1), batch(1, 1), batch(3, 1)]],
    ['a journal that begins in the middle', 'contiguous', () => [claim(1), batch(2, 1)]],
    [
      'a batch that was written twice, the first pruned meanwhile',
      'contiguous',
      () => [...sound(), batch(1, 2)],
    ],
    ['a claim whose epoch does not grow', 'epochs', () => [claim(1), claim(1)]],
    ['an instrument whose epoch goes back', 'epochs', () => [claim(1), claim(2), batch(1, 2), batch(2, 1)]],
    [
      'a snapshot at another position than its batch',
      'snapshot',
      () => [claim(1), batch(1, 1, 3), snapshot(1, 4)],
    ],
    [
      'a snapshot of a batch that was never written',
      'snapshot',
      () => [claim(1), batch(1, 1, 3), snapshot(2, 3)],
    ],
    [
      'a pruning of what only the newest snapshot holds',
      'pruned',
      () => [claim(1), batch(1, 1), batch(2, 1), snapshot(1, 1), snapshot(2, 2), pruned(2)],
    ],
    ['a pruning with a single snapshot', 'pruned', () => [claim(1), batch(1, 1), snapshot(1, 1), pruned(1)]],
    [
      'a batch that was changed in place',
      'immutable',
      () => [claim(1), batch(1, 1), { ...head(), kind: 'rewritten', instrument: BTC, batchNumber: 1 }],
    ],
  ])('with %s breaks "%s"', (_what, rule, rows) => {
    expect(rulesBrokenBy(rows())).toContain(rule);
  });

  it('read in another order finds the same zombie: the claim is known only after its rows', () => {
    const [first, newer, late] = [claim(1), claim(2), batch(1, 1)];
    expect(rulesBrokenBy([first, late, newer])).toContain('single-writer');
  });

  it('tells when a position was reached, batch by batch', () => {
    const check = new JournalCheck();
    for (const [batchNumber, timeMs] of [
      [1, 10],
      [2, 20],
      [3, 30],
    ] as const) {
      check.add({ ...batch(batchNumber, 1, 2), timeMs });
    }
    expect([1, 2, 3, 5, 6, 7].map((position) => check.reachedMs(BTC, position))).toEqual([
      10,
      10,
      20,
      30,
      30,
      undefined,
    ]);
    expect(check.reachedMs(ETH, 1)).toBeUndefined();
  });
});
