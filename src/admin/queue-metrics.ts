/** The three families about queues: one label, its values those of docs/limits.md. */
import type { QueueReading } from '../base/queue-reading.ts';
import type { MetricSample, MetricSource } from './metrics.ts';

export function queueMetrics(read: () => readonly QueueReading[]): MetricSource[] {
  const family = (
    fields: Pick<MetricSource, 'name' | 'help' | 'kind'>,
    valueOf: (reading: QueueReading) => number | undefined,
  ): MetricSource => ({
    ...fields,
    labelNames: ['queue'],
    read: () =>
      read().flatMap((reading): MetricSample[] => {
        const value = valueOf(reading);
        return value === undefined ? [] : [{ value, labels: { queue: reading.queue } }];
      }),
  });
  return [
    family(
      {
        name: 'tampines_queue_depth',
        help: 'What waits in a queue; in the fullest of its kind',
        kind: 'gauge',
      },
      ({ depth }) => depth,
    ),
    family(
      { name: 'tampines_queue_limit', help: 'What may wait in a queue', kind: 'gauge' },
      ({ limit }) => limit,
    ),
    family(
      { name: 'tampines_queue_full_total', help: 'Times that the limit of a queue was met', kind: 'counter' },
      ({ fullCount }) => fullCount,
    ),
  ];
}
