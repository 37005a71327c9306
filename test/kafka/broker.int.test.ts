/** The Kafka that tests are given, and that tests which destroy start for themselves. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import kafkajs from 'kafkajs';
import { kafkaVersion, startKafka } from '../../scripts/services/kafka.mjs';
import { freshName, noteServiceUse, testKafkaBrokers } from '../support/services.ts';

const { Kafka, logLevel } = kafkajs;

it('the given Kafka answers with its brokers', async () => {
  expect(await kafkaVersion(testKafkaBrokers().join(','))).toMatch(/^cluster \S+ of \d+ brokers?$/);
});

describe('a cluster of three nodes', () => {
  let cluster: Awaited<ReturnType<typeof startKafka>>;

  beforeAll(async () => {
    noteServiceUse('Kafka nodes that are killed');
    cluster = await startKafka({ nodeCount: 3 });
  });

  afterAll(async () => {
    await cluster.stop();
  });

  it('keeps what was written, and takes more, while one of them is killed and back', async () => {
    const topic = freshName('kept');
    const kafka = new Kafka({ brokers: cluster.url.split(','), logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await Promise.all([admin.connect(), producer.connect()]);
    try {
      await admin.createTopics({
        // A broker that has not heard of the topic yet would be asked, and the client takes its answer for a failure.
        waitForLeaders: false,
        topics: [
          {
            topic,
            numPartitions: 1,
            replicationFactor: 3,
            configEntries: [{ name: 'min.insync.replicas', value: '2' }],
          },
        ],
      });
      const write = (value: string): Promise<unknown> =>
        producer.send({ topic, acks: -1, messages: [{ value }] });
      const node = cluster.nodes[0]!;
      await write('with all');
      await node.kill();
      expect(node.isRunning).toBe(false);
      await write('while one is away');
      await node.start();
      await write('when it is back');
      expect((await admin.fetchTopicOffsets(topic)).map(({ low, high }) => [low, high])).toEqual([
        ['0', '3'],
      ]);
    } finally {
      await Promise.all([admin.disconnect(), producer.disconnect()]);
    }
  });
});
