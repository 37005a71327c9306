import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/cluster/ports.ts';
import { PostgresNodeTable, REPORT_MAX_CHARACTERS } from '../../src/persistence/node-table.ts';
import { openClusterDatabase } from '../support/postgres-store.ts';
import { nodeTableSuite } from '../suites/node-table-suite.ts';

nodeTableSuite(async () => {
  const test = await openClusterDatabase();
  const { database } = test;
  return {
    table: new PostgresNodeTable(database, 0),
    age: async (name, byMs) => {
      await database.query({
        text: `UPDATE ${database.schema}.node SET seen_at = seen_at - $2::int * interval '1 ms' WHERE name = $1`,
        values: [name, byMs],
      });
    },
    readReport: async (name) => {
      const { rows } = await database.query<{ report: unknown }>({
        text: `SELECT report FROM ${database.schema}.node WHERE name = $1`,
        values: [name],
      });
      return rows[0]!.report;
    },
    close: () => test.close(),
  };
});

describe('a report', () => {
  const reported = async (report: JsonValue): Promise<unknown> => {
    const test = await openClusterDatabase();
    const table = new PostgresNodeTable(test.database, 0);
    await table.renew({ name: 'a', runId: '1', adminUrl: 'http://a', roles: [] }, report, 3_000);
    const { rows } = await test.database.query<{ report: unknown }>({
      text: `SELECT report FROM ${test.database.schema}.node`,
    });
    await test.close();
    return rows[0]!.report;
  };

  it('with what no text of Postgres can hold is stored without it', async () => {
    expect(await reported({ cause: 'a\0b\ud800c' })).toEqual({ cause: 'a\uFFFDb\uFFFDc' });
  });

  it('without end is replaced by its length, so that the node stays a member', async () => {
    const tooLarge = `the report has ${String(REPORT_MAX_CHARACTERS + 2)} characters`;
    expect(await reported('x'.repeat(REPORT_MAX_CHARACTERS))).toEqual({ tooLarge });
  });
});
