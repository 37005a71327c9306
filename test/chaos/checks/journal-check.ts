/**
 * Reads the history of claims, journal rows, state snapshots and prunings, and says where it breaks the promises of the journal. Pure: rows
 * come in any slices, in the order of their numbers as far as one instrument is concerned.
 */
import type { Violation } from '../violation.ts';

export type HistoryRow = {
  /** Drawn while the lock of the shard is held, so the numbers of claims and of guarded writes are in the order of their commits. */
  readonly id: number;
  /** When the backend wrote it (Unix ms); its commit came a moment later. */
  readonly timeMs: number;
} & (
  | { readonly kind: 'claim'; readonly shard: number; readonly epoch: number; readonly owner: string }
  | {
      readonly kind: 'journal';
      readonly instrument: string;
      readonly batchNumber: number;
      readonly epoch: number;
      readonly eventCount: number;
    }
  | {
      readonly kind: 'snapshot';
      readonly instrument: string;
      readonly batchNumber: number;
      readonly position: number;
      readonly epoch: number;
    }
  /** Journal rows up to this one were deleted. */
  | { readonly kind: 'pruned'; readonly instrument: string; readonly batchNumber: number }
  /** A journal row was changed in place, which nothing may do. */
  | { readonly kind: 'rewritten'; readonly instrument: string; readonly batchNumber: number }
);

type Track = {
  lastBatchNumber: number;
  epoch: number;
  /** By batch number − 1: position after the batch, and when it was written. */
  readonly positions: number[];
  readonly timesMs: number[];
  /** The newest two. */
  snapshots: number[];
};

type Claim = { readonly id: number; readonly timeMs: number; readonly epoch: number; readonly owner: string };

export class JournalCheck {
  readonly violations: Violation[] = [];
  readonly #tracks = new Map<string, Track>();
  readonly #claims: Claim[] = [];
  /** Highest row number and its instrument, by epoch. */
  readonly #lastWrites = new Map<number, { id: number; what: string }>();
  rowCount = 0;

  add(row: HistoryRow): void {
    this.rowCount++;
    switch (row.kind) {
      case 'claim':
        this.#addClaim(row);
        break;
      case 'journal':
        this.#addWrite(row.id, row.epoch, `batch ${row.batchNumber} of ${row.instrument}`);
        this.#addBatch(row);
        break;
      case 'snapshot':
        this.#addWrite(row.id, row.epoch, `snapshot ${row.batchNumber} of ${row.instrument}`);
        this.#addSnapshot(row);
        break;
      case 'pruned':
        this.#addPruning(row);
        break;
      case 'rewritten':
        this.#report(
          'immutable',
          row.instrument,
          'journal rows that nobody changes',
          `batch ${row.batchNumber} was changed in place`,
        );
        break;
      default:
        row satisfies never;
    }
  }

  /** When the epoch was claimed (Unix ms); `undefined` when it never was. */
  claimedMs(epoch: number): number | undefined {
    return this.#claims.findLast((claim) => claim.epoch === epoch)?.timeMs;
  }

  /** When the log of the instrument reached this position (Unix ms); `undefined` when it never did. */
  reachedMs(instrument: string, position: number): number | undefined {
    const track = this.#tracks.get(instrument);
    if (track === undefined) return undefined;
    let low = 0;
    let high = track.positions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (track.positions[middle]! < position) low = middle + 1;
      else high = middle;
    }
    return track.timesMs[low];
  }

  #addClaim({ id, timeMs, epoch, owner }: Claim): void {
    const last = this.#claims.at(-1);
    if (last !== undefined && epoch <= last.epoch) {
      this.#report('epochs', owner, `a claim with an epoch above ${last.epoch}`, `epoch ${epoch}`);
    }
    this.#claims.push({ id, timeMs, epoch, owner });
    for (const [older, write] of this.#lastWrites) {
      if (older < epoch && write.id > id) this.#reportZombie(older, epoch, owner, write.what);
    }
  }

  #addWrite(id: number, epoch: number, what: string): void {
    const last = this.#lastWrites.get(epoch);
    if (last === undefined || last.id < id) this.#lastWrites.set(epoch, { id, what });
    for (let index = this.#claims.length - 1; index >= 0; index--) {
      const claim = this.#claims[index]!;
      if (claim.epoch <= epoch) break;
      if (claim.id < id) {
        this.#reportZombie(epoch, claim.epoch, claim.owner, what);
        break;
      }
    }
  }

  #addBatch(row: HistoryRow & { kind: 'journal' }): void {
    const track = this.#track(row.instrument);
    if (row.batchNumber !== track.lastBatchNumber + 1) {
      this.#report(
        'contiguous',
        row.instrument,
        `batch ${track.lastBatchNumber + 1} under epoch ${row.epoch}`,
        `batch ${row.batchNumber}`,
      );
    }
    if (row.epoch < track.epoch) {
      this.#report(
        'epochs',
        row.instrument,
        `batch ${row.batchNumber} under epoch ${track.epoch} or newer`,
        `epoch ${row.epoch}`,
      );
    }
    track.epoch = Math.max(track.epoch, row.epoch);
    // A batch that was written twice must not move the positions of what follows.
    if (row.batchNumber <= track.lastBatchNumber) return;
    track.lastBatchNumber = row.batchNumber;
    track.positions.push((track.positions.at(-1) ?? 0) + row.eventCount);
    track.timesMs.push(row.timeMs);
  }

  #addSnapshot({ instrument, batchNumber, position }: HistoryRow & { kind: 'snapshot' }): void {
    const track = this.#track(instrument);
    const expected = track.positions[batchNumber - 1];
    if (expected !== position) {
      this.#report(
        'snapshot',
        instrument,
        `position ${expected ?? 'of no such batch'} in the snapshot of batch ${batchNumber}`,
        `position ${position}`,
      );
    }
    if (!track.snapshots.includes(batchNumber))
      track.snapshots = [...track.snapshots, batchNumber].sort((a, b) => a - b).slice(-2);
  }

  #addPruning({ instrument, batchNumber }: HistoryRow & { kind: 'pruned' }): void {
    const { snapshots } = this.#track(instrument);
    const [older] = snapshots;
    if (snapshots.length < 2 || older! < batchNumber) {
      this.#report(
        'pruned',
        instrument,
        `journal rows after batch ${snapshots.length < 2 ? 0 : older!} kept: only two snapshots make them needless`,
        `rows up to batch ${batchNumber} deleted`,
      );
    }
  }

  #track(instrument: string): Track {
    let track = this.#tracks.get(instrument);
    if (track === undefined) {
      track = { lastBatchNumber: 0, epoch: 0, positions: [], timesMs: [], snapshots: [] };
      this.#tracks.set(instrument, track);
    }
    return track;
  }

  #reportZombie(epoch: number, newer: number, owner: string, what: string): void {
    this.#report(
      'single-writer',
      what,
      `no write under epoch ${epoch} after ${owner} claimed epoch ${newer}`,
      'written',
    );
  }

  #report(rule: string, subject: string, expected: string, was: string): void {
    this.violations.push({ rule, subject, expected, was });
  }
}
