/** What a connection says about itself to operators and tests. */
import type { FeedSessionStatus } from '../exchanges/feed-session.ts';

export type ConnectionStatus = Omit<FeedSessionStatus, 'watchedCount'> & {
  /** Native symbols. */
  readonly subscriptions: readonly string[];
  readonly name: string;
  readonly url: string;
  readonly reconnects: number;
  readonly lastClosedReason: string | undefined;
  /** Events that wait for symbol actors to become durable. */
  readonly pendingEvents: number;
  readonly isPaused: boolean;
  readonly isSocketOpen: boolean;
  /** Symbols whose trades are held until those before them are there, and how many trades that is. */
  readonly catchingUpCount: number;
  readonly keptTrades: number;
};

/** Of a connection that has no session. */
export const CLOSED_STATUS: FeedSessionStatus = {
  state: 'closed',
  watchedCount: 0,
  syncedCount: 0,
  unsynced: [],
  queuedFrames: 0,
  framesReceived: 0,
  framesRejected: 0,
  lastSound: undefined,
  connectionSequenceChecksOk: 0,
  connectionGapCount: 0,
};
