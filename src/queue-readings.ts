/** Reads the queues of a node for the metrics page. Cheap: counters that are kept anyway, and one walk over connections and actors. */
import type { ExchangeGate } from './actors/exchange-gate.ts';
import { WAITING_REQUESTS_MAX } from './actors/exchange-gate.ts';
import type { FeedBudget, FeedLoad } from './actors/feed-budget.ts';
import { INBOX_PAUSE_BYTES, INBOX_PAUSE_FRAMES } from './actors/feed-line.ts';
import type { ActorSystem } from './actors/kernel/actor-system.ts';
import { MAILBOX_MAX_MESSAGES } from './actors/kernel/cell-spec.ts';
import type { QueueReading } from './base/queue-reading.ts';
import { HELD_DELTAS_MAX_BYTES } from './exchanges/held-deltas.ts';
import { MARKET_QUEUE_MAX_ROWS } from './persistence/market-tables.ts';
import type { Storage } from './persistence/open-storage.ts';
import { QUEUE_MAX_RECORDS } from './persistence/operations-records.ts';
import { DEFAULT_CLOSED_QUEUE_MAX } from './publishing/publisher-backlog.ts';
import type { RedisPublisher } from './publishing/redis-publisher.ts';

export type QueueOwners = {
  readonly feedBudget: FeedBudget;
  readonly gates: readonly ExchangeGate[];
  readonly system: ActorSystem;
  readonly storage: Pick<Storage, 'journal' | 'tables' | 'records'>;
  readonly publisher: RedisPublisher;
};

export function readQueues(owners: QueueOwners): QueueReading[] {
  const { gates, system, publisher } = owners;
  const { journal, tables, records } = owners.storage;
  const reading = (queue: string, depth: number, limit: number, fullCount?: number): QueueReading => ({
    queue,
    depth,
    limit,
    fullCount,
  });
  const gateStatuses = gates.map((gate) => gate.status());
  return [
    ...readFeedQueues(owners.feedBudget),
    reading(
      'exchange-requests',
      most(gateStatuses, ({ waitingRequests }) => waitingRequests),
      WAITING_REQUESTS_MAX,
      gateStatuses.reduce((sum, { turnedAwayCount }) => sum + turnedAwayCount, 0),
    ),
    reading(
      'actor-mailbox-messages',
      most(system.tree(), ({ mailboxCount }) => mailboxCount),
      MAILBOX_MAX_MESSAGES,
    ),
    reading('journal-bytes', journal.room.held, journal.room.max, journal.room.fullCount),
    reading('market-table-rows', tables.waitingRows, MARKET_QUEUE_MAX_ROWS, tables.fullCount),
    reading('operations-records', records.waitingMax, QUEUE_MAX_RECORDS, records.droppedTotal),
    reading('publisher-closed-candles', publisher.waitingClosedCount, DEFAULT_CLOSED_QUEUE_MAX),
  ];
}

/** Of the way from sockets to symbol actors. */
export function readFeedQueues(budget: FeedBudget): QueueReading[] {
  const { limits, bytes, fullCounts } = budget;
  const all = budget.loads();
  const fullest = (valueOf: (load: FeedLoad) => number): number => most(all, valueOf);
  return [
    {
      queue: 'feed-inbox-frames',
      depth: fullest(({ inboxFrames }) => inboxFrames),
      limit: INBOX_PAUSE_FRAMES,
      fullCount: fullCounts.inbox,
    },
    {
      queue: 'feed-inbox-bytes',
      depth: fullest(({ inboxBytes }) => inboxBytes),
      limit: INBOX_PAUSE_BYTES,
      fullCount: undefined,
    },
    {
      queue: 'feed-instrument-events',
      depth: fullest(({ pendingEventsMax }) => pendingEventsMax),
      limit: limits.maxPendingEvents,
      fullCount: fullCounts.book,
    },
    {
      queue: 'feed-instrument-bytes',
      depth: fullest(({ pendingBytesMax }) => pendingBytesMax),
      limit: limits.maxPendingTradeBytes,
      fullCount: fullCounts.pending,
    },
    {
      queue: 'feed-held-delta-bytes',
      depth: fullest(({ heldDeltaBytes }) => heldDeltaBytes),
      limit: HELD_DELTAS_MAX_BYTES,
      fullCount: undefined,
    },
    {
      queue: 'feed-node-bytes',
      depth: bytes,
      limit: limits.maxPendingNodeBytes,
      fullCount: fullCounts.node,
    },
  ];
}

function most<Item>(items: Iterable<Item>, valueOf: (item: Item) => number): number {
  let value = 0;
  for (const item of items) value = Math.max(value, valueOf(item));
  return value;
}
