import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readShardHolder } from '../../src/persistence/shard-holder.ts';
import { PostgresJournal } from '../../src/persistence/postgres-journal.ts';
import { InstrumentIds } from '../../src/persistence/instrument-ids.ts';
import { jsonLogCodec } from '../support/json-log-codec.ts';
import type { TestDatabase } from '../support/postgres-store.ts';
import { openEmbeddedDatabase, openRealDatabase } from '../support/postgres-store.ts';

describe.each([
  ['embedded', openEmbeddedDatabase],
  ['real', openRealDatabase],
])('the holder of a shard on %s Postgres', (_name, open) => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await open();
  });
  afterAll(() => test.close());

  it('is the owner of the newest claim, with its epoch and the time of it', async () => {
    const { database, context } = test;
    const journal = new PostgresJournal({
      database,
      ids: new InstrumentIds(database),
      codec: jsonLogCodec,
      context,
    });
    expect(await readShardHolder(database, 5, 5_000)).toBeUndefined();
    await journal.claim(5, 'first');
    const first = await readShardHolder(database, 5, 5_000);
    const { epoch } = await journal.claim(5, 'second');
    const second = await readShardHolder(database, 5, 5_000);
    expect([first?.owner, second?.owner]).toEqual(['first', 'second']);
    expect([first?.epoch, second?.epoch]).toEqual([epoch - 1, epoch]);
    expect(Number.isSafeInteger(second?.claimedAtMs)).toBe(true);
    expect(second!.claimedAtMs).toBeGreaterThanOrEqual(first!.claimedAtMs);
    await journal.close();
  });

  it('is read while an append holds the row', async () => {
    const { database } = test;
    // Embedded Postgres has one session, so nobody else can hold anything there.
    if (database.isEmbedded) return;
    await database.transaction(async (run) => {
      await run({ text: `SELECT epoch FROM ${database.schema}.shard WHERE id = 5 FOR UPDATE` });
      expect((await readShardHolder(database, 5, 2_000))?.owner).toBe('second');
    });
  });
});

describe('a question for the holder that gets no answer', () => {
  it('is given up after its time, and the next one is answered', async () => {
    const test = await openRealDatabase();
    const { database } = test;
    const slow = database.query({ text: 'SELECT pg_sleep(60)', timeoutMs: 50 });
    await expect(slow).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(await readShardHolder(database, 5, 5_000)).toBeUndefined();
    await test.close();
  });
});
