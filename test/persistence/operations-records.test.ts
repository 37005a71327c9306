import { describe, expect, it } from 'vitest';
import type { DeadLetter } from '../../src/actors/ports.ts';
import type { Database } from '../../src/persistence/database.ts';
import { PgDatabase } from '../../src/persistence/database.ts';
import { PostgresOperationsRecords, QUEUE_MAX_RECORDS } from '../../src/persistence/operations-records.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { contextOf } from '../support/writer-context.ts';

/** Nothing listens on port 1. */
const AWAY = 'postgres://nobody@127.0.0.1:1/none';

const letter: DeadLetter = {
  timeMs: 0,
  exchange: 'okx',
  symbol: undefined,
  reason: 'bad-frame',
  detail: '',
  text: '',
};

describe('operations records of many at once', () => {
  function createRecords() {
    const time = new FakeClock();
    const database = new TransactionCounter();
    const context = { ...contextOf(new RecordingLog()), clock: time, timers: time };
    return { time, database, records: new PostgresOperationsRecords({ database, context }) };
  }

  it('share transactions: the first is written at once, the next after a tenth of a second', async () => {
    const { time, database, records } = createRecords();
    for (let count = 0; count < 50; count++) {
      records.recordDeadLetter(letter);
      await time.advance(1);
    }
    expect(database.count).toBe(1);
    await time.advance(100);
    expect(database.count).toBe(2);
    await records.close();
    expect(database.count).toBe(2);
  });

  it('are written without waiting when somebody reads, when many wait, and at the end', async () => {
    const { time, database, records } = createRecords();
    const record = async (count: number): Promise<void> => {
      for (let each = 0; each < count; each++) records.recordDeadLetter(letter);
      await time.advance(1);
    };
    await record(1);
    await record(1);
    expect(database.count).toBe(1);
    await records.readDeadLetters({ exchange: undefined, limit: 1 });
    expect(database.count).toBe(2);
    await record(QUEUE_MAX_RECORDS / 2);
    expect(database.count).toBe(3);
    await record(1);
    await records.close();
    expect(database.count).toBe(4);
  });
});

describe('operations records while the database is away', () => {
  it('fail nobody, and close says how many were given up', async () => {
    const log = new RecordingLog();
    const database = new PgDatabase({ schema: 'away', connection: { url: AWAY } });
    const records = new PostgresOperationsRecords({ database, context: contextOf(log) });
    records.recordDeadLetter(letter);
    await expect.poll(() => log.countOf('warn'), { timeout: 10_000 }).toBeGreaterThan(0);
    for (let count = 0; count < 3 * QUEUE_MAX_RECORDS; count++) records.recordDeadLetter(letter);
    await records.close();
    await database.close();
    const drops = log.lines.map(({ fields }) => ('droppedCount' in fields ? fields.droppedCount : undefined));
    expect(drops.at(-1)).toBe(3 * QUEUE_MAX_RECORDS + 1);
    expect(log.countOf('error')).toBeGreaterThan(0);
  });

  it('a read says that the service is unavailable', async () => {
    const database = new PgDatabase({ schema: 'away', connection: { url: AWAY } });
    const records = new PostgresOperationsRecords({ database, context: contextOf(new RecordingLog()) });
    await expect(records.readDeadLetters({ exchange: undefined, limit: 1 })).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      isRetryable: true,
    });
    await database.close();
  });

  it('a schema name that could not be one is refused', () => {
    for (const schema of ['', 'a; drop', 'Public', '1st', 'x'.repeat(60)]) {
      expect(() => new PgDatabase({ schema, connection: { url: AWAY } })).toThrow(
        expect.objectContaining({ code: 'SETTINGS_INVALID' }) as Error,
      );
    }
  });
});

const NO_ROWS = { rows: [], rowCount: 0, command: '', oid: 0, fields: [] };

/** Takes every statement and counts transactions. */
class TransactionCounter implements Database {
  readonly schema = 'counted';
  readonly isEmbedded = false;
  count = 0;

  query(): Promise<typeof NO_ROWS> {
    return Promise.resolve(NO_ROWS);
  }

  read(): Promise<typeof NO_ROWS> {
    return Promise.resolve(NO_ROWS);
  }

  transaction<Value>(work: (run: () => Promise<typeof NO_ROWS>) => Promise<Value>): Promise<Value> {
    this.count++;
    return work(() => Promise.resolve(NO_ROWS));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
