/** The event log in a real Kafka. */
import kafkajs from 'kafkajs';
import { expect, it } from 'vitest';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import { provideEventTopic } from '../../src/kafka/event-topic.ts';
import { KafkaEventLogReader } from '../../src/kafka/kafka-event-log-reader.ts';
import { KafkaEventLogWriter } from '../../src/kafka/kafka-event-log-writer.ts';
import { eventTopicOf } from '../../src/kafka/kafka-options.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { eventLogSuite, openReader, openWriter } from '../suites/event-log-suite.ts';
import { testKafkaOptions } from '../support/kafka-options.ts';
import { trade } from '../support/market-events.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { eventually } from '../support/running-node.ts';
import { testKafkaBrokers } from '../support/services.ts';
import { waitUntil } from '../support/wait-until.ts';

eventLogSuite('Kafka', async () => {
  const kafka = testKafkaOptions(testKafkaBrokers());
  const eventTopic = eventTopicOf(kafka);
  const topic = eventTopic.name;
  const surroundings = {
    kafka,
    topic: eventTopic,
    clientId: 'tampines-test',
    clock: systemClock,
    timers: systemTimers,
    random: Math.random,
    log: new RecordingLog(),
  };
  await provideEventTopic({ ...surroundings, checkpointEveryMs: 60_000 });
  const client = new kafkajs.Kafka({ brokers: [...kafka.brokers], logLevel: kafkajs.logLevel.NOTHING });
  const admin = client.admin();
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await Promise.all([admin.connect(), producer.connect()]);
  return {
    partitions: kafka.partitions,
    openWriter: (events) => KafkaEventLogWriter.open({ ...surroundings, events }),
    openReader: (group, events) => KafkaEventLogReader.open({ ...surroundings, group, events }),
    writeForeign: async (partition) => {
      await producer.send({ topic, messages: [{ partition, key: 'x', value: 'not one of ours' }] });
    },
    dropBefore: async (partition, offset) => {
      // Makes the client know the topic's leaders, which it asks for nowhere else.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
    },
    close: async () => {
      await admin.deleteTopics({ topics: [topic] });
      await Promise.all([admin.disconnect(), producer.disconnect()]);
    },
  };
});

it('a topic that took the place of another counts its places on from there, to whoever writes and whoever reads', async () => {
  const kafka = testKafkaOptions(testKafkaBrokers());
  const topic = eventTopicOf(kafka, { generation: 3, firstPlace: 7_000 });
  expect(topic.name).toBe(`${kafka.topicPrefix}.events.3`);
  const surroundings = {
    ...{ kafka, topic, clientId: 'tampines-test', random: Math.random, log: new RecordingLog() },
    ...{ clock: systemClock, timers: systemTimers },
  };
  await provideEventTopic({ ...surroundings, checkpointEveryMs: 60_000 });
  const { write } = await openWriter({
    openWriter: (events) => KafkaEventLogWriter.open({ ...surroundings, events }),
  });
  const instrument = 'suite:MOVED-USD' as InstrumentKey;
  const batches = [1, 2, 3].map((firstOrdinal) => ({ source: 'suite/1', firstOrdinal, events: [trade({})] }));
  const durable = await write(instrument, batches);
  expect(durable.map(({ offset }) => offset)).toEqual([7_000, 7_001, 7_002]);

  const group = `${kafka.topicPrefix}.shards`;
  const { partition } = durable[0]!;
  const { reader, records } = await openReader(
    { openReader: (name, events) => KafkaEventLogReader.open({ ...surroundings, group: name, events }) },
    { group, startAt: (each) => (each.partition === partition ? 7_001 : undefined) },
  );
  await waitUntil(() => records.get(partition)?.length === 2);
  expect(records.get(partition)).toMatchObject([
    { offset: 7_001, batch: { firstOrdinal: 2 } },
    { offset: 7_002, batch: { firstOrdinal: 3 } },
  ]);
  expect([reader.knownEndOf(partition), await reader.endOf(partition)]).toEqual([7_003, 7_003]);
  reader.noteSaved(partition, 7_002);
  const admin = new kafkajs.Kafka({
    brokers: [...kafka.brokers],
    logLevel: kafkajs.logLevel.NOTHING,
  }).admin();
  await admin.connect();
  await eventually('the offset of Kafka is committed', async () => {
    const [committed] = await admin.fetchOffsets({ groupId: group, topics: [topic.name] });
    const found = committed?.partitions.find((each) => each.partition === partition);
    return found?.offset === '2' ? true : undefined;
  });
  await admin.disconnect();
});
