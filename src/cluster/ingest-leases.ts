/**
 * Which slots this node feeds. A slot is a part of the instruments of one exchange; one node holds its lease at a time. Where it is fed twice each of its
 * replicas has a lease, which are with two nodes.
 *
 * 1. Every second each node works out the same shares (`fair-slots.ts`), takes what is its own and free, and gives up what is not (by 5 and 6).
 * 2. A lease is taken by compare-and-set under an epoch that grows, and only where it was given up or not renewed for its time, by the database's clock.
 * 3. All leases of a node are renewed by one statement every third of their time. Whoever got no confirmation for the whole of it has lost it at once, by
 *    its own monotonic clock: that runs from before the question, the database's from after it, so the holder knows first.
 * 4. What the database still names as ours, though we lost it or never heard the answer, is confirmed and held again, unless we gave it up: a statement of
 *    ours that gives it up may still be on its way.
 * 5. A replica is given up to another node only while the other replica of the slot has been fed under one lease for a while: it must have a sure book by
 *    then. Whoever stops does not wait.
 * 6. Where slots are fed once, whoever is to feed one that another node holds says so in its row, opens its feeds beside that one's, writes nothing of them,
 *    and announces that it stands ready when their books are sure. The holder gives the slot up then, or when it has waited for `HAND_OVER_MAX_MS`: nobody
 *    feeds it for as long as two statements take, not for as long as an exchange takes to send its books. A slot that somebody waits for counts as his:
 *    shares follow from who holds what, and would else be others with each slot that moves.
 */
import type { Clock, TimerHandle, Timers } from '../base/clock.ts';
import { momentOf } from '../base/clock.ts';
import { describeCause } from '../supervision/failure.ts';
import { Lease, type LeaseMoment } from '../supervision/lease.ts';
import type { AwaitedSlotsOptions } from './awaited-slots.ts';
import { AwaitedSlots } from './awaited-slots.ts';
import type { SlotShare } from './fair-slots.ts';
import { shareSlots } from './fair-slots.ts';
import type { ClusterNode, LeaseHolder, LeaseTable, Slot, SlotLease, SlotRow } from './ports.ts';
import { INGEST_ROLE, nameOfSlot as nameOf } from './ports.ts';

const LOOK_MS = 1_000;
/** Renewals under way at once: one that hangs on a dead connection does not keep the next from being asked on another. */
const RENEWALS_MAX = 3;
/** Within this a feed that begins has connected and has its books, but for exchanges with thousands of them. */
const REPLICA_SETTLES_MS = 10_000;
/** An exchange that wants a second before it is asked, and takes another one to answer, has answered by then. */
const HAND_OVER_MAX_MS = 5_000;

export type IngestLeasesOptions = Omit<AwaitedSlotsOptions, 'table' | 'onReady'> & {
  readonly table: LeaseTable;
  readonly leaseMs: number;
  /** Into how many parts the instruments of each exchange are divided; the same on all nodes. */
  readonly slotCount: number;
  /** By how many nodes each slot is fed at once; the same on all nodes. */
  readonly redundancy: number;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Those that are to be fed. */
  readonly exchanges: () => readonly string[];
  /** Those that are alive, as `ClusterMembership.nodes`. */
  readonly nodes: () => readonly Pick<ClusterNode, 'name' | 'runId' | 'roles'>[];
  /** From now on this node feeds the slot. */
  readonly onGained: (lease: SlotLease) => void;
  /**
   * From now on it must not. Where it is given up in order the slot stays ours until the promise is settled, for a third of the lease at most, so that
   * the feed can be closed first.
   */
  readonly onLost: (lease: SlotLease, reason: string) => void | Promise<void>;
};

type Held = SlotLease & { readonly lease: Lease };

export class IngestLeases {
  readonly #options: IngestLeasesOptions;
  readonly #held = new Map<string, Held>();
  /** Epochs that were given up and may not be known to be yet: never to be held again. */
  readonly #givenUp = new Map<string, number>();
  /** Since when, by the monotonic clock, slots were seen to be held under one lease without a break. */
  readonly #seen = new Map<string, { readonly epoch: number; readonly sinceMs: number }>();
  readonly #awaited: AwaitedSlots;
  /** Since when, by the monotonic clock, slots that are held are another node's share. */
  readonly #unwantedSinceMs = new Map<string, number>();
  readonly #timers: TimerHandle[] = [];
  #expiry: TimerHandle | undefined;
  #look: Promise<void> | undefined;
  #isLookWanted = false;
  #renewalCount = 0;
  /** Nothing is taken any more, and what is held is handed over. */
  #isLeaving = false;
  #onNothingHeld = (): void => undefined;
  #isStopped = false;
  #isAway = false;

  constructor(options: IngestLeasesOptions) {
    this.#options = options;
    this.#awaited = new AwaitedSlots({ ...options, onReady: () => this.check() });
  }

  start(): void {
    const { timers, leaseMs } = this.#options;
    this.#timers.push(timers.every(LOOK_MS, () => this.check()));
    this.#timers.push(timers.every(leaseMs / 3, () => void this.#renew()));
    this.check();
  }

  /**
   * Gives everything up: to successors that stand ready for as long as `handOverMs`, then to whoever comes. The node must have let go of its role before
   * (`ClusterMembership.setRoles`): while it has it the others leave its share to it.
   */
  async stop(handOverMs: number): Promise<void> {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#awaited.forgo(() => true);
    const hasHeirs = this.#options.redundancy === 1 && this.#feeders().length > 0;
    if (hasHeirs && handOverMs > 0) await this.#handOver(handOverMs);
    this.#isStopped = true;
    for (const timer of this.#timers) timer.cancel();
    await this.#letGo([...this.#held.values()], 'the node stops');
    await this.#look;
    this.#expiry?.cancel();
    try {
      await this.#options.table.releaseAll(this.#options.node);
    } catch (error) {
      this.#noteSilence(error);
    }
  }

  #handOver(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.timers.after(withinMs, resolve);
      this.#onNothingHeld = () => {
        timer.cancel();
        resolve();
      };
      if (this.#held.size === 0) this.#onNothingHeld();
      this.check();
    });
  }

  /** Whether this node may feed the slot, by its own clock: to be asked right before each thing that is said for it. */
  isHeld(slot: Slot): boolean {
    return this.#held.get(nameOf(slot))?.lease.isHeldAt(momentOf(this.#options.clock)) ?? false;
  }

  /** What this node may feed now, in no order. */
  held(): SlotLease[] {
    const now = momentOf(this.#options.clock);
    return [...this.#held.values()].filter(({ lease }) => lease.isHeldAt(now)).map(toSlotLease);
  }

  /** Looks now: nodes or exchanges are others than before. */
  check(): void {
    if (this.#isStopped) return;
    this.#isLookWanted = true;
    this.#look ??= this.#lookWhileWanted();
  }

  async #lookWhileWanted(): Promise<void> {
    while (this.#isLookWanted && !this.#isStopped) {
      this.#isLookWanted = false;
      try {
        await this.#lookOnce();
        this.#noteAnswer();
      } catch (error) {
        this.#noteSilence(error);
        // While nothing can be read nobody can be seen to stand ready.
        if (this.#isLeaving) this.#onNothingHeld();
      }
    }
    this.#look = undefined;
  }

  async #lookOnce(): Promise<void> {
    const { table, leaseMs, node } = this.#options;
    this.#noticeLosses();
    const rows = new Map((await table.read(leaseMs)).map((row) => [nameOf(row), row]));
    this.#noteSeen(rows);
    const heirs = new Map(this.#share(rows).map((share) => [nameOf(share), share]));
    const wanted = new Map([...heirs].filter(([, heir]) => heir.node === node.name));
    this.#noteUnwanted(wanted);
    const unwanted = [...this.#held]
      .filter(([name, held]) => !wanted.has(name) && this.#mayGo(held, rows.get(name), heirs.get(name)))
      .map(([, held]) => held);
    await this.#release(this.#toRelease(rows, wanted));
    await this.#letGo(unwanted, 'another node is to feed it');
    if (this.#isLeaving) return;
    const { unsure, free } = this.#toHold(rows, wanted);
    await this.#hold(unsure, () => table.renew(node, unsure, leaseMs));
    await this.#hold(free, () => table.take(node, free, leaseMs));
    await this.#awaitOthers(rows, wanted);
  }

  /** Last of a look: that it can't be announced keeps nothing from being held. */
  async #awaitOthers(rows: ReadonlyMap<string, SlotRow>, wanted: ReadonlyMap<string, Slot>): Promise<void> {
    if (this.#isLeaving) return;
    this.#awaited.forgo((name) => !wanted.has(name));
    this.#awaited.open(this.#toAwait(rows, wanted));
    await this.#awaited.announce(rows);
  }

  /** Those that feed, and will. */
  #feeders(): readonly LeaseHolder[] {
    const { nodes, node } = this.#options;
    return nodes().filter(
      ({ name, roles }) => roles.includes(INGEST_ROLE) && !(this.#isLeaving && name === node.name),
    );
  }

  /** What is to be whose of all slots. */
  #share(rows: ReadonlyMap<string, SlotRow>): SlotShare[] {
    const { exchanges, slotCount, redundancy } = this.#options;
    const feeders = this.#feeders();
    const isAlive = ({ name, runId }: LeaseHolder): boolean =>
      feeders.some((feeder) => feeder.name === name && feeder.runId === runId);
    const holderOf = ({ holder, successor }: SlotRow): LeaseHolder | undefined =>
      successor !== undefined && isAlive(successor) ? successor : holder;
    const holdings = exchanges().flatMap((exchange) =>
      Array.from({ length: slotCount * redundancy }, (_, index) => {
        const one = { exchange, slot: Math.floor(index / redundancy), replica: index % redundancy };
        const row = rows.get(nameOf(one));
        return { ...one, holder: row && holderOf(row)?.name };
      }),
    );
    return shareSlots(
      holdings,
      feeders.map(({ name }) => name),
    );
  }

  #noteSeen(rows: ReadonlyMap<string, SlotRow>): void {
    const sinceMs = this.#options.clock.monotonicMs();
    for (const [name, { epoch, isFree }] of rows) {
      if (isFree) this.#seen.delete(name);
      else if (this.#seen.get(name)?.epoch !== epoch) this.#seen.set(name, { epoch, sinceMs });
    }
  }

  #noteUnwanted(wanted: ReadonlyMap<string, Slot>): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const name of this.#unwantedSinceMs.keys()) {
      if (wanted.has(name) || !this.#held.has(name)) this.#unwantedSinceMs.delete(name);
    }
    for (const name of this.#held.keys()) {
      if (!wanted.has(name) && !this.#unwantedSinceMs.has(name)) this.#unwantedSinceMs.set(name, nowMs);
    }
  }

  /** Whether what is another node's share, or nobody's, may be given up now. */
  #mayGo(held: Held, row: SlotRow | undefined, heir: SlotShare | undefined): boolean {
    if (heir === undefined) return true;
    if (this.#options.redundancy > 1) return this.#isSpare(held);
    const sinceMs = this.#unwantedSinceMs.get(nameOf(held))!;
    const { name: ready } = row?.successor?.isReady === true ? row.successor : {};
    // Whoever leaves makes no choice among heirs: one of them may bear its own name.
    if (ready !== undefined && (ready === heir.node || this.#isLeaving)) return true;
    return this.#options.clock.monotonicMs() - sinceMs >= HAND_OVER_MAX_MS;
  }

  /** What is this node's share and another's lease. */
  #toAwait(rows: ReadonlyMap<string, SlotRow>, wanted: ReadonlyMap<string, Slot>): Map<string, Slot> {
    // Of two replicas of a slot a node feeds one: it can't have two beside one another.
    const slots = this.#options.redundancy > 1 ? [] : [...wanted];
    return new Map(
      slots.filter(([name]) => {
        const row = rows.get(name);
        return row !== undefined && !row.isFree && !this.#isNamedIn(row) && !this.#held.has(name);
      }),
    );
  }

  /** Whether all other replicas are fed well without this one. */
  #isSpare(held: Held): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    return this.#othersOf(held).every((other) => {
      const seen = this.#seen.get(nameOf(other));
      return seen !== undefined && nowMs - seen.sinceMs >= REPLICA_SETTLES_MS;
    });
  }

  #othersOf({ exchange, slot, replica }: Slot): Slot[] {
    const replicas = Array.from({ length: this.#options.redundancy }, (_, index) => index);
    return replicas.filter((other) => other !== replica).map((other) => ({ exchange, slot, replica: other }));
  }

  /** What the database names as ours and is not to be: given up before, or not wanted. */
  #toRelease(rows: ReadonlyMap<string, SlotRow>, wanted: ReadonlyMap<string, Slot>): SlotLease[] {
    const named = [...rows].filter(([name, row]) => this.#isNamedIn(row) && !this.#held.has(name));
    for (const [name, epoch] of this.#givenUp) {
      const row = rows.get(name);
      if (row === undefined || !this.#isNamedIn(row) || row.epoch !== epoch) this.#givenUp.delete(name);
    }
    return named
      .filter(([name, row]) => !wanted.has(name) || this.#givenUp.get(name) === row.epoch)
      .map(([, row]) => row);
  }

  #toHold(
    rows: ReadonlyMap<string, SlotRow>,
    wanted: ReadonlyMap<string, Slot>,
  ): { unsure: SlotLease[]; free: Slot[] } {
    // Never two replicas of a slot: it keeps the one that it is to give up until it is fed elsewhere.
    const hasOther = (slot: Slot): boolean =>
      this.#othersOf(slot).some((other) => this.#held.has(nameOf(other)));
    const missing = [...wanted].filter(([name, slot]) => !this.#held.has(name) && !hasOther(slot));
    const unsure = missing.flatMap(([name]) => {
      const row = rows.get(name);
      return row !== undefined && this.#isNamedIn(row) && this.#givenUp.get(name) !== row.epoch ? [row] : [];
    });
    const free = missing
      .filter(([name]) => {
        const row = rows.get(name);
        return row === undefined || (row.isFree && !this.#isNamedIn(row));
      })
      .map(([, slot]) => slot);
    return { unsure, free };
  }

  #isNamedIn({ holder }: SlotRow): boolean {
    const { node } = this.#options;
    return holder?.name === node.name && holder.runId === node.runId;
  }

  /** Holds what the question is answered with, from the moment before it was sent. */
  async #hold(asked: readonly Slot[], ask: () => Promise<SlotLease[]>): Promise<void> {
    if (asked.length === 0 || this.#isStopped) return;
    const { clock, leaseMs, log, onGained } = this.#options;
    const sent = momentOf(clock);
    const got = (await ask()).map((one) => ({ ...one, lease: new Lease(leaseMs, sent) }));
    // An answer that came too late is asked again; what came after the end is given up with everything.
    const gained = got.filter(({ lease }) => !this.#isStopped && lease.isHeldAt(momentOf(clock)));
    if (gained.length === 0) return;
    for (const one of gained) {
      this.#held.set(nameOf(one), one);
      this.#awaited.gained(nameOf(one));
    }
    this.#armExpiry();
    log.info({ slots: gained.map(nameOf) }, 'slots to feed are held');
    for (const one of gained) void this.#guard(() => onGained(toSlotLease(one)));
  }

  async #renew(): Promise<void> {
    if (this.#isStopped) return;
    this.#noticeLosses();
    const asked = [...this.#held.values()];
    if (asked.length === 0 || this.#renewalCount >= RENEWALS_MAX) return;
    const { clock, table, leaseMs, node } = this.#options;
    const sent = momentOf(clock);
    this.#renewalCount++;
    try {
      const confirmed = await table.renew(node, asked.map(toSlotLease), leaseMs);
      this.#confirm(asked, new Set(confirmed.map(nameOf)), sent);
      this.#noteAnswer();
    } catch (error) {
      this.#noteSilence(error);
    } finally {
      this.#renewalCount--;
    }
  }

  #confirm(asked: readonly Held[], confirmedNames: ReadonlySet<string>, sent: LeaseMoment): void {
    this.#noticeLosses();
    const still = asked.filter((held) => this.#held.get(nameOf(held)) === held);
    for (const held of still) if (confirmedNames.has(nameOf(held))) held.lease.confirm(sent);
    this.#lose(
      still.filter((held) => !confirmedNames.has(nameOf(held))),
      'another node took it',
    );
    this.#armExpiry();
  }

  #noticeLosses(): void {
    const now = momentOf(this.#options.clock);
    const lapsed = [...this.#held.values()].filter(({ lease }) => !lease.isHeldAt(now));
    this.#lose(lapsed, 'it was not confirmed in time');
  }

  #lose(lost: readonly Held[], reason: string): void {
    if (lost.length === 0) return;
    const { log, onLost } = this.#options;
    for (const held of lost) this.#held.delete(nameOf(held));
    log.warn({ slots: lost.map(nameOf), reason }, 'slots to feed are lost');
    for (const held of lost) void this.#guard(() => onLost(toSlotLease(held), reason));
    if (this.#held.size === 0) this.#onNothingHeld();
    this.check();
  }

  /** Gives leases up in order: they are held until their feeds have said that nothing follows, then given up here, then in the database. */
  async #letGo(leases: readonly Held[], reason: string): Promise<void> {
    if (leases.length === 0) return;
    const { log, onLost, timers, leaseMs } = this.#options;
    for (const held of leases) this.#givenUp.set(nameOf(held), held.epoch);
    log.info({ slots: leases.map(nameOf), reason }, 'slots to feed are given up');
    const closing = leases.map((held) => this.#guard(() => onLost(toSlotLease(held), reason)));
    await new Promise<void>((resolve) => {
      const timer = timers.after(leaseMs / 3, resolve);
      void Promise.all(closing).then(() => {
        timer.cancel();
        resolve();
      });
    });
    for (const held of leases) {
      if (this.#held.get(nameOf(held)) === held) this.#held.delete(nameOf(held));
    }
    try {
      if (!this.#isStopped) await this.#release(leases.map(toSlotLease));
    } finally {
      if (this.#held.size === 0) this.#onNothingHeld();
    }
  }

  async #release(leases: readonly SlotLease[]): Promise<void> {
    if (leases.length === 0) return;
    for (const one of leases) this.#givenUp.set(nameOf(one), one.epoch);
    await this.#options.table.release(this.#options.node, leases);
  }

  #armExpiry(): void {
    this.#expiry?.cancel();
    if (this.#held.size === 0) return;
    const now = momentOf(this.#options.clock);
    const remainingMs = Math.min(...[...this.#held.values()].map(({ lease }) => lease.remainingMs(now)));
    this.#expiry = this.#options.timers.after(Math.max(1, remainingMs), () => {
      this.#noticeLosses();
      this.#armExpiry();
    });
  }

  /** What a callback fails with is logged: no other slot is to suffer from it. */
  async #guard(call: () => void | Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.#options.log.error({ err: error }, 'a change of the slots to feed was not carried out');
    }
  }

  #noteSilence(error: unknown): void {
    if (this.#isAway) return;
    this.#isAway = true;
    const fields = { cause: describeCause(error), held: this.#held.size, leaseMs: this.#options.leaseMs };
    this.#options.log.warn(fields, 'leases can not be read or renewed: what is held runs out');
  }

  #noteAnswer(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#options.log.info({ held: this.#held.size }, 'leases are read and renewed again');
  }
}

function toSlotLease({ exchange, slot, replica, epoch }: SlotLease): SlotLease {
  return { exchange, slot, replica, epoch };
}
