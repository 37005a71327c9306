import { beforeEach, describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../../src/cli/exit-codes.ts';
import { reset, resetBy } from '../../../src/cli/log/reset.ts';
import type { ResetTarget } from '../../../src/cluster/ports.ts';
import type { InstrumentKey } from '../../../src/market/symbols.ts';
import { ModelTopics } from '../../cluster/model-log.ts';
import { ModelResetStore } from '../../cluster/model-reset.ts';
import { TEST_POLICY } from '../../support/instrument-runs.ts';

const BTC = 'model:BTC-USD' as InstrumentKey;
const ETH = 'model:ETH-USD' as InstrumentKey;

let topics: ModelTopics;
let store: ModelResetStore;
let written: string;
const screen = {
  ...{ isTerminal: false, width: undefined, height: undefined },
  write: (text: string) => void (written += text),
};

const run = (target: ResetTarget, { isJson = false, isDryRun = false } = {}): Promise<void> =>
  resetBy(
    { store, topics, lists: store },
    { ...{ screen, isJson, isDryRun, target }, instruments: undefined, policy: TEST_POLICY.candles },
  );

beforeEach(() => {
  written = '';
  topics = new ModelTopics();
  topics.topics.set(0, [
    { records: [1, 2, 3].map((number) => ({ instrument: BTC, number })), firstOffset: 0 },
  ]);
  store = new ModelResetStore({ partitions: 1, shards: [{ shard: 0, epoch: 1, nextPlace: 3 }] });
  store.states.set(BTC, [
    { place: 1, recordCount: 1, savedAtMs: 1_000 },
    { place: 3, recordCount: 3, savedAtMs: 5_000 },
  ]);
  store.states.set(ETH, [{ place: 2, recordCount: 0, savedAtMs: 2_000 }]);
});

describe('tampines log reset', () => {
  it('says from which state each instrument goes on, and what is to be done next', async () => {
    await run({ kind: 'time', timeMs: 1_500 });
    expect(written.split('\n')).toEqual([
      'model:BTC-USD: from its state of batch 1, saved 1970-01-01T00:00:01.000Z',
      'model:ETH-USD: from the beginning of its log',
      expect.stringMatching(/^3 records are read again when the nodes start\. Start them soon/),
      '',
    ]);
    expect(store.log.shards).toEqual([{ shard: 0, epoch: 2, nextPlace: 0 }]);
  });

  it('says without doing anything what would be done, and why it would be refused', async () => {
    store.running = ['the node one is alive'];
    await run({ kind: 'time', timeMs: 2_000 }, { isDryRun: true });
    expect(written).toContain(
      '2 records would be read again.\nIt would be refused now: the node one is alive.\nNothing was done.',
    );
    expect(store.states.get(BTC)).toHaveLength(2);
  });

  it('gives scripts one document', async () => {
    await run({ kind: 'time', timeMs: 2_000 }, { isJson: true });
    expect(JSON.parse(written)).toEqual({
      ...{ isDone: true, recordsToRead: 2, running: [] },
      instruments: [
        { instrument: BTC, batchNumber: 1, savedAtMs: 1_000 },
        { instrument: ETH, batchNumber: 2, savedAtMs: 2_000 },
      ],
    });
  });

  it('refuses settings of no cluster', async () => {
    const refused = reset({
      ...{ screen, isJson: false, isDryRun: false, config: undefined, set: [], environment: {} },
      ...{ target: { kind: 'time', timeMs: 1 }, instruments: undefined },
    });
    await expect(refused).rejects.toMatchObject({
      exitCode: EXIT_CODES.failed,
      message: expect.stringContaining('kafka.brokers and postgres.url are wanted') as string,
    });
  });
});
