/** Copying between topics on a real Kafka: whole records, each instrument in its order, and nothing that is missing is passed over. */
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import type { LogCopy } from '../../src/cluster/ports.ts';
import { KafkaEventTopics } from '../../src/kafka/event-topics.ts';
import { shardOf } from '../../src/market/shards.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { testKafkaOptions } from '../support/kafka-options.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { eventually } from '../support/running-node.ts';
import { freshName, testKafkaBrokers } from '../support/services.ts';

const FROM = { generation: 0, firstPlace: 100 };
const KEYS = ['suite:A-USD', 'suite:B-USD', 'suite:C-USD', 'suite:D-USD', 'suite:E-USD'] as const;
/** That of the first key. */
const SHARD = shardOf(KEYS[0] as InstrumentKey, 2);
/** More than fit into one request. */
const RECORDS = 1_200;

describe('copying the log of events to another topic', () => {
  const kafka = testKafkaOptions(testKafkaBrokers(), ['kafka.partitions=2']);
  const client = new kafkajs.Kafka({
    brokers: [...kafka.brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 20, initialRetryTime: 200, maxRetryTime: 1_000 },
  });
  const admin = client.admin();
  const topics = new KafkaEventTopics({
    ...{ kafka, checkpointEveryMs: 60_000, clientId: 'tampines-test', log: new RecordingLog() },
    ...{ clock: systemClock, timers: systemTimers },
  });

  beforeAll(async () => {
    await admin.connect();
    await topics.create({ ...FROM, partitions: 2 });
    const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    const messages = Array.from({ length: RECORDS }, (_, index) => {
      const key = KEYS[index % KEYS.length]!;
      const value = Buffer.from([0, 255, index % 256, index >> 8]);
      return { key, value, headers: { schema: 'x' }, partition: shardOf(key as InstrumentKey, 2) };
    });
    await producer.send({ topic: topics.nameOf(0), messages });
    await producer.send({ topic: topics.nameOf(0), messages: [{ value: 'without a key', partition: 1 }] });
    await producer.disconnect();
  });
  afterAll(() => admin.disconnect());

  async function read(topic: string, count: number): Promise<[partition: number, text: string][]> {
    const consumer = client.consumer({ groupId: freshName('reader') });
    const found: [number, string][] = [];
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ partition, message: { key, value, headers } }) => {
        const schema = String(headers?.['schema'] ?? '');
        found.push([partition, `${key?.toString() ?? ''} ${schema} ${value!.toString('hex')}`]);
        return Promise.resolve();
      },
    });
    await eventually('all is read', () => Promise.resolve(found.length >= count ? true : undefined));
    await consumer.disconnect();
    return found;
  }

  const copyOf = async (generation: number, changes: Partial<LogCopy>): Promise<LogCopy> => {
    const to = { generation, firstPlace: 5_000, partitions: 3 };
    await topics.create(to);
    const ranges = (await topics.boundsOf(FROM)).map(({ shard, firstPlace, endPlace }) => ({
      ...{ shard, fromPlace: firstPlace, endPlace },
    }));
    return { from: FROM, to, ranges, isNeeded: () => true, onRead: () => undefined, ...changes };
  };

  it('takes key, value and headers along, and keeps the order of each key', async () => {
    const copy = await copyOf(1, {});
    const counts = await topics.copy(copy);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(RECORDS + 1);
    const bounds = await topics.boundsOf(copy.to);
    expect(bounds.map(({ firstPlace, endPlace }) => endPlace - firstPlace)).toEqual(counts);
    expect(bounds.map(({ firstPlace }) => firstPlace)).toEqual([5_000, 5_000, 5_000]);
    const [before, after] = [
      await read(topics.nameOf(0), RECORDS + 1),
      await read(topics.nameOf(1), RECORDS + 1),
    ];
    for (const key of [...KEYS, '']) {
      const textsOf = (found: typeof before): string[] =>
        found.map(([, text]) => text).filter((text) => text.startsWith(`${key} `));
      expect(textsOf(after)).toEqual(textsOf(before));
      const partitions = new Set(
        after.filter(([, text]) => text.startsWith(`${key} `)).map(([partition]) => partition),
      );
      expect([...partitions]).toEqual([shardOf(key as InstrumentKey, 3)]);
    }
  });

  it('leaves out what is before or behind the ranges, and what is not needed', async () => {
    const asked: number[] = [];
    let readCount = 0;
    const copy = await copyOf(2, {
      ranges: [{ shard: SHARD, fromPlace: 110, endPlace: 115 }],
      isNeeded: (_instrument, place) => asked.push(place) > 2,
      onRead: (count) => (readCount += count),
    });
    const counts = await topics.copy(copy);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(3);
    expect([asked, readCount]).toEqual([[110, 111, 112, 113, 114], 5]);
  });

  it('fails where a record of the ranges is not there any more', async () => {
    const copy = await copyOf(3, {});
    await admin.fetchTopicOffsets(topics.nameOf(0));
    await admin.deleteTopicRecords({
      topic: topics.nameOf(0),
      partitions: [{ partition: SHARD, offset: '4' }],
    });
    await expect(topics.copy(copy)).rejects.toMatchObject({
      code: 'EVENT_LOG_SHORT',
      fields: { partition: SHARD, expectedOffset: 0, foundOffset: 4 },
    });
    expect((await topics.boundsOf(FROM))[SHARD]).toMatchObject({ shard: SHARD, firstPlace: 104 });
  });
});
