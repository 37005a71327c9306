/** One writer: epochs only grow, each write is of the newest epoch, batches have no holes, and no older epoch follows a newer one. */
import type { AppendRecord, ClaimRecord, SnapshotRecord } from '../history.ts';
import type { Violation } from './violation.ts';

export function checkWriters(history: {
  readonly claims: readonly ClaimRecord[];
  readonly appends: readonly AppendRecord[];
  readonly snapshots: readonly SnapshotRecord[];
}): Violation[] {
  const violations: Violation[] = [];
  const lastEpochs = new Map<number, number>();
  for (const { shard, epoch } of history.claims) {
    const last = lastEpochs.get(shard) ?? 0;
    if (epoch <= last)
      violations.push(found('a claim gets a larger epoch', `shard ${shard}`, `above ${last}`, epoch));
    lastEpochs.set(shard, epoch);
  }
  for (const { instrument, epoch, shardEpoch, batchNumber } of [...history.appends, ...history.snapshots]) {
    if (epoch !== shardEpoch) {
      violations.push(
        found('only the newest epoch writes', instrument, shardEpoch, `${epoch} (batch ${batchNumber})`),
      );
    }
  }
  const tails = new Map<string, AppendRecord>();
  for (const append of history.appends) {
    const { instrument, batchNumber, epoch } = append;
    const tail = tails.get(instrument);
    const expected = (tail?.batchNumber ?? 0) + 1;
    if (batchNumber !== expected)
      violations.push(found('batches have no holes', instrument, expected, batchNumber));
    if (epoch < (tail?.epoch ?? 0)) {
      violations.push(
        found('no older epoch follows a newer one', instrument, `at least ${tail!.epoch}`, epoch),
      );
    }
    tails.set(instrument, append);
  }
  return violations;
}

function found(rule: string, instrument: string, expected: unknown, was: unknown): Violation {
  return { rule, instrument, expected: String(expected), was: String(was) };
}
