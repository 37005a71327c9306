import type { Clock, RandomSource, Timers } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type {
  ActorDeadLetter,
  ActorMessage,
  ActorNode,
  ActorRef,
  ActorSpec,
  AnyActorRef,
  PersistentActorSpec,
  SupervisionEvent,
} from './actor-types.ts';

export type ActorSystemOptions = {
  readonly name: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly log: Log;
  readonly onSupervisionEvent: (event: SupervisionEvent) => void;
  readonly onDeadLetter: (letter: ActorDeadLetter) => void;
  /** Recoveries at once. Default 50. */
  readonly recoveriesMax?: number;
  /** How often handlers are looked at for being stuck. Default 1 s. */
  readonly watchdogPeriodMs?: number;
};

export interface ActorSystem {
  /** Parent of the top-level actors; takes no messages. */
  readonly root: AnyActorRef;
  /**
   * Starts an actor below `parent`; it stays there over restarts of its parent and starts again when the parent's group is restarted.
   * @throws TampinesError `ACTOR_UNAVAILABLE` when the parent is not there or stopping, `ACTOR_EXISTS` when the path is taken
   */
  spawn<M extends ActorMessage, S>(parent: AnyActorRef, spec: ActorSpec<M, S>): ActorRef<M>;
  /** Like `spawn`; also `ACTOR_EXISTS` when another actor has the key. Recovers from its log before the first message. */
  spawnPersistent<M extends ActorMessage, S, E, Snapshot>(
    parent: AnyActorRef,
    spec: PersistentActorSpec<M, S, E, Snapshot>,
  ): ActorRef<M>;
  /** False, and a dead letter, when the actor is gone, parked or stopping, or its mailbox is full. */
  send<M>(receiver: ActorRef<M>, message: M): boolean;
  /**
   * Sends what `build` makes and resolves with what is replied. For questions, not for streams.
   * @throws the handler's own error when it fails on the message
   * @throws TampinesError `ACTOR_UNAVAILABLE` when the message becomes a dead letter, `ASK_TIMEOUT` when no reply came in time
   */
  ask<M, R>(receiver: ActorRef<M>, build: (reply: (value: R) => void) => M, timeoutMs: number): Promise<R>;
  /** Stops the actor and everything below it, children first; resolves when all are gone, at the latest after their deadlines. */
  stop(ref: AnyActorRef): Promise<void>;
  /** Ends the actor's life after the message in hand and begins a new one (from the log, where it has one); waiting messages stay. */
  restart(ref: AnyActorRef, reason: string): Promise<void>;
  /** Starts a parked actor, and what was below it, again with its failures forgotten. @throws TampinesError `ACTOR_UNAVAILABLE` when it is not there */
  unpark(ref: AnyActorRef): Promise<void>;
  /** Whether the actor is there: running, on its way back, or parked. */
  has(ref: AnyActorRef): boolean;
  /** All actors, parents before children, siblings in start order. */
  tree(): readonly ActorNode[];
  /** Stops everything; nothing can be started afterwards. */
  shutdown(): Promise<void>;
}

export function createActorSystem(_options: ActorSystemOptions): ActorSystem {
  throw new Error('Not yet');
}
