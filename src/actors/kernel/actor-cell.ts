/**
 * One actor: its mailbox, and its lives one after the other on nact actors. A failure ends a life; nact's `reset`, after a wait inside its
 * `onCrash`, begins the next on the same nact actor. Where that one can't go on (stuck, stopped, parked) a new one takes its place.
 * What concerns other actors as well (children, escalation) is the supervisor's: see `supervisor.ts`.
 *
 * nact sees all actors side by side below its root; the tree is ours. Its `stop` forgets children and its `reset` kills them.
 */
import { TampinesError } from '../../base/errors.ts';
import { decideOnFailure, recordFailure, type Decision } from '../../supervision/decision.ts';
import {
  classifyError,
  describeCause,
  type ErrorClass,
  type FailureRecord,
} from '../../supervision/failure.ts';
import type {
  ActorMessage,
  ActorNode,
  ActorRef,
  ActorSpec,
  ActorStatus,
  DeadLetterReason,
  StopReason,
} from './actor-types.ts';
import type { CellSpec } from './cell-spec.ts';
import { Incarnation } from './incarnation.ts';
import type { KernelEnvironment } from './kernel-environment.ts';
import { Life, type LifeHost } from './life.ts';
import { Mailbox, type Envelope } from './mailbox.ts';
import { toNactName, type NactContext } from './nact-boundary.ts';
import { describeMessage } from './reports.ts';

/** What a cell asks of the supervisor. */
export type CellSupervisor = {
  send(receiver: ActorRef<unknown>, message: unknown): boolean;
  spawnOwned<N extends ActorMessage, T>(parent: ActorCell, spec: ActorSpec<N, T>): ActorRef<N>;
  stopOwnedChildren(cell: ActorCell): Promise<void>;
  /** The cell's strategy gave up; the cell has closed its incarnation. */
  onGaveUp(cell: ActorCell, decision: 'escalate' | 'park' | 'stop', failure: FailureRecord): void;
  onFenced(cell: ActorCell, cause: string): void;
};

export class ActorCell {
  readonly path: string;
  readonly spec: CellSpec;
  readonly parent: ActorCell | undefined;
  /** In start order. */
  readonly children = new Set<ActorCell>();
  /** Ends with a life of its parent, which makes it anew. */
  readonly isOwned: boolean;
  readonly ref: ActorRef<ActorMessage>;
  status: ActorStatus = 'stopped';
  failures: readonly FailureRecord[] = [];
  /** Set for good when the cell is on its way out of the tree. */
  isClosingDown = false;
  /** Grows with each order about this cell (stop, restart, suspend, unpark): an older one that still waits gives way to the newer. */
  orderCount = 0;
  /** While its group is taken down, or waits to begin again: children that give up meanwhile share its fate. */
  isGroupGoingDown = false;
  readonly #environment: KernelEnvironment;
  readonly #supervisor: CellSupervisor;
  readonly #mailbox = new Mailbox();
  readonly #lifeHost: LifeHost;
  readonly #waits = new Set<() => void>();
  #incarnation: Incarnation | undefined;
  #lifeCount = 0;
  #restarts = 0;
  #lastHandlerMs: number | undefined;

  constructor(
    environment: KernelEnvironment,
    supervisor: CellSupervisor,
    spec: CellSpec,
    place: { parent: ActorCell | undefined; path: string; isOwned: boolean },
  ) {
    this.#environment = environment;
    this.#supervisor = supervisor;
    this.spec = spec;
    this.path = place.path;
    this.parent = place.parent;
    this.isOwned = place.isOwned;
    this.ref = { path: place.path };
    this.#lifeHost = {
      path: this.path,
      self: this.ref,
      clock: environment.clock,
      timers: environment.timers,
      log: environment.logFor(this.path),
      send: (receiver, message) => supervisor.send(receiver, message),
      spawnOwned: (childSpec) => supervisor.spawnOwned(this, childSpec),
      evolve: (state, entry) => this.spec.log!.evolve(state, entry),
      onTimerFailure: (life, error) => this.#failFromOutside(life, error),
    };
  }

  node(): ActorNode {
    const last = this.failures.at(-1);
    const startedMs = this.#incarnation?.life.handlerStartedMs;
    return {
      path: this.path,
      parentPath: this.parent?.path ?? '',
      kind: this.spec.log === undefined ? 'plain' : 'persistent',
      status: this.status,
      incarnation: this.#lifeCount,
      mailboxCount: this.#mailbox.length,
      restarts: this.#restarts,
      lastFailure: last && { atMs: last.atMs, cause: last.cause, errorClass: last.errorClass },
      lastHandlerMs: this.#lastHandlerMs,
      handlerAgeMs: startedMs === undefined ? undefined : this.#environment.clock.monotonicMs() - startedMs,
    };
  }

  // ------------------------------------------------------------------------------------------------------------ messages

  /** Returns why the message was refused, `undefined` when it was taken. */
  enqueue(envelope: Envelope): DeadLetterReason | undefined {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      this.deadLetter(envelope, refusal);
      return refusal;
    }
    this.#mailbox.push(envelope);
    this.#incarnation?.dispatchTurn();
    return undefined;
  }

  #refusal(): DeadLetterReason | undefined {
    if (this.status === 'parked') return 'parked';
    if (this.status === 'stopping') return 'stopping';
    return this.#mailbox.length >= this.spec.mailboxMaxMessages ? 'mailbox-full' : undefined;
  }

  deadLetter(envelope: Envelope, reason: DeadLetterReason, cause = ''): void {
    if (envelope.fault !== undefined) return;
    const message = describeMessage(this.spec.describe, envelope.message as ActorMessage);
    this.#environment.reports.deadLetter(this.path, reason, message, cause);
    envelope.reject?.(unavailable(this.path, reason));
  }

  /** Turns all waiting messages into dead letters; `undefined` drops them silently. */
  dropMailbox(reason: DeadLetterReason | undefined, cause = ''): void {
    for (const envelope of this.#mailbox.takeAll()) {
      if (reason === undefined) envelope.reject?.(unavailable(this.path, 'stopped'));
      else this.deadLetter(envelope, reason, cause);
    }
  }

  #failFromOutside(life: Life, error: unknown): void {
    const incarnation = this.#incarnation;
    if (incarnation === undefined || incarnation.life !== life) return;
    this.#mailbox.pushFirst({ message: undefined, fault: { error, incarnation: life.incarnation } });
    incarnation.dispatchTurn();
  }

  // --------------------------------------------------------------------------------------------------------- start, stop

  /** Begins a life on a new nact actor; waiting messages are handled in it. */
  start(): void {
    if (this.#incarnation !== undefined) return;
    const { spec, path } = this;
    const number = this.#environment.nextIncarnationNumber();
    const name = `${toNactName(path)}-${String(number)}`;
    const incarnation: Incarnation = new Incarnation(this.#environment, spec, name, {
      createLife: () => this.#createLife(),
      takeTurn: (life, context) => this.#handleTurn(incarnation, life, context),
      onFailure: (error) => this.#onFailure(incarnation, error),
    });
    this.#incarnation = incarnation;
    this.status = spec.log === undefined ? 'starting' : 'recovering';
    incarnation.spawn();
    for (let turn = 0; turn <= this.#mailbox.length; turn++) incarnation.dispatchTurn();
  }

  #createLife(): Life {
    this.#lifeCount++;
    return new Life(this.#lifeHost, this.#lifeCount);
  }

  /**
   * Ends the current life and closes its nact actor: after all waiting messages (`drain`) or after the one in hand (`now`, the others keep
   * waiting). A life that is only being recovered or waited for ends at once. Resolves at the latest after `shutdownMs`, then by cutting off.
   */
  async retire(mode: 'drain' | 'now', reason: StopReason): Promise<void> {
    this.#interruptWaits();
    const incarnation = this.#incarnation;
    if (incarnation === undefined || incarnation.isClosed) return;
    if (this.status === 'recovering' || this.status === 'restarting') {
      this.#close(incarnation);
      return;
    }
    if (mode === 'drain') this.status = 'stopping';
    incarnation.requestStop(mode, reason);
    const isDone = await this.#withDeadline(incarnation.whenFinished, this.spec.shutdownMs);
    if (isDone) return;
    const cause = `did not stop within ${String(this.spec.shutdownMs)} ms`;
    this.#environment.reports.event(this.path, 'abandoned', { cause, decision: 'stop' });
    const { life } = incarnation;
    this.#close(incarnation);
    await this.#callOnStop(life, 'failure');
  }

  #close(incarnation: Incarnation): void {
    incarnation.close();
    if (this.#incarnation === incarnation) this.#incarnation = undefined;
  }

  /** Waits unless it is interrupted; returns whether it waited to the end. */
  wait(delayMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (isElapsed: boolean) => {
        timer.cancel();
        this.#waits.delete(interrupt);
        resolve(isElapsed);
      };
      const interrupt = () => end(false);
      const timer = this.#environment.timers.after(delayMs, () => end(true));
      this.#waits.add(interrupt);
    });
  }

  #interruptWaits(): void {
    for (const interrupt of [...this.#waits]) interrupt();
  }

  async #withDeadline(work: Promise<unknown>, deadlineMs: number): Promise<boolean> {
    let isDone = false;
    let cancel = () => {};
    const deadline = new Promise<void>((resolve) => {
      const timer = this.#environment.timers.after(deadlineMs, resolve);
      cancel = () => timer.cancel();
    });
    await Promise.race([work.then(() => (isDone = true)), deadline]);
    cancel();
    return isDone;
  }

  // ---------------------------------------------------------------------------------------------------------------- turns

  /** One turn of nact: the start of a life, at most one message, or the end that was asked for. */
  async #handleTurn(incarnation: Incarnation, life: Life, context: NactContext): Promise<void> {
    if (incarnation.isClosed) return;
    life.nactPersist = context.persist;
    life.handlerStartedMs = this.#environment.clock.monotonicMs();
    try {
      await this.#takeTurn(incarnation, life);
    } finally {
      life.handlerStartedMs = undefined;
    }
  }

  async #takeTurn(incarnation: Incarnation, life: Life): Promise<void> {
    const isEmpty = this.#mailbox.length === 0;
    if (incarnation.stopRequest === 'now' || (incarnation.stopRequest === 'drain' && isEmpty)) {
      return this.#finish(incarnation, life);
    }
    if (!life.hasStarted) await this.#startLife(life);
    if (life.isOver) return;

    const envelope = this.#mailbox.take();
    if (envelope === undefined) return;
    if (envelope.fault !== undefined) {
      if (envelope.fault.incarnation === life.incarnation) throw envelope.fault.error;
      return;
    }
    life.envelope = envelope;
    const startedMs = this.#environment.clock.monotonicMs();
    const received = this.spec.receive(life.state, envelope.message as ActorMessage, life.context);
    const next = received instanceof Promise ? ((await received) as unknown) : received;
    await this.#settlePersist(life);
    // Cut off while it waited: somebody else lives this actor's life by now.
    if (life.isOver) return;
    assertState(next, this.path, envelope);
    life.state = next;
    life.envelope = undefined;
    this.#lastHandlerMs = this.#environment.clock.monotonicMs() - startedMs;
  }

  /** A write that was not awaited, or whose failure was caught, is no less part of the handler. */
  async #settlePersist(life: Life): Promise<void> {
    if (life.persisting !== undefined) await life.persisting;
    if (life.persistFailure !== undefined && !life.isOver) throw life.persistFailure.error;
  }

  async #startLife(life: Life): Promise<void> {
    const { spec } = this;
    if (spec.log === undefined) life.state = spec.initialState(life.context);
    life.hasState = true;
    if (life.recovery !== undefined) {
      await spec.log?.onRecovered?.(life.state, life.context, life.recovery);
    }
    await spec.onStarted?.(life.state, life.context);
    await this.#settlePersist(life);
    if (life.isOver) return;
    life.hasStarted = true;
    if (this.status !== 'stopping') this.status = 'running';
    this.#environment.reports.event(this.path, spec.log === undefined ? 'started' : 'recovered', {
      attempt: this.failures.at(-1)?.attempt ?? 0,
      recoveredPosition: spec.log && (spec.log.positionOf?.(life.state) ?? life.batchNumber),
    });
  }

  async #finish(incarnation: Incarnation, life: Life): Promise<void> {
    await this.#endLife(life, incarnation.stopReason);
    this.#close(incarnation);
  }

  async #endLife(life: Life, reason: StopReason): Promise<void> {
    life.cancelTimers();
    await this.#supervisor.stopOwnedChildren(this);
    await this.#withDeadline(this.#callOnStop(life, reason), this.spec.shutdownMs);
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

  // ------------------------------------------------------------------------------------------------------------- failures

  /** Called from nact's `onCrash`. Returns whether nact is to reset the actor (else it stops it). */
  async #onFailure(incarnation: Incarnation, error: unknown): Promise<boolean> {
    const { life } = incarnation;
    if (incarnation.isClosed) return false;
    const isInRecovery = this.status === 'recovering';
    await this.#endFailedLife(life, error);
    if (incarnation.isClosed) return false;
    if (incarnation.stopRequest !== undefined) {
      this.#environment.reports.warning(this.path, 'An actor failed while it was being stopped', error);
      this.#close(incarnation);
      return false;
    }
    const delayMs = this.#decide(error, { isInRecovery });
    if (delayMs === undefined) {
      this.#close(incarnation);
      return false;
    }
    const isElapsed = await this.wait(delayMs);
    if (!isElapsed || incarnation.isClosed) return false;
    this.status = this.spec.log === undefined ? 'starting' : 'recovering';
    // The turn that failed is used up; if it failed before it took a message, that one still waits.
    incarnation.dispatchTurn();
    return true;
  }

  async #endFailedLife(life: Life, error: unknown): Promise<void> {
    const { envelope } = life;
    life.envelope = undefined;
    if (envelope !== undefined && this.#classify(error) === 'poison') {
      const message = describeMessage(this.spec.describe, envelope.message as ActorMessage);
      this.#environment.reports.deadLetter(this.path, 'poison', message, describeCause(error));
    }
    envelope?.reject?.(error);
    // What is still being written must land before the log is read again, if it lands in time at all.
    if (life.persisting !== undefined) {
      await this.#withDeadline(life.persisting, this.spec.shutdownMs);
    }
    await this.#endLife(life, 'failure');
  }

  /** Records the failure and says how long to wait for the next life; `undefined` when there is none, and the supervisor knows. */
  #decide(error: unknown, place: { isInRecovery: boolean }): number | undefined {
    const { reports } = this.#environment;
    const errorClass = this.#classify(error);
    const cause = describeCause(error);
    if (errorClass === 'fenced') {
      if (this.#incarnation !== undefined) this.#close(this.#incarnation);
      this.#supervisor.onFenced(this, cause);
      return undefined;
    }
    if (errorClass === 'poison') {
      this.#restarts++;
      this.status = 'restarting';
      reports.event(this.path, 'poison', { cause, errorClass, decision: 'restart' });
      return 0;
    }
    const decided = this.recordFailure(errorClass, cause);
    if (decided.decision === 'restart') {
      this.status = 'restarting';
      this.announceRestart(errorClass, cause, decided);
      return decided.delayMs;
    }
    // Closed first: an operator who is told may start it again at once.
    if (this.#incarnation !== undefined) this.#close(this.#incarnation);
    // A log that can't be read will not get better because the siblings start again too.
    const isUseless = place.isInRecovery && decided.decision === 'escalate';
    this.#supervisor.onGaveUp(this, isUseless ? 'park' : decided.decision, this.failures.at(-1)!);
    return undefined;
  }

  /** Adds a failure of this actor, or of its group, to its record and returns what its strategy says. */
  recordFailure(errorClass: ErrorClass, cause: string): Decision {
    const { clock, random } = this.#environment;
    const { strategy } = this.spec;
    const atMs = clock.nowMs();
    this.failures = recordFailure(strategy, this.failures, { atMs, errorClass, cause });
    return decideOnFailure(strategy, this.failures, atMs, random);
  }

  announceRestart(
    errorClass: ErrorClass | undefined,
    cause: string,
    when: { attempt: number; delayMs: number },
  ): void {
    const { attempt, delayMs } = when;
    this.#restarts++;
    const facts = { cause, errorClass, decision: 'restart', attempt, delayMs };
    this.#environment.reports.event(this.path, 'restarted', facts);
  }

  #classify(error: unknown): ErrorClass {
    try {
      return this.spec.classify(error) ?? classifyError(error);
    } catch {
      return 'fatal';
    }
  }

  /** Cuts the actor off when the handler in hand takes too long. JavaScript can't end it; but it can persist, send and start nothing more. */
  checkStuck(): void {
    const incarnation = this.#incarnation;
    const startedMs = incarnation?.life.handlerStartedMs;
    if (incarnation === undefined || startedMs === undefined) return;
    const ageMs = this.#environment.clock.monotonicMs() - startedMs;
    if (ageMs > this.spec.handlerMaxMs) void this.#replaceStuck(incarnation, ageMs);
  }

  async #replaceStuck(incarnation: Incarnation, ageMs: number): Promise<void> {
    const { life } = incarnation;
    const what =
      life.envelope === undefined
        ? 'its start'
        : describeMessage(this.spec.describe, life.envelope.message as ActorMessage);
    const error = new TampinesError('HANDLER_STUCK', `Cut off after ${String(ageMs)} ms in ${what}`);
    const isStopping = incarnation.stopRequest !== undefined;
    const order = this.orderCount;
    const isMine = () => this.orderCount === order && this.#incarnation === undefined;
    this.#environment.reports.event(this.path, 'stuck', { cause: describeCause(error) });
    life.envelope?.reject?.(error);
    this.#close(incarnation);
    await this.#supervisor.stopOwnedChildren(this);
    await this.#withDeadline(this.#callOnStop(life, 'failure'), this.spec.shutdownMs);
    if (isStopping || !isMine()) return;
    const delayMs = this.#decide(error, { isInRecovery: false });
    if (delayMs !== undefined && (await this.wait(delayMs)) && isMine()) this.start();
  }
}

export function unavailable(path: string, reason: string): TampinesError {
  return new TampinesError('ACTOR_UNAVAILABLE', `Actor ${path} can not be reached: ${reason}`, {
    fields: { path, reason },
  });
}

function assertState(state: unknown, path: string, envelope: Envelope): void {
  if (state !== undefined) return;
  const { type } = envelope.message as ActorMessage;
  throw new Error(`Actor ${path} returned no state for ${type}: the handler must return the next state`);
}
