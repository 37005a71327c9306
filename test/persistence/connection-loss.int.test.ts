import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import pg from 'pg';
import type { ShardClaim } from '../../src/actors/ports.ts';
import { systemTimers } from '../../src/base/clock.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import type { Database } from '../../src/persistence/database.ts';
import { InstrumentIds } from '../../src/persistence/instrument-ids.ts';
import { PostgresMarketTables } from '../../src/persistence/market-tables.ts';
import { openDatabase } from '../../src/persistence/open-database.ts';
import { PostgresJournal } from '../../src/persistence/postgres-journal.ts';
import { entryOf, readAll } from '../suites/journal-suite.ts';
import type { CuttingProxy } from '../support/cutting-proxy.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { jsonLogCodec } from '../support/json-log-codec.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { dropSchema, freshName, testDatabaseUrl } from '../support/services.ts';
import { contextOf } from '../support/writer-context.ts';

describe('a lost connection to Postgres', () => {
  const schema = freshName('loss');
  const log = new RecordingLog();
  /** Between attempts: each draws a random number for its length. */
  let pauseCount = 0;
  const random = (): number => {
    pauseCount++;
    return 0.5;
  };
  const context = { ...contextOf(log), random };
  let instrumentCount = 0;
  let instrument: InstrumentKey;
  let proxy: CuttingProxy;
  let database: Database;
  let journal: PostgresJournal;
  let claim: ShardClaim;

  const openJournal = (outcomeDeadlineMs: number): PostgresJournal =>
    new PostgresJournal({
      database,
      ids: new InstrumentIds(database),
      codec: jsonLogCodec,
      context,
      outcomeDeadlineMs,
    });

  beforeAll(async () => {
    const url = new URL(testDatabaseUrl());
    proxy = await startCuttingProxy({ host: url.hostname, port: Number.parseInt(url.port || '5432', 10) });
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    database = await openDatabase({ location: { url: url.href }, schema, timers: systemTimers, log });
    journal = openJournal(30_000);
    claim = await journal.claim(0, 'suite');
  });
  afterAll(async () => {
    proxy.mode = 'open';
    await journal.close();
    await database.close();
    await proxy.close();
    await dropSchema(schema);
  });
  beforeEach(async () => {
    instrument = `loss:${++instrumentCount}-USD` as InstrumentKey;
    await journal.append(claim, instrument, 1, entryOf(1));
  });
  afterEach(() => {
    proxy.mode = 'open';
  });

  const numbersOf = async (): Promise<number[]> =>
    (await readAll(journal, instrument)).map(({ batchNumber }) => batchNumber);

  it('before the answer: an append that was written resolves, and is there once', async () => {
    proxy.mode = 'no answers';
    const appending = journal.append(claim, instrument, 2, entryOf(2));
    await isWritten(2);
    proxy.mode = 'open';
    await appending;
    await journal.append(claim, instrument, 3, entryOf(3));
    expect(await numbersOf()).toEqual([1, 2, 3]);
  });

  it('before the statement arrives: the append is written once the server is back', async () => {
    proxy.mode = 'down';
    proxy.cut();
    const appending = journal.append(claim, instrument, 2, entryOf(2));
    const pausesBefore = pauseCount;
    await expect.poll(() => pauseCount, { timeout: 10_000 }).toBeGreaterThan(pausesBefore + 1);
    proxy.mode = 'open';
    await appending;
    expect(log.lines.at(-1)).toMatchObject({ level: 'info', message: 'appending to the journal goes on' });
    expect(await numbersOf()).toEqual([1, 2]);
  });

  it('for longer than the deadline: the append and those behind it fail with OUTCOME_UNKNOWN, and recovery goes on', async () => {
    const impatient = openJournal(100);
    await impatient.append(claim, instrument, 2, entryOf(2));
    proxy.mode = 'down';
    proxy.cut();
    const outcomes = await Promise.allSettled(
      [3, 4, 5].map((number) => impatient.append(claim, instrument, number, entryOf(number))),
    );
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'OUTCOME_UNKNOWN' } });
    }
    proxy.mode = 'open';
    expect(await numbersOf()).toEqual([1, 2]);
    await impatient.append(claim, instrument, 3, entryOf(3));
    expect(await numbersOf()).toEqual([1, 2, 3]);
  });

  it('again and again: every acknowledged batch is there, in order and once', async () => {
    const acknowledged: number[] = [];
    for (let round = 0; round < 10; round++) {
      // Each round is cut a little later after its start: before, while and after the statement is under way.
      const cutting = systemTimers.after(round * 2, () => proxy.cut());
      const numbers = Array.from({ length: 20 }, (_, index) => 2 + round * 20 + index);
      await Promise.all(
        numbers.map(async (number) => {
          await journal.append(claim, instrument, number, entryOf(number));
          acknowledged.push(number);
        }),
      );
      cutting.cancel();
    }
    const expected = Array.from({ length: 201 }, (_, index) => index + 1);
    expect(acknowledged).toHaveLength(200);
    expect(await numbersOf()).toEqual(expected);
  });

  it('while the server ends its sessions: appends are acknowledged in the end', async () => {
    const admin = new pg.Client(testDatabaseUrl());
    await admin.connect();
    try {
      const appends: Promise<void>[] = [];
      for (let number = 2; number <= 300; number++) {
        appends.push(journal.append(claim, instrument, number, entryOf(number)));
        if (number % 60 === 0) {
          await admin.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = 'tampines' AND query LIKE '%${schema}.%' AND pid <> pg_backend_pid()`,
          );
        }
      }
      await Promise.all(appends);
    } finally {
      await admin.end();
    }
    expect(await numbersOf()).toHaveLength(300);
  });

  it('never loses trades: a write waits until the server is back', async () => {
    const tables = new PostgresMarketTables({ database, ids: new InstrumentIds(database), context });
    proxy.mode = 'down';
    proxy.cut();
    const failuresBefore = log.countOf('warn');
    const trade = {
      instrument,
      tradeId: '1',
      eventTimeMs: 1_700_000_000_000,
      receiveTimeMs: 1_700_000_000_000,
      price: '1',
      quantity: '2',
      takerSide: 'buy',
      isHistory: false,
    } as const;
    const writing = tables.write({ trades: [trade], candles: [] });
    await expect.poll(() => log.countOf('warn'), { timeout: 10_000 }).toBeGreaterThan(failuresBefore);
    proxy.mode = 'open';
    await writing;
    const query = { instrument, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 10 };
    expect(await tables.readTrades(query)).toEqual([trade]);
    await tables.close();
  });

  it('keeps the fence: an append that waits behind an uncommitted claim writes nothing after it', async () => {
    const stale = await journal.claim(7, 'stale');
    const claimer = new pg.Client(testDatabaseUrl());
    await claimer.connect();
    try {
      await claimer.query('BEGIN');
      await claimer.query(`UPDATE ${schema}.shard SET epoch = epoch + 1 WHERE id = 7`);
      const appending = journal.append(stale, instrument, 2, entryOf(2)).catch((error: unknown) => error);
      await expect
        .poll(async () => (await claimer.query(`SELECT 1 FROM pg_locks WHERE NOT granted`)).rowCount, {
          timeout: 10_000,
        })
        .toBeGreaterThan(0);
      await claimer.query('COMMIT');
      expect(await appending).toMatchObject({ code: 'FENCED' });
    } finally {
      await claimer.end();
    }
    expect(await numbersOf()).toEqual([1]);
  });

  async function isWritten(batchNumber: number): Promise<void> {
    const client = new pg.Client(testDatabaseUrl());
    await client.connect();
    try {
      await expect
        .poll(
          async () => {
            const { rowCount } = await client.query(
              `SELECT FROM ${schema}.journal JOIN ${schema}.instrument i ON i.id = instrument_id
               WHERE i.key = $1 AND batch_number = $2`,
              [instrument, batchNumber],
            );
            return rowCount;
          },
          { timeout: 10_000 },
        )
        .toBe(1);
    } finally {
      await client.end();
    }
  }
});
