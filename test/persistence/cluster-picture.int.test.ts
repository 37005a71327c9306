import { expect, it } from 'vitest';
import { PostgresPictureSource } from '../../src/persistence/cluster-picture.ts';
import { PostgresLeaseTable } from '../../src/persistence/lease-table.ts';
import { PostgresNodeTable } from '../../src/persistence/node-table.ts';
import { openClusterDatabase } from '../support/postgres-store.ts';

it('the picture of a cluster has its nodes, also those that are gone, its shards and who feeds what', async () => {
  const test = await openClusterDatabase();
  const { database } = test;
  const { schema } = database;
  const source = new PostgresPictureSource(database);
  const options = { aliveMs: 3_000, leaseMs: 10_000 };
  expect(await source.read(options)).toEqual({ nodes: [], shards: [], leases: [] });

  const nodes = new PostgresNodeTable(database, 0);
  for (const name of ['b', 'a']) {
    const node = { name, runId: '1', adminUrl: `http://${name}`, roles: ['ingest'] };
    await nodes.renew(node, { lag: 5, text: 'x' }, 3_000);
  }
  const leases = new PostgresLeaseTable(database);
  const slots = [0, 1, 2].map((slot) => ({ exchange: 'kraken', slot, replica: 0 }));
  const taken = await leases.take({ name: 'a', runId: '1' }, slots, 10_000);
  await leases.release(
    { name: 'a', runId: '1' },
    taken.filter(({ slot }) => slot === 1),
  );
  await database.query({
    text: `UPDATE ${schema}.ingest_lease SET renewed_at = now() - interval '1 minute' WHERE slot = 2`,
  });
  await database.query({
    text: `UPDATE ${schema}.node SET seen_at = now() - interval '1 minute' WHERE name = 'b'`,
  });
  await database.query({
    text: `INSERT INTO ${schema}.shard (id, epoch, owner) VALUES (1, 7, 'b'), (0, 2, 'a')`,
  });

  const picture = await source.read(options);
  expect(picture.nodes).toEqual(
    ['a', 'b'].map((name) => ({
      ...{ name, runId: '1', adminUrl: `http://${name}`, roles: ['ingest'], report: { lag: 5, text: 'x' } },
      isAlive: name === 'a',
      startedAtMs: expect.any(Number) as number,
      seenAgoMs: expect.any(Number) as number,
    })),
  );
  expect(picture.nodes[1]!.seenAgoMs).toBeGreaterThanOrEqual(60_000);
  expect(picture.shards).toEqual([
    { shard: 0, epoch: 2, owner: 'a', claimedAtMs: expect.any(Number) as number },
    { shard: 1, epoch: 7, owner: 'b', claimedAtMs: expect.any(Number) as number },
  ]);
  expect(picture.leases).toEqual(
    ['a', undefined, undefined].map((holder, slot) => ({
      exchange: 'kraken',
      slot,
      replica: 0,
      epoch: 1,
      holder,
    })),
  );
  await test.close();
});
