/** A connection never goes back to the pool with a transaction still open, whatever ended the transaction's work. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TampinesError } from '../../src/base/errors.ts';
import type { TestDatabase } from '../support/postgres-store.ts';
import { openEmbeddedDatabase, openRealDatabase } from '../support/postgres-store.ts';

describe.each([
  ['real', openRealDatabase],
  ['embedded', openEmbeddedDatabase],
])('a transaction in %s Postgres', (_which, open) => {
  let test: TestDatabase;

  beforeAll(async () => {
    test = await open();
    await test.database.query({ text: `CREATE TABLE ${test.database.schema}.tried (id int PRIMARY KEY)` });
  });
  afterAll(async () => {
    await test.close();
  });

  it.each([
    ['an error of its own', new Error('own')],
    ['a wrong argument', new TypeError('wrong')],
    ['what another connection met', new TampinesError('OUTCOME_UNKNOWN', 'elsewhere', { isRetryable: true })],
  ])('whose work throws %s is rolled back, and says what was thrown', async (_what, thrown) => {
    const { database } = test;
    const insert = { text: `INSERT INTO ${database.schema}.tried (id) VALUES (1)` };
    const failing = database.transaction(async (run) => {
      await run(insert);
      throw thrown;
    });
    await expect(failing).rejects.toBe(thrown);
    // The same connection comes first out of the pool.
    const { rows } = await database.query<{ tried: number; isOpen: boolean }>({
      text: `SELECT (SELECT count(*) FROM ${database.schema}.tried) AS tried, pg_current_xact_id_if_assigned() IS NOT NULL AS "isOpen"`,
    });
    expect(rows).toEqual([{ tried: 0, isOpen: false }]);
  });

  it('whose statement is refused is rolled back', async () => {
    const { database } = test;
    const insert = { text: `INSERT INTO ${database.schema}.tried (id) VALUES (2)` };
    const failing = database.transaction(async (run) => {
      await run(insert);
      await run(insert);
    });
    await expect(failing).rejects.toMatchObject({ code: '23505' });
    const { rows } = await database.query<{ id: number }>({
      text: `SELECT id FROM ${database.schema}.tried`,
    });
    expect(rows).toEqual([]);
  });
});
