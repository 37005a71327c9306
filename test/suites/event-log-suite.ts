/** What every log of events promises, whatever it is kept in. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { TampinesError } from '../../src/base/errors.ts';
import type {
  AssignedPartition,
  DurableBatch,
  EventLogReader,
  EventLogReaderEvents,
  EventLogWriter,
  EventLogWriterEvents,
  LogRecord,
  PositionLost,
  UnreadableRecord,
} from '../../src/actors/event-log.ts';
import type { BookSnapshot, EventBatch } from '../../src/market/events.ts';
import { shardOf } from '../../src/market/shards.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { bookDelta, bookSnapshot, heartbeat, NOON_MS, trade } from '../support/market-events.ts';
import { waitUntil } from '../support/wait-until.ts';

export type EventLogStore = {
  readonly partitions: number;
  openWriter(events: EventLogWriterEvents): Promise<EventLogWriter>;
  /** Of one group; a group that nobody reads in is made by its name. */
  openReader(group: string, events: EventLogReaderEvents): Promise<EventLogReader>;
  /** Puts bytes into the log that no writer of ours would. */
  writeForeign(partition: number): Promise<void>;
  /** Drops what stands before `offset`, as a retention that is over does. */
  dropBefore(partition: number, offset: number): Promise<void>;
  close(): Promise<void>;
};

const CLOSE_WITHIN_MS = 10_000;

let nameCount = 0;
const freshInstrument = (): InstrumentKey => `suite:COIN${++nameCount}-USD` as InstrumentKey;
const freshGroup = (): string => `suite-${process.pid}-${++nameCount}`;

function batchOf(firstOrdinal: number, count = 1): EventBatch {
  const events = Array.from({ length: count }, (_, index) =>
    trade({ tradeId: String(firstOrdinal + index), price: 2n ** 64n + BigInt(firstOrdinal) }),
  );
  return { source: 'suite/1', firstOrdinal, events };
}

/** A writer with what it said. */
export async function openWriter(store: Pick<EventLogStore, 'openWriter'>) {
  const durable: DurableBatch[] = [];
  const failures: TampinesError[] = [];
  let roomCount = 0;
  const writer = await store.openWriter({
    onDurable: (batch) => durable.push(batch),
    onRoom: () => roomCount++,
    onFailed: (error) => failures.push(error),
  });
  onTestFinished(() => writer.close(CLOSE_WITHIN_MS));
  return {
    writer,
    durable,
    failures,
    get roomCount(): number {
      return roomCount;
    },
    /** Takes all, and waits until they are durable. */
    write: async (instrument: InstrumentKey, batches: readonly EventBatch[]): Promise<DurableBatch[]> => {
      const wanted = durable.length + batches.length;
      for (const batch of batches) expect(writer.offer(instrument, batch)).toBe(true);
      await waitUntil(() => durable.length >= wanted);
      return durable.filter((each) => each.instrument === instrument);
    },
  };
}

/** A reader that begins every partition that it is given at the start of the log, or where it was, and keeps what it read. */
export async function openReader(
  store: Pick<EventLogStore, 'openReader'>,
  options: {
    group?: string;
    onRecords?: EventLogReaderEvents['onRecords'];
    /** Where to begin, for each partition; `undefined`: not at all. */
    startAt?: (partition: AssignedPartition) => number | undefined;
  } = {},
) {
  const { group = freshGroup(), startAt = ({ nextOffset }: AssignedPartition) => nextOffset ?? 0 } = options;
  const records = new Map<number, (LogRecord | UnreadableRecord)[]>();
  const assignments: { generation: number; partitions: readonly AssignedPartition[] }[] = [];
  const revoked: number[] = [];
  const lost: [number, PositionLost][] = [];
  const failures: TampinesError[] = [];
  const opened: { reader?: EventLogReader } = {};
  const begin = ({ partitions }: { partitions: readonly AssignedPartition[] }): void => {
    for (const each of partitions) {
      const offset = startAt(each);
      if (offset !== undefined) opened.reader?.start(each.partition, offset);
    }
  };
  const reader = await store.openReader(group, {
    onAssigned: (assignment) => {
      assignments.push(assignment);
      begin(assignment);
    },
    onRevoked: (partitions) => revoked.push(...partitions),
    onRecords: (partition, read) => {
      records.set(partition, [...(records.get(partition) ?? []), ...read]);
      return options.onRecords?.(partition, read);
    },
    onPositionLost: (partition, position) => lost.push([partition, position]),
    onFailed: (error) => failures.push(error),
  });
  opened.reader = reader;
  for (const assignment of assignments) begin(assignment);
  onTestFinished(() => reader.close());
  return {
    reader,
    records,
    assignments,
    revoked,
    lost,
    failures,
    get assigned(): number[] {
      return (assignments.at(-1)?.partitions ?? []).map(({ partition }) => partition);
    },
    get generation(): number {
      return assignments.at(-1)?.generation ?? -1;
    },
    /** Batches of the instrument, in the order they were read. */
    batchesOf: (instrument: InstrumentKey): EventBatch[] =>
      [...records.values()]
        .flat()
        .flatMap((read) => (read.type === 'batch' && read.instrument === instrument ? [read.batch] : [])),
  };
}

/** An owner as a node has one: it keeps positions, and puts another reader in the place of one that failed. Every partition begins at 0. */
export async function openOwner(store: Pick<EventLogStore, 'openReader'>) {
  const group = freshGroup();
  const positions = new Map<number, number>();
  const readers: Awaited<ReturnType<typeof openReader>>[] = [];
  const open = async (): Promise<void> => {
    readers.push(
      await openReader(store, {
        group,
        startAt: ({ partition }) => positions.get(partition) ?? 0,
        onRecords: (partition, records) => {
          positions.set(partition, records.at(-1)!.offset + 1);
          return undefined;
        },
      }),
    );
  };
  await open();
  return {
    /** Waits until so many batches of the instrument were read, by however many readers, and returns their ordinals. */
    readOrdinals: async (instrument: InstrumentKey, count: number): Promise<number[]> => {
      const ordinals = (): number[] =>
        readers.flatMap((each) => each.batchesOf(instrument).map(({ firstOrdinal }) => firstOrdinal));
      const hasFailed = (): boolean => readers.at(-1)!.failures.length > 0;
      for (;;) {
        await waitUntil(() => ordinals().length >= count || hasFailed());
        if (ordinals().length >= count) return ordinals();
        await open();
      }
    },
  };
}

export function eventLogSuite(name: string, open: () => Promise<EventLogStore>): void {
  describe(`the event log in ${name}`, () => {
    let store: EventLogStore;

    beforeAll(async () => {
      store = await open();
    });

    afterAll(async () => {
      await store.close();
    });

    const partitionOf = (instrument: InstrumentKey): number => shardOf(instrument, store.partitions);

    it('gives back every batch exactly, at the partition of its instrument and the offset it was told', async () => {
      const { writer, durable, write } = await openWriter(store);
      const instruments = Array.from({ length: 12 }, freshInstrument);
      const written = new Map<InstrumentKey, EventBatch[]>(
        instruments.map((instrument) => [
          instrument,
          [
            {
              source: 'suite/1',
              firstOrdinal: 1,
              events: [
                bookSnapshot({ sequence: 2n ** 63n }),
                bookDelta({ asks: [2n ** 70n, 0] }),
                heartbeat(NOON_MS),
              ],
            },
            batchOf(4, 40),
            batchOf(44),
          ],
        ]),
      );
      for (const [instrument, batches] of written) {
        for (const batch of batches) expect(writer.offer(instrument, batch)).toBe(true);
      }
      await waitUntil(() => durable.length === 36);
      await write(freshInstrument(), [batchOf(1)]);
      expect(writer.queue.depth).toBe(0);

      const { records, batchesOf } = await openReader(store);
      await waitUntil(() => instruments.every((instrument) => batchesOf(instrument).length >= 3));
      for (const [instrument, batches] of written) {
        expect(batchesOf(instrument)).toEqual(batches);
        for (const { partition, offset, lastOrdinal } of durable.filter(
          (each) => each.instrument === instrument,
        )) {
          expect(partition).toBe(partitionOf(instrument));
          const record = records.get(partition)!.find((each) => each.offset === offset);
          expect(record).toMatchObject({ type: 'batch', instrument });
          const { batch } = record as LogRecord;
          expect(batch.firstOrdinal + batch.events.length - 1).toBe(lastOrdinal);
        }
      }
    });

    it('keeps the order of an instrument, without loss or double, however many batches come at once', async () => {
      const { writer, durable } = await openWriter(store);
      const instruments = [freshInstrument(), freshInstrument(), freshInstrument()];
      const count = 1_500;
      for (let ordinal = 1; ordinal <= count; ordinal++) {
        for (const instrument of instruments) expect(writer.offer(instrument, batchOf(ordinal))).toBe(true);
      }
      await waitUntil(() => durable.length === instruments.length * count);
      const { batchesOf } = await openReader(store);
      await waitUntil(() => instruments.every((instrument) => batchesOf(instrument).length >= count));
      const inOrder = Array.from({ length: count }, (_, index) => index + 1);
      for (const instrument of instruments) {
        expect(batchesOf(instrument).map(({ firstOrdinal }) => firstOrdinal)).toEqual(inOrder);
        expect(
          durable.filter((each) => each.instrument === instrument).map(({ lastOrdinal }) => lastOrdinal),
        ).toEqual(inOrder);
      }
    });

    it('reads from where it is told, record by record', async () => {
      const { write } = await openWriter(store);
      const instrument = freshInstrument();
      const durable = await write(instrument, [batchOf(1), batchOf(2), batchOf(3), batchOf(4)]);
      const startAt = durable[2]!.offset;
      const { records } = await openReader(store, {
        startAt: ({ partition }) => (partition === partitionOf(instrument) ? startAt : undefined),
      });
      await waitUntil(() => (records.get(partitionOf(instrument))?.length ?? 0) >= 2);
      expect([...records]).toEqual([
        [
          partitionOf(instrument),
          [3, 4].map((ordinal, index) => ({
            type: 'batch',
            offset: startAt + index,
            instrument,
            batch: batchOf(ordinal),
          })),
        ],
      ]);
    });

    it('starts again at another place when it is told so in the middle', async () => {
      const { write } = await openWriter(store);
      const instrument = freshInstrument();
      const partition = partitionOf(instrument);
      const durable = await write(instrument, [batchOf(1), batchOf(2), batchOf(3)]);
      const { reader, batchesOf } = await openReader(store, {
        startAt: (each) => (each.partition === partition ? durable[0]!.offset : undefined),
      });
      await waitUntil(() => batchesOf(instrument).length === 3);
      expect(reader.start(partition, durable[1]!.offset)).toBe(true);
      await waitUntil(() => batchesOf(instrument).length === 5);
      expect(batchesOf(instrument).map(({ firstOrdinal }) => firstOrdinal)).toEqual([1, 2, 3, 2, 3]);
    });

    it('hands out no more of a partition while its owner has enough, and lets others go on', async () => {
      const { write } = await openWriter(store);
      const slow = freshInstrument();
      let quick = freshInstrument();
      while (partitionOf(quick) === partitionOf(slow)) quick = freshInstrument();
      let makeRoom = (): void => undefined;
      const firstOffset = (await write(slow, [batchOf(1)]))[0]!.offset;
      const { batchesOf } = await openReader(store, {
        startAt: ({ partition, nextOffset }) =>
          partition === partitionOf(slow) ? (nextOffset ?? firstOffset) : (nextOffset ?? 0),
        onRecords: (partition) =>
          partition === partitionOf(slow) ? new Promise((resolve) => (makeRoom = resolve)) : undefined,
      });
      await waitUntil(() => batchesOf(slow).length === 1);
      await write(slow, [batchOf(2), batchOf(3)]);
      await write(quick, [batchOf(1), batchOf(2)]);
      await waitUntil(() => batchesOf(quick).length === 2);
      expect(batchesOf(slow)).toEqual([batchOf(1)]);
      makeRoom();
      await waitUntil(() => batchesOf(slow).length === 3);
      expect(batchesOf(slow).map(({ firstOrdinal }) => firstOrdinal)).toEqual([1, 2, 3]);
    });

    it('tells what can not be read in its place, and goes on behind it', async () => {
      const { write } = await openWriter(store);
      const instrument = freshInstrument();
      const partition = partitionOf(instrument);
      const [before] = await write(instrument, [batchOf(1)]);
      await store.writeForeign(partition);
      await write(instrument, [batchOf(2)]);
      const { records } = await openReader(store, {
        startAt: (each) => (each.partition === partition ? before!.offset : undefined),
      });
      await waitUntil(() => (records.get(partition)?.length ?? 0) >= 3);
      expect(records.get(partition)!.map(({ type, offset }) => [type, offset - before!.offset])).toEqual([
        ['batch', 0],
        ['unreadable', 1],
        ['batch', 2],
      ]);
    });

    it('says that it lost a position instead of skipping what is gone', async () => {
      const { write } = await openWriter(store);
      const instrument = freshInstrument();
      const partition = partitionOf(instrument);
      const durable = await write(instrument, [batchOf(1), batchOf(2), batchOf(3)]);
      const [first, , third] = durable;
      await store.dropBefore(partition, third!.offset);
      const { reader, records, lost } = await openReader(store, {
        startAt: (each) => (each.partition === partition ? first!.offset : undefined),
      });
      await waitUntil(() => lost.length === 1);
      expect(lost).toEqual([[partition, { expectedOffset: first!.offset, foundOffset: third!.offset }]]);
      expect(records.get(partition)).toBeUndefined();
      expect(reader.start(partition, third!.offset)).toBe(true);
      await waitUntil(() => records.get(partition)?.length === 1);
      expect(records.get(partition)).toMatchObject([{ offset: third!.offset, batch: batchOf(3) }]);
    });

    it('takes a batch of almost eight mebibytes and gives it back, and refuses a larger one by name', async () => {
      const { writer, write } = await openWriter(store);
      const instrument = freshInstrument();
      // 22 bytes a level.
      const levels = (count: number): bigint[] =>
        Array.from({ length: 2 * count }, (_, index) => (index % 2 === 0 ? 2n ** 61n + BigInt(index) : 1n));
      const large: EventBatch = {
        source: 'suite/1',
        firstOrdinal: 1,
        events: [bookSnapshot({ bids: levels(380_000), asks: [] })],
      };
      const [durable] = await write(instrument, [large]);
      const { batchesOf } = await openReader(store, {
        startAt: ({ partition }) => (partition === partitionOf(instrument) ? durable!.offset : undefined),
      });
      await waitUntil(() => batchesOf(instrument).length === 1);
      const [snapshot] = batchesOf(instrument)[0]!.events;
      // Compared by hand: a matcher takes minutes over so many.
      const { bids: given } = large.events[0] as BookSnapshot;
      const { bids: read } = snapshot as BookSnapshot;
      expect(read.length).toBe(given.length);
      expect(read.findIndex((value, index) => BigInt(value) !== BigInt(given[index]!))).toBe(-1);

      const tooLarge = { ...large, events: [bookSnapshot({ bids: levels(500_000), asks: [] })] };
      expect(() => writer.offer(instrument, tooLarge)).toThrow(TampinesError);
      expect(() => writer.offer(instrument, tooLarge)).toThrow(/at most 8388608 bytes/);
      expect(writer.queue.depth).toBe(0);
      await write(instrument, [batchOf(2)]);
    });

    it('gives two readers of a group every partition once, keeps what each has, and its generation grows', async () => {
      const group = freshGroup();
      const all = Array.from({ length: store.partitions }, (_, index) => index);
      const first = await openReader(store, { group });
      await waitUntil(() => first.assigned.length === all.length);
      const generation = first.generation;
      const second = await openReader(store, { group });
      const areBothOf = (count: number): boolean =>
        first.assigned.length + second.assigned.length === count && first.generation === second.generation;
      await waitUntil(() => areBothOf(all.length));
      expect([...first.assigned, ...second.assigned].sort((a, b) => a - b)).toEqual(all);
      expect(Math.abs(first.assigned.length - second.assigned.length)).toBeLessThanOrEqual(1);
      expect(second.generation).toBeGreaterThan(generation);
      expect(first.revoked.sort((a, b) => a - b)).toEqual([...second.assigned].sort((a, b) => a - b));
      expect(first.reader.start(second.assigned[0]!, 0)).toBe(false);

      const keptBySecond = second.assigned;
      const generationOfTwo = second.generation;
      await first.reader.close();
      await waitUntil(() => second.assigned.length === all.length);
      expect(second.generation).toBeGreaterThan(generationOfTwo);
      expect(second.revoked).toEqual([]);
      const known = second.assignments
        .at(-1)!
        .partitions.filter(({ nextOffset }) => nextOffset !== undefined)
        .map(({ partition }) => partition);
      expect(known.sort((a, b) => a - b)).toEqual([...keptBySecond].sort((a, b) => a - b));
    });

    it('loses and doubles nothing while readers of a group come and go', async () => {
      const { write, durable } = await openWriter(store);
      const instruments = Array.from({ length: 8 }, freshInstrument);
      const group = freshGroup();
      const positions = new Map<number, number>();
      /** As an owner would that keeps positions outside of any reader. */
      const open = () =>
        openReader(store, {
          group,
          startAt: ({ partition }) => positions.get(partition),
          onRecords: (partition, records) => {
            positions.set(partition, records.at(-1)!.offset + 1);
            return undefined;
          },
        });
      const writeAll = async (ordinal: number): Promise<void> => {
        for (const instrument of instruments) await write(instrument, [batchOf(ordinal)]);
      };
      await writeAll(1);
      for (const { partition, offset } of [...durable].reverse()) positions.set(partition, offset);
      const readers = [await open()];
      readers.push(await open());
      await writeAll(2);
      await waitUntil(() => readers[1]!.assigned.length > 0);
      await writeAll(3);
      await readers[0]!.reader.close();
      await writeAll(4);
      const batchesOf = (instrument: InstrumentKey): number[] =>
        readers.flatMap((each) => each.batchesOf(instrument).map(({ firstOrdinal }) => firstOrdinal));
      await waitUntil(() => instruments.every((instrument) => batchesOf(instrument).length >= 4));
      for (const instrument of instruments) expect(batchesOf(instrument)).toEqual([1, 2, 3, 4]);
    });
  });
}
