/** What the table of nodes promises, for Postgres and for the model that other tests run on. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NodeIdentity, NodeTable } from '../../src/cluster/ports.ts';

export type NodeTableStore = {
  readonly table: NodeTable;
  /** Lets the row of the node look as if it was renewed so much earlier. */
  age(name: string, byMs: number): Promise<void>;
  readReport(name: string): Promise<unknown>;
  close(): Promise<void>;
};

const ALIVE_MS = 3_000;

const node = (name: string, runId = 'run-1'): NodeIdentity => ({
  name,
  runId,
  adminUrl: `http://${name}:8080`,
  roles: ['ingest', 'shards'],
});

export function nodeTableSuite(open: () => Promise<NodeTableStore>): void {
  describe('the table of nodes', () => {
    let store: NodeTableStore;
    let table: NodeTable;
    beforeAll(async () => {
      store = await open();
      ({ table } = store);
    });
    afterAll(() => store.close());
    beforeEach(async () => {
      for (const { name, runId } of await table.readAlive(1_000_000_000)) await table.remove({ name, runId });
    });

    const names = async (): Promise<string[]> => (await table.readAlive(ALIVE_MS)).map(({ name }) => name);

    it('shows who was seen lately, by name, with what it said of itself', async () => {
      for (const name of ['b', 'a', 'B']) expect(await table.renew(node(name), {}, ALIVE_MS)).toBeUndefined();
      const alive = await table.readAlive(ALIVE_MS);
      expect(alive.map(({ startedAtMs, ...rest }) => [Number.isSafeInteger(startedAtMs), rest])).toEqual(
        ['B', 'a', 'b'].map((name) => [true, node(name)]),
      );
      await store.age('a', ALIVE_MS);
      expect(await names()).toEqual(['B', 'b']);
      await table.renew(node('a'), {}, ALIVE_MS);
      expect(await names()).toEqual(['B', 'a', 'b']);
    });

    it('takes new roles and a new report with each renewal, and keeps when the run began', async () => {
      await table.renew(node('a'), { lag: 1 }, ALIVE_MS);
      const [first] = await table.readAlive(ALIVE_MS);
      await table.renew({ ...node('a'), roles: [] }, { text: 'x', list: [1, null] }, ALIVE_MS);
      const [second] = await table.readAlive(ALIVE_MS);
      expect(second).toEqual({ ...first, roles: [] });
      expect(await store.readReport('a')).toEqual({ text: 'x', list: [1, null] });
    });

    it('refuses a second process of the name while the first is seen, and gives it the name after that', async () => {
      await table.renew(node('a', 'run-1'), {}, ALIVE_MS);
      const refused = await table.renew(node('a', 'run-2'), {}, ALIVE_MS);
      expect(refused).toMatchObject({ runId: 'run-1', adminUrl: 'http://a:8080' });
      expect((await table.readAlive(ALIVE_MS))[0]?.runId).toBe('run-1');
      await store.age('a', ALIVE_MS);
      expect(await table.renew(node('a', 'run-2'), {}, ALIVE_MS)).toBeUndefined();
      expect(await table.renew(node('a', 'run-1'), {}, ALIVE_MS)).toMatchObject({ runId: 'run-2' });
    });

    it('says of the other process when it was seen, which moves on while it lives', async () => {
      await table.renew(node('a', 'run-1'), {}, ALIVE_MS);
      const first = await table.renew(node('a', 'run-2'), {}, ALIVE_MS);
      await store.age('a', 1_000);
      const second = await table.renew(node('a', 'run-2'), {}, ALIVE_MS);
      expect(first!.seenAtMs - second!.seenAtMs).toBe(1_000);
    });

    it('removes the row of a run, and not that of the next one', async () => {
      await table.renew(node('a', 'run-1'), {}, ALIVE_MS);
      await store.age('a', ALIVE_MS);
      await table.renew(node('a', 'run-2'), {}, ALIVE_MS);
      await table.remove({ name: 'a', runId: 'run-1' });
      expect(await names()).toEqual(['a']);
      await table.remove({ name: 'a', runId: 'run-2' });
      expect(await names()).toEqual([]);
    });
  });
}
