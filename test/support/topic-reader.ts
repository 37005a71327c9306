/** Reads a topic from its beginning, as somebody else's program would. */
import kafkajs from 'kafkajs';
import { freshName } from './services.ts';

export type ReadRecord = {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly id: string;
  readonly value: Readonly<Record<string, unknown>>;
};

export type TopicReader = {
  /** In the order in which they came; those of one partition in their own. */
  readonly records: readonly ReadRecord[];
  close(): Promise<void>;
};

export async function readTopic(brokers: readonly string[], topic: string): Promise<TopicReader> {
  const consumer = new kafkajs.Kafka({
    brokers: [...brokers],
    clientId: 'reader',
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 20, initialRetryTime: 200, maxRetryTime: 1_000 },
  }).consumer({ groupId: freshName('reader') });
  const records: ReadRecord[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ partition, message }) => {
      records.push({
        partition,
        offset: Number(message.offset),
        key: String(message.key),
        id: String(message.headers?.['id']),
        value: JSON.parse(String(message.value)) as ReadRecord['value'],
      });
      return Promise.resolve();
    },
  });
  return { records, close: () => consumer.disconnect() };
}

/** As a consumer sees them that drops what it was told already. */
export function withoutRepeats(records: readonly ReadRecord[]): ReadRecord[] {
  const seen = new Set<string>();
  return records.filter(({ id }) => !seen.has(id) && seen.add(id));
}
