/** Numbers of the edges, for the metrics page; the admin server adds those of actors and process. */
import type { MetricSource } from './admin/metrics.ts';
import type { ExchangeGate, GateStatus } from './actors/exchange-gate.ts';
import type { Ingest } from './actors/ingest/ingest.ts';
import type { LeaseKeeper } from './actors/lease-keeper.ts';
import type { ShardKeeper, ShardReading } from './actors/shards/shard-keeper.ts';
import type { StandbyReadings } from './actors/standby-readings.ts';
import type { Clock } from './base/clock.ts';
import type { LoopDelay } from './base/loop-delay.ts';
import type { OldestWait } from './base/oldest-wait.ts';
import type { RedisPublisher } from './publishing/redis-publisher.ts';

export function nodeMetricSources(publisher: RedisPublisher): MetricSource[] {
  const { metrics } = publisher;
  return [
    single('counter', 'publish_values_total', 'Values set and published', () => metrics.published),
    single(
      'counter',
      'publish_closed_candles_total',
      'Closed candles published',
      () => metrics.closedPublished,
    ),
    single(
      'counter',
      'publish_conflated_total',
      'Values that a newer one replaced before they were sent',
      () => metrics.conflated,
    ),
    single(
      'counter',
      'publish_dropped_total',
      'Closed candles lost because Redis was away for too long',
      () => metrics.dropped,
    ),
    single(
      'counter',
      'publish_rejected_as_old_total',
      'Values that Redis refused because a newer version was there',
      () => metrics.rejectedAsOld,
    ),
    single(
      'counter',
      'publish_marked_stale_total',
      'Books made stale in Redis because their instrument could not be asked',
      () => metrics.markedStale,
    ),
    single(
      'counter',
      'publish_failed_rounds_total',
      'Rounds that Redis did not take',
      () => metrics.failedRounds,
    ),
    single(
      'gauge',
      'publish_lateness_seconds',
      'From publish to the answer of Redis in the newest round',
      () => metrics.latenessMs / 1_000,
    ),
    single('gauge', 'publish_pending_values', 'Values that wait for Redis', () => publisher.pendingCount),
    single('gauge', 'publish_redis_connected', '1 while Redis is connected', () =>
      publisher.isConnected ? 1 : 0,
    ),
  ];
}

/** What tells whether the node's own work gets on; readiness looks at the same. */
export function progressMetricSources(parts: {
  readonly lease: LeaseKeeper;
  readonly appends: OldestWait;
  readonly checkpoints: OldestWait;
  readonly loopDelay: LoopDelay;
}): MetricSource[] {
  const { lease, appends, checkpoints, loopDelay } = parts;
  return [
    single(
      'gauge',
      'lease_held',
      '1 while the database confirms that the instruments are this node’s own',
      () => (lease.isHeld() ? 1 : 0),
    ),
    single(
      'gauge',
      'lease_remaining_seconds',
      'Until the lease runs out, unless it is confirmed again',
      () => lease.health.remainingMs / 1_000,
    ),
    single('counter', 'lease_losses_total', 'Times that the lease ran out', () => lease.health.lossCount),
    single(
      'gauge',
      'journal_oldest_append_seconds',
      'How long the oldest batch has waited to be durable',
      () => appends.ageMs / 1_000,
    ),
    single(
      'counter',
      'journal_appends_total',
      'Batches that the journal has answered',
      () => appends.ended.count,
    ),
    single(
      'counter',
      'journal_append_seconds_total',
      'What these took together, from their turn until they were durable or failed',
      () => appends.ended.totalMs / 1_000,
    ),
    single(
      'counter',
      'checkpoints_total',
      'State snapshots that the database has answered',
      () => checkpoints.ended.count,
    ),
    single(
      'counter',
      'checkpoint_seconds_total',
      'What these took together, the rows that go before them included',
      () => checkpoints.ended.totalMs / 1_000,
    ),
    single(
      'gauge',
      'loop_delay_seconds',
      'The longest time of the last seconds for which the event loop was held up',
      () => loopDelay.maxMs / 1_000,
    ),
  ];
}

/** What a node does in a cluster, and how far it is behind the log. */
export function clusterMetricSources(parts: {
  readonly shardKeeper: Pick<ShardKeeper, 'readings'>;
  readonly ingest: Pick<Ingest, 'fedCount'>;
  readonly standbys: StandbyReadings;
  readonly kafkaTrouble: () => string;
  readonly clock: Clock;
}): MetricSource[] {
  const { shardKeeper, ingest, standbys, kafkaTrouble, clock } = parts;
  const sum = (valueOf: (reading: ShardReading) => number): number =>
    shardKeeper.readings().reduce((total, reading) => total + valueOf(reading), 0);
  return [
    single('gauge', 'cluster_shards', 'Shards that this node runs', () => shardKeeper.readings().length),
    single('gauge', 'cluster_lag_records', 'Records of its shards that were not read yet', () =>
      sum(({ lag }) => lag),
    ),
    single(
      'gauge',
      'cluster_unsaved_records',
      'Records of its shards that would be read again by whoever took them over',
      () => sum(({ readTo, neededFrom }) => readTo - neededFrom),
    ),
    single(
      'gauge',
      'cluster_unsaved_seconds',
      'How long the instrument that was not saved for longest has waited, a parked one for example: the log must be kept for longer',
      () => {
        const nowMs = clock.monotonicMs();
        const agesMs = shardKeeper.readings().map(({ unsavedSinceMs = nowMs }) => nowMs - unsavedSinceMs);
        return Math.max(0, ...agesMs) / 1_000;
      },
    ),
    single('gauge', 'cluster_fed_instruments', 'Instruments that this node feeds', () => ingest.fedCount),
    {
      name: 'tampines_cluster_standby_books',
      help: 'Books of second feeds (feed.redundancy) of its instruments by status: only one that is live can take over',
      kind: 'gauge',
      labelNames: ['exchange', 'status'],
      read: () =>
        standbys
          .books()
          .map(({ exchange, status, count }) => ({ value: count, labels: { exchange, status } })),
    },
    {
      name: 'tampines_cluster_book_switches_total',
      help: 'Times that the book of one feed took the place of the other’s',
      kind: 'counter',
      labelNames: ['exchange'],
      read: () => Array.from(standbys.switches(), ([exchange, value]) => ({ value, labels: { exchange } })),
    },
    single('gauge', 'cluster_kafka_connected', '1 while the log of events is written and read', () =>
      kafkaTrouble() === '' ? 1 : 0,
    ),
  ];
}

/** What is spent of each exchange's budgets, what waits for them, and whether the exchange has refused. */
export function gateMetricSources(gates: readonly ExchangeGate[]): MetricSource[] {
  const metric = (
    kind: MetricSource['kind'],
    name: string,
    help: string,
    valueOf: (status: GateStatus) => number,
  ): MetricSource => ({
    name: `tampines_exchange_${name}`,
    help,
    kind,
    labelNames: ['exchange'],
    read: () =>
      gates
        .map((gate) => gate.status())
        .map((status) => ({ value: valueOf(status), labels: { exchange: status.exchange } })),
  });
  return [
    metric('gauge', 'request_weight', 'REST weight spent within the window', (status) => status.weightSpent),
    metric('gauge', 'request_weight_max', 'REST weight of a window', (status) => status.weightMax),
    metric('gauge', 'connects', 'Connects within the window', (status) => status.connectsSpent),
    metric(
      'gauge',
      'waiting_requests',
      'Requests that wait for their turn',
      (status) => status.waitingRequests,
    ),
    metric(
      'gauge',
      'closed_seconds',
      'For how long no request is sent, because the exchange refused one',
      (status) => status.closedForMs / 1_000,
    ),
    metric('counter', 'refusals_total', 'Requests refused as too many', (status) => status.refusedCount),
    metric(
      'counter',
      'unwanted_requests_total',
      'Requests that left the queue because nobody wanted the answer',
      (status) => status.unwantedCount,
    ),
  ];
}

/** A metric without labels. */
export function single(
  kind: MetricSource['kind'],
  name: string,
  help: string,
  read: () => number,
): MetricSource {
  return { name: `tampines_${name}`, help, kind, labelNames: [], read: () => [{ value: read() }] };
}
