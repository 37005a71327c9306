/** SQL gets its values as parameters. What is put into a statement otherwise is looked at once, here. */
import { describe, expect, it } from 'vitest';
import { PgDatabase } from '../src/persistence/database.ts';
import { findSqlInterpolations } from './support/sql-rules.ts';
import { readSourceFiles } from './support/source-files.ts';

/** None of these is anybody's input. */
const ALLOWED: readonly string[] = [
  // Numbers of parameters.
  'src/persistence/journal-lane.ts: rows',
  'src/persistence/state-snapshots.ts: rows',
  // Names of tables, from a list in the source.
  'src/persistence/operations-records-sql.ts: table',
  'src/persistence/output-outbox.ts: table',
  'src/persistence/partitions.ts: this.#table',
  // A statement within another one.
  'src/persistence/market-tables-sql.ts: insertTradesText(schema)',
  'src/persistence/market-tables-sql.ts: insertCandlesText(schema)',
  // Bounds and names of time partitions, numbers worked out from a time. Statements that define tables take no parameters.
  'src/persistence/partitions.ts: suffix',
  'src/persistence/partitions.ts: fromMs',
  'src/persistence/partitions.ts: toMs',
];

const findIn = (text: string): string[] => findSqlInterpolations({ path: 'src/a.ts', text });

describe('SQL', () => {
  it('gets its values as parameters', () => {
    const found = readSourceFiles('src', /\.ts$/).flatMap(findSqlInterpolations);
    expect([...new Set(found)].sort()).toEqual([...ALLOWED].sort());
  });

  it.each([
    ['`SELECT * FROM t WHERE id = ${id}`', 'id'],
    ['`SELECT * FROM ${request.schema.name}.t`', 'request.schema.name'],
    ['`UPDATE ${table} SET a = 1`', 'table'],
    ["`INSERT INTO t VALUES ('${text}')`", 'text'],
    ["'DELETE FROM t WHERE a = ' + value", "'DELETE FROM t WHERE a = ' + value"],
    ['`DROP SCHEMA ${schemaName}`', 'schemaName'],
  ])('with text put into it is found: %s', (statement, named) => {
    expect(findIn(`const x = ${statement};`)).toEqual([`src/a.ts: ${named}`]);
  });

  it.each([
    '`SELECT * FROM ${schema}.t WHERE id = $1`',
    '`SELECT * FROM ${this.#database.schema}.t LIMIT ${PAGE_ROWS}`',
    '`the update of ${name} failed, select another`',
  ])('is not meant by %s', (statement) => {
    expect(findIn(`const x = ${statement};`)).toEqual([]);
  });

  it.each(['a;DROP SCHEMA public', 'a"b', "a'b", 'A', '1a', '', 'a b', 'a.b', 'a\n', 'é', 'a'.repeat(52)])(
    'knows no schema named %j',
    (schema) => {
      const connection = { url: 'postgres://127.0.0.1:1/none' };
      expect(() => new PgDatabase({ schema, connection })).toThrow(/A schema name was wanted/);
    },
  );
});
