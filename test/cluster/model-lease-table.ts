/** The table of leases as a model: one map, and the clock of the database. */
import type { Clock } from '../../src/base/clock.ts';
import type { LeaseHolder, LeaseTable, Slot, SlotLease, SlotRow } from '../../src/cluster/ports.ts';
import { nameOfSlot } from '../../src/cluster/ports.ts';

type Row = SlotLease & {
  holder: LeaseHolder | undefined;
  successor: SlotRow['successor'];
  epoch: number;
  renewedAtMs: number;
};

export class ModelLeaseTable implements LeaseTable {
  readonly rows = new Map<string, Row>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  read(leaseMs: number): Promise<SlotRow[]> {
    const rows = [...this.rows.values()].map(({ renewedAtMs, ...row }) => ({
      ...row,
      isFree: row.holder === undefined || renewedAtMs <= this.#clock.nowMs() - leaseMs,
    }));
    return Promise.resolve(rows);
  }

  take(holder: LeaseHolder, slots: readonly Slot[], leaseMs: number): Promise<SlotLease[]> {
    const nowMs = this.#clock.nowMs();
    const before = [...this.rows.values()];
    const taken = slots.flatMap(({ exchange, slot, replica }) => {
      const name = nameOfSlot({ exchange, slot, replica });
      const known = this.rows.get(name);
      if (known?.holder !== undefined && known.renewedAtMs > nowMs - leaseMs) return [];
      const ofExchange = before.filter((row) => row.exchange === exchange);
      const epoch = Math.max(0, ...ofExchange.map((row) => row.epoch)) + 1;
      this.rows.set(name, {
        ...{ exchange, slot, replica, epoch, holder, renewedAtMs: nowMs },
        successor: undefined,
      });
      return [{ exchange, slot, replica, epoch }];
    });
    return Promise.resolve(taken);
  }

  renew(holder: LeaseHolder, leases: readonly SlotLease[]): Promise<SlotLease[]> {
    const ours = this.#ours(holder, leases);
    for (const row of ours) row.renewedAtMs = this.#clock.nowMs();
    return Promise.resolve(
      ours.map(({ exchange, slot, replica, epoch }) => ({ exchange, slot, replica, epoch })),
    );
  }

  announce({ name, runId }: LeaseHolder, leases: readonly SlotLease[], isReady: boolean): Promise<void> {
    for (const lease of leases) {
      const row = this.rows.get(nameOfSlot(lease));
      if (row?.holder !== undefined && row.epoch === lease.epoch) row.successor = { name, runId, isReady };
    }
    return Promise.resolve();
  }

  release(holder: LeaseHolder, leases: readonly SlotLease[]): Promise<void> {
    for (const row of this.#ours(holder, leases)) row.holder = undefined;
    return Promise.resolve();
  }

  releaseAll(holder: LeaseHolder): Promise<void> {
    return this.release(holder, [...this.rows.values()]);
  }

  #ours(holder: LeaseHolder, leases: readonly SlotLease[]): Row[] {
    return leases.flatMap((lease) => {
      const row = this.rows.get(nameOfSlot(lease));
      const isOurs =
        row?.epoch === lease.epoch && row.holder?.name === holder.name && row.holder.runId === holder.runId;
      return isOurs ? [row] : [];
    });
  }
}
