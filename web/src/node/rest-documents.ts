/** What the REST of a node answers with, as its OpenAPI document says: prices, quantities and volumes are decimal text, times Unix milliseconds. */
import type { Candle, InstrumentHead, Trade } from 'tampines/client';

export type BookStatus = InstrumentHead['status'];

export type MarketSummary = {
  readonly status: BookStatus;
  readonly reason: string;
  readonly bid: string | null;
  readonly ask: string | null;
  readonly spread: string | null;
  readonly last: string | null;
  readonly changePercent: string | null;
  readonly volume: string | null;
  readonly position: number;
  readonly eventTimeMs: number | null;
  readonly lagMs: number | null;
};

export type Instrument = {
  readonly instrumentId: number;
  readonly exchange: string;
  readonly symbol: string;
  readonly nativeSymbol: string;
  readonly actorStatus: string;
  readonly restarts: number;
  readonly lastFailure: string | null;
  /** Only while its actor is parked. */
  readonly whyParked?: string;
  readonly version: string;
};

/** A node of a cluster that was asked for its part of a list. */
export type AskedNode = { readonly node: string; readonly isAnswered: boolean; readonly detail: string };

export type InstrumentsAnswer = {
  readonly total: number;
  readonly timeMs: number;
  /** Of a cluster. */
  readonly nodes?: readonly AskedNode[];
  readonly instruments: readonly (Instrument & { readonly market: MarketSummary | null })[];
};

export type InstrumentDetail = Instrument & {
  readonly state: {
    readonly position: number;
    readonly status: BookStatus;
    readonly reason: string;
    readonly statusSinceMs: number | null;
    readonly bidLevels: number;
    readonly askLevels: number;
    readonly tickSize: string | null;
    readonly lotSize: string | null;
    readonly counters: Readonly<Record<string, number>>;
  } | null;
};

export type CandlesAnswer = { readonly candles: readonly Candle[] };
export type TradesAnswer = { readonly trades: readonly Trade[] };

export type ConnectionsAnswer = {
  readonly connections: readonly {
    readonly name: string;
    readonly url: string;
    readonly state: string;
    readonly watchedCount: number;
    readonly syncedCount: number;
    readonly framesReceived: number;
    readonly framesRejected: number;
    readonly lastSoundMs: number | null;
    readonly connectionGapCount: number;
    readonly reconnects: number;
    readonly lastClosedReason: string | null;
    readonly isPaused: boolean;
  }[];
};

export type GapsAnswer = {
  readonly gaps: readonly {
    readonly channel: 'book' | 'trades';
    readonly fromMs: number;
    readonly toMs: number;
    readonly reason: string;
    readonly repair: 'snapshot' | 'refetched' | 'incomplete';
  }[];
};

export type Actor = {
  readonly path: string;
  readonly parentPath: string;
  readonly kind: 'plain' | 'persistent';
  readonly status: string;
  readonly mailboxCount: number;
  readonly restarts: number;
  readonly lastFailure: { readonly atMs: number; readonly cause: string } | null;
};

export type ActorsAnswer = {
  readonly total: number;
  /** Of a cluster. */
  readonly nodes?: readonly AskedNode[];
  readonly actors: readonly Actor[];
};

export type SupervisionEvent = {
  readonly timeMs: number;
  readonly path: string;
  readonly kind: string;
  readonly cause: string;
  readonly decision: string;
  readonly attempt: number;
  readonly delayMs: number;
};

export type SupervisionEventsAnswer = { readonly events: readonly SupervisionEvent[] };

export type DeadLettersAnswer = {
  readonly deadLetters: readonly {
    readonly timeMs: number;
    readonly exchange: string;
    readonly symbol: string | null;
    readonly reason: string;
    readonly detail: string;
    readonly text: string;
  }[];
};

export type DeadLetterCountsAnswer = {
  readonly counts: readonly { readonly exchange: string; readonly reason: string; readonly count: number }[];
};

export type SettingsAnswer = {
  readonly settings: readonly { readonly name: string; readonly value: unknown }[];
};

/** What a node of a cluster says of itself; empty before it said anything. */
type NodeReport = {
  readonly shards?: readonly {
    readonly shard: number;
    readonly epoch: number;
    readonly lag: number;
  }[];
  readonly lag?: number;
  readonly instruments?: number;
  readonly feeds?: number;
  readonly logTrouble?: string;
  readonly groupTrouble?: string;
};

export type ClusterAnswer = {
  readonly node: string;
  readonly isCluster: boolean;
  readonly nodes: readonly {
    readonly name: string;
    readonly isAlive: boolean;
    readonly roles: readonly string[];
    readonly seenAgoMs: number | null;
    readonly report: NodeReport | null;
  }[];
  readonly shards: readonly {
    readonly shard: number;
    readonly epoch: number;
    readonly owner: string;
    readonly isOwnerAlive: boolean;
  }[];
  readonly leases: readonly {
    readonly exchange: string;
    readonly slot: number;
    readonly replica: number;
    readonly epoch: number;
    readonly holder: string | null;
  }[];
};
