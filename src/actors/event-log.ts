/**
 * The log of events that nodes of a cluster share: one partition a shard, batches of one instrument in the order they were written. What is in
 * here is all that actors know of it; that it is Kafka, and by which client it is reached, is the business of `src/kafka/`.
 */
import type { TampinesError } from '../base/errors.ts';
import type { QueueReading } from '../base/queue-reading.ts';
import type { EventBatch } from '../market/events.ts';
import type { InstrumentKey } from '../market/symbols.ts';

/** A batch of the log; `offset` is its place in its partition, counted without gaps. */
export type LogRecord = {
  readonly type: 'batch';
  readonly offset: number;
  readonly instrument: InstrumentKey;
  readonly batch: EventBatch;
};

/** What stands in the log at `offset` can not be read: damaged, of a foreign writer, or of a newer release. */
export type UnreadableRecord = {
  readonly type: 'unreadable';
  readonly offset: number;
  /** As it stands there, where it is text at all. */
  readonly key: string;
  readonly cause: TampinesError;
};

/** A batch that every broker in sync has; the log will not lose it. */
export type DurableBatch = {
  readonly instrument: InstrumentKey;
  readonly source: string;
  readonly lastOrdinal: number;
  readonly partition: number;
  readonly offset: number;
};

export type EventLogWriterEvents = {
  /** In the order that batches of an instrument were taken. */
  readonly onDurable: (batch: DurableBatch) => void;
  /** There is room again after a batch was refused. */
  readonly onRoom: () => void;
  /** The writer is of no use any more, once: it is to be closed and another one opened. What is not durable is written again by that one. */
  readonly onFailed: (error: TampinesError) => void;
};

export interface EventLogWriter {
  /** What was taken and is not durable yet. */
  readonly queue: QueueReading;

  /**
   * Takes the batch, or returns false: no more may wait (it is offered again after `onRoom`), or the writer failed or is being closed. Log away or
   * not, what was taken is tried until it is durable. Batches of an instrument become durable in the order they were taken.
   * @throws TampinesError `RECORD_TOO_LARGE` when the log can not take a batch of this size
   */
  offer(instrument: InstrumentKey, batch: EventBatch): boolean;

  /** Takes no more, and resolves when all is durable or `withinMs` are over. What is not durable then may be in the log or not. */
  close(withinMs: number): Promise<void>;
}

/** A shard that this reader was given. */
export type AssignedPartition = {
  readonly partition: number;
  /** Where its records stopped, when this reader was given it again without a break; `undefined` when it is new here. */
  readonly nextOffset: number | undefined;
};

/** Membership confirmed by the group: the sum of what all members of this generation have is every partition, once. */
export type Assignment = {
  readonly generation: number;
  readonly partitions: readonly AssignedPartition[];
};

export type EventLogReaderEvents = {
  /**
   * These partitions are this reader's now, and no others. Nothing of them is read until `start` is called for each, also for those that it had
   * before: the membership may have lapsed meanwhile, so whoever keeps state asks the fence whether it is still its own.
   */
  readonly onAssigned: (assignment: Assignment) => void;
  /** These went to others, or are about to. Nothing of them comes any more. */
  readonly onRevoked: (partitions: readonly number[]) => void;
  /**
   * Records of one partition, in order and without a gap; some may have come before, and are left out. They count as taken. Where a promise is returned,
   * no more of this partition are fetched until it resolves; at most `FETCH_MAX_BYTES_PER_PARTITION` of those fetched already still come. It must not
   * reject.
   */
  readonly onRecords: (
    partition: number,
    records: readonly (LogRecord | UnreadableRecord)[],
  ) => Promise<void> | undefined;
  /**
   * The log does not have what follows `expectedOffset`, but begins at `foundOffset`: it was kept for too short a time, or is another log. The
   * partition stands still until it is started again.
   */
  readonly onPositionLost: (partition: number, lost: PositionLost) => void;
  /** The reader is of no use any more, once: it is to be closed and another one opened. Its partitions go to others. */
  readonly onFailed: (error: TampinesError) => void;
};

export type PositionLost = { readonly expectedOffset: number; readonly foundOffset: number };

export interface EventLogReader {
  /** Where the partition ended when something was read of it last; `undefined` before. */
  knownEndOf(partition: number): number | undefined;

  /** Returns the offset that the next record of the partition will have. @throws TampinesError `SERVICE_UNAVAILABLE` */
  endOf(partition: number): Promise<number>;

  /** Reads an assigned partition from `offset` on. False when it is not assigned to this reader any more. */
  start(partition: number, offset: number): boolean;

  /** Tells the log, for tools that show how far readers are behind: nothing here is read from there again. A failure is of no consequence. */
  noteSaved(partition: number, nextOffset: number): void;

  /** Leaves the group, so that others take over at once. */
  close(): Promise<void>;
}
