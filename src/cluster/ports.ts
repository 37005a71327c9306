/** How the control plane sees the world. `persistence` implements these on Postgres; tests have a model in memory. */
import type { DesiredInstrument } from '../actors/ports.ts';
import type { RowsAhead } from '../market/rows-ahead.ts';
import type { InstrumentSnapshot } from '../market/instrument-state.ts';
import type { InstrumentKey } from '../market/symbols.ts';

/** What nodes tell of themselves; numbers in it are counts and times. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue | undefined };

/** Nodes of this role feed exchanges. */
export const INGEST_ROLE = 'ingest';

export type NodeIdentity = {
  /** Names the node over all its runs. */
  readonly name: string;
  /** Another one for each process. */
  readonly runId: string;
  /** Where its admin REST is reached by the other nodes: `http://host:port`. */
  readonly adminUrl: string;
  readonly roles: readonly string[];
};

export type ClusterNode = NodeIdentity & {
  /** By the clock of the database (Unix ms). */
  readonly startedAtMs: number;
};

/** Another process that has our name. */
export type NamesakeNode = Pick<NodeIdentity, 'runId' | 'adminUrl'> & {
  /** When it was seen last, by the clock of the database (Unix ms): moves on while it lives. */
  readonly seenAtMs: number;
};

/** The table of nodes. Ages are told by the clock of the database. Every method fails as those of `Database`, when the database is away. */
export interface NodeTable {
  /**
   * Writes the row of this node, as seen now. Returns `undefined`, or the other process of this name that was seen within `aliveMs`: nothing was
   * written then.
   * @throws TampinesError `EVENT_LOG_MOVED` where another topic has taken the place of the log that this node works by
   */
  renew(node: NodeIdentity, report: JsonValue, aliveMs: number): Promise<NamesakeNode | undefined>;
  /** Nodes that were seen within `aliveMs`, by name. */
  readAlive(aliveMs: number): Promise<ClusterNode[]>;
  /** Takes the row of this process out; that of a namesake stays. */
  remove(node: Pick<NodeIdentity, 'name' | 'runId'>): Promise<void>;
}

/** What is to run, as stored: see `InstrumentCatalog`. */
export type DesiredSource = { list(): Promise<DesiredInstrument[]> };

/** Word of changes of the desired set. It reconnects by itself for ever; nothing tells how many changes one word is about. */
export interface ChangeNotifications {
  start(handlers: {
    /** It changed, or may have: also called when listening began, for what was missed before. */
    readonly onChange: () => void;
    /** Whether changes are told from now on. */
    readonly onListening: (isListening: boolean) => void;
  }): void;
  stop(): Promise<void>;
}

/**
 * A share of the instruments of one exchange: those whose `shardOf(key, slotCount)` is `slot`. Where they are fed more than once each feed is a replica
 * of the slot, counted from 0, with a lease of its own.
 */
export type Slot = { readonly exchange: string; readonly slot: number; readonly replica: number };

/** What logs show: `binance/3`, of the second replica `binance/3.1`. */
export function nameOfSlot({ exchange, slot, replica }: Slot): string {
  return replica === 0 ? `${exchange}/${slot}` : `${exchange}/${slot}.${replica}`;
}

/** The right to feed a slot; whoever takes it next has a larger epoch. */
export type SlotLease = Slot & { readonly epoch: number };

export type LeaseHolder = Pick<NodeIdentity, 'name' | 'runId'>;

export type SlotRow = SlotLease & {
  /** `undefined`: it was given up. */
  readonly holder: LeaseHolder | undefined;
  /** Who said last, since it was taken, that it is to feed the slot next; it may be gone. Ready: its feeds have sure books. */
  readonly successor: (LeaseHolder & { readonly isReady: boolean }) | undefined;
  /** It may be taken: given up, or not renewed for the time of a lease. */
  readonly isFree: boolean;
};

/** The table of leases. Ages are told by the clock of the database. Every method fails as those of `Database`. */
export interface LeaseTable {
  /** Slots that were ever taken. */
  read(leaseMs: number): Promise<SlotRow[]>;
  /** Takes those that are free, or were never taken, each under its next epoch. Returns those it got. */
  take(holder: LeaseHolder, slots: readonly Slot[], leaseMs: number): Promise<SlotLease[]>;
  /** Returns those that are this holder's under this epoch still, renewed; given up after `timeoutMs`. */
  renew(holder: LeaseHolder, leases: readonly SlotLease[], timeoutMs: number): Promise<SlotLease[]>;
  /** Says of leases that others hold under this epoch that this node waits for them, and whether its feeds have sure books. */
  announce(successor: LeaseHolder, leases: readonly SlotLease[], isReady: boolean): Promise<void>;
  /** Gives up those that are this holder's under this epoch. */
  release(holder: LeaseHolder, leases: readonly SlotLease[]): Promise<void>;
  /** Gives up whatever is this holder's, also what it does not know of. */
  releaseAll(holder: LeaseHolder): Promise<void>;
}

/** All that the tables say of a cluster at one moment, ages told by the clock of the database. */
export type ClusterPicture = {
  /** By name; also those that are gone, for a day. */
  readonly nodes: readonly (ClusterNode & {
    readonly isAlive: boolean;
    readonly seenAgoMs: number;
    /** What it said of itself when it was seen last. */
    readonly report: JsonValue;
  })[];
  /** Claimed ones, by number; the owner is the name of a node. */
  readonly shards: readonly {
    readonly shard: number;
    readonly epoch: number;
    readonly owner: string;
    readonly claimedAtMs: number;
  }[];
  /** By exchange, slot and replica; those that were given up or ran out have no holder. */
  readonly leases: readonly (SlotLease & { readonly holder: string | undefined })[];
};

export interface PictureSource {
  /** One statement. Fails as those of `Database`. */
  read(options: { readonly aliveMs: number; readonly leaseMs: number }): Promise<ClusterPicture>;
}

/** Which topic, and the place of the first record of each of its partitions. */
export type LogGeneration = { readonly generation: number; readonly firstPlace: number };

/** What the database says of the log. */
export type MovableLog = LogGeneration & {
  readonly partitions: number;
  /** Those that were ever claimed, by number, with the place from which on the log is needed. */
  readonly shards: readonly { readonly shard: number; readonly epoch: number; readonly nextPlace: number }[];
  /** Larger than no place up to which any state holds the log, savepoints among them. */
  readonly newestStatePlace: number;
  /** Another text as soon as there is another state. */
  readonly statesDigest: string;
};

export type LogMove = {
  readonly from: MovableLog;
  readonly to: LogGeneration & { readonly partitions: number };
};

/** The log of a cluster in the database. Every method fails as those of `Database`. */
export interface LogMoveStore {
  read(): Promise<MovableLog>;
  /** Up to which place the newest readable state of each instrument holds the log. */
  readStatePlaces(): Promise<ReadonlyMap<InstrumentKey, number>>;
  /** Names of nodes that are alive, and what else says that somebody works. */
  findRunning(): Promise<string[]>;
  /** Returns a generation that no other attempt has or will have. @throws TampinesError `EVENT_LOG_MOVED` */
  begin(from: MovableLog): Promise<number>;
  /**
   * Says that the new topic is the log, with every shard needed from its first place on and fenced from whoever had it, in one transaction. `confirm` is
   * called in it, while nobody can claim, save or come to life, with what says that somebody works or worked since the log was read; nothing changes
   * where it throws.
   * @throws TampinesError `EVENT_LOG_MOVED` when another attempt was first
   */
  finish(move: LogMove, confirm: (running: readonly string[]) => Promise<void>): Promise<void>;
}

/** Where the records of a partition begin, and the place behind its last one. */
export type ShardBounds = { readonly shard: number; readonly firstPlace: number; readonly endPlace: number };

/** Places of one partition: `endPlace` is not among them. */
export type ShardRange = { readonly shard: number; readonly fromPlace: number; readonly endPlace: number };

export type LogCopy = {
  readonly from: LogGeneration;
  readonly to: LogGeneration & { readonly partitions: number };
  readonly ranges: readonly ShardRange[];
  /** Whether the record at this place of the instrument's partition is to be copied. */
  readonly isNeeded: (instrument: InstrumentKey, place: number) => boolean;
  readonly onRead: (recordCount: number) => void;
};

/** Topics that are, were or are to be the log. Every method throws TampinesError `SERVICE_UNAVAILABLE` when no broker answers. */
export interface LogTopics {
  nameOf(generation: number): string;
  boundsOf(log: LogGeneration): Promise<ShardBounds[]>;
  /** Makes the topic. @throws TampinesError `EVENT_TOPIC_UNFIT` */
  create(to: LogCopy['to']): Promise<void>;
  /**
   * Copies what is needed of the ranges, in the order of each instrument. Returns how many records went to each partition.
   * @throws TampinesError `EVENT_LOG_SHORT` when a record of the ranges is not there any more
   */
  copy(copy: LogCopy): Promise<readonly number[]>;
}

/** A state to go back to: a savepoint by the number of its batch, or the newest that was saved at this time (Unix ms) or before. */
export type ResetTarget =
  | { readonly kind: 'savepoint'; readonly batchNumber: number }
  | { readonly kind: 'time'; readonly timeMs: number };

export type ResetPoint = {
  readonly instrument: InstrumentKey;
  /** `undefined`: none is old enough, so its log begins anew. */
  readonly state: InstrumentSnapshot | undefined;
  /** Up to where in the log of its shard the state holds it; 0 without one. */
  readonly place: number;
  /** Of the state, by the clock of the database (Unix ms). */
  readonly savedAtMs: number | undefined;
  /** No other state of the instrument holds more. */
  readonly isNewest: boolean;
};

export type InstrumentReset = Omit<ResetPoint, 'state'> & {
  readonly hasState: boolean;
  /** Events in the state. */
  readonly position: number;
  /** What follows from the rest of the log again. */
  readonly rows: RowsAhead;
};

/** What a reset of a cluster's reading changes in the database. Every method fails as those of `Database`. */
export interface LogResetStore extends Pick<LogMoveStore, 'read' | 'findRunning'> {
  /** Instruments that are wanted and have a state, by name. */
  listInstruments(): Promise<InstrumentKey[]>;
  /** @throws TampinesError `INSTRUMENT_UNKNOWN`, also of one that was stopped · `SAVEPOINT_UNKNOWN` · `STATE_UNREADABLE` when the savepoint can not be read; by time it is passed over */
  findPoint(instrument: InstrumentKey, target: ResetTarget): Promise<ResetPoint>;
  /**
   * In one transaction: newer states are set aside, rows that follow from the rest of the log are deleted, and every shard is fenced from whoever had
   * it and needed from the first of the places on. `confirm` is called in it as the last thing, as `LogMoveStore.finish` does.
   * @throws TampinesError `EVENT_LOG_MOVED`
   */
  reset(
    from: MovableLog,
    resets: readonly InstrumentReset[],
    confirm: (running: readonly string[]) => Promise<void>,
  ): Promise<void>;
}

/** Closed candles as subscribers find them. */
export interface ClosedCandleLists {
  /** Drops those that closed after the state of the reset. @throws TampinesError `SERVICE_UNAVAILABLE` */
  dropAfter(resets: readonly InstrumentReset[]): Promise<void>;
}
