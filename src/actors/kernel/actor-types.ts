/**
 * What an actor is, in types: its reference, what it is made from, what it sees while it handles a message, and what is told about it.
 * Names no library: the rest of the folder runs these specs on nact.
 */
import type { Clock, Timers } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { ErrorClass } from '../../supervision/failure.ts';
import type { RestartStrategy } from '../../supervision/strategy.ts';

declare const acceptedMessage: unique symbol;

/** The address of an actor that accepts messages `M`. It stays valid over restarts, and may outlive its actor: then messages are dead letters. */
export interface ActorRef<in M> {
  readonly path: string;
  /** Only for the compiler: a reference can't be passed for one of other messages. */
  readonly [acceptedMessage]?: (message: M) => void;
}

/** A reference of whatever messages: for what concerns the actor and not its messages. */
export type AnyActorRef = ActorRef<never>;

export type ActorMessage = { readonly type: string };

/** `stop`: asked for, after the mailbox was drained. `failure`: it failed or got stuck, or an operator restarts it; queued messages stay queued. */
export type StopReason = 'stop' | 'failure';

export type ActorSpec<M extends ActorMessage, S> = {
  /** Unique among its siblings; any text. The path is the names from the root on, joined by `/`. */
  readonly name: string;
  /** Makes a new state for each life; nothing of the last one survives unless this finds it again. May throw: then the strategy decides. */
  readonly initialState: (context: ActorContext<M>) => S;
  /** Returns the next state. A throw or rejection is a failure: the strategy decides, the message is not handled again. */
  readonly receive: (state: S, message: M, context: ActorContext<M>) => S | Promise<S>;
  readonly strategy: RestartStrategy;
  /** Called before the first message of each life (with the state made for it). */
  readonly onStarted?: (state: S, context: ActorContext<M>) => void | Promise<void>;
  /** Releases what the state holds. Called once per life with its last state; a throw is logged. Timers of the context are cancelled already. */
  readonly onStop?: (state: S, context: ActorContext<M>, reason: StopReason) => void | Promise<void>;
} & ActorLimits<M>;

export type PersistentActorSpec<M extends ActorMessage, S, E, Snapshot = unknown> = {
  readonly name: string;
  /** Names its log; at most one actor of a key at a time. */
  readonly key: string;
  readonly engine: PersistenceEngine<E, Snapshot>;
  /** The state before the first entry of the log. */
  readonly initialState: (context: PersistentActorContext<M, S, E>) => S;
  /** The state that a snapshot holds. */
  readonly restore: (snapshot: Snapshot) => S;
  /** Pure: the state after one more entry. Used alike in recovery and after `persist`. */
  readonly evolve: (state: S, entry: E) => S;
  readonly receive: (state: S, message: M, context: PersistentActorContext<M, S, E>) => S | Promise<S>;
  readonly strategy: RestartStrategy;
  /** Called after each recovery, before `onStarted`. */
  readonly onRecovered?: (
    state: S,
    context: PersistentActorContext<M, S, E>,
    recovery: Recovery,
  ) => void | Promise<void>;
  readonly onStarted?: (state: S, context: PersistentActorContext<M, S, E>) => void | Promise<void>;
  readonly onStop?: (
    state: S,
    context: PersistentActorContext<M, S, E>,
    reason: StopReason,
  ) => void | Promise<void>;
  /** Where the state stands in the actor's own count, for supervision events; the batch number when absent. */
  readonly positionOf?: (state: S) => number;
} & ActorLimits<M>;

export type ActorLimits<M> = {
  /** How long an asked-for stop may take (drain, `onStop`) before the actor is abandoned. Default 5 s. */
  readonly shutdownMs?: number;
  /** A handler (or a start) that takes longer is stuck: it is cut off and the strategy decides. Default 60 s. */
  readonly handlerMaxMs?: number;
  /** A message beyond this many waiting ones is refused and becomes a dead letter. Default 10,000. */
  readonly mailboxMaxMessages?: number;
  /** How its children stop: one after the other in reverse start order (default), or all at once where they don't know one another. */
  readonly stopChildren?: 'reverse' | 'together';
  /** Classes of its errors where the general rule (`classifyError`) does not do; `undefined` falls back to it. */
  readonly classify?: (error: unknown) => ErrorClass | undefined;
  /** A short text about a message, for logs and dead letters; its type when absent. */
  readonly describe?: (message: M) => string;
};

export type Recovery = {
  /** Batch that the snapshot contained up to; 0 without a snapshot. */
  readonly snapshotBatchNumber: number;
  /** Last batch of the log. */
  readonly batchNumber: number;
  readonly entriesReplayed: number;
  readonly tookMs: number;
};

export interface ActorContext<M> {
  readonly self: ActorRef<M>;
  readonly path: string;
  /** Grows with every life of the actor. */
  readonly incarnation: number;
  /** Whether this life has ended (stopped, failed, cut off): whoever awaits inside a handler may ask before going on. */
  readonly isOver: boolean;
  readonly log: Log;
  readonly clock: Clock;
  /** Timers that end with this life of the actor. */
  readonly timers: Timers;
  /** False, and a dead letter, when the receiver is gone, parked, or its mailbox is full; false when this life is over. */
  send<Other>(receiver: ActorRef<Other>, message: NoInfer<Other>): boolean;
  /** What this life began in the background failed: it ends with the error after the message in hand. Nothing once it is over. */
  fail(error: unknown): void;
  /** A child that ends with this life of the actor; made anew by `initialState` or `onStarted` in the next. */
  spawn<N extends ActorMessage, S>(spec: ActorSpec<N, S>): ActorRef<N>;
}

export interface PersistentActorContext<M, S, E> extends ActorContext<M> {
  /** Last batch of the log that the state contains. */
  readonly batchNumber: number;
  /**
   * Appends one entry and resolves, when it is durable, with the state after it (`evolve`); return that state. One at a time.
   * A rejection ends the life of the actor even when it is caught: what is in the log is unknown, and only recovery can tell.
   */
  persist(entry: E): Promise<S>;
  /**
   * Folds an entry that is durable in a log which somebody else reads, and returns the state after it; return that state. `batchNumber` is how far in
   * that log the state is with it: numbers never fall, but need not follow one on the other. `undefined`: nothing up to there changes the state. Not
   * beside `persist`.
   */
  advance(entry: E | undefined, batchNumber: number): S;
}

/** The log of an actor as the kernel needs it. */
export interface PersistenceEngine<E, Snapshot> {
  latestSnapshot(
    key: string,
  ): Promise<{ readonly batchNumber: number; readonly snapshot: Snapshot } | undefined>;
  /** Calls `visit` for each batch after `afterBatchNumber`, in order, awaiting each. A rejected visit ends the reading with its error. */
  readBatches(
    key: string,
    afterBatchNumber: number,
    visit: (batchNumber: number, entry: E) => void | Promise<void>,
  ): Promise<void>;
  append(key: string, batchNumber: number, entry: E): Promise<void>;
}

export type ActorStatus =
  'starting' | 'recovering' | 'running' | 'restarting' | 'stopping' | 'parked' | 'stopped';

export type ActorNode = {
  readonly path: string;
  readonly parentPath: string;
  readonly kind: 'plain' | 'persistent';
  readonly status: ActorStatus;
  readonly incarnation: number;
  readonly mailboxCount: number;
  readonly restarts: number;
  readonly lastFailure:
    { readonly atMs: number; readonly cause: string; readonly errorClass: ErrorClass } | undefined;
  /** Its last failure, or the word of the operator who wanted it; `undefined` unless it is parked. */
  readonly whyParked: string | undefined;
  /** Time the last handled message took. */
  readonly lastHandlerMs: number | undefined;
  /** Time since the message in hand was taken up; `undefined` while none is. */
  readonly handlerAgeMs: number | undefined;
};

/**
 * - `started`, `recovered`: a life began; `recovered` for persistent actors, with the position.
 * - `restarted`: it failed (or an operator asked) and will live again after `delayMs`.
 * - `poison`: it failed on a message that is to blame; the message is a dead letter.
 * - `escalated`: its strategy gave up, its parent's decides now.
 * - `parked`, `unparked`: its strategy gave up and it waits for an operator; the operator started it again.
 * - `stuck`: a handler took too long and was cut off. `abandoned`: it did not stop in time and was cut off.
 * - `stopped`: it ended as asked. `fenced`: a newer owner exists, it let go.
 */
export type SupervisionEventKind =
  | 'started'
  | 'recovered'
  | 'restarted'
  | 'poison'
  | 'escalated'
  | 'parked'
  | 'unparked'
  | 'stuck'
  | 'abandoned'
  | 'stopped'
  | 'fenced';

export type SupervisionEvent = {
  readonly timeMs: number;
  readonly path: string;
  readonly kind: SupervisionEventKind;
  /** Why, in one line; empty where nothing went wrong. */
  readonly cause: string;
  readonly errorClass: ErrorClass | undefined;
  /** `restart`, `park`, `escalate`, `stop`, `continue`. */
  readonly decision: string;
  /** Number of the failure in its run, from 1; 0 where there was none. */
  readonly attempt: number;
  readonly delayMs: number;
  readonly recoveredPosition: number | undefined;
};

export type DeadLetterReason =
  'gone' | 'parked' | 'stopping' | 'mailbox-full' | 'poison' | 'stopped' | 'abandoned';

export type ActorDeadLetter = {
  readonly timeMs: number;
  readonly path: string;
  readonly reason: DeadLetterReason;
  /** From the spec's `describe`, cut to 200 characters. */
  readonly message: string;
  readonly cause: string;
};
