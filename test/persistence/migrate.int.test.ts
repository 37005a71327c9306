import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PgDatabase } from '../../src/persistence/database.ts';
import type { Migration } from '../../src/persistence/migrations/migration.ts';
import { migrate } from '../../src/persistence/migrate.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { dropSchema, freshName, testDatabaseUrl } from '../support/services.ts';

const first: Migration = {
  version: 1,
  name: 'first',
  sql: (schema) => `CREATE TABLE ${schema}.one (value int)`,
};
const second: Migration = {
  version: 2,
  name: 'second',
  sql: (schema) => `ALTER TABLE ${schema}.one ADD COLUMN more int; INSERT INTO ${schema}.one VALUES (1, 2)`,
};
const log = new RecordingLog();

describe('migrations', () => {
  let database: PgDatabase;
  beforeEach(() => {
    database = new PgDatabase({ schema: freshName('migrate'), connection: { url: testDatabaseUrl() } });
  });
  afterEach(async () => {
    await database.close();
    await dropSchema(database.schema);
  });

  const rowCountOf = async (table: string): Promise<number | null> =>
    (await database.query({ text: `SELECT FROM ${database.schema}.${table}` })).rowCount;

  it('run once each, in order, also when started again with more', async () => {
    await migrate(database, log, [first]);
    await migrate(database, log, [first, second]);
    await migrate(database, log, [first, second]);
    expect(await rowCountOf('migration')).toBe(2);
    expect(await rowCountOf('one')).toBe(1);
  });

  it('run once when several processes start at the same time', async () => {
    await Promise.all(Array.from({ length: 5 }, () => migrate(database, log, [first, second])));
    expect(await rowCountOf('one')).toBe(1);
  });

  it('refuse a schema whose applied migration was another', async () => {
    await migrate(database, log, [first]);
    const changed = { ...first, sql: (schema: string) => `CREATE TABLE ${schema}.other (value int)` };
    await expect(migrate(database, log, [changed])).rejects.toMatchObject({ code: 'MIGRATION_MISMATCH' });
  });

  it('refuse a schema of a newer version', async () => {
    await migrate(database, log, [first, second]);
    await expect(migrate(database, log, [first])).rejects.toMatchObject({ code: 'MIGRATION_MISMATCH' });
  });

  it('leave nothing of one that fails', async () => {
    const failing = {
      ...second,
      sql: (schema: string) => `CREATE TABLE ${schema}.half (value int); SELECT 1/0`,
    };
    await expect(migrate(database, log, [first, failing])).rejects.toMatchObject({ code: '22012' });
    expect(await rowCountOf('migration')).toBe(1);
    await expect(rowCountOf('half')).rejects.toMatchObject({ code: '42P01' });
    await migrate(database, log, [first, second]);
    expect(await rowCountOf('one')).toBe(1);
  });
});
