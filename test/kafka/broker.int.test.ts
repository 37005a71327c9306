/** The Kafka that tests are given, and a cluster of three of this file's own. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kafkaVersion, startKafka } from '../../scripts/services/kafka.mjs';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import { provideEventTopic } from '../../src/kafka/event-topic.ts';
import { KafkaEventLogReader } from '../../src/kafka/kafka-event-log-reader.ts';
import { eventTopicOf } from '../../src/kafka/kafka-options.ts';
import { KafkaEventLogWriter } from '../../src/kafka/kafka-event-log-writer.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { openOwner, openWriter } from '../suites/event-log-suite.ts';
import { testKafkaOptions } from '../support/kafka-options.ts';
import { trade } from '../support/market-events.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { noteServiceUse, testKafkaBrokers } from '../support/services.ts';
import { waitUntil } from '../support/wait-until.ts';

it('the given Kafka answers with its brokers', async () => {
  expect(await kafkaVersion(testKafkaBrokers().join(','))).toMatch(/^cluster \S+ of \d+ brokers?$/);
});

describe('with three brokers', () => {
  let cluster: Awaited<ReturnType<typeof startKafka>>;

  beforeAll(async () => {
    noteServiceUse('Kafka nodes that are killed');
    cluster = await startKafka({ nodeCount: 3 });
  });

  afterAll(async () => {
    await cluster.stop();
  });

  it('batches are written and read on, once and in order, while they are killed in turn', async () => {
    const kafka = testKafkaOptions(cluster.url.split(','), ['kafka.replicationFactor=3']);
    const surroundings = {
      kafka,
      topic: eventTopicOf(kafka),
      clientId: 'tampines-test',
      clock: systemClock,
      timers: systemTimers,
      random: Math.random,
      log: new RecordingLog(),
    };
    await provideEventTopic({ ...surroundings, checkpointEveryMs: 60_000 });
    const written = await openWriter({
      openWriter: (events) => KafkaEventLogWriter.open({ ...surroundings, events }),
    });
    const owner = await openOwner({
      openReader: (group, events) => KafkaEventLogReader.open({ ...surroundings, group, events }),
    });
    // Of all partitions, so that some are led by the one that is killed.
    const instruments = Array.from({ length: 20 }, (_, index) => `three:COIN${index}-USD` as InstrumentKey);
    let count = 0;
    const writeAll = (): void => {
      count++;
      for (const instrument of instruments) {
        const events = [trade({ tradeId: String(count) })];
        expect(written.writer.offer(instrument, { source: 'three/1', firstOrdinal: count, events })).toBe(
          true,
        );
      }
    };
    const areDurable = (): boolean => written.durable.length === instruments.length * count;

    // Two of three: the third would take as long again and show nothing else.
    for (const node of cluster.nodes.slice(0, 2)) {
      for (let times = 0; times < 50; times++) writeAll();
      const killed = node.kill();
      for (let times = 0; times < 50; times++) writeAll();
      await killed;
      expect(node.isRunning).toBe(false);
      // The others have everything, and take more.
      await waitUntil(areDurable);
      await node.start();
    }
    const inOrder = Array.from({ length: count }, (_, index) => index + 1);
    for (const instrument of instruments) {
      expect(await owner.readOrdinals(instrument, count)).toEqual(inOrder);
    }
    expect(written.failures).toEqual([]);
  });
});
