/**
 * Nodes of a cluster that share one table of leases, on one clock that a test moves. Each node may be frozen, killed or cut off from the database; its
 * statements may be late, lost, or carried out after nobody waits for them any more.
 */
import { expect } from 'vitest';
import type { RandomSource, TimerHandle, Timers } from '../../src/base/clock.ts';
import { IngestLeases } from '../../src/cluster/ingest-leases.ts';
import type { LeaseTable, Slot } from '../../src/cluster/ports.ts';
import { nameOfSlot } from '../../src/cluster/ports.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { ModelLeaseTable } from './model-lease-table.ts';

export const LEASE_MS = 9_000;
export const SLOT_COUNT = 6;
/** Looks, renewals and statements after which everybody has heard of everything. */
export const SETTLED_MS = 4_000;

/** Shares from 0 to 1 of all statements. */
export type StatementFaults = { refused: number; unanswered: number; late: number; slow: number };

export class IngestCluster {
  readonly table: ModelLeaseTable;
  readonly nodes: SimulatedIngestNode[] = [];
  readonly faults: StatementFaults = { refused: 0, unanswered: 0, late: 0, slow: 0 };
  /** Two nodes that would feed one slot at the same moment. */
  readonly violations: string[] = [];
  exchanges: readonly string[] = ['binance', 'kraken'];
  /** How long feeds that are opened take until their books are sure. */
  booksMs = 500;
  readonly clock: FakeClock;
  readonly random: RandomSource;
  readonly redundancy: number;

  constructor(clock: FakeClock, random: RandomSource, redundancy = 1) {
    this.clock = clock;
    this.random = random;
    this.redundancy = redundancy;
    this.table = new ModelLeaseTable(clock);
  }

  add(name: string, runId = '1'): SimulatedIngestNode {
    const node = new SimulatedIngestNode(this, name, runId);
    this.nodes.push(node);
    node.leases.start();
    return node;
  }

  /** Those that membership shows. */
  get members(): SimulatedIngestNode[] {
    return this.nodes.filter(({ isMember }) => isMember);
  }

  async booksAreSure(): Promise<void> {
    await this.clock.sleep(this.booksMs);
  }

  slots(): Slot[] {
    return this.exchanges.flatMap((exchange) =>
      Array.from({ length: SLOT_COUNT * this.redundancy }, (_, index) => ({
        exchange,
        slot: Math.floor(index / this.redundancy),
        replica: index % this.redundancy,
      })),
    );
  }

  slotNames(): string[] {
    return this.slots().map(nameOfSlot);
  }

  /** Who would say of himself now that he may feed the slot: the frozen too, for they ask as soon as they go on. */
  feedersOf(slotName: string): string[] {
    return this.nodes.filter((node) => node.feeds(slotName)).map(({ label }) => label);
  }

  /** Asserts that each slot has one feeder and that shares differ by one at most. */
  expectFair(): void {
    for (const slotName of this.slotNames()) {
      expect([slotName, this.feedersOf(slotName)]).toEqual([slotName, [expect.any(String)]]);
    }
    const counts = this.members.map((node) => node.heldNames().length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    expect(this.violations).toEqual([]);
  }

  checkFeeders(when: string): void {
    for (const slotName of this.slotNames()) {
      const feeders = this.feedersOf(slotName);
      if (feeders.length > 1) this.violations.push(`${when}: ${slotName} is fed by ${feeders.join(' and ')}`);
    }
    for (const node of this.nodes) {
      const parts = node.leases.held().map(({ exchange, slot }) => `${exchange}/${String(slot)}`);
      const twice = parts.find((part, index) => parts.indexOf(part) !== index);
      if (twice !== undefined) this.violations.push(`${when}: ${node.label} feeds ${twice} twice`);
    }
  }
}

export class SimulatedIngestNode {
  readonly name: string;
  readonly runId: string;
  readonly label: string;
  readonly leases: IngestLeases;
  readonly log = new RecordingLog();
  /** `+binance/3` and `-binance/3: reason`, in order. */
  readonly told: string[] = [];
  isMember = true;
  isCutOff = false;
  readonly #cluster: IngestCluster;
  #isDead = false;
  #isFrozen = false;
  readonly #afterThaw: (() => void)[] = [];

  constructor(cluster: IngestCluster, name: string, runId: string) {
    this.#cluster = cluster;
    this.name = name;
    this.runId = runId;
    this.label = `${name} (${runId})`;
    this.leases = new IngestLeases({
      node: { name, runId },
      table: this.#tableOfNode(),
      leaseMs: LEASE_MS,
      slotCount: SLOT_COUNT,
      redundancy: cluster.redundancy,
      clock: cluster.clock,
      timers: this.#timers(),
      log: this.log,
      exchanges: () => cluster.exchanges,
      nodes: () =>
        cluster.members.map((member) => ({ name: member.name, runId: member.runId, roles: ['ingest'] })),
      onGained: (lease) => void this.told.push(`+${nameOfSlot(lease)}`),
      onLost: (lease, reason) => void this.told.push(`-${nameOfSlot(lease)}: ${reason}`),
      onAwaited: (slot) => {
        this.told.push(`?${nameOfSlot(slot)}`);
        return this.#cluster.booksAreSure();
      },
      onForgone: (slot) => void this.told.push(`!${nameOfSlot(slot)}`),
    });
  }

  get isLiving(): boolean {
    return !this.#isDead;
  }

  feeds(slotName: string): boolean {
    const slot = this.#cluster.slots().find((one) => nameOfSlot(one) === slotName)!;
    return !this.#isDead && this.leases.isHeld(slot);
  }

  heldNames(): string[] {
    return this.leases.held().map(nameOfSlot).sort();
  }

  /** The process ends without a word. */
  kill(): void {
    this.#isDead = true;
    this.isMember = false;
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    for (const action of this.#afterThaw.splice(0)) action();
  }

  #run(action: () => void): void {
    if (this.#isDead) return;
    if (this.#isFrozen) this.#afterThaw.push(action);
    else action();
  }

  #timers(): Timers {
    const { clock } = this.#cluster;
    return {
      after: (delayMs, action): TimerHandle => clock.after(delayMs, () => this.#run(action)),
      every: (periodMs, action, firstDelayMs): TimerHandle =>
        clock.every(periodMs, () => this.#run(action), firstDelayMs),
      sleep: (delayMs) => clock.sleep(delayMs),
    };
  }

  #tableOfNode(): LeaseTable {
    const { table } = this.#cluster;
    return {
      read: (...args) => this.#send(() => table.read(...args)),
      take: (...args) => this.#send(() => table.take(...args), 'a slot was taken'),
      renew: (...args) => this.#send(() => table.renew(args[0], args[1])),
      announce: (...args) => this.#send(() => table.announce(...args)),
      release: (...args) => this.#send(() => table.release(...args)),
      releaseAll: (...args) => this.#send(() => table.releaseAll(...args)),
    };
  }

  /** Carries a statement out somewhat later, answers later still, and does what may go wrong on the way. */
  #send<Value>(execute: () => Promise<Value>, checkedAs?: string): Promise<Value> {
    const cluster = this.#cluster;
    const { clock, random, faults } = cluster;
    const fate = random();
    const run = async (): Promise<Value> => {
      const value = await execute();
      if (checkedAs !== undefined) cluster.checkFeeders(checkedAs);
      return value;
    };
    return new Promise((resolve, reject) => {
      const fail = (what: string, afterMs: number): void =>
        void clock.after(afterMs, () => this.#run(() => reject(new Error(what))));
      if (this.isCutOff || fate < faults.refused) {
        fail('refused', 5);
        return;
      }
      if (fate < faults.refused + faults.late) {
        fail('no answer in time', 3_000);
        clock.after(3_000 + random() * 4_000, () => void run());
        return;
      }
      const isUnanswered = fate < faults.refused + faults.late + faults.unanswered;
      const answerMs = 1 - fate < faults.slow ? random() * LEASE_MS : random() * 40;
      clock.after(1 + random() * 40, () => {
        void run().then((value) => {
          if (isUnanswered) fail('the connection was lost', 5);
          else clock.after(answerMs, () => this.#run(() => resolve(value)));
        }, reject);
      });
    });
  }
}
