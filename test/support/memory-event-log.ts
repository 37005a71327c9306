/**
 * A log of events in memory that promises what the real one does (`test/suites/event-log-suite.ts`), with a group that shares its partitions out
 * again whenever it is told to. Whoever opens it says when what is on its way arrives.
 */
import type {
  AssignedPartition,
  EventLogReader,
  EventLogReaderEvents,
  EventLogWriter,
  EventLogWriterEvents,
} from '../../src/actors/event-log.ts';
import { TampinesError } from '../../src/base/errors.ts';
import type { EventBatch } from '../../src/market/events.ts';
import { shardOf } from '../../src/market/shards.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { decodeRecord, encodeRecord } from '../../src/kafka/record-codec.ts';
import { assignSticky } from '../../src/kafka/sticky-assignment.ts';

/** Brings about that `action` happens later; never within the call. */
export type Later = (action: () => void) => void;

type WireRecord = Parameters<typeof decodeRecord>[1];
type Waiting = { readonly instrument: InstrumentKey; readonly batch: EventBatch; readonly wire: WireRecord };

const RECORD_MAX_BYTES = 8 * 1024 * 1024;
const WRITER_MAX_RECORDS = 10_000;
const FETCH_MAX_RECORDS = 50;

class Partition {
  firstOffset = 0;
  readonly records: WireRecord[] = [];
  readonly onGrown = new Set<() => void>();

  get endOffset(): number {
    return this.firstOffset + this.records.length;
  }

  append(record: WireRecord): number {
    this.records.push(record);
    for (const listener of [...this.onGrown]) listener();
    return this.endOffset - 1;
  }
}

export class MemoryEventLog {
  readonly partitions: readonly Partition[];
  readonly #groups = new Map<string, MemoryGroup>();
  /** Told of each record as it becomes durable. */
  onAppended: (partition: number, offset: number, instrument: InstrumentKey, batch: EventBatch) => void =
    () => undefined;

  constructor(partitionCount: number) {
    this.partitions = Array.from({ length: partitionCount }, () => new Partition());
  }

  openWriter(events: EventLogWriterEvents, later: Later): MemoryWriter {
    return new MemoryWriter(this, events, later);
  }

  openReader(group: string, events: EventLogReaderEvents, later: Later): MemoryReader {
    const reader = new MemoryReader(this, this.group(group), events, later);
    this.group(group).join(reader);
    return reader;
  }

  group(name: string): MemoryGroup {
    let group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, (group = new MemoryGroup(this.partitions.length)));
    return group;
  }

  /** At once, as a writer of any node. */
  write(instrument: InstrumentKey, batch: EventBatch): void {
    this.append({ instrument, batch, wire: toWire(instrument, batch) });
  }

  append({ instrument, batch, wire }: Waiting): { partition: number; offset: number } {
    const partition = shardOf(instrument, this.partitions.length);
    const offset = this.partitions[partition]!.append(wire);
    this.onAppended(partition, offset, instrument, batch);
    return { partition, offset };
  }

  appendForeign(partition: number): void {
    this.partitions[partition]!.append({ key: Buffer.from('x'), value: Buffer.from('not one of ours') });
  }

  dropBefore(partition: number, offset: number): void {
    const log = this.partitions[partition]!;
    log.records.splice(0, offset - log.firstOffset);
    log.firstOffset = offset;
  }
}

export class MemoryWriter implements EventLogWriter {
  readonly #log: MemoryEventLog;
  readonly #events: EventLogWriterEvents;
  readonly #later: Later;
  readonly #waiting: Waiting[] = [];
  #isOpen = true;
  #isRoomWanted = false;
  #fullCount = 0;
  #onDrained: (() => void) | undefined;

  constructor(log: MemoryEventLog, events: EventLogWriterEvents, later: Later) {
    this.#log = log;
    this.#events = events;
    this.#later = later;
  }

  get queue() {
    const { length: depth } = this.#waiting;
    return { queue: 'memory-writer', depth, limit: WRITER_MAX_RECORDS, fullCount: this.#fullCount };
  }

  offer(instrument: InstrumentKey, batch: EventBatch): boolean {
    if (!this.#isOpen) return false;
    if (this.#waiting.length >= WRITER_MAX_RECORDS) {
      this.#isRoomWanted = true;
      this.#fullCount++;
      return false;
    }
    const wire = toWire(instrument, batch);
    const sizeBytes = wire.key!.length + wire.value!.length;
    if (sizeBytes > RECORD_MAX_BYTES) {
      const message = `Cannot write a batch: expected at most ${RECORD_MAX_BYTES} bytes, was ${sizeBytes}`;
      throw new TampinesError('RECORD_TOO_LARGE', message);
    }
    this.#waiting.push({ instrument, batch, wire });
    this.#later(() => this.#writeOne());
    return true;
  }

  /** It is of no use any more. Of what waits `durableCount` is in the log, which nobody is told, and `lateCount` gets there when others have written. */
  fail(error: TampinesError, { durableCount = 0, lateCount = 0 } = {}): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const waiting of this.#waiting.splice(0, durableCount)) this.#log.append(waiting);
    const late = this.#waiting.splice(0).slice(0, lateCount);
    for (const waiting of late) this.#later(() => void this.#log.append(waiting));
    this.#events.onFailed(error);
  }

  close(): Promise<void> {
    this.#isOpen = false;
    if (this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onDrained = resolve;
    });
  }

  #writeOne(): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) return;
    const { instrument, batch } = waiting;
    const place = this.#log.append(waiting);
    const lastOrdinal = batch.firstOrdinal + batch.events.length - 1;
    this.#later(() => this.#events.onDurable({ instrument, source: batch.source, lastOrdinal, ...place }));
    if (this.#waiting.length === 0) this.#onDrained?.();
    if (!this.#isRoomWanted || this.#waiting.length > WRITER_MAX_RECORDS / 2) return;
    this.#isRoomWanted = false;
    this.#later(() => this.#events.onRoom());
  }
}

/** One membership under which a partition is read. */
type Share = { nextOffset: number | undefined; isReading: boolean; waitCount: number; isFetching: boolean };

export class MemoryReader implements EventLogReader {
  readonly #log: MemoryEventLog;
  readonly #group: MemoryGroup;
  readonly #events: EventLogReaderEvents;
  readonly #later: Later;
  #shares = new Map<number, Share>();
  #isConfirmed = false;
  #isOpen = true;

  constructor(log: MemoryEventLog, group: MemoryGroup, events: EventLogReaderEvents, later: Later) {
    this.#log = log;
    this.#group = group;
    this.#events = events;
    this.#later = later;
  }

  get held(): number[] {
    return [...this.#shares.keys()];
  }

  /** The group has shared its partitions out anew; this reader hears of it in two steps, each when its time has come. */
  assign(generation: number, partitions: readonly number[]): void {
    this.#later(() => {
      if (!this.#isOpen || generation !== this.#group.generation) return;
      const before = this.#shares;
      this.#isConfirmed = false;
      this.#shares = new Map(
        partitions.map((partition) => [partition, newShare(before.get(partition)?.nextOffset)]),
      );
      const revoked = [...before.keys()].filter((partition) => !this.#shares.has(partition));
      if (revoked.length > 0) this.#events.onRevoked(revoked);
      this.#later(() => this.#confirm(generation));
    });
  }

  start(partition: number, offset: number): boolean {
    if (!this.#isOpen || !this.#isConfirmed || !this.#shares.has(partition)) return false;
    const share: Share = { ...newShare(offset), isReading: true };
    this.#shares.set(partition, share);
    this.#fetchLater(partition, share);
    return true;
  }

  knownEndOf(partition: number): number {
    return this.#log.partitions[partition]!.endOffset;
  }

  noteSaved(): void {
    // Only tools would ask.
  }

  endOf(partition: number): Promise<number> {
    return new Promise((resolve) => this.#later(() => resolve(this.#log.partitions[partition]!.endOffset)));
  }

  close(): Promise<void> {
    this.#end();
    this.#group.leave(this);
    return Promise.resolve();
  }

  /** The log can't be reached: it crashes, and the group goes on without it. */
  fail(error: TampinesError): void {
    if (!this.#isOpen) return;
    this.#end();
    this.#group.leave(this);
    this.#events.onFailed(error);
  }

  #end(): void {
    this.#isOpen = false;
    this.#shares = new Map();
  }

  #confirm(generation: number): void {
    if (!this.#isOpen || generation !== this.#group.generation) return;
    this.#isConfirmed = true;
    const partitions: AssignedPartition[] = [...this.#shares].map(([partition, { nextOffset }]) => ({
      partition,
      nextOffset,
    }));
    this.#events.onAssigned({ generation, partitions });
  }

  #fetchLater(partition: number, share: Share): void {
    if (share.isFetching) return;
    share.isFetching = true;
    this.#later(() => {
      share.isFetching = false;
      if (this.#shares.get(partition) === share && share.isReading && share.waitCount === 0)
        this.#fetch(partition, share);
    });
  }

  #fetch(partition: number, share: Share): void {
    const log = this.#log.partitions[partition]!;
    const expectedOffset = share.nextOffset!;
    if (expectedOffset < log.firstOffset || expectedOffset > log.endOffset) {
      share.isReading = false;
      this.#events.onPositionLost(partition, { expectedOffset, foundOffset: log.firstOffset });
      return;
    }
    const from = expectedOffset - log.firstOffset;
    const records = log.records
      .slice(from, from + FETCH_MAX_RECORDS)
      .map((record, index) => decodeRecord(expectedOffset + index, record));
    if (records.length === 0) {
      const listener = (): void => {
        log.onGrown.delete(listener);
        this.#fetchLater(partition, share);
      };
      log.onGrown.add(listener);
      return;
    }
    share.nextOffset = expectedOffset + records.length;
    const room = this.#events.onRecords(partition, records);
    if (room !== undefined) {
      share.waitCount++;
      void room.then(() => {
        share.waitCount--;
        this.#fetchLater(partition, share);
      });
    }
    this.#fetchLater(partition, share);
  }
}

function toWire(instrument: InstrumentKey, batch: EventBatch): WireRecord {
  const { key, value, headers } = encodeRecord(instrument, batch);
  const bytes = Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]);
  return { key, value, headers: Object.fromEntries(bytes) as Record<string, Buffer> };
}

function newShare(nextOffset: number | undefined): Share {
  return { nextOffset, isReading: false, waitCount: 0, isFetching: false };
}

export class MemoryGroup {
  readonly #partitionCount: number;
  readonly members = new Set<MemoryReader>();
  /** Who was given what last, in names that stay. */
  readonly #names = new Map<MemoryReader, string>();
  readonly #given = new Map<MemoryReader, { held: readonly number[]; generation: number }>();
  #nameCount = 0;
  generation = 0;

  constructor(partitionCount: number) {
    this.#partitionCount = partitionCount;
  }

  join(reader: MemoryReader): void {
    this.members.add(reader);
    this.#names.set(reader, String(this.#nameCount++).padStart(6, '0'));
    this.rebalance();
  }

  /** Also when it is thrown out, which it hears of later or never. */
  leave(reader: MemoryReader): void {
    if (!this.members.delete(reader)) return;
    this.#given.delete(reader);
    this.rebalance();
  }

  /** Shares out anew: as the real assigner does, or as it is told. Every partition goes to one member. */
  rebalance(choose?: (partition: number, members: readonly MemoryReader[]) => MemoryReader): void {
    this.generation++;
    const members = [...this.members];
    if (members.length === 0) return;
    const shares = choose === undefined ? this.#stickyShares(members) : this.#chosenShares(members, choose);
    for (const [member, held] of shares) {
      this.#given.set(member, { held, generation: this.generation });
      member.assign(this.generation, held);
    }
  }

  #stickyShares(members: readonly MemoryReader[]): Map<MemoryReader, readonly number[]> {
    const assigned = assignSticky(
      this.#partitionCount,
      members.map((member) => ({
        id: this.#names.get(member)!,
        ...(this.#given.get(member) ?? { held: [], generation: -1 }),
      })),
    );
    return new Map(members.map((member) => [member, assigned.get(this.#names.get(member)!)!]));
  }

  #chosenShares(
    members: readonly MemoryReader[],
    choose: (partition: number, members: readonly MemoryReader[]) => MemoryReader,
  ): Map<MemoryReader, number[]> {
    const shares = new Map<MemoryReader, number[]>(members.map((member) => [member, []]));
    for (let partition = 0; partition < this.#partitionCount; partition++) {
      shares.get(choose(partition, members))!.push(partition);
    }
    return shares;
  }
}
