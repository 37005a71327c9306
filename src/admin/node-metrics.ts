/** What the admin server itself can tell of the node: its instruments, its actors and the dead letters. */
import type { ExchangePulse } from '../actors/instrument-pulse.ts';
import type { Instruments } from '../actors/instruments.ts';
import type { ActorSystem } from '../actors/kernel/actor-system.ts';
import type { OperationsRecords } from '../actors/ports.ts';
import type { Clock } from '../base/clock.ts';
import { FEED_GAP_CAUSES } from '../market/feed-gap-cause.ts';
import type { MetricSample, MetricSource } from './metrics.ts';
import { SUPERVISION_KINDS } from './request-schemas.ts';

const BOOK_STATUSES = ['empty', 'live', 'stale'] as const;

export function nodeMetrics(node: {
  readonly instruments: Instruments;
  readonly system: ActorSystem;
  readonly records: OperationsRecords;
  readonly node: string;
  readonly epoch: number;
  readonly clock: Clock;
}): MetricSource[] {
  const { instruments, system, records } = node;
  return [
    {
      name: 'tampines_node_epoch',
      help: 'Epoch of this node as writer',
      kind: 'gauge',
      labelNames: ['node'],
      read: () => [{ value: node.epoch, labels: { node: node.node } }],
    },
    {
      name: 'tampines_instruments',
      help: 'Instruments by exchange and status of their actors',
      kind: 'gauge',
      labelNames: ['exchange', 'status'],
      read: () =>
        countBy(instruments.list(), ({ instrument, actorStatus }) => ({
          exchange: instrument.exchange,
          status: actorStatus,
        })),
    },
    {
      name: 'tampines_books',
      help: 'Books by exchange and status; one whose actor does not run is stale',
      kind: 'gauge',
      labelNames: ['exchange', 'status'],
      read: () => [
        ...exchangesOf(instruments).flatMap((exchange) =>
          BOOK_STATUSES.map((status) => ({ value: 0, labels: { exchange, status } })),
        ),
        ...countBy(instruments.list(), ({ instrument, actorStatus, pulse }) => ({
          exchange: instrument.exchange,
          status: actorStatus === 'running' || pulse.bookStatus === 'empty' ? pulse.bookStatus : 'stale',
        })),
      ],
    },
    {
      name: 'tampines_event_age_seconds',
      help: 'How long ago, by its exchange’s clock, the newest event was that any instrument of the exchange has folded; the time that feeds tell is one',
      kind: 'gauge',
      labelNames: ['exchange'],
      read: () =>
        readPulses(instruments, ({ eventTimeMs }) =>
          eventTimeMs === 0 ? undefined : (node.clock.nowMs() - eventTimeMs) / 1_000,
        ),
    },
    {
      name: 'tampines_deliveries_total',
      help: 'Deliveries of feeds that instruments which run here have folded, by exchange',
      kind: 'counter',
      labelNames: ['exchange'],
      read: () => readPulses(instruments, ({ deliveryCount }) => deliveryCount),
    },
    {
      name: 'tampines_delivery_seconds_total',
      help: 'What these took together, from being received until they were durable and folded',
      kind: 'counter',
      labelNames: ['exchange'],
      read: () => readPulses(instruments, ({ deliveryMs }) => deliveryMs / 1_000),
    },
    {
      name: 'tampines_instrument_restarts',
      help: 'Restarts of the symbol actors that are there now, by exchange',
      kind: 'gauge',
      labelNames: ['exchange'],
      read: () =>
        countBy(
          instruments.list(),
          ({ instrument }) => ({ exchange: instrument.exchange }),
          ({ restarts }) => restarts,
        ),
    },
    {
      name: 'tampines_actors',
      help: 'Actors by status',
      kind: 'gauge',
      labelNames: ['status'],
      read: () => countBy(system.tree(), ({ status }) => ({ status })),
    },
    {
      name: 'tampines_actor_restarts',
      help: 'Restarts of all actors that are there now',
      kind: 'gauge',
      labelNames: [],
      read: () => [{ value: system.tree().reduce((sum, { restarts }) => sum + restarts, 0) }],
    },
    {
      name: 'tampines_mailbox_messages',
      help: 'Messages that wait in all mailboxes',
      kind: 'gauge',
      labelNames: [],
      read: () => [{ value: system.tree().reduce((sum, { mailboxCount }) => sum + mailboxCount, 0) }],
    },
    {
      name: 'tampines_mailbox_messages_max',
      help: 'Messages that wait in the fullest mailbox',
      kind: 'gauge',
      labelNames: [],
      read: () => [
        { value: system.tree().reduce((most, { mailboxCount }) => Math.max(most, mailboxCount), 0) },
      ],
    },
    {
      name: 'tampines_dead_letters_total',
      help: 'Dead letters by exchange and reason',
      kind: 'counter',
      labelNames: ['exchange', 'reason'],
      read: async () => [
        ...exchangesOf(instruments).map((exchange) => ({
          value: 0,
          labels: { exchange, reason: 'bad-frame' },
        })),
        ...(await records.countDeadLetters()).map(({ exchange, reason, count }) => ({
          value: count,
          labels: { exchange, reason },
        })),
      ],
    },
    {
      name: 'tampines_feed_gaps_total',
      help: 'Intervals in which a feed was not whole, that ended since the process began, by exchange, channel, cause and repair',
      kind: 'counter',
      labelNames: ['exchange', 'channel', 'cause', 'repair'],
      read: () => [
        ...possibleGaps(instruments),
        ...records.countFeedGaps().map(({ exchange, channel, cause, repair, count }) => ({
          value: count,
          labels: { exchange, channel, cause, repair },
        })),
      ],
    },
    {
      name: 'tampines_supervision_events_total',
      help: 'What supervisors saw and decided since the process began, by kind',
      kind: 'counter',
      labelNames: ['kind'],
      read: () => {
        const counts = records.countSupervisionEvents();
        return SUPERVISION_KINDS.map((kind) => ({ value: counts.get(kind) ?? 0, labels: { kind } }));
      },
    },
  ];
}

/** Prometheus sees no increase in a counter's first value: those of what may happen begin with 0. */
function possibleGaps(instruments: Instruments): Sample[] {
  const repairs = [
    { channel: 'book', repair: 'snapshot' },
    { channel: 'trades', repair: 'refetched' },
    { channel: 'trades', repair: 'incomplete' },
  ] as const;
  return exchangesOf(instruments).flatMap((exchange) =>
    FEED_GAP_CAUSES.flatMap((cause) =>
      repairs.map(({ channel, repair }) => ({ value: 0, labels: { exchange, channel, cause, repair } })),
    ),
  );
}

function readPulses(
  instruments: Instruments,
  valueOf: (pulse: ExchangePulse) => number | undefined,
): MetricSample[] {
  return [...instruments.readPulses()].flatMap(([exchange, pulse]) => {
    const value = valueOf(pulse);
    return value === undefined ? [] : [{ value, labels: { exchange } }];
  });
}

function exchangesOf(instruments: Instruments): string[] {
  return [...new Set(instruments.list().map(({ instrument }) => instrument.exchange))];
}

type Sample = { value: number; readonly labels: Readonly<Record<string, string>> };

function countBy<Item>(
  items: Iterable<Item>,
  labelsOf: (item: Item) => Readonly<Record<string, string>>,
  weightOf: (item: Item) => number = () => 1,
): Iterable<Sample> {
  const samples = new Map<string, Sample>();
  for (const item of items) {
    const labels = labelsOf(item);
    const key = Object.values(labels).join(' ');
    const sample = samples.get(key) ?? { value: 0, labels };
    sample.value += weightOf(item);
    samples.set(key, sample);
  }
  return samples.values();
}
