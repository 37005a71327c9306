/** The event log in a real Kafka. */
import kafkajs from 'kafkajs';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import { provideEventTopic } from '../../src/kafka/event-topic.ts';
import { KafkaEventLogReader } from '../../src/kafka/kafka-event-log-reader.ts';
import { KafkaEventLogWriter } from '../../src/kafka/kafka-event-log-writer.ts';
import { eventTopicOf } from '../../src/kafka/kafka-options.ts';
import { eventLogSuite } from '../suites/event-log-suite.ts';
import { testKafkaOptions } from '../support/kafka-options.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { testKafkaBrokers } from '../support/services.ts';

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
