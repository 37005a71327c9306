import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { moveLog, planLogMove } from '../../src/cluster/log-move.ts';
import { shardOf } from '../../src/market/shards.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import type { ModelRecord } from './model-log.ts';
import { ModelLogStore, ModelTopics } from './model-log.ts';

const INSTRUMENTS = Array.from({ length: 6 }, (_, index) => `model:COIN${index}-USD` as InstrumentKey);

let topics: ModelTopics;
let store: ModelLogStore;
/** By instrument, how many records were written. */
let written: Map<InstrumentKey, number>;

function open(partitions: number): void {
  topics = new ModelTopics();
  store = new ModelLogStore({ partitions, shards: [] });
  written = new Map();
  topics.topics.set(
    0,
    Array.from({ length: partitions }, () => ({ records: [], firstOffset: 0 })),
  );
}

function write(instrument: InstrumentKey): void {
  const number = (written.get(instrument) ?? 0) + 1;
  written.set(instrument, number);
  topics.write(store.log.generation, shardOf(instrument, store.log.partitions), { instrument, number });
}

function recordsOf(shard: number): { readonly place: number; readonly record: ModelRecord }[] {
  const { generation, firstPlace } = store.log;
  const { records, firstOffset } = topics.topics.get(generation)![shard]!;
  return records.map((record, index) => ({ place: firstPlace + firstOffset + index, record }));
}

/** As a node does: the state of each takes what its log has behind its place, and must find the number that comes next. */
const folded = new Map<InstrumentKey, number>();
function run(saving: readonly InstrumentKey[]): void {
  for (let shard = 0; shard < store.log.partitions; shard++) {
    const nextPlace = store.log.shards.find((each) => each.shard === shard)?.nextPlace ?? 0;
    for (const { place, record } of recordsOf(shard)) {
      const { instrument, number } = record;
      if (place < Math.max(nextPlace, store.statePlaces.get(instrument) ?? 0)) continue;
      if (number !== (folded.get(instrument) ?? 0) + 1) {
        throw new Error(`${instrument}: ${number} follows on ${folded.get(instrument) ?? 0}`);
      }
      folded.set(instrument, number);
    }
  }
  const shards = Array.from({ length: store.log.partitions }, (_, shard) => {
    const records = recordsOf(shard);
    for (const { place, record } of records) {
      if (saving.includes(record.instrument)) store.statePlaces.set(record.instrument, place + 1);
    }
    // From the first record that is in no state.
    const unsaved = records.find(
      ({ place, record }) => place >= (store.statePlaces.get(record.instrument) ?? 0),
    );
    const end = store.log.firstPlace + records.length;
    const epoch = (store.log.shards.find((each) => each.shard === shard)?.epoch ?? 0) + 1;
    return { shard, epoch, nextPlace: unsaved?.place ?? end };
  });
  store.log = { ...store.log, shards };
  // What is not saved is gone with the node.
  for (const instrument of INSTRUMENTS) folded.set(instrument, savedNumber(instrument));
}

/** How many records the saved state of the instrument holds, by all that was ever written. */
const saved = new Map<InstrumentKey, number>();
function savedNumber(instrument: InstrumentKey): number {
  return saved.get(instrument) ?? 0;
}

async function move(partitions: number, onCreated: () => void = () => undefined): Promise<readonly number[]> {
  const edges = { store, topics };
  return moveLog(edges, await planLogMove(edges), { partitions, onCreated, onRead: () => undefined });
}

beforeEach(() => {
  saved.clear();
  folded.clear();
  open(3);
});

describe('a log that is moved to another number of partitions', () => {
  it('goes on for every instrument with the record behind its state, however often it is moved', async () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ write: fc.array(fc.constantFrom(...INSTRUMENTS), { maxLength: 8 }) }),
      },
      { weight: 3, arbitrary: fc.record({ run: fc.subarray(INSTRUMENTS) }) },
      { weight: 2, arbitrary: fc.record({ move: fc.integer({ min: 1, max: 7 }) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        saved.clear();
        folded.clear();
        open(3);
        for (const each of [...steps, { move: 5 }, { run: INSTRUMENTS }]) {
          if ('write' in each) each.write.forEach(write);
          else if ('move' in each) {
            const epochs = store.log.shards.map(({ epoch }) => epoch);
            await move(each.move);
            expect(Math.min(...store.log.shards.map(({ epoch }) => epoch))).toBeGreaterThan(
              Math.max(0, ...epochs),
            );
          } else {
            for (const instrument of each.run) saved.set(instrument, written.get(instrument) ?? 0);
            run(each.run);
          }
        }
        expect(new Map([...folded].filter(([, number]) => number > 0))).toEqual(written);
      }),
      { seed: 20261129, numRuns: 300 },
    );
  });

  it('holds no record that a state holds already', async () => {
    open(1);
    const [first, second] = INSTRUMENTS as [InstrumentKey, InstrumentKey];
    for (let count = 0; count < 5; count++) [first, second].forEach(write);
    saved.set(first, 5);
    run([first]);
    await move(2);
    const records = [0, 1].flatMap(recordsOf);
    expect(records.map(({ record }) => record.number)).toEqual([1, 2, 3, 4, 5]);
    expect(new Set(records.map(({ record }) => record.instrument))).toEqual(new Set([second]));
    expect(records[0]!.place).toBeGreaterThanOrEqual(store.statePlaces.get(first)!);
  });
});

describe('moving the log', () => {
  const refusal = async (code: string, during?: () => void): Promise<void> => {
    const before = store.log;
    await expect(move(2, during)).rejects.toMatchObject({ code });
    expect(store.log.generation).toBe(before.generation);
    expect(store.log.firstPlace).toBe(before.firstPlace);
  };

  beforeEach(() => {
    INSTRUMENTS.forEach(write);
    run([]);
  });

  it('is refused while a node is alive, and makes no topic then', async () => {
    store.running = ['the node one is alive'];
    await refusal('CLUSTER_RUNNING');
    expect([...topics.topics.keys()]).toEqual([0]);
  });

  it.each([
    ['a node came to life', () => void (store.running = ['the node one is alive'])],
    ['a state was saved', () => void store.statePlaces.set(INSTRUMENTS[0]!, 1)],
    [
      'a shard was claimed',
      () =>
        void (store.log = {
          ...store.log,
          shards: store.log.shards.map((shard) => ({ ...shard, epoch: shard.epoch + 1 })),
        }),
    ],
    ['something was written', () => write(INSTRUMENTS[0]!)],
  ])('is given up where %s meanwhile, and can be done again', async (_what, happen) => {
    await refusal('CLUSTER_RUNNING', happen);
    store.running = [];
    await move(2);
    expect([store.log.generation, store.log.partitions]).toEqual([2, 2]);
  });

  it('is given up where another attempt was begun, whichever ends first', async () => {
    await refusal('EVENT_LOG_MOVED', () => {
      store.lastGeneration++;
    });
  });

  it('is given up where the new topic holds more than was copied to it', async () => {
    await refusal(
      'EVENT_TOPIC_UNFIT',
      () => void topics.write(1, 0, { instrument: INSTRUMENTS[0]!, number: 99 }),
    );
  });

  it('that ended in its middle has changed nothing, and is done again with a topic of its own', async () => {
    let count = 0;
    topics.onCopied = () => {
      if (++count === 3) throw new Error('killed');
    };
    await expect(move(2)).rejects.toThrow('killed');
    expect(store.log.generation).toBe(0);
    await move(2);
    expect(store.log.generation).toBe(2);
    expect([0, 1].flatMap((shard) => recordsOf(shard)).length).toBe(INSTRUMENTS.length);
  });

  it('is refused where the log no longer reaches back to what is in no state', async () => {
    const partition = topics.topics.get(0)!.find(({ records }) => records.length > 1)!;
    partition.records.shift();
    partition.firstOffset = 1;
    await refusal('EVENT_LOG_SHORT');
  });

  it('is refused where the topic was made anew', async () => {
    run(INSTRUMENTS);
    for (const partition of topics.topics.get(0)!) partition.records = [];
    await refusal('EVENT_LOG_LOST');
  });

  it('is refused where partitions were added to the topic', async () => {
    topics.topics.get(0)!.push({ records: [], firstOffset: 0 });
    await refusal('EVENT_TOPIC_UNFIT');
  });
});
