/** The topic of events on a real Kafka: made as the settings say, and refused with words that help where it is otherwise. */
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import { TampinesError } from '../../src/base/errors.ts';
import { provideEventTopic } from '../../src/kafka/event-topic.ts';
import type { KafkaOptions } from '../../src/kafka/kafka-options.ts';
import { eventTopicOf } from '../../src/kafka/kafka-options.ts';
import { testKafkaOptions } from '../support/kafka-options.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { testKafkaBrokers } from '../support/services.ts';

const CHECKPOINT_MS = 60_000;
const FIT = {
  'cleanup.policy': 'delete',
  'retention.ms': 2 * CHECKPOINT_MS,
  'retention.bytes': -1,
  'min.insync.replicas': 1,
  'max.message.bytes': 16 * 1024 * 1024,
};

describe('the topic of events', () => {
  let admin: kafkajs.Admin;

  beforeAll(async () => {
    admin = new kafkajs.Kafka({
      brokers: [...testKafkaBrokers()],
      logLevel: kafkajs.logLevel.NOTHING,
    }).admin();
    await admin.connect();
  });

  afterAll(async () => {
    await admin.disconnect();
  });

  const options = (...assignments: string[]): KafkaOptions =>
    testKafkaOptions(testKafkaBrokers(), assignments);
  const provide = (kafka: KafkaOptions): Promise<void> =>
    provideEventTopic({
      kafka,
      topic: eventTopicOf(kafka),
      checkpointEveryMs: CHECKPOINT_MS,
      clientId: 'tampines-test',
      clock: systemClock,
      timers: systemTimers,
      log: new RecordingLog(),
    });

  async function make(
    kafka: KafkaOptions,
    changes: Record<string, string | number>,
    partitions = 6,
  ): Promise<void> {
    await admin.createTopics({
      waitForLeaders: false,
      topics: [
        {
          topic: eventTopicOf(kafka).name,
          numPartitions: partitions,
          replicationFactor: 1,
          configEntries: Object.entries({ ...FIT, ...changes }).map(([name, value]) => ({
            name,
            value: String(value),
          })),
        },
      ],
    });
  }

  async function messageOf(kafka: KafkaOptions): Promise<string> {
    const error: unknown = await provide(kafka).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(TampinesError);
    expect((error as TampinesError).code).toBe('EVENT_TOPIC_UNFIT');
    return (error as TampinesError).message;
  }

  it('is made where it is missing, by as many nodes at once as there are, and then found good', async () => {
    const kafka = options('kafka.retentionMs=7200000');
    await Promise.all([provide(kafka), provide(kafka), provide(kafka)]);
    await provide(kafka);
    const { topics } = await admin.fetchTopicMetadata({ topics: [eventTopicOf(kafka).name] });
    expect(topics[0]!.partitions).toHaveLength(6);
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [
        {
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name: eventTopicOf(kafka).name,
          configNames: ['retention.ms', 'cleanup.policy'],
        },
      ],
    });
    expect(
      resources[0]!.configEntries.map(({ configName, configValue }) => [configName, configValue]),
    ).toEqual(
      expect.arrayContaining([
        ['cleanup.policy', 'delete'],
        ['retention.ms', '7200000'],
      ]),
    );
  });

  it.each([
    ['cleanup.policy', 'compact', /cleanup\.policy is compact.*--add-config cleanup\.policy=delete/],
    ['retention.ms', 119_999, /retention\.ms is 119999, shorter than two checkpoints \(120000 ms\)/],
    ['retention.bytes', 1_000_000, /retention\.bytes is 1000000.*retention\.bytes=-1/],
    ['max.message.bytes', 1_000_000, /max\.message\.bytes is 1000000, too small/],
  ])('is refused when %s is %s, with what to do', async (name, value, said) => {
    const kafka = options();
    await make(kafka, { [name]: value });
    expect(await messageOf(kafka)).toMatch(said);
  });

  it('is taken as it is when it is fit, be it otherwise than it would be made', async () => {
    const kafka = options();
    await make(kafka, {});
    await provide(kafka);
    const forEver = options();
    await make(forEver, { 'retention.ms': -1 });
    await provide(forEver);
  });

  it('is refused when it has other partitions, and nothing is changed about it', async () => {
    const kafka = options();
    await make(kafka, { 'retention.ms': 1_000 }, 4);
    const message = await messageOf(kafka);
    expect(message).toContain('it has 4 partitions and kafka.partitions is 6');
    // All at once, so that it is mended at once.
    expect(message).toContain('retention.ms is 1000');
    const { topics } = await admin.fetchTopicMetadata({ topics: [eventTopicOf(kafka).name] });
    expect(topics[0]!.partitions).toHaveLength(4);
  });

  it('is refused when it has fewer replicas than wanted, or there are too few brokers for it', async () => {
    const kafka = options('kafka.replicationFactor=3');
    await make(kafka, {});
    const message = await messageOf(kafka);
    expect(message).toContain('a partition has 1 replicas and kafka.replicationFactor is 3');
    expect(message).toContain('min.insync.replicas is 1');
    expect(await messageOf(options('kafka.replicationFactor=9'))).toMatch(
      /kafka\.replicationFactor is 9, and there are \d brokers; add brokers, or set it lower/,
    );
  });

  it('can not be had when no broker answers', async () => {
    await expect(provide({ ...options(), brokers: ['127.0.0.1:1'] })).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      isRetryable: true,
    });
  });
});
