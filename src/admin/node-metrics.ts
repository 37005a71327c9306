/** What the admin server itself can tell of the node: its instruments, its actors and the dead letters. */
import type { Instruments } from '../actors/instruments.ts';
import type { ActorSystem } from '../actors/kernel/actor-system.ts';
import type { OperationsRecords } from '../actors/ports.ts';
import { FEED_GAP_CAUSES } from '../market/feed-gap-cause.ts';
import type { MetricSource } from './metrics.ts';
import { SUPERVISION_KINDS } from './request-schemas.ts';

export function nodeMetrics(node: {
  readonly instruments: Instruments;
  readonly system: ActorSystem;
  readonly records: OperationsRecords;
  readonly node: string;
  readonly epoch: number;
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
