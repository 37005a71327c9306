import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { createKafkaClient, kafkaFailure } from '../../src/kafka/kafka-client.ts';
import { loadSettings } from '../../src/settings.ts';
import { RecordingLog } from '../support/recording-log.ts';

/** Nobody listens there. */
async function closedAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

describe('a failure of Kafka', () => {
  it('that is nobody at the address names the setting it comes from, the address and what to do', async () => {
    const address = await closedAddress();
    const { kafka } = loadSettings({ assignments: [`kafka.brokers=${address}`] }).settings;
    const admin = createKafkaClient(kafka, { clientId: 'test', log: new RecordingLog(), retries: 0 }).admin();
    const error: unknown = await admin.connect().catch((cause: unknown) => cause);
    await admin.disconnect();
    const { message } = kafkaFailure('write to tampines.events', error, kafka);
    expect(message).toContain(`ECONNREFUSED ${address}`);
    expect(message).toContain(
      `; kafka.brokers names ${address}: check that Kafka runs there and that this machine reaches it`,
    );
    const own = { ...kafka, brokersSetting: 'outputs.kafka.brokers' };
    expect(kafkaFailure('send', error, own).message).toContain(`; outputs.kafka.brokers names ${address}:`);
  });

  it('to reach what a broker advertises names that, for it stands in no setting', () => {
    const { kafka } = loadSettings({ assignments: ['kafka.brokers=localhost:9092'] }).settings;
    const lost = new kafkajs.KafkaJSConnectionError('getaddrinfo ENOTFOUND kafka', { broker: 'kafka:9092' });
    expect(kafkaFailure('join', lost, kafka).message).toMatch(
      /; kafka\.brokers names localhost:9092, whose brokers advertise kafka:9092: check .*advertised\.listeners$/,
    );
  });

  it('of another kind is told as it is', () => {
    const { kafka } = loadSettings({ assignments: ['kafka.brokers=localhost:9092'] }).settings;
    expect(kafkaFailure('use the topic', 'no leader', kafka).message).toBe('Cannot use the topic: no leader');
  });
});
