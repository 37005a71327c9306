import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Partitions } from '../../src/persistence/partitions.ts';
import type { TestDatabase } from '../support/postgres-store.ts';
import { openRealDatabase } from '../support/postgres-store.ts';

describe('time partitions', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await openRealDatabase();
  });
  afterAll(() => test.close());

  const partitionsOf = async (table: string): Promise<string[]> => {
    const { schema } = test.database;
    const { rows } = await test.database.query<{ name: string }>({
      text: `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = '${schema}.${table}'::regclass ORDER BY 1`,
    });
    return rows.map(({ name }) => name);
  };

  it('are made once for each day of the rows, the default one holding odd times', async () => {
    const partitions = new Partitions({ database: test.database, table: 'trade', period: 'day' });
    const lastMs = Date.UTC(2024, 1, 29, 23, 59, 59, 999);
    await partitions.ensure([lastMs, lastMs, lastMs + 1, 0, Date.UTC(2400, 0, 1)]);
    await partitions.ensure([lastMs]);
    expect(await partitionsOf('trade')).toEqual(['trade_20240229', 'trade_20240301', 'trade_default']);
  });

  it('are made once for each month where a month is the period', async () => {
    const partitions = new Partitions({ database: test.database, table: 'candle', period: 'month' });
    await partitions.ensure([Date.UTC(2023, 11, 31, 23, 59), Date.UTC(2024, 0, 1)]);
    expect(await partitionsOf('candle')).toEqual(['candle_202312', 'candle_202401', 'candle_default']);
  });

  it('are made by several writers at the same time', async () => {
    const dayMs = Date.UTC(2025, 5, 1);
    await Promise.all(
      Array.from({ length: 5 }, () =>
        new Partitions({ database: test.database, table: 'trade', period: 'day' }).ensure([dayMs]),
      ),
    );
    expect(await partitionsOf('trade')).toContain('trade_20250601');
  });

  it('are done without when the default one holds rows of that period already', async () => {
    const { schema } = test.database;
    const dayMs = Date.UTC(2025, 6, 1);
    await test.database.query({
      text: `INSERT INTO ${schema}.trade VALUES (1, ${dayMs}, 'early', ${dayMs}, 1, 1, 'buy', false)`,
    });
    await new Partitions({ database: test.database, table: 'trade', period: 'day' }).ensure([dayMs]);
    expect(await partitionsOf('trade')).not.toContain('trade_20250701');
    await test.database.query({
      text: `INSERT INTO ${schema}.trade VALUES (1, ${dayMs}, 'later', ${dayMs}, 1, 1, 'buy', false)`,
    });
  });
});
