import { beforeEach, describe, expect, it } from 'vitest';
import { CommandFailure, EXIT_CODES } from '../../../src/cli/exit-codes.ts';
import { repartition, repartitionBy } from '../../../src/cli/log/repartition.ts';
import type { InstrumentKey } from '../../../src/market/symbols.ts';
import { ModelLogStore, ModelTopics } from '../../cluster/model-log.ts';

const BTC = 'model:BTC-USD' as InstrumentKey;

let topics: ModelTopics;
let store: ModelLogStore;
let written: string;
const screen = {
  ...{ isTerminal: false, width: undefined, height: undefined },
  write: (text: string) => void (written += text),
};

const run = (partitions: number, { isJson = false, isDryRun = false } = {}): Promise<void> =>
  repartitionBy({ store, topics }, { screen, isJson, isDryRun, partitions });

beforeEach(() => {
  written = '';
  topics = new ModelTopics();
  topics.topics.set(0, [
    { records: [1, 2, 3].map((number) => ({ instrument: BTC, number })), firstOffset: 0 },
  ]);
  store = new ModelLogStore({ partitions: 1, shards: [{ shard: 0, epoch: 1, nextPlace: 0 }] });
  store.statePlaces.set(BTC, 1);
});

describe('tampines log repartition', () => {
  it('says where the log is now, what was copied, and what is to be done next', async () => {
    await run(4);
    expect(written).toBe(
      [
        'The log is in model.events.1 with 4 partitions now: 2 of 3 records were copied, the states of 1 instruments hold the others.',
        'model.events.0 is as it was, and nothing reads it any more.',
        'Start all nodes with kafka.partitions: 4.',
        '',
      ].join('\n'),
    );
  });

  it('names topics of attempts that did not come to their end', async () => {
    store.lastGeneration = 2;
    await run(4);
    expect(written).toContain('Delete model.events.1, if it is there');
    expect(written).toContain('Delete model.events.2, if it is there');
    expect(written).toContain('The log is in model.events.3');
  });

  it('says without doing anything what would be done, and why it would be refused', async () => {
    store.running = ['the node one is alive'];
    await run(4, { isDryRun: true });
    expect(written).toContain('3 records would be read');
    expect(written).toContain('It would be refused now: the node one is alive.\nNothing was done.');
    expect([store.lastGeneration, topics.topics.size]).toEqual([0, 1]);
  });

  it('does nothing where the log has so many partitions already, nodes running or not', async () => {
    store.running = ['the node one is alive'];
    await run(1);
    expect(written).toBe('model.events.0 has 1 partitions already: nothing was done.\n');
    expect(store.lastGeneration).toBe(0);
  });

  it('gives scripts one document', async () => {
    await run(2, { isJson: true });
    expect(JSON.parse(written)).toEqual({
      ...{ isDone: true, instruments: 1, recordsToRead: 3, recordsCopied: 2, leftTopics: [], running: [] },
      from: { topic: 'model.events.0', partitions: 1 },
      to: { topic: 'model.events.1', partitions: 2, firstPlace: 3 },
    });
  });

  it.each([
    ['more partitions than there may be', 5_000, 'kafka.partitions'],
    ['settings of no cluster', 4, 'kafka.brokers and postgres.url are wanted'],
  ])('refuses %s in words, and as a document', async (_what, partitions, words) => {
    const refusedAs = async (isJson: boolean): Promise<CommandFailure> => {
      const options = { screen, isJson, isDryRun: false, partitions };
      const failed = await repartition({ ...options, config: undefined, set: [], environment: {} }).catch(
        (error: unknown) => error,
      );
      expect(failed).toBeInstanceOf(CommandFailure);
      return failed as CommandFailure;
    };
    const { exitCode, message } = await refusedAs(false);
    expect([exitCode, message]).toEqual([EXIT_CODES.failed, expect.stringContaining(words)]);
    expect(JSON.parse((await refusedAs(true)).message)).toMatchObject({
      code: 'SETTINGS_INVALID',
      detail: expect.stringContaining(words) as unknown,
    });
  });
});
