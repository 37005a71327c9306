/**
 * The actors of one process, as the rest of the project sees them: typed references, supervised lives, bounded mailboxes, dead letters, and
 * clock, timers and randomness handed in. Runs on nact, which nobody outside of this folder knows.
 */
import type { Clock, RandomSource, TimerHandle, Timers } from '../../base/clock.ts';
import { TampinesError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { describeCause } from '../../supervision/failure.ts';
import type { ActorCell } from './actor-cell.ts';
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
import { toCellSpec, toPersistentCellSpec } from './cell-spec.ts';
import { unavailable } from './inbox.ts';
import { nactLibrary, startNactSystem, type NactRef } from './nact-boundary.ts';
import { PersistenceBridge } from './persistence-bridge.ts';
import { Reports } from './reports.ts';
import { Supervisor } from './supervisor.ts';

const RECOVERIES_MAX = 50;
const WATCHDOG_PERIOD_MS = 1000;

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
  send<M>(receiver: ActorRef<M>, message: NoInfer<M>): boolean;
  /**
   * Sends what `build` makes and resolves with what is replied. For questions, not for streams.
   * @throws the handler's own error when it fails on the message
   * @throws TampinesError `ACTOR_UNAVAILABLE` when the message becomes a dead letter, `ASK_TIMEOUT` when no reply came in time
   */
  ask<M, R>(
    receiver: ActorRef<M>,
    build: (reply: (value: R) => void) => NoInfer<M>,
    timeoutMs: number,
  ): Promise<R>;
  /** Stops the actor and everything below it, children first; resolves when all are gone, at the latest after their deadlines. */
  stop(ref: AnyActorRef): Promise<void>;
  /**
   * Lets go of the actor and everything below it at once, because somebody newer owns their work: no message is handled any more, `onStop` is
   * not called, and what they still have in hand can write and send nothing.
   */
  release(ref: AnyActorRef, cause: string): Promise<void>;
  /** Ends the actor's life after the message in hand and begins a new one (from the log, where it has one); waiting messages stay. */
  restart(ref: AnyActorRef, reason: string): Promise<void>;
  /** Ends the life of an actor until `unpark` or `restart`, as if its strategy had given up. @throws TampinesError `ACTOR_UNAVAILABLE` when it is not there */
  park(ref: AnyActorRef, reason: string): Promise<void>;
  /** Starts a parked actor, and what was below it, again with its failures forgotten. @throws TampinesError `ACTOR_UNAVAILABLE` when it is not there */
  unpark(ref: AnyActorRef): void;
  /** Whether the actor is there: running, on its way back, or parked. */
  has(ref: AnyActorRef): boolean;
  /** Whether the actor runs and has no message in hand: for those who look at thousands, a fraction of what `node` costs. */
  isAtRest(ref: AnyActorRef): boolean;
  /** One actor; `undefined` when it is not there. */
  node(ref: AnyActorRef): ActorNode | undefined;
  /** All actors, parents before children, siblings in start order. */
  tree(): readonly ActorNode[];
  /** Stops everything; nothing can be started afterwards. */
  shutdown(): Promise<void>;
}

export function createActorSystem(options: ActorSystemOptions): ActorSystem {
  return new KernelActorSystem(options);
}

class KernelActorSystem implements ActorSystem {
  readonly root: AnyActorRef = { path: '' };
  readonly #timers: Timers;
  readonly #supervisor: Supervisor;
  readonly #nactRoot: NactRef;
  readonly #reports: Reports;
  readonly #watchdog: TimerHandle;

  constructor(options: ActorSystemOptions) {
    const { clock, timers, random, log } = options;
    const bridge = new PersistenceBridge(clock, options.recoveriesMax ?? RECOVERIES_MAX);
    let incarnationCount = 0;
    this.#timers = timers;
    this.#nactRoot = startNactSystem(options.name, bridge);
    this.#reports = new Reports(options);
    this.#supervisor = new Supervisor({
      clock,
      timers,
      random,
      bridge,
      nactRoot: this.#nactRoot,
      reports: this.#reports,
      logFor: (path) => createPathLog(log, path),
      nextIncarnationNumber: () => ++incarnationCount,
    });
    this.#watchdog = timers.every(options.watchdogPeriodMs ?? WATCHDOG_PERIOD_MS, () => {
      for (const cell of this.#supervisor.cells) cell.checkStuck();
    });
  }

  spawn<M extends ActorMessage, S>(parent: AnyActorRef, spec: ActorSpec<M, S>): ActorRef<M> {
    return this.#supervisor.add(parent.path, toCellSpec(spec), { isOwned: false }).ref;
  }

  spawnPersistent<M extends ActorMessage, S, E, Snapshot>(
    parent: AnyActorRef,
    spec: PersistentActorSpec<M, S, E, Snapshot>,
  ): ActorRef<M> {
    return this.#supervisor.add(parent.path, toPersistentCellSpec(spec), { isOwned: false }).ref;
  }

  send<M>(receiver: ActorRef<M>, message: NoInfer<M>): boolean {
    return this.#supervisor.send({ path: receiver.path }, message);
  }

  ask<M, R>(
    receiver: ActorRef<M>,
    build: (reply: (value: R) => void) => NoInfer<M>,
    timeoutMs: number,
  ): Promise<R> {
    const { path } = receiver;
    return new Promise((resolve, reject) => {
      const timer = this.#timers.after(timeoutMs, () => {
        const message = `Asked ${path} and got no reply within ${String(timeoutMs)} ms`;
        reject(new TampinesError('ASK_TIMEOUT', message, { fields: { path, timeoutMs } }));
      });
      const fail = (error: unknown) => {
        timer.cancel();
        reject(error instanceof Error ? error : new Error(describeCause(error)));
      };
      const message = build((value) => {
        timer.cancel();
        resolve(value);
      });
      const cell = this.#supervisor.find(path);
      if (cell !== undefined) cell.enqueue({ message, reject: fail });
      else {
        this.#supervisor.deadLetterGone(path, message);
        fail(unavailable(path, 'gone'));
      }
    });
  }

  async stop(ref: AnyActorRef): Promise<void> {
    const cell = this.#supervisor.find(ref.path);
    if (cell !== undefined) await this.#supervisor.stop(cell);
  }

  async release(ref: AnyActorRef, cause: string): Promise<void> {
    const cell = this.#supervisor.find(ref.path);
    if (cell !== undefined) await this.#supervisor.release(cell, cause);
  }

  async restart(ref: AnyActorRef, reason: string): Promise<void> {
    await this.#supervisor.restart(this.#findOpen(ref), reason);
  }

  async park(ref: AnyActorRef, reason: string): Promise<void> {
    await this.#supervisor.park(this.#findOpen(ref), reason);
  }

  unpark(ref: AnyActorRef): void {
    this.#supervisor.unpark(this.#findOpen(ref));
  }

  has(ref: AnyActorRef): boolean {
    return this.#supervisor.find(ref.path) !== undefined;
  }

  isAtRest(ref: AnyActorRef): boolean {
    return this.#supervisor.find(ref.path)?.isAtRest() === true;
  }

  node(ref: AnyActorRef): ActorNode | undefined {
    return this.#supervisor.find(ref.path)?.node();
  }

  tree(): readonly ActorNode[] {
    return [...this.#supervisor.walk()].map((cell) => cell.node());
  }

  async shutdown(): Promise<void> {
    await this.#supervisor.stopAll();
    this.#watchdog.cancel();
    this.#reports.close();
    nactLibrary.stop(this.#nactRoot);
  }

  #findOpen(ref: AnyActorRef): ActorCell {
    const cell = this.#supervisor.find(ref.path);
    if (cell === undefined || cell.isClosingDown()) throw unavailable(ref.path, 'gone or stopping');
    return cell;
  }
}

/** Every line of an actor says which one it is. */
function createPathLog(log: Log, path: string): Log {
  return {
    debug: (fields, message) => log.debug({ path, ...fields }, message),
    info: (fields, message) => log.info({ path, ...fields }, message),
    warn: (fields, message) => log.warn({ path, ...fields }, message),
    error: (fields, message) => log.error({ path, ...fields }, message),
  };
}
