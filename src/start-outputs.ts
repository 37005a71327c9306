/** Kafka as a second output: what of the settings it works by, its numbers, and how it starts and stops with the process. */
import type { MetricSource } from './admin/metrics.ts';
import type { Surroundings } from './build-core.ts';
import type { KafkaOutputs } from './kafka/kafka-outputs.ts';
import type { Storage } from './persistence/open-storage.ts';
import type { WantedOutputs } from './persistence/output-outbox.ts';
import { PostgresOutputOutbox } from './persistence/output-outbox.ts';
import { single } from './node-metric-sources.ts';
import type { Settings } from './settings-schema.ts';

/** What of the outputs is written with the tables; `undefined` where nothing goes to Kafka. */
export function wantedOutputs({ outputs, node }: Settings, startedAtMs: number): WantedOutputs | undefined {
  const { topics } = outputs.kafka;
  return topics.length === 0 ? undefined : { topics: new Set(topics), source: `${node.name}/${startedAtMs}` };
}

/** `undefined` where nothing goes to Kafka, whose client is not even loaded then. */
export async function createOutputs(parts: {
  readonly settings: Settings;
  readonly surroundings: Surroundings;
  readonly storage: Storage;
}): Promise<KafkaOutputs | undefined> {
  const { settings, surroundings, storage } = parts;
  const { topics, brokers } = settings.outputs.kafka;
  if (topics.length === 0) return undefined;
  const { KafkaOutputs } = await import('./kafka/kafka-outputs.ts');
  return new KafkaOutputs({
    ...surroundings,
    kafka:
      brokers.length === 0
        ? settings.kafka
        : { ...settings.kafka, brokers, brokersSetting: 'outputs.kafka.brokers' },
    topics,
    outbox: new PostgresOutputOutbox({
      database: storage.database,
      clock: surroundings.clock,
      node: settings.node.name,
    }),
    clientId: `tampines-${settings.node.name}`,
  });
}

export function outputMetricSources(outputs: KafkaOutputs): MetricSource[] {
  return [
    {
      name: 'tampines_outputs_sent_total',
      help: 'Records that Kafka has taken, repeats included',
      kind: 'counter',
      labelNames: ['topic'],
      read: () => [...outputs.readings.sentCounts].map(([topic, value]) => ({ value, labels: { topic } })),
    },
    single(
      'counter',
      'outputs_refused_total',
      'Records that Kafka would not take, whatever was tried, and that were left out',
      () => outputs.readings.refusedCount,
    ),
    single(
      'counter',
      'outputs_conflated_tickers_total',
      'Tickers that a newer one replaced before they were sent',
      () => outputs.readings.conflatedCount,
    ),
    single(
      'gauge',
      'outputs_waiting_records',
      'Records in the outbox, about, as told by the node that sends them',
      () => outputs.readings.waitingRecords,
    ),
    single(
      'gauge',
      'outputs_oldest_seconds',
      'How long the oldest of them has waited',
      () => outputs.readings.oldestMs / 1_000,
    ),
    single('gauge', 'outputs_connected', '1 while outputs go to Kafka', () =>
      outputs.trouble === '' ? 1 : 0,
    ),
  ];
}
