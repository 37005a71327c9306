/** What a symbol actor is told, by feeds and by its node, and what it answers. */
import type { EventBatch } from '../market/events.ts';
import type { InstrumentState, KnownTrades, TimeWanted } from '../market/instrument-state.ts';
import type { SavepointOutcome } from './checkpoints.ts';
import type { DeliveryFailure } from './delivery.ts';
import type { ActorRef } from './kernel/actor-types.ts';
import type { RestoreOutcome } from './savepoint-restore.ts';
import type { PublishedStatus, SymbolPublications } from './symbol-publications.ts';

/**
 * Where a delivery stands in a shared log, in places behind records (offset + 1): the actor takes it only when all up to `after` is in its state, and
 * has all up to `to` with it. A part of a record that others follow leaves both the same. It is meant for one life of the actor: what waits when that
 * ends may follow on parts that the next one does not have.
 */
export type LoggedPlace = { readonly life: number; readonly after: number; readonly to: number };

/** What a symbol actor tells the feeds that deliver to it. `instrument` names the sender. */
export type FeedReply =
  | {
      readonly type: 'BatchAccepted';
      readonly instrument: string;
      readonly source: string;
      readonly lastOrdinal: number;
      /** The last batch of the log that is in the state. */
      readonly batchNumber: number;
      readonly timeWanted: TimeWanted;
    }
  /** The actor failed and is back: what it did not acknowledge must be sent again. */
  | ({ readonly type: 'SymbolRecovered'; readonly instrument: string } & DeliveryFailure)
  /** The answer to `GetKnownTrades`; `undefined` while the instrument has no trade. */
  | { readonly type: 'KnownTrades'; readonly instrument: string; readonly known: KnownTrades | undefined }
  /** The book contradicts the exchange: get a fresh one. `source`: of which of its feeds it is, where that is known. */
  | {
      readonly type: 'ResyncBook';
      readonly instrument: string;
      readonly reason: string;
      readonly source: string | undefined;
    };

export type SymbolMessage =
  | {
      readonly type: 'Deliver';
      readonly batch: EventBatch;
      readonly feed: ActorRef<FeedReply>;
      /** It is of a shared log, and durable already. */
      readonly logged?: LoggedPlace | undefined;
    }
  /** Nothing has come from its feeds for a while: the book may be wrong, until something does. */
  | { readonly type: 'FeedSilent'; readonly reason: string }
  /** A shared log has lost entries that this life did not have yet: the book can't be known to be right until it comes whole. */
  | { readonly type: 'LogTorn'; readonly reason: string }
  /** A shared log was delivered up to where it ended when this life of the actor began. `isWhole`: nothing of it was left out. */
  | { readonly type: 'CaughtUp'; readonly life: number; readonly isWhole: boolean }
  | {
      readonly type: 'PublishDue';
      readonly book: boolean;
      readonly ticker: boolean;
      readonly candles: boolean;
      readonly refresh: boolean;
    }
  | { readonly type: 'CheckpointDue' }
  /** A feed wants to know after which trade others may be missing. Answered after everything delivered before. */
  | { readonly type: 'GetKnownTrades'; readonly feed: ActorRef<FeedReply> }
  /** Answered when the savepoint is durable, or the reason why there is none. */
  | { readonly type: 'TakeSavepoint'; readonly reply: (outcome: SavepointOutcome) => void }
  /** Answered when the state that was rebuilt from the savepoint of this batch is durable, or with the reason why there is none. */
  | {
      readonly type: 'RestoreSavepoint';
      readonly batchNumber: number;
      readonly reply: (outcome: RestoreOutcome) => void;
    }
  /** Lets the asker read the state in place; it must neither keep nor change what it is shown. */
  | { readonly type: 'GetView'; readonly read: (view: SymbolView) => void }
  /** Fault switch for tests and drills: the next delivery that holds an event of this type fails its actor. */
  | { readonly type: 'FailNextDelivery'; readonly message: string };

/** What feeds say: to the symbol actor itself or, in a cluster, to whoever writes its log. */
export type FeedMessage = Extract<SymbolMessage, { type: 'Deliver' | 'GetKnownTrades' }>;

export type SymbolView = {
  readonly state: InstrumentState;
  readonly status: PublishedStatus['status'];
  readonly reason: string;
  /** Of the newest entry in this life, as published beside tickers and candles. */
  readonly lastTimes?: SymbolPublications['lastTimes'];
};
