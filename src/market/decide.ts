/**
 * Says which events of a delivery enter an instrument's log: neither what it already holds, nor a trade that it already counted, nor what
 * breaks a rule. Changes nothing; `evolve` folds the entry once it is durable.
 */
import { isAnnouncement } from './book-sources.ts';
import type { EventBatch, FeedStatus, LogEntry, MarketEvent, Trade } from './events.ts';
import { IdentitiesAhead } from './identities-ahead.ts';
import type { InstrumentPolicy, InstrumentState } from './instrument-state.ts';

/** The longest ids that exchanges give are UUIDs; those that adapters put together of price, quantity and time are a little longer. */
const TRADE_ID = /^[\x20-\x7e]{1,200}$/;

/** Stable codes of broken rules; they name dead letters. */
type RejectionReason = 'bad-time' | 'future-time' | 'bad-trade';

type Rejection = {
  readonly event: MarketEvent;
  readonly reason: RejectionReason;
  /** The rule and the values that broke it. */
  readonly detail: string;
};

export type Decision = {
  /** What to persist and then fold; `undefined` when nothing of the batch is new. */
  readonly entry: LogEntry | undefined;
  readonly rejected: readonly Rejection[];
  readonly duplicateTradeCount: number;
  /** Why the book needs a resync that its feed can't know of: one of its events was rejected. `undefined` when it needs none. */
  readonly resyncReason: string | undefined;
};

/**
 * Returns what of the batch is new and keeps the rules. However the same events are cut into batches, the same events enter the log.
 *
 * 1. Events up to the last accepted ordinal of their source were delivered before: dropped.
 * 2. Event times must be Unix milliseconds, and lie at most `maxFutureMs` ahead of the receive time.
 * 3. A trade has a price and a quantity above zero, and an identity of 1 to 200 visible ASCII characters: what enters the log must fit
 *    the tables and their index, else one trade would fail its instrument at every recovery.
 * 4. A rejected book event leaves a hole in the book: a `FeedStatus` `stale` takes its place in the log.
 * 5. A trade whose identity is known, or came earlier in the batch, is dropped.
 * 6. So is what a source says of a book that is not, or not any more, one of those that are kept (`book-sources.ts`).
 */
export function decide(state: InstrumentState, batch: EventBatch, policy: InstrumentPolicy): Decision {
  const { source, firstOrdinal, events } = batch;
  const knownOrdinal = state.sources.lastOrdinal(source) ?? firstOrdinal - 1;
  const accepted: MarketEvent[] = [];
  const rejected: Rejection[] = [];
  const identities = new IdentitiesAhead(state.trades);
  const bookSources = state.bookSources.copy();
  let duplicateTradeCount = 0;
  let resyncReason: string | undefined;
  let lastOrdinal = knownOrdinal;

  for (let index = Math.max(0, knownOrdinal + 1 - firstOrdinal); index < events.length; index++) {
    const event = events[index]!;
    if (!bookSources.counts(source, event)) continue;
    const rejection = findRejection(event, policy);
    if (rejection !== undefined) {
      rejected.push(rejection);
      if (event.type !== 'BookSnapshot' && event.type !== 'BookDelta') continue;
      resyncReason = `book event rejected: ${rejection.detail}`;
      accepted.push(toStaleStatus(event.receiveTimeMs, resyncReason));
    } else {
      if (event.type === 'Trade' && !identities.add(event.tradeId)) {
        duplicateTradeCount++;
        continue;
      }
      accepted.push(event);
      if (isAnnouncement(event)) bookSources.announce(source);
    }
    lastOrdinal = firstOrdinal + index;
  }
  return {
    entry: accepted.length === 0 ? undefined : { source, lastOrdinal, events: accepted },
    rejected,
    duplicateTradeCount,
    resyncReason,
  };
}

function findRejection(event: MarketEvent, policy: InstrumentPolicy): Rejection | undefined {
  switch (event.type) {
    case 'FeedStatus':
    case 'Instrument':
      // Neither moves time, and losing a `disconnected` would show a wrong book as right.
      return undefined;
    case 'BookSnapshot':
    case 'BookDelta':
    case 'Heartbeat':
      return findTimeRejection(event, policy.maxFutureMs);
    case 'Trade':
      return findTimeRejection(event, policy.maxFutureMs) ?? findTradeRejection(event);
    default:
      return event satisfies never;
  }
}

function findTimeRejection(event: MarketEvent, maxFutureMs: number): Rejection | undefined {
  const { eventTimeMs, receiveTimeMs } = event;
  if (!Number.isSafeInteger(eventTimeMs) || eventTimeMs < 0) {
    return { event, reason: 'bad-time', detail: `event time: expected Unix ms, was ${eventTimeMs}` };
  }
  if (eventTimeMs > receiveTimeMs + maxFutureMs) {
    return {
      event,
      reason: 'future-time',
      detail: `event time: expected at most ${maxFutureMs} ms after receive time ${receiveTimeMs}, was ${eventTimeMs}`,
    };
  }
  return undefined;
}

function findTradeRejection(trade: Trade): Rejection | undefined {
  if (!TRADE_ID.test(trade.tradeId)) {
    const was = `${trade.tradeId.length} characters: ${JSON.stringify(trade.tradeId.slice(0, 40))}`;
    return {
      event: trade,
      reason: 'bad-trade',
      detail: `trade id: expected 1 to 200 visible ASCII characters, was ${was}`,
    };
  }
  if (trade.price > 0 && trade.quantity > 0) return undefined;
  return {
    event: trade,
    reason: 'bad-trade',
    detail: `trade ${trade.tradeId}: expected price and quantity above 0, was ${trade.price} and ${trade.quantity} units`,
  };
}

function toStaleStatus(receiveTimeMs: number, reason: string): FeedStatus {
  return { type: 'FeedStatus', status: 'stale', reason, eventTimeMs: receiveTimeMs, receiveTimeMs };
}
