/** What the table of leases promises, for Postgres and for the model that the simulation runs on. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LeaseTable, SlotLease, SlotRow } from '../../src/cluster/ports.ts';

export type LeaseTableStore = {
  readonly table: LeaseTable;
  /** Lets all leases look as if they were renewed so much earlier. */
  age(byMs: number): Promise<void>;
  close(): Promise<void>;
};

const LEASE_MS = 10_000;
const a = { name: 'a', runId: '1' };
const b = { name: 'b', runId: '1' };

export function leaseTableSuite(open: () => Promise<LeaseTableStore>): void {
  describe('the table of leases', () => {
    let store: LeaseTableStore;
    let table: LeaseTable;
    let exchange: string;
    let exchangeCount = 0;
    beforeAll(async () => {
      store = await open();
      ({ table } = store);
    });
    afterAll(() => store.close());
    beforeEach(() => {
      exchange = `exchange-${String(exchangeCount++)}`;
    });

    const slots = (...numbers: number[]) => numbers.map((slot) => ({ exchange, slot, replica: 0 }));
    const leases = (epoch: number, ...numbers: number[]): SlotLease[] =>
      slots(...numbers).map((slot) => ({ ...slot, epoch }));
    const bySlot = <Value extends { slot: number }>(values: readonly Value[]): Value[] =>
      [...values].sort((one, other) => one.slot - other.slot);
    const read = async (): Promise<SlotRow[]> =>
      bySlot((await table.read(LEASE_MS)).filter((row) => row.exchange === exchange));

    it('gives a slot to one taker, under the next epoch', async () => {
      expect(bySlot(await table.take(a, slots(0, 1), LEASE_MS))).toEqual(leases(1, 0, 1));
      expect(bySlot(await table.take(b, slots(1, 2), LEASE_MS))).toEqual(leases(2, 2));
      expect(await table.take(a, slots(0), LEASE_MS)).toEqual([]);
      expect(await read()).toEqual([
        { exchange, slot: 0, replica: 0, epoch: 1, holder: a, successor: undefined, isFree: false },
        { exchange, slot: 1, replica: 0, epoch: 1, holder: a, successor: undefined, isFree: false },
        { exchange, slot: 2, replica: 0, epoch: 2, holder: b, successor: undefined, isFree: false },
      ]);
    });

    it('gives each slot under a larger epoch than any of its exchange had, for an instrument may come from any', async () => {
      for (const epoch of [1, 2, 3]) {
        await table.take(a, slots(0), LEASE_MS);
        await table.release(a, leases(epoch, 0));
      }
      expect(await table.take(a, slots(5), LEASE_MS)).toEqual(leases(4, 5));
      expect(await table.take(b, slots(0), LEASE_MS)).toEqual(leases(5, 0));
      await table.release(a, leases(4, 5));
      expect(await table.take(b, slots(5), LEASE_MS)).toEqual(leases(6, 5));
    });

    it('gives it to somebody else only when it was not renewed for its time', async () => {
      await table.take(a, slots(0), LEASE_MS);
      await store.age(LEASE_MS - 2_000);
      expect(await table.take(b, slots(0), LEASE_MS)).toEqual([]);
      expect(await table.renew(a, leases(1, 0), LEASE_MS)).toEqual(leases(1, 0));
      await store.age(LEASE_MS - 2_000);
      expect(await table.take(b, slots(0), LEASE_MS)).toEqual([]);
      expect((await read())[0]?.isFree).toBe(false);
      await store.age(2_000);
      expect((await read())[0]?.isFree).toBe(true);
      expect(await table.take(b, slots(0), LEASE_MS)).toEqual(leases(2, 0));
    });

    it('gives it to somebody else when it was given up, under the next epoch', async () => {
      await table.take(a, slots(0, 1), LEASE_MS);
      await table.release(a, leases(1, 0));
      expect((await read()).map(({ holder, isFree }) => [holder, isFree])).toEqual([
        [undefined, true],
        [a, false],
      ]);
      expect(await table.take(b, slots(0, 1), LEASE_MS)).toEqual(leases(2, 0));
    });

    it('renews what is the holder’s under this epoch, also when it ran out and nobody came', async () => {
      await table.take(a, slots(0, 1, 2, 3), LEASE_MS);
      await table.release(a, leases(1, 1));
      await store.age(LEASE_MS);
      await table.take(b, slots(2), LEASE_MS);
      expect(bySlot(await table.renew(a, leases(1, 0, 1, 2, 3), LEASE_MS))).toEqual(leases(1, 0, 3));
      expect(await table.renew(a, leases(2, 2), LEASE_MS)).toEqual([]);
      expect(await table.renew({ ...a, runId: '2' }, leases(1, 0), LEASE_MS)).toEqual([]);
    });

    it('takes no giving up of an older epoch, of another holder or of another run', async () => {
      await table.take(a, slots(0), LEASE_MS);
      await table.release(b, leases(1, 0));
      await table.release({ ...a, runId: '2' }, leases(1, 0));
      await table.release(a, leases(1, 0));
      await table.take(a, slots(0), LEASE_MS);
      await table.release(a, leases(1, 0));
      expect(await read()).toEqual([
        { exchange, slot: 0, replica: 0, epoch: 2, holder: a, successor: undefined, isFree: false },
      ]);
    });

    it('tells of a slot who waits for it and whether it stands ready, until somebody takes it', async () => {
      await table.take(a, slots(0, 1, 2), LEASE_MS);
      await table.release(a, leases(1, 2));
      await table.announce(b, [...leases(1, 0, 2), ...leases(2, 1), ...leases(1, 3)], false);
      const successors = async () => (await read()).map(({ slot, successor }) => [slot, successor]);
      expect(await successors()).toEqual([
        [0, { ...b, isReady: false }],
        [1, undefined],
        [2, undefined],
      ]);
      expect(await table.renew(a, leases(1, 0), LEASE_MS)).toEqual(leases(1, 0));
      await table.announce(b, leases(1, 0), true);
      expect((await successors())[0]).toEqual([0, { ...b, isReady: true }]);
      const c = { name: 'c', runId: '1' };
      await table.announce(c, leases(1, 0), false);
      expect((await successors())[0]).toEqual([0, { ...c, isReady: false }]);
      await table.release(a, leases(1, 0));
      await table.take(b, slots(0), LEASE_MS);
      expect((await successors())[0]).toEqual([0, undefined]);
    });

    it('keeps replicas of a slot apart: each has a holder and an age of its own, and none an epoch that another of the exchange had', async () => {
      const replicas = [0, 1].map((replica) => ({ exchange, slot: 0, replica }));
      await table.take(a, replicas.slice(0, 1), LEASE_MS);
      await store.age(LEASE_MS);
      expect(await table.take(b, replicas.slice(1), LEASE_MS)).toEqual([{ ...replicas[1], epoch: 2 }]);
      expect(await table.take(b, replicas, LEASE_MS)).toEqual([{ ...replicas[0], epoch: 3 }]);
      expect(await table.renew(b, [{ ...replicas[1]!, epoch: 3 }], LEASE_MS)).toEqual([]);
      await table.release(b, [{ ...replicas[1]!, epoch: 2 }]);
      const rows = (await read()).sort((one, other) => one.replica - other.replica);
      expect(rows).toEqual([
        { ...replicas[0], epoch: 3, holder: b, successor: undefined, isFree: false },
        { ...replicas[1], epoch: 2, holder: undefined, successor: undefined, isFree: true },
      ]);
      await table.releaseAll(b);
      expect((await read()).map(({ isFree }) => isFree)).toEqual([true, true]);
    });

    it('gives up all of a run, and nothing of others', async () => {
      await table.take(a, slots(0), LEASE_MS);
      await table.take({ ...a, runId: '2' }, slots(1), LEASE_MS);
      await table.take(b, slots(2), LEASE_MS);
      await table.releaseAll(a);
      expect((await read()).map(({ isFree }) => isFree)).toEqual([true, false, false]);
    });
  });
}
