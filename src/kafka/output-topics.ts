/** The topics of what goes out. One that is there is used as it is: whoever reads it may have made it as they like. */
import type { Admin } from 'kafkajs';
import type { OutputTopic } from '../actors/outputs.ts';
import { inSyncMin } from './event-topic.ts';
import type { KafkaOptions } from './kafka-options.ts';

const NAMES: Readonly<Record<OutputTopic, string>> = {
  candles: 'candles',
  tickers: 'tickers',
  trades: 'trades',
  supervision: 'supervision',
  deadLetters: 'dead-letters',
};

/** Returns the name of a topic at the brokers. */
export function outputTopicName(topicPrefix: string, topic: OutputTopic): string {
  return `${topicPrefix}.${NAMES[topic]}`;
}

/** Makes those that are missing. @throws what the brokers failed with */
export async function provideOutputTopics(
  admin: Admin,
  topics: readonly OutputTopic[],
  { topicPrefix, partitions, replicationFactor, retentionMs }: KafkaOptions,
): Promise<void> {
  const there = new Set(await admin.listTopics());
  const missing = topics
    .map((topic) => ({ topic, name: outputTopicName(topicPrefix, topic) }))
    .filter(({ name }) => !there.has(name));
  if (missing.length === 0) return;
  await admin.createTopics({
    // As for the topic of events: who has not heard of it yet would be taken for a failure.
    waitForLeaders: false,
    topics: missing.map(({ topic, name }) => ({
      topic: name,
      numPartitions: partitions,
      replicationFactor,
      configEntries: Object.entries({
        // Of a ticker only the newest value counts.
        'cleanup.policy': topic === 'tickers' ? 'compact,delete' : 'delete',
        'retention.ms': retentionMs,
        'min.insync.replicas': inSyncMin(replicationFactor),
      }).map(([key, value]) => ({ name: key, value: String(value) })),
    })),
  });
}
