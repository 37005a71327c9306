/** Everything that the models saw, in order, kept after it is gone from them: what the checks judge. */

import type { DeadLetter } from '../../src/actors/ports.ts';

/** Where a record stands among all of one history. */
type Ordered = { readonly order: number; readonly timeMs: number };

export type ClaimRecord = Ordered & {
  readonly shard: number;
  readonly epoch: number;
  readonly owner: string;
};

export type AppendRecord = Ordered & {
  readonly instrument: string;
  readonly batchNumber: number;
  readonly epoch: number;
  /** Newest epoch of the shard at that moment. */
  readonly shardEpoch: number;
  readonly schemaId: string;
  readonly entry: Uint8Array;
};

export type SnapshotRecord = Ordered & {
  readonly instrument: string;
  readonly batchNumber: number;
  readonly position: number;
  readonly epoch: number;
  readonly shardEpoch: number;
  readonly schemaId: string;
  readonly state: Uint8Array;
};

/** From where on the log of a shard is needed, as it was saved. */
export type PositionRecord = Ordered & {
  readonly shard: number;
  readonly epoch: number;
  readonly shardEpoch: number;
  readonly nextOffset: number;
};

/** A value that Redis took: set and published in one step. */
export type PublishedRecord = Ordered & {
  readonly key: string;
  readonly epoch: number;
  readonly seq: number;
  readonly text: string;
  /** How often Redis had been emptied by then: what is newer begins anew with each. */
  readonly life: number;
};

export class History {
  readonly claims: ClaimRecord[] = [];
  readonly appends: AppendRecord[] = [];
  readonly snapshots: SnapshotRecord[] = [];
  readonly positions: PositionRecord[] = [];
  readonly published: PublishedRecord[] = [];
  /** Dead letters of events that were given up because they failed their actor twice. */
  readonly poison: DeadLetter[] = [];
  /** Times that a saved state was read whose bytes had been spoilt. */
  damagedReadCount = 0;
  #order = 0;

  nextOrder(): number {
    return this.#order++;
  }
}
