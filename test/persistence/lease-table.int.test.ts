import { expect, it } from 'vitest';
import { PostgresLeaseTable } from '../../src/persistence/lease-table.ts';
import { openRealDatabase } from '../support/postgres-store.ts';
import { leaseTableSuite } from '../suites/lease-table-suite.ts';

leaseTableSuite(async () => {
  const test = await openRealDatabase();
  const { database } = test;
  return {
    table: new PostgresLeaseTable(database),
    age: async (byMs) => {
      await database.query({
        text: `UPDATE ${database.schema}.ingest_lease SET renewed_at = renewed_at - $1::int * interval '1 ms'`,
        values: [byMs],
      });
    },
    close: () => test.close(),
  };
});

it('many takers at once never get the same slot, nor wait for one another in a circle', async () => {
  const test = await openRealDatabase();
  const table = new PostgresLeaseTable(test.database);
  const slots = Array.from({ length: 40 }, (_, slot) => ({ exchange: 'kraken', slot, replica: 0 }));
  const takers = Array.from({ length: 6 }, (_, index) => ({ name: `n${String(index)}`, runId: '1' }));
  let newest = 0;
  for (let round = 1; round <= 20; round++) {
    const taken = await Promise.all(
      takers.map(async (taker, index) => {
        const turned = index % 2 === 0 ? slots : [...slots].reverse();
        const got = await table.take(taker, turned, 60_000);
        expect(await table.renew(taker, [...got].reverse(), 5_000)).toHaveLength(got.length);
        return got;
      }),
    );
    const all = taken.flat();
    const epochs = all.map(({ epoch }) => epoch);
    expect(Math.min(...epochs)).toBeGreaterThan(newest);
    newest = Math.max(...epochs);
    expect(new Set(all.map(({ slot }) => slot)).size).toBe(40);
    await Promise.all(takers.map((taker, index) => table.release(taker, taken[index]!)));
  }
  await test.close();
});
