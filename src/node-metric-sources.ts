/** Numbers of the edges, for the metrics page; the admin server adds those of actors and process. */
import type { MetricSource } from './admin/metrics.ts';
import type { RedisPublisher } from './publishing/redis-publisher.ts';

export function nodeMetricSources(publisher: RedisPublisher): MetricSource[] {
  const counter = (name: string, help: string, read: () => number): MetricSource => ({
    name: `tampines_publish_${name}_total`,
    help,
    kind: 'counter',
    labelNames: [],
    read: () => [{ value: read() }],
  });
  const gauge = (name: string, help: string, read: () => number): MetricSource => ({
    name: `tampines_publish_${name}`,
    help,
    kind: 'gauge',
    labelNames: [],
    read: () => [{ value: read() }],
  });
  const { metrics } = publisher;
  return [
    counter('values', 'Values set and published', () => metrics.published),
    counter('closed_candles', 'Closed candles published', () => metrics.closedPublished),
    counter('conflated', 'Values that a newer one replaced before they were sent', () => metrics.conflated),
    counter('dropped', 'Closed candles lost because Redis was away for too long', () => metrics.dropped),
    counter(
      'rejected_as_old',
      'Values that Redis refused because a newer version was there',
      () => metrics.rejectedAsOld,
    ),
    counter(
      'marked_stale',
      'Books made stale in Redis because their instrument could not be asked',
      () => metrics.markedStale,
    ),
    counter('failed_rounds', 'Rounds that Redis did not take', () => metrics.failedRounds),
    gauge(
      'lateness_seconds',
      'From publish to the answer of Redis in the newest round',
      () => metrics.latenessMs / 1_000,
    ),
    gauge('pending_values', 'Values that wait for Redis', () => publisher.pendingCount),
    gauge('redis_connected', '1 while Redis is connected', () => (publisher.isConnected ? 1 : 0)),
  ];
}
