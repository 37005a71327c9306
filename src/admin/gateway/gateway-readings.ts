/** What the gateway tells of itself on the metrics page. */
import type { QueueReading } from '../../base/queue-reading.ts';
import type { MetricSource } from '../metrics.ts';
import {
  ALL_EVENTS_MAX_BYTES,
  CLIENT_CHANNELS_MAX,
  CLIENT_EVENTS_MAX,
  CLIENT_EVENTS_MAX_BYTES,
  GATEWAY_CLIENTS_MAX,
} from './gateway-limits.ts';
import type { GatewaySession, SessionTotals } from './gateway-session.ts';

export function gatewayReadings(
  sessions: readonly GatewaySession[],
  totals: SessionTotals,
  refusedCount: number,
): QueueReading[] {
  const most = (valueOf: (session: GatewaySession) => number): number =>
    sessions.reduce((largest, session) => Math.max(largest, valueOf(session)), 0);
  const { eventBytes, droppedCount } = totals;
  return [
    { queue: 'stream-clients', depth: sessions.length, limit: GATEWAY_CLIENTS_MAX, fullCount: refusedCount },
    {
      queue: 'stream-client-channels',
      depth: most(({ channelCount }) => channelCount),
      limit: CLIENT_CHANNELS_MAX,
      fullCount: undefined,
    },
    {
      queue: 'stream-client-events',
      depth: most(({ waiting }) => waiting.eventCount),
      limit: CLIENT_EVENTS_MAX,
      fullCount: droppedCount,
    },
    {
      queue: 'stream-client-bytes',
      depth: most(({ waiting }) => waiting.eventBytes),
      limit: CLIENT_EVENTS_MAX_BYTES,
      fullCount: undefined,
    },
    { queue: 'stream-bytes', depth: eventBytes, limit: ALL_EVENTS_MAX_BYTES, fullCount: undefined },
  ];
}

export function gatewayMetrics(totals: SessionTotals): MetricSource[] {
  const counter = (name: string, help: string, read: () => number): MetricSource => ({
    name: `tampines_stream_${name}_total`,
    help,
    kind: 'counter',
    labelNames: [],
    read: () => [{ value: read() }],
  });
  return [
    counter('messages', 'Messages written to clients of the stream', () => totals.sentCount),
    counter('bytes', 'Bytes of these, compressed where a client takes it', () => totals.sentBytes),
    counter(
      'conflated',
      'Values that gave way to a newer one before their client had read them',
      () => totals.replacedCount,
    ),
    counter(
      'dropped',
      'Trades, closed candles and supervision events that a client was too slow for',
      () => totals.droppedCount,
    ),
    {
      name: 'tampines_stream_ended_total',
      help: 'Clients that the node disconnected, by cause',
      kind: 'counter',
      labelNames: ['cause'],
      read: () => [...totals.endedCounts].map(([cause, value]) => ({ value, labels: { cause } })),
    },
  ];
}
