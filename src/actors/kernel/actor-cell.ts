/**
 * One actor and its lives, one after the other, on nact actors. A failure ends a life; nact's `reset`, after a wait inside its `onCrash`,
 * begins the next on the same nact actor. Where that one can't go on (stuck, stopped, parked) a new one takes its place.
 * What concerns other actors as well (children, escalation) is the supervisor's: see `supervisor.ts`.
 *
 * nact sees all actors side by side below its root, the tree is ours: nact's `stop` forgets children and its `reset` kills them.
 */
import { TampinesError } from '../../base/errors.ts';
import { describeCause, type FailureRecord } from '../../supervision/failure.ts';
import type { ActorMessage, ActorNode, ActorRef, ActorSpec, ActorStatus, StopReason } from './actor-types.ts';
import type { CellSpec } from './cell-spec.ts';
import { FailureHistory } from './failure-history.ts';
import { Inbox } from './inbox.ts';
import { Incarnation } from './incarnation.ts';
import type { KernelEnvironment } from './kernel-environment.ts';
import { Life, type LifeHost } from './life.ts';
import type { Envelope } from './mailbox.ts';
import { toNactName, type NactContext } from './nact-boundary.ts';
import { Waits } from './waits.ts';

/** What a cell asks of the supervisor. */
export type CellSupervisor = {
  send(receiver: ActorRef<unknown>, message: unknown): boolean;
  spawnOwned<N extends ActorMessage, T>(parent: ActorCell, spec: ActorSpec<N, T>): ActorRef<N>;
  stopOwnedChildren(cell: ActorCell): Promise<void>;
  /** The cell's strategy gave up; the cell has closed its incarnation. */
  onGaveUp(cell: ActorCell, decision: 'escalate' | 'park' | 'stop', failure: FailureRecord): void;
  onFenced(cell: ActorCell, cause: string): void;
};

export type CellPlace = {
  readonly path: string;
  readonly parent: ActorCell | undefined;
  /** Ends with a life of its parent, which makes it anew. */
  readonly isOwned: boolean;
};

export class ActorCell {
  readonly path: string;
  readonly spec: CellSpec;
  readonly parent: ActorCell | undefined;
  readonly isOwned: boolean;
  readonly ref: ActorRef<ActorMessage>;
  /** In start order. */
  readonly children = new Set<ActorCell>();
  readonly inbox: Inbox;
  readonly failures: FailureHistory;
  status: ActorStatus = 'stopped';
  /** Of the last time that it was parked. */
  parkedFor = '';
  /** Grows with each order about this cell (stop, restart, suspend, unpark): an older one that still waits gives way to the newer. */
  orderCount = 0;
  /** While its group is taken down, or waits to begin again: children that give up meanwhile share its fate. */
  isGroupGoingDown = false;
  readonly #environment: KernelEnvironment;
  readonly #supervisor: CellSupervisor;
  readonly #lifeHost: LifeHost;
  readonly #waits: Waits;
  #incarnation: Incarnation | undefined;
  #isClosingDown = false;
  #lifeCount = 0;
  #lastHandlerMs: number | undefined;

  constructor(environment: KernelEnvironment, supervisor: CellSupervisor, spec: CellSpec, place: CellPlace) {
    this.#environment = environment;
    this.#supervisor = supervisor;
    this.spec = spec;
    this.path = place.path;
    this.parent = place.parent;
    this.isOwned = place.isOwned;
    this.ref = { path: place.path };
    this.inbox = new Inbox(place.path, spec, environment.reports);
    this.failures = new FailureHistory(place.path, spec, environment);
    this.#waits = new Waits(environment.timers);
    this.#lifeHost = {
      path: this.path,
      self: this.ref,
      clock: environment.clock,
      timers: environment.timers,
      log: environment.logFor(this.path),
      send: (receiver, message) => supervisor.send(receiver, message),
      spawnOwned: (childSpec) => supervisor.spawnOwned(this, childSpec),
      evolve: (state, entry) => spec.log!.evolve(state, entry),
      onBackgroundFailure: (life, error) => this.#onBackgroundFailure(life, error),
    };
  }

  node(): ActorNode {
    const { clock } = this.#environment;
    const { newest, restartCount } = this.failures;
    const startedMs = this.#incarnation?.life.handlerStartedMs;
    return {
      path: this.path,
      parentPath: this.parent?.path ?? '',
      kind: this.spec.log === undefined ? 'plain' : 'persistent',
      status: this.status,
      incarnation: this.#lifeCount,
      mailboxCount: this.inbox.length,
      restarts: restartCount,
      lastFailure: newest && {
        atMs: newest.atMs,
        cause: newest.cause,
        errorClass: newest.errorClass,
      },
      whyParked: this.status === 'parked' ? this.parkedFor : undefined,
      lastHandlerMs: this.#lastHandlerMs,
      handlerAgeMs: startedMs === undefined ? undefined : clock.monotonicMs() - startedMs,
    };
  }

  isAtRest(): boolean {
    return this.status === 'running' && this.#incarnation?.life.handlerStartedMs === undefined;
  }

  /** Returns whether the message was taken; if not it is a dead letter. */
  enqueue(envelope: Envelope): boolean {
    const isTaken = this.inbox.offer(envelope, this.status);
    if (isTaken) this.#incarnation?.dispatchTurn();
    return isTaken;
  }

  /** Whether the cell is on its way out of the tree, for good. A method, for it changes while its reader awaits. */
  isClosingDown(): boolean {
    return this.#isClosingDown;
  }

  closeDown(): void {
    this.#isClosingDown = true;
  }

  // --------------------------------------------------------------------------------------------------------- start, stop

  /** Begins a life on a new nact actor, unless there is one; waiting messages are handled in it. */
  start(): void {
    if (this.#incarnation !== undefined) return;
    const { spec } = this;
    const number = this.#environment.nextIncarnationNumber();
    const nactName = `${toNactName(this.path)}-${String(number)}`;
    const incarnation: Incarnation = new Incarnation(this.#environment, spec, nactName, {
      createLife: () => new Life(this.#lifeHost, ++this.#lifeCount),
      takeTurn: (life, context) => this.#handleTurn(incarnation, life, context),
      onFailure: (error) => this.#onFailure(incarnation, error),
    });
    this.#incarnation = incarnation;
    this.status = this.#startingStatus();
    incarnation.spawn();
    // One turn to start, and one for each message: a turn that finds nothing to do costs little, one too few would leave a message lying.
    for (let turn = 0; turn <= this.inbox.length; turn++) incarnation.dispatchTurn();
  }

  #startingStatus(): ActorStatus {
    return this.spec.log === undefined ? 'starting' : 'recovering';
  }

  /**
   * Ends the current life and closes its nact actor: after all waiting messages (`drain`) or after the one in hand (`now`, the others keep
   * waiting). A life that is only being recovered or waited for ends at once. Resolves at the latest after `shutdownMs`, then by cutting off.
   */
  async retire(mode: 'drain' | 'now', reason: StopReason): Promise<void> {
    this.#waits.interruptAll();
    const incarnation = this.#incarnation;
    if (incarnation === undefined) return;
    const isRecovering = this.status === 'recovering' && !incarnation.life.hasState;
    if (isRecovering || this.status === 'restarting') {
      this.#close(incarnation);
      return;
    }
    if (mode === 'drain') this.status = 'stopping';
    incarnation.requestStop(mode, reason);
    const { shutdownMs } = this.spec;
    if (await this.#waits.within(shutdownMs, incarnation.whenFinished)) return;
    const cause = `did not stop within ${String(shutdownMs)} ms`;
    this.#environment.reports.event(this.path, 'abandoned', { cause, decision: 'stop' });
    const { life } = incarnation;
    this.#close(incarnation);
    await this.#waits.within(shutdownMs, this.#callOnStop(life, 'failure'));
  }

  /** Ends the current life where it stands: without `onStop`, whatever it is at. */
  cutOff(): void {
    this.#waits.interruptAll();
    this.status = 'stopping';
    this.#closeCurrent();
  }

  #close(incarnation: Incarnation): void {
    incarnation.close();
    if (this.#incarnation === incarnation) this.#incarnation = undefined;
  }

  /** Waits unless the cell is retired meanwhile; returns whether it waited to the end. */
  wait(delayMs: number): Promise<boolean> {
    return this.#waits.wait(delayMs);
  }

  // --------------------------------------------------------------------------------------------------------------- turns

  /** One turn of nact: the start of a life, at most one message, or the end that was asked for. */
  async #handleTurn(incarnation: Incarnation, life: Life, context: NactContext): Promise<Life> {
    if (incarnation.hasClosed()) return life;
    life.nactPersist = context.persist;
    life.handlerStartedMs = this.#environment.clock.monotonicMs();
    try {
      await this.#takeTurn(incarnation, life);
    } finally {
      life.handlerStartedMs = undefined;
    }
    return life;
  }

  async #takeTurn(incarnation: Incarnation, life: Life): Promise<void> {
    const { stopRequest } = incarnation;
    if (stopRequest === 'now' || (stopRequest === 'drain' && this.inbox.length === 0)) {
      await this.#endLife(life, incarnation.stopReason);
      this.#close(incarnation);
      return;
    }
    if (!life.hasStarted) await this.#startLife(life);
    if (life.hasEnded()) return;
    const envelope = this.inbox.take();
    if (envelope === undefined) return;
    if (envelope.fault === undefined) await this.#receive(life, envelope);
    else if (envelope.fault.incarnation === life.incarnation) throw envelope.fault.error;
  }

  async #receive(life: Life, envelope: Envelope): Promise<void> {
    const { clock } = this.#environment;
    life.envelope = envelope;
    const startedMs = clock.monotonicMs();
    const received = this.spec.receive(life.state, envelope.message as ActorMessage, life.context);
    const next = received instanceof Promise ? ((await received) as unknown) : received;
    if (life.persisting !== undefined || life.persistFailure !== undefined) await this.#settlePersist(life);
    // Cut off while it waited: somebody else lives this actor's life by now.
    if (life.hasEnded()) return;
    assertState(next, this.path, envelope);
    life.state = next;
    life.envelope = undefined;
    this.#lastHandlerMs = clock.monotonicMs() - startedMs;
  }

  /** A write that was not awaited, or whose failure was caught, is no less part of the handler. */
  async #settlePersist(life: Life): Promise<void> {
    if (life.persisting !== undefined) await life.persisting;
    if (life.persistFailure !== undefined && !life.hasEnded()) throw life.persistFailure.error;
  }

  async #startLife(life: Life): Promise<void> {
    const { log, initialState, onStarted } = this.spec;
    if (log === undefined) life.state = initialState(life.context);
    life.hasState = true;
    if (life.recovery !== undefined) {
      await log?.onRecovered?.(life.state, life.context, life.recovery);
    }
    await onStarted?.(life.state, life.context);
    await this.#settlePersist(life);
    if (life.hasEnded()) return;
    life.hasStarted = true;
    if (this.status !== 'stopping') this.status = 'running';
    this.#environment.reports.event(this.path, log === undefined ? 'started' : 'recovered', {
      attempt: this.failures.newest?.attempt ?? 0,
      recoveredPosition: log && (log.positionOf?.(life.state) ?? life.batchNumber),
    });
  }

  async #endLife(life: Life, reason: StopReason): Promise<void> {
    life.cancelTimers();
    await this.#supervisor.stopOwnedChildren(this);
    await this.#waits.within(this.spec.shutdownMs, this.#callOnStop(life, reason));
    life.end();
  }

  async #callOnStop(life: Life, reason: StopReason): Promise<void> {
    const { onStop } = this.spec;
    if (onStop === undefined || !life.hasState) return;
    life.hasState = false;
    try {
      await onStop(life.state, life.context, reason);
    } catch (error) {
      this.#environment.reports.warning(this.path, 'An actor failed while it stopped', error);
    }
  }

  // ------------------------------------------------------------------------------------------------------------ failures

  /** Called from nact's `onCrash`. Returns whether nact is to reset the actor (else it stops it). */
  async #onFailure(incarnation: Incarnation, error: unknown): Promise<boolean> {
    if (incarnation.hasClosed()) return false;
    const isInRecovery = this.status === 'recovering' && !incarnation.life.hasState;
    await this.#endFailedLife(incarnation.life, error);
    if (incarnation.hasClosed()) return false;
    if (incarnation.stopRequest !== undefined) {
      this.#environment.reports.warning(this.path, 'An actor failed while it was being stopped', error);
      this.#close(incarnation);
      return false;
    }
    const delayMs = this.#decide(error, { isInRecovery });
    if (delayMs === undefined) return false;
    const isElapsed = await this.wait(delayMs);
    if (!isElapsed || incarnation.hasClosed()) return false;
    this.status = this.#startingStatus();
    // The turn that failed is used up; if it failed before it took a message, that one still waits.
    incarnation.dispatchTurn();
    return true;
  }

  async #endFailedLife(life: Life, error: unknown): Promise<void> {
    const { envelope } = life;
    life.envelope = undefined;
    if (envelope !== undefined && this.failures.classify(error) === 'poison') {
      this.inbox.deadLetter({ message: envelope.message }, 'poison', describeCause(error));
    }
    envelope?.reject?.(error);
    // What is still being written must land before the log is read again, if it lands in time at all.
    if (life.persisting !== undefined) await this.#waits.within(this.spec.shutdownMs, life.persisting);
    await this.#endLife(life, 'failure');
  }

  /** Records the failure and says how long to wait for the next life; `undefined` when there is none, and the supervisor knows. */
  #decide(error: unknown, place: { isInRecovery: boolean }): number | undefined {
    const errorClass = this.failures.classify(error);
    const cause = describeCause(error);
    if (errorClass === 'fenced') {
      this.#closeCurrent();
      this.#supervisor.onFenced(this, cause);
      return undefined;
    }
    if (errorClass === 'poison') {
      this.status = 'restarting';
      this.failures.announceRestart(cause, { kind: 'poison', errorClass });
      return 0;
    }
    const { failure, decided } = this.failures.record(errorClass, cause);
    if (decided.decision === 'restart') {
      const { attempt, delayMs } = decided;
      this.status = 'restarting';
      this.failures.announceRestart(cause, { errorClass, attempt, delayMs });
      return delayMs;
    }
    // Closed first: an operator who is told may start it again at once.
    this.#closeCurrent();
    // A log that can't be read will not get better because the siblings start again too.
    const isUseless = place.isInRecovery && decided.decision === 'escalate';
    this.#supervisor.onGaveUp(this, isUseless ? 'park' : decided.decision, failure);
    return undefined;
  }

  #closeCurrent(): void {
    if (this.#incarnation !== undefined) this.#close(this.#incarnation);
  }

  #onBackgroundFailure(life: Life, error: unknown): void {
    if (this.#incarnation?.life !== life) return;
    this.inbox.putFault(error, life.incarnation);
    this.#incarnation.dispatchTurn();
  }

  /**
   * Cuts the actor off when the handler in hand takes too long, or its log gives nothing for as long while it is read. JavaScript can't end
   * either; but they can persist, send and start nothing more, and the place among those that recover is free again.
   */
  checkStuck(): void {
    const incarnation = this.#incarnation;
    if (incarnation === undefined) return;
    const { handlerStartedMs, recoveryProgressMs } = incarnation.life;
    const sinceMs = handlerStartedMs ?? recoveryProgressMs;
    if (sinceMs === undefined) return;
    const ageMs = this.#environment.clock.monotonicMs() - sinceMs;
    if (ageMs > this.spec.handlerMaxMs) void this.#replaceStuck(incarnation, ageMs);
  }

  async #replaceStuck(incarnation: Incarnation, ageMs: number): Promise<void> {
    const { life } = incarnation;
    const { envelope } = life;
    const isInRecovery = life.handlerStartedMs === undefined;
    const what = isInRecovery
      ? 'a recovery whose log gave nothing'
      : envelope === undefined
        ? 'its start'
        : this.inbox.describe(envelope);
    const error = new TampinesError(
      'HANDLER_STUCK',
      `Cut off after ${String(Math.round(ageMs))} ms in ${what}`,
      {
        // What keeps a log from answering is the world's; it will not be parked for that.
        isRetryable: isInRecovery,
      },
    );
    const isStopping = incarnation.stopRequest !== undefined;
    const order = this.orderCount;
    const isMine = () => this.orderCount === order && this.#incarnation === undefined;

    this.#environment.reports.event(this.path, 'stuck', { cause: describeCause(error) });
    envelope?.reject?.(error);
    this.#close(incarnation);
    await this.#supervisor.stopOwnedChildren(this);
    await this.#waits.within(this.spec.shutdownMs, this.#callOnStop(life, 'failure'));
    if (isStopping || !isMine()) return;
    const delayMs = this.#decide(error, { isInRecovery });
    if (delayMs !== undefined && (await this.wait(delayMs)) && isMine()) this.start();
  }
}

function assertState(state: unknown, path: string, envelope: Envelope): void {
  if (state !== undefined) return;
  const { type } = envelope.message as ActorMessage;
  throw new Error(`Actor ${path} returned no state for ${type}: the handler must return the next state`);
}
