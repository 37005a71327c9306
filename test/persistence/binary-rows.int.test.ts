/** Rows that travel as a binary copy are those of the ordinary answer, and a connection that breaks meanwhile is met as everywhere. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemTimers } from '../../src/base/clock.ts';
import type { Database } from '../../src/persistence/database.ts';
import { openDatabase } from '../../src/persistence/open-database.ts';
import type { CuttingProxy } from '../support/cutting-proxy.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { dropSchema, freshName, testDatabaseUrl } from '../support/services.ts';

const schema = freshName('binary');
let proxy: CuttingProxy;
let database: Database;

beforeAll(async () => {
  const url = new URL(testDatabaseUrl());
  proxy = await startCuttingProxy({ host: url.hostname, port: Number.parseInt(url.port || '5432', 10) });
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  const log = new RecordingLog();
  database = await openDatabase({ location: { url: url.href }, schema, timers: systemTimers, log });
});

afterAll(async () => {
  await database.close();
  await proxy.close();
  await dropSchema(schema);
});

const columns = { number: 'int8', name: 'text', bytes: 'bytea' } as const;
const statement = {
  text: `SELECT n::bigint AS number, 'Größe ' || n AS name, decode(repeat(md5(n::text), n), 'hex') AS bytes
    FROM generate_series($1::int, $2::int) AS n ORDER BY n`,
  values: [0, 400],
};

it('a copy holds what the ordinary answer holds', async () => {
  const ordinary = await database.read(statement);
  const copied = await database.read({ ...statement, columns });
  expect(copied.rows).toEqual(ordinary.rows);
  expect(copied.rowCount).toBe(401);
});

it('a copy that Postgres refuses says why, and its connection goes on', async () => {
  const wrong = { text: 'SELECT 1 / $1 AS number', values: [0], columns: { number: 'int8' } as const };
  await expect(database.read(wrong)).rejects.toThrow('division by zero');
  expect((await database.read({ ...statement, columns })).rows).toHaveLength(401);
});

it('a copy whose connection breaks is whole or not there', async () => {
  const read = async (): Promise<unknown> => {
    try {
      return (await database.read({ ...statement, columns })).rows.length;
    } catch (error) {
      return (error as { code: unknown }).code;
    }
  };
  const expected = await read();
  expect(expected).toBe(401);
  const outcomes = new Set<unknown>();
  for (let delayMs = 0; delayMs < 12; delayMs += 2) {
    const cutting = systemTimers.after(delayMs, () => proxy.cut());
    outcomes.add(await read());
    cutting.cancel();
  }
  // It is read once more on another connection, which may have been cut as well.
  expect(['SERVICE_UNAVAILABLE', expected]).toEqual(expect.arrayContaining([...outcomes]));
  await expect.poll(read).toBe(expected);
});
