import type { KafkaOptions } from '../../src/kafka/kafka-options.ts';
import { loadSettings } from '../../src/settings.ts';
import { freshName } from './services.ts';

/** As the settings give them, quick, with topics of their own on one broker. */
export function testKafkaOptions(
  brokers: readonly string[],
  assignments: readonly string[] = [],
): KafkaOptions {
  return loadSettings({
    assignments: [
      `kafka.brokers=${brokers.join(',')}`,
      `kafka.topicPrefix=${freshName('test').replaceAll('_', '-')}`,
      'kafka.partitions=6',
      'kafka.replicationFactor=1',
      'kafka.heartbeatMs=200',
      'kafka.sessionTimeoutMs=6000',
      ...assignments,
    ],
  }).settings.kafka;
}
