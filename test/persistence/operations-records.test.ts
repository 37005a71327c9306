import { describe, expect, it } from 'vitest';
import type { DeadLetter } from '../../src/actors/ports.ts';
import { PgDatabase } from '../../src/persistence/database.ts';
import { PostgresOperationsRecords, QUEUE_MAX_RECORDS } from '../../src/persistence/operations-records.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { contextOf } from '../support/writer-context.ts';

/** Nothing listens on port 1. */
const AWAY = 'postgres://nobody@127.0.0.1:1/none';

describe('operations records while the database is away', () => {
  const letter: DeadLetter = {
    timeMs: 0,
    exchange: 'okx',
    symbol: undefined,
    reason: 'bad-frame',
    detail: '',
    text: '',
  };

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
