import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemTimers } from '../../src/base/clock.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import type { Database } from '../../src/persistence/database.ts';
import { InstrumentIds } from '../../src/persistence/instrument-ids.ts';
import { openDatabase } from '../../src/persistence/open-database.ts';
import { PostgresJournal } from '../../src/persistence/postgres-journal.ts';
import { readAll } from '../suites/journal-suite.ts';
import { createEmbeddedDirectory } from '../support/embedded-template.ts';
import { jsonLogCodec } from '../support/json-log-codec.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { noteServiceUse } from '../support/services.ts';
import { contextOf } from '../support/writer-context.ts';

describe('embedded Postgres', () => {
  const log = new RecordingLog();
  let dataDirectory: string;
  beforeEach(async () => {
    noteServiceUse('Embedded Postgres');
    dataDirectory = await createEmbeddedDirectory();
  });
  afterEach(() => rmSync(dataDirectory, { recursive: true, force: true }));

  const open = (schema = 'tampines'): Promise<Database> =>
    openDatabase({ location: { dataDirectory }, schema, timers: systemTimers, log });
  const valueOf = async (database: Database, text: string): Promise<unknown> =>
    (await database.query<{ value: unknown }>({ text })).rows[0]?.value;

  it('opens a directory for one process at a time, and again after it was closed', async () => {
    const database = await open();
    await expect(open()).rejects.toMatchObject({ code: 'DATA_DIRECTORY_LOCKED' });
    await database.query({ text: 'CREATE TABLE kept AS SELECT 42 AS value' });
    await database.close();
    const reopened = await open();
    expect(await valueOf(reopened, 'SELECT value FROM kept')).toBe(42);
    await reopened.close();
  });

  it('goes on after a statement that was refused, in and out of a transaction', async () => {
    const database = await open();
    await expect(database.query({ text: 'SELECT 1/0' })).rejects.toMatchObject({ code: '22012' });
    const failing = database.transaction(async (run) => {
      await run({ text: 'CREATE TABLE undone (value int)' });
      await run({ text: 'SELECT $1::int / 0', values: [1], name: 'division' });
    });
    await expect(failing).rejects.toMatchObject({ code: '22012' });
    expect(await valueOf(database, "SELECT to_regclass('undone') AS value")).toBeNull();
    await database.close();
  });

  it('answers statements sent at the same time in order, one after another', async () => {
    const database = await open();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        database.query<{ value: number }>({
          name: `${index % 3}`,
          text: `SELECT $1::int * ${index % 3} AS value`,
          values: [index],
        }),
      ),
    );
    expect(answers.map(({ rows }) => rows[0]?.value)).toEqual(
      Array.from({ length: 50 }, (_, index) => index * (index % 3)),
    );
    await database.close();
  });

  it('takes large values', async () => {
    const database = await open();
    const large = Buffer.alloc(20_000_000, 'x');
    const { rows } = await database.query<{ value: Buffer }>({
      text: 'SELECT $1::bytea AS value',
      values: [large],
    });
    expect(rows[0]?.value.equals(large)).toBe(true);
    await database.close();
  });

  it('has every acknowledged batch after its process was killed, twice', async () => {
    const acknowledged = new Map<InstrumentKey, number>();
    for (const batchCount of [200, 300]) {
      const writer = startWriter(dataDirectory);
      await readAcknowledgements(writer, acknowledged, batchCount);
    }
    const database = await open();
    const ids = new InstrumentIds(database);
    const journal = new PostgresJournal({ database, ids, codec: jsonLogCodec, context: contextOf(log) });
    expect(acknowledged.size).toBe(4);
    for (const [instrument, last] of acknowledged) {
      const rows = await readAll(journal, instrument);
      expect(rows.length).toBeGreaterThanOrEqual(last);
      expect(new Set(rows.map(({ epoch }) => epoch))).toEqual(new Set([1, 2]));
    }
    await journal.close();
    await database.close();
  });
});

function startWriter(dataDirectory: string): ChildProcess {
  const program = fileURLToPath(new URL('../support/journal-writer-process.ts', import.meta.url));
  return spawn(process.execPath, ['--import', 'tsx', program, dataDirectory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Kills the writer without warning after `batchCount` acknowledgements, and takes those into account that it still got out. */
async function readAcknowledgements(
  writer: ChildProcess,
  acknowledged: Map<InstrumentKey, number>,
  batchCount: number,
): Promise<void> {
  const exited = once(writer, 'exit');
  let lineCount = 0;
  for await (const line of createInterface({ input: writer.stdout! })) {
    const [instrument, batchNumber] = line.split(' ');
    acknowledged.set(instrument as InstrumentKey, Number.parseInt(batchNumber!, 10));
    lineCount++;
    if (lineCount === batchCount) writer.kill('SIGKILL');
  }
  expect(await exited).toEqual([null, 'SIGKILL']);
}
