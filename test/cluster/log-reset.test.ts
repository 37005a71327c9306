import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { planLogReset, resetLog } from '../../src/cluster/log-reset.ts';
import type { ResetTarget } from '../../src/cluster/ports.ts';
import { shardOf } from '../../src/market/shards.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { TEST_POLICY } from '../support/instrument-runs.ts';
import { ModelTopics } from './model-log.ts';
import { ModelResetStore } from './model-reset.ts';

const PARTITIONS = 2;
const INSTRUMENTS = Array.from({ length: 4 }, (_, index) => `model:COIN${index}-USD` as InstrumentKey);
const [FIRST] = INSTRUMENTS as [InstrumentKey];

let topics: ModelTopics;
let store: ModelResetStore;
let written: Map<InstrumentKey, number>;
let nowMs: number;

function open(): void {
  topics = new ModelTopics();
  topics.topics.set(
    0,
    Array.from({ length: PARTITIONS }, () => ({ records: [], firstOffset: 0 })),
  );
  const shards = Array.from({ length: PARTITIONS }, (_, shard) => ({ shard, epoch: 1, nextPlace: 0 }));
  store = new ModelResetStore({ partitions: PARTITIONS, shards });
  written = new Map();
  nowMs = 0;
}

function write(instrument: InstrumentKey): void {
  const number = (written.get(instrument) ?? 0) + 1;
  written.set(instrument, number);
  topics.write(0, shardOf(instrument, PARTITIONS), { instrument, number });
}

/** As nodes do: each instrument goes on from its newest state with what its shard reads, and must find the record that comes next. Returns how far each came. */
function run(saving: readonly InstrumentKey[]): Map<InstrumentKey, number> {
  nowMs++;
  const counts = new Map<InstrumentKey, number>();
  const { firstPlace } = store.log;
  const shards = store.log.shards.map(({ shard, epoch, nextPlace }) => {
    const { records, firstOffset } = topics.topics.get(0)![shard]!;
    for (const instrument of INSTRUMENTS.filter((key) => shardOf(key, PARTITIONS) === shard)) {
      const newest = store.states.get(instrument)?.at(-1);
      let count = newest?.recordCount ?? 0;
      let place = newest?.place ?? 0;
      for (const [index, record] of records.entries()) {
        const at = firstPlace + firstOffset + index;
        if (record.instrument !== instrument || at < Math.max(nextPlace, newest?.place ?? 0)) continue;
        if (record.number !== count + 1)
          throw new Error(`${instrument}: ${record.number} follows on ${count}`);
        count++;
        place = at + 1;
      }
      counts.set(instrument, count);
      if (!saving.includes(instrument) || count === (newest?.recordCount ?? 0)) continue;
      const state = { place, recordCount: count, savedAtMs: nowMs };
      store.states.set(instrument, [...(store.states.get(instrument) ?? []), state]);
    }
    const unsaved = records.findIndex(
      ({ instrument }, index) =>
        firstPlace + firstOffset + index >= (store.states.get(instrument)?.at(-1)?.place ?? 0),
    );
    const end = unsaved === -1 ? records.length : unsaved;
    return { shard, epoch: epoch + 1, nextPlace: firstPlace + firstOffset + end };
  });
  store.log = { ...store.log, shards };
  return counts;
}

async function reset(target: ResetTarget, instruments?: readonly InstrumentKey[]): Promise<void> {
  const edges = { store, topics, lists: store };
  const plan = await planLogReset(edges, { target, instruments, policy: TEST_POLICY.candles });
  await resetLog(edges, plan);
}

beforeEach(open);

describe('reading that is reset', () => {
  it('finds for every instrument the record behind its state, however often it is reset or cut off', async () => {
    const some = fc.subarray(INSTRUMENTS);
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ write: fc.array(fc.constantFrom(...INSTRUMENTS), { maxLength: 8 }) }),
      },
      { weight: 4, arbitrary: fc.record({ run: some }) },
      {
        weight: 3,
        arbitrary: fc.record({ back: fc.nat({ max: 6 }), of: some, isCutOff: fc.boolean() }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        open();
        for (const each of steps) {
          if ('write' in each) each.write.forEach(write);
          else if ('run' in each) run(each.run);
          else {
            const target: ResetTarget = { kind: 'time', timeMs: Math.max(0, nowMs - each.back) };
            const before = JSON.stringify([store.log, [...store.states]]);
            store.onConfirm = () => {
              if (each.isCutOff) throw new Error('cut off');
            };
            await reset(target, each.of).catch(() => undefined);
            if (each.isCutOff) expect(JSON.stringify([store.log, [...store.states]])).toBe(before);
            store.onConfirm = () => undefined;
            await reset(target, each.of);
            for (const instrument of each.of) {
              for (const { savedAtMs } of store.states.get(instrument) ?? []) {
                expect(savedAtMs).toBeLessThanOrEqual(target.timeMs);
              }
            }
          }
        }
        const counts = run([]);
        expect(new Map([...counts].filter(([, count]) => count > 0))).toEqual(written);
      }),
      { seed: 20261201, numRuns: 300 },
    );
  });
});

describe('resetting the reading', () => {
  const refusal = async (code: string, target: ResetTarget, words = ''): Promise<void> => {
    const before = JSON.stringify(store.log);
    await expect(reset(target, [FIRST])).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words) as string,
    });
    expect(JSON.stringify(store.log)).toBe(before);
  };
  const partitionOfFirst = () => topics.topics.get(0)![shardOf(FIRST, PARTITIONS)]!;

  beforeEach(() => {
    for (let round = 0; round < 3; round++) {
      INSTRUMENTS.forEach(write);
      run(INSTRUMENTS);
    }
  });

  it('is refused while a node is alive, or comes to life before it stands', async () => {
    store.running = ['the node one is alive'];
    await refusal('CLUSTER_RUNNING', { kind: 'time', timeMs: 1 });
    store.running = [];
    store.onFound = () => void run(INSTRUMENTS);
    const { shards } = store.log;
    await expect(reset({ kind: 'time', timeMs: 1 }, [FIRST])).rejects.toMatchObject({
      code: 'CLUSTER_RUNNING',
    });
    expect(store.log.shards.map(({ nextPlace }) => nextPlace)).toEqual(
      shards.map(({ nextPlace }) => nextPlace),
    );
  });

  it('is refused where the log no longer reaches back to the state, or to its beginning where there is none', async () => {
    const [oldest] = store.states.get(FIRST)!;
    const partition = partitionOfFirst();
    partition.records.splice(0, oldest!.place + 1);
    partition.firstOffset = oldest!.place + 1;
    await refusal(
      'EVENT_LOG_SHORT',
      { kind: 'savepoint', batchNumber: oldest!.place },
      'holds the log up to',
    );
    await refusal('EVENT_LOG_SHORT', { kind: 'time', timeMs: 0 }, 'has no state of that time');
    await reset({ kind: 'savepoint', batchNumber: store.states.get(FIRST)!.at(-1)!.place }, [FIRST]);
  });

  it('is refused from before a move of the log on, unless the state is the newest of its instrument', async () => {
    const places = store.states.get(FIRST)!.map(({ place }) => place);
    for (const partition of topics.topics.get(0)!) partition.records = [];
    store.log = {
      ...store.log,
      firstPlace: 50,
      shards: store.log.shards.map((shard) => ({ ...shard, nextPlace: 50 })),
    };
    await refusal(
      'EVENT_LOG_SHORT',
      { kind: 'savepoint', batchNumber: places[0]! },
      'was moved to another number',
    );
    await refusal('EVENT_LOG_SHORT', { kind: 'time', timeMs: 0 }, 'was moved to another number');
    await reset({ kind: 'savepoint', batchNumber: places.at(-1)! }, [FIRST]);
    expect(store.log.shards.map(({ nextPlace }) => nextPlace)).toEqual([50, 50]);
  });

  it('is refused where the topic was made anew', async () => {
    for (const partition of topics.topics.get(0)!) partition.records = [];
    await refusal('EVENT_LOG_LOST', { kind: 'time', timeMs: nowMs });
    // Nothing would bring back what the rows of before were made of.
    await refusal('EVENT_LOG_LOST', { kind: 'time', timeMs: 0 });
  });

  it('leaves everything as it was where the lists of Redis can not be reached', async () => {
    store.onConfirm = () => {
      throw new Error('Redis is away');
    };
    const before = JSON.stringify([store.log, [...store.states]]);
    await expect(reset({ kind: 'time', timeMs: 1 })).rejects.toThrow('Redis is away');
    expect(JSON.stringify([store.log, [...store.states]])).toBe(before);
  });
});
