import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logCodec } from '../../src/codec/log-codec.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import type { Database } from '../../src/persistence/database.ts';
import { InstrumentIds } from '../../src/persistence/instrument-ids.ts';
import { PostgresJournal } from '../../src/persistence/postgres-journal.ts';
import { EDGE_STATES } from '../codec/edge-records.ts';
import { describeJournal, entryOf, readAll } from '../suites/journal-suite.ts';
import type { TestDatabase } from '../support/postgres-store.ts';
import { openJournalStore, openRealDatabase } from '../support/postgres-store.ts';

describeJournal('on Postgres', () => openJournalStore(openRealDatabase));

describe('the first append after a recovery', () => {
  const statements: string[] = [];
  let test: TestDatabase;
  let journal: PostgresJournal;

  beforeAll(async () => {
    test = await openRealDatabase();
    const { database, context } = test;
    const listened: Database = {
      schema: database.schema,
      isEmbedded: database.isEmbedded,
      query: (statement) => {
        statements.push(statement.text);
        return database.query(statement);
      },
      read: (statement) => {
        statements.push(statement.text);
        return database.read(statement);
      },
      transaction: (work) => database.transaction(work),
      close: () => database.close(),
    };
    const ids = new InstrumentIds(listened);
    journal = new PostgresJournal({ database: listened, ids, codec: logCodec, context });
  });
  afterAll(async () => {
    await journal.close();
    await test.close();
  });

  /** Three batches, a state snapshot at 2. */
  async function write(symbol: string): Promise<InstrumentKey> {
    const instrument = `recovered:${symbol}` as InstrumentKey;
    const before = await journal.claim(1, 'the life before');
    for (const batchNumber of [1, 2, 3]) {
      await journal.append(before, instrument, batchNumber, entryOf(batchNumber));
    }
    const state = EDGE_STATES['wide numbers everywhere']!;
    await journal.saveSnapshot(before, { instrument, batchNumber: 2, position: 20, state });
    return instrument;
  }

  it('knows the end of the journal from the recovery', async () => {
    const instrument = await write('BTC-USD');
    const claim = await journal.claim(1, 'this life');
    expect((await journal.latestSnapshot(instrument))?.batchNumber).toBe(2);
    expect(await readAll(journal, instrument, 2)).toHaveLength(1);
    statements.length = 0;
    await journal.append(claim, instrument, 4, entryOf(4));
    expect(statements).toEqual([expect.stringContaining('INSERT INTO')]);
  });

  it('takes it from a recovery that read to the end, and once only', async () => {
    const instrument = await write('ETH-USD');
    await journal.latestSnapshot(instrument);
    const claim = await journal.claim(1, 'a life that read no batches');
    await expect(journal.append(claim, instrument, 3, entryOf(3))).rejects.toMatchObject({
      code: 'JOURNAL_SEQUENCE',
      message: expect.stringContaining('expected batch 4') as unknown,
    });
    await journal.append(claim, instrument, 4, entryOf(4));
    const next = await journal.claim(1, 'a life that did not recover');
    await expect(journal.append(next, instrument, 4, entryOf(4))).rejects.toMatchObject({
      code: 'JOURNAL_SEQUENCE',
    });
    await journal.append(next, instrument, 5, entryOf(5));
  });
});
