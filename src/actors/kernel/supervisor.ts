/**
 * The tree of actors and what concerns more than one of them: stopping bottom-up, parking, and escalation from child to parent, where the
 * parent's strategy restarts the whole group. Orders never wait for one another: a newer one about the same actor makes the older give way.
 */
import { TampinesError } from '../../base/errors.ts';
import type { FailureRecord } from '../../supervision/failure.ts';
import { ActorCell, type CellSupervisor } from './actor-cell.ts';
import type { ActorMessage, ActorRef, ActorSpec } from './actor-types.ts';
import { toCellSpec, type CellSpec } from './cell-spec.ts';
import { unavailable } from './inbox.ts';
import type { KernelEnvironment } from './kernel-environment.ts';

/** Without a number and a class where an operator wanted it. */
type ParkingFacts = Pick<FailureRecord, 'cause'> & Partial<Pick<FailureRecord, 'attempt' | 'errorClass'>>;

export class Supervisor implements CellSupervisor {
  readonly #environment: KernelEnvironment;
  readonly #cells = new Map<string, ActorCell>();
  /** In start order. */
  readonly #topLevel = new Set<ActorCell>();
  readonly #logKeys = new Set<string>();
  readonly #stops = new Map<ActorCell, Promise<void>>();
  #isShutDown = false;

  constructor(environment: KernelEnvironment) {
    this.#environment = environment;
  }

  get cells(): Iterable<ActorCell> {
    return this.#cells.values();
  }

  find(path: string): ActorCell | undefined {
    return this.#cells.get(path);
  }

  /** Parents before children, siblings in start order. */
  *walk(siblings: Iterable<ActorCell> = this.#topLevel): Generator<ActorCell> {
    for (const cell of siblings) {
      yield cell;
      yield* this.walk(cell.children);
    }
  }

  /** @param parentPath '' for the root */
  add(parentPath: string, spec: CellSpec, options: { isOwned: boolean }): ActorCell {
    const parent = this.#openParent(parentPath);
    const path = parent === undefined ? spec.name : `${parent.path}/${spec.name}`;
    this.#assertFree(path, spec);
    const cell = new ActorCell(this.#environment, this, spec, { parent, path, ...options });
    this.#cells.set(path, cell);
    this.#siblings(cell).add(cell);
    if (spec.log !== undefined) this.#logKeys.add(spec.log.key);
    // Below a parked or suspended parent it begins when the group does.
    if (parent?.status !== 'parked' && parent?.status !== 'stopped') cell.start();
    return cell;
  }

  #openParent(path: string): ActorCell | undefined {
    if (this.#isShutDown) throw unavailable(path, 'the system is shut down');
    if (path === '') return undefined;
    const parent = this.#cells.get(path);
    if (parent === undefined || parent.isClosingDown()) throw unavailable(path, 'gone or stopping');
    return parent;
  }

  #assertFree(path: string, spec: CellSpec): void {
    if (spec.name === '') throw new RangeError(`Cannot start an actor below ${path}: it has no name`);
    if (this.#cells.has(path)) {
      throw new TampinesError('ACTOR_EXISTS', `Cannot start ${path}: an actor of this path is there`);
    }
    if (spec.log !== undefined && this.#logKeys.has(spec.log.key)) {
      const message = `Cannot start ${path}: another actor has the log ${spec.log.key}`;
      throw new TampinesError('ACTOR_EXISTS', message, { fields: { path, key: spec.log.key } });
    }
  }

  #siblings(cell: ActorCell): Set<ActorCell> {
    return cell.parent?.children ?? this.#topLevel;
  }

  // ---------------------------------------------------------------------------------------------------------- for actors

  send(receiver: ActorRef<unknown>, message: unknown): boolean {
    const cell = this.#cells.get(receiver.path);
    if (cell !== undefined) return cell.enqueue({ message });
    this.deadLetterGone(receiver.path, message);
    return false;
  }

  deadLetterGone(path: string, message: unknown): void {
    const hasType = typeof message === 'object' && message !== null && 'type' in message;
    this.#environment.reports.deadLetter(path, 'gone', hasType ? String(message.type) : typeof message);
  }

  spawnOwned<N extends ActorMessage, T>(parent: ActorCell, spec: ActorSpec<N, T>): ActorRef<N> {
    return this.add(parent.path, toCellSpec(spec), { isOwned: true }).ref;
  }

  async stopOwnedChildren(cell: ActorCell): Promise<void> {
    const owned = [...cell.children].filter((child) => child.isOwned);
    await this.#forEachChild(cell, owned, (child) => this.stop(child));
  }

  // --------------------------------------------------------------------------------------------------------------- orders

  /** Stops the cell and everything below it, children first, and takes them out of the tree. */
  stop(cell: ActorCell, end: { kind: 'stopped' | 'fenced'; cause: string } = STOPPED): Promise<void> {
    const running = this.#stops.get(cell);
    if (running !== undefined) return running;
    cell.closeDown();
    cell.orderCount++;
    const stopping = this.#stop(cell, end).finally(() => this.#stops.delete(cell));
    this.#stops.set(cell, stopping);
    return stopping;
  }

  async #stop(cell: ActorCell, end: { kind: 'stopped' | 'fenced'; cause: string }): Promise<void> {
    await this.#forEachChild(cell, [...cell.children], (child) => this.stop(child));
    await cell.retire('drain', 'stop');
    await this.stopOwnedChildren(cell);
    cell.status = 'stopped';
    cell.inbox.dropAll(end.kind === 'fenced' ? undefined : 'stopped', end.cause);
    this.#cells.delete(cell.path);
    this.#siblings(cell).delete(cell);
    if (cell.spec.log !== undefined) this.#logKeys.delete(cell.spec.log.key);
    this.#environment.reports.event(cell.path, end.kind, { cause: end.cause, decision: 'stop' });
  }

  /** Lets go of the cell and everything below it at once: no message is handled, `onStop` is not called, nothing more can be written. */
  release(cell: ActorCell, cause: string): Promise<void> {
    for (const each of [...this.walk([cell])].reverse()) {
      each.closeDown();
      each.cutOff();
    }
    return this.stop(cell, { kind: 'fenced', cause });
  }

  async stopAll(): Promise<void> {
    this.#isShutDown = true;
    for (const cell of [...this.#topLevel].reverse()) await this.stop(cell);
  }

  async restart(cell: ActorCell, reason: string): Promise<void> {
    if (cell.status === 'parked' || cell.status === 'stopped') {
      this.unpark(cell);
      return;
    }
    const order = ++cell.orderCount;
    cell.failures.forget();
    await cell.retire('now', 'failure');
    await this.stopOwnedChildren(cell);
    if (cell.orderCount !== order) return;
    cell.failures.announceRestart(reason);
    this.#resume(cell);
  }

  /** Ends the life after the message in hand. What waited, and what comes until somebody starts it again, is told to the senders as parked. */
  async park(cell: ActorCell, reason: string): Promise<void> {
    if (cell.isClosingDown() || cell.status === 'parked') return;
    const order = ++cell.orderCount;
    await cell.retire('now', 'failure');
    await this.stopOwnedChildren(cell);
    if (cell.orderCount !== order) return;
    await this.#park(cell, { cause: reason });
  }

  unpark(cell: ActorCell): void {
    if (cell.isClosingDown() || (cell.status !== 'parked' && cell.status !== 'stopped')) return;
    cell.orderCount++;
    cell.failures.forget();
    this.#environment.reports.event(cell.path, 'unparked', { decision: 'restart' });
    this.#resume(cell);
  }

  // ------------------------------------------------------------------------------------------------------------- failures

  onFenced(cell: ActorCell, cause: string): void {
    cell.status = 'stopping';
    void this.stop(cell, { kind: 'fenced', cause });
  }

  onGaveUp(cell: ActorCell, decision: 'escalate' | 'park' | 'stop', failure: FailureRecord): void {
    if (cell.isClosingDown()) return;
    if (decision === 'stop') {
      cell.status = 'stopping';
      void this.stop(cell, { kind: 'stopped', cause: failure.cause });
    } else if (decision === 'park') {
      void this.#park(cell, toFacts(failure));
    } else {
      const facts = toFacts(failure);
      this.#environment.reports.event(cell.path, 'escalated', { ...facts, decision: 'escalate' });
      // Nobody is above a top-level actor but the operator.
      if (cell.parent === undefined) void this.#park(cell, facts);
      else {
        cell.status = 'stopped';
        void this.#onChildGaveUp(cell.parent, cell, failure);
      }
    }
  }

  async #park(cell: ActorCell, facts: ParkingFacts): Promise<void> {
    cell.status = 'parked';
    cell.parkedFor = facts.cause;
    const order = ++cell.orderCount;
    cell.inbox.dropAll('parked', facts.cause);
    this.#environment.reports.event(cell.path, 'parked', { ...facts, decision: 'park' });
    await this.#suspendChildren(cell, () => cell.orderCount === order);
  }

  async #onChildGaveUp(parent: ActorCell, child: ActorCell, failure: FailureRecord): Promise<void> {
    if (parent.isClosingDown() || parent.status === 'parked' || parent.status === 'stopped') return;
    if (parent.isGroupGoingDown) return;
    const cause = `${child.path} gave up: ${failure.cause}`;
    const { decided, failure: groupFailure } = parent.failures.record('fatal', cause);
    if (decided.decision === 'restart') {
      const { attempt, delayMs } = decided;
      parent.failures.announceRestart(cause, { errorClass: 'fatal', attempt, delayMs });
    }
    const order = ++parent.orderCount;
    const isCurrent = () => parent.orderCount === order;

    parent.isGroupGoingDown = true;
    await this.#suspendChildren(parent, isCurrent);
    // A newer order may have begun a new life meanwhile, which is not this one's to end.
    if (isCurrent()) await parent.retire('now', 'failure');
    if (isCurrent() && decided.decision === 'restart') {
      parent.status = 'restarting';
      await parent.wait(decided.delayMs);
    }
    parent.isGroupGoingDown = false;

    if (!isCurrent()) return;
    if (decided.decision === 'restart') this.#resume(parent);
    else this.onGaveUp(parent, decided.decision, groupFailure);
  }

  /**
   * Ends the lives of everything below the cell, children first. What is not owned by a life stays in the tree to be resumed; what is parked
   * stays parked.
   */
  async #suspendChildren(cell: ActorCell, isCurrent: () => boolean): Promise<void> {
    await this.#forEachChild(cell, [...cell.children], async (child) => {
      if (!isCurrent() || child.isClosingDown() || child.status === 'parked') return;
      if (child.isOwned) return this.stop(child);
      child.orderCount++;
      await this.#suspendChildren(child, isCurrent);
      await child.retire('now', 'failure');
      if (child.isClosingDown()) return;
      child.status = 'stopped';
      if (!isCurrent()) this.#resume(child);
    });
  }

  #resume(cell: ActorCell): void {
    cell.start();
    for (const child of cell.children) {
      if (child.status === 'stopped' && !child.isClosingDown()) this.#resume(child);
    }
  }

  async #forEachChild(
    parent: ActorCell,
    children: readonly ActorCell[],
    visit: (child: ActorCell) => Promise<void>,
  ): Promise<void> {
    if (parent.spec.stopChildren === 'together') {
      await Promise.all(children.map(visit));
      return;
    }
    for (const child of children.toReversed()) await visit(child);
  }
}

const STOPPED = { kind: 'stopped', cause: '' } as const;

function toFacts({ cause, attempt, errorClass }: FailureRecord): ParkingFacts {
  return { cause, attempt, errorClass };
}
