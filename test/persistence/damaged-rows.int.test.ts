/** What recovery does about rows in Postgres that were damaged behind its back: a snapshot is skipped with a warning, a journal row is never skipped. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ShardClaim } from '../../src/actors/ports.ts';
import { logCodec } from '../../src/codec/log-codec.ts';
import type { LogEntry } from '../../src/market/events.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { InstrumentIds } from '../../src/persistence/instrument-ids.ts';
import { PostgresJournal } from '../../src/persistence/postgres-journal.ts';
import { EDGE_ENTRIES, EDGE_STATES } from '../codec/edge-records.ts';
import type { TestDatabase } from '../support/postgres-store.ts';
import { openEmbeddedDatabase, openRealDatabase } from '../support/postgres-store.ts';
import { entryOf, readAll } from '../suites/journal-suite.ts';

const BATCHES = 6;
const state = EDGE_STATES['wide numbers everywhere']!;

describe.each([
  ['real', openRealDatabase],
  ['embedded', openEmbeddedDatabase],
])('damaged rows in %s Postgres', (_which, open) => {
  let test: TestDatabase;
  let journal: PostgresJournal;
  let claim: ShardClaim;
  let count = 0;

  beforeAll(async () => {
    test = await open();
    const { database, context } = test;
    journal = new PostgresJournal({ database, ids: new InstrumentIds(database), codec: logCodec, context });
    claim = await journal.claim(1, 'test');
  });
  afterAll(async () => {
    await journal.close();
    await test.close();
  });

  /** Six batches, snapshots at 2 and 4. */
  async function write(entry: (batchNumber: number) => LogEntry = entryOf): Promise<InstrumentKey> {
    const instrument = `damaged:${++count}-USD` as InstrumentKey;
    for (let batchNumber = 1; batchNumber <= BATCHES; batchNumber++) {
      await journal.append(claim, instrument, batchNumber, entry(batchNumber));
    }
    for (const batchNumber of [2, 4]) {
      await journal.saveSnapshot(claim, { instrument, batchNumber, position: batchNumber * 10, state });
    }
    return instrument;
  }

  async function change(
    table: 'journal' | 'state_snapshot',
    set: string,
    instrument: InstrumentKey,
    batchNumber: number,
  ): Promise<void> {
    const { schema } = test.database;
    const { rowCount } = await test.database.query({
      text: `UPDATE ${schema}.${table} SET ${set}
        WHERE batch_number = $1 AND instrument_id = (SELECT id FROM ${schema}.instrument WHERE key = $2)`,
      values: [batchNumber, instrument],
    });
    expect(rowCount).toBe(1);
  }

  /** Puts the row of one instrument in the place of the same batch of another, which is thrown away. */
  async function move(
    table: 'journal' | 'state_snapshot',
    options: { from: InstrumentKey; to: InstrumentKey; batchNumber: number },
  ): Promise<void> {
    const { schema } = test.database;
    const idOf = (key: number): string => `(SELECT id FROM ${schema}.instrument WHERE key = $${key})`;
    await test.database.query({
      text: `DELETE FROM ${schema}.${table} WHERE batch_number = $1 AND instrument_id = ${idOf(2)}`,
      values: [options.batchNumber, options.to],
    });
    const { rowCount } = await test.database.query({
      text: `UPDATE ${schema}.${table} SET instrument_id = ${idOf(2)}
        WHERE batch_number = $1 AND instrument_id = ${idOf(3)}`,
      values: [options.batchNumber, options.to, options.from],
    });
    expect(rowCount).toBe(1);
  }

  const unreadable = (instrument: InstrumentKey, batchNumber: number): unknown =>
    expect.objectContaining({
      code: 'STATE_UNREADABLE',
      message: expect.stringContaining(`journal batch ${batchNumber} of ${instrument}`) as unknown,
    });

  const JOURNAL_DAMAGE = [
    ['its first bit', 'entry = set_bit(entry, 0, 1 - get_bit(entry, 0))'],
    [
      'a bit in its middle',
      'entry = set_bit(entry, length(entry) * 4, 1 - get_bit(entry, length(entry) * 4))',
    ],
    [
      'its last bit',
      'entry = set_bit(entry, length(entry) * 8 - 1, 1 - get_bit(entry, length(entry) * 8 - 1))',
    ],
    ['its checksum', 'checksum = checksum # 1'],
    ['its epoch', 'epoch = epoch + 1'],
    ['its schema', "schema_id = 'log-0'"],
    ['its end cut off', 'entry = substring(entry FOR length(entry) - 1)'],
    ['a byte more', "entry = entry || '\\x00'::bytea"],
    ['nothing left of it', "entry = ''::bytea"],
  ] as const;

  it.each(JOURNAL_DAMAGE)(
    'a journal row with %s changed ends the reading there, by name',
    async (_what, set) => {
      const instrument = await write(() => EDGE_ENTRIES['wide levels']!);
      await change('journal', set, instrument, 5);
      const read: number[] = [];
      const reading = journal.readBatches(instrument, 2, (row) => {
        read.push(row.batchNumber);
      });
      await expect(reading).rejects.toEqual(unreadable(instrument, 5));
      expect(read).toEqual([3, 4]);
    },
  );

  it('a journal row of another instrument is refused though it is whole', async () => {
    const [from, to] = [await write(), await write()];
    await move('journal', { from, to, batchNumber: 5 });
    await expect(readAll(journal, to)).rejects.toEqual(unreadable(to, 5));
  });

  it('a journal row under the number of its neighbour is refused though it is whole', async () => {
    const instrument = await write();
    const { schema } = test.database;
    await test.database.query({
      text: `DELETE FROM ${schema}.journal
        WHERE batch_number = 5 AND instrument_id = (SELECT id FROM ${schema}.instrument WHERE key = $1)`,
      values: [instrument],
    });
    await change('journal', 'batch_number = 5', instrument, 6);
    await expect(readAll(journal, instrument)).rejects.toEqual(unreadable(instrument, 5));
  });

  it.each([
    ['a bit of it', 'state = set_bit(state, 77, 1 - get_bit(state, 77))'],
    ['its hash', 'sha256 = set_bit(sha256, 3, 1 - get_bit(sha256, 3))'],
    ['its position', 'position = position + 1'],
    ['its position beyond all doubles', 'position = position + (1::bigint << 62)'],
    ['its position far below zero', 'position = position - (1::bigint << 62)'],
    ['its number far below zero', 'batch_number = batch_number - (1::bigint << 62)', 0],
    ['its number below zero', 'batch_number = -batch_number', 0],
    ['its number beyond all doubles', 'batch_number = batch_number + (1::bigint << 62)', 0],
    ['its schema', "schema_id = 'state-0'"],
    ['its end cut off', 'state = substring(state FOR length(state) - 1)'],
    ['nothing left of it', "state = ''::bytea, sha256 = ''::bytea"],
  ])(
    'a state snapshot with %s changed is skipped for the one before, with a warning',
    async (_what, set, warningCount = 1) => {
      const instrument = await write();
      await change('state_snapshot', set, instrument, 4);
      const warnings = test.log.countOf('warn');
      let skippedCount = 0;
      const found = await journal.latestSnapshot(instrument, () => {
        skippedCount++;
      });
      expect(found).toMatchObject({ batchNumber: 2, position: 20, state });
      // Whoever reads a shared log is told that more of it is needed.
      expect(skippedCount).toBe(warningCount);
      // One under a number that no batch has is not even looked at.
      expect(test.log.countOf('warn')).toBe(warnings + warningCount);
      const after = await readAll(journal, instrument, 2);
      expect(after.map(({ batchNumber }) => batchNumber)).toEqual([3, 4, 5, 6]);
    },
  );

  it('a state snapshot that was written with minutes that no window ever held is skipped for the one before', async () => {
    const instrument = await write();
    const { ticker } = EDGE_STATES['minutes of every form']!;
    const minutes = { ...ticker.minutes, bytes: ticker.minutes.bytes.map(() => 0xff) };
    const unsound = { ...state, ticker: { ...ticker, minutes } };
    await journal.saveSnapshot(claim, { instrument, batchNumber: 5, position: 50, state: unsound });
    const warnings = test.log.countOf('warn');
    expect((await journal.latestSnapshot(instrument))?.batchNumber).toBe(4);
    expect(test.log.countOf('warn')).toBe(warnings + 1);
  });

  it('a state snapshot of another instrument is skipped though it is whole', async () => {
    const [from, to] = [await write(), await write()];
    await move('state_snapshot', { from, to, batchNumber: 4 });
    expect((await journal.latestSnapshot(to))?.batchNumber).toBe(2);
  });

  it.each([
    ['its position beyond all doubles', 'position = position + (1::bigint << 62)'],
    ['its number far below zero', 'batch_number = batch_number - (1::bigint << 62)'],
    ['its number beyond all doubles', 'batch_number = batch_number + (1::bigint << 62)'],
  ])('a state snapshot with %s harms no instrument that is read with it', async (_what, set) => {
    const instruments = [await write(), await write(), await write()];
    await change('state_snapshot', set, instruments[1]!, 4);
    const snapshots = await Promise.all(instruments.map((one) => journal.latestSnapshot(one)));
    expect(snapshots.map((snapshot) => snapshot?.batchNumber)).toEqual([4, 2, 4]);
  });

  it.each([
    ['its position beyond all doubles', 'position = position + (1::bigint << 62)'],
    ['its number far below zero', 'batch_number = batch_number - (1::bigint << 62)'],
  ])('a damaged state snapshot behind one with %s is the last that is tried', async (_what, set) => {
    const instruments = [await write(), await write()];
    await change('state_snapshot', 'position = position + (1::bigint << 62)', instruments[0]!, 4);
    await change('state_snapshot', 'position = position + 1', instruments[1]!, 4);
    await change('state_snapshot', set, instruments[0]!, 2);
    const snapshots = await Promise.all(instruments.map((one) => journal.latestSnapshot(one)));
    expect(snapshots.map((snapshot) => snapshot?.batchNumber)).toEqual([undefined, 2]);
    expect(await readAll(journal, instruments[0]!)).toHaveLength(BATCHES);
  });

  it('a journal row with its number beyond all doubles is refused alone, and nothing is written behind it', async () => {
    const instruments = [await write(), await write(), await write()];
    await change('journal', 'batch_number = batch_number + (1::bigint << 62)', instruments[1]!, BATCHES);
    const [before, damaged, after] = await Promise.allSettled(
      instruments.map((one) => readAll(journal, one)),
    );
    expect([before, after].map((reading) => reading?.status)).toEqual(['fulfilled', 'fulfilled']);
    const sequence = { code: 'JOURNAL_SEQUENCE', fields: { instrument: instruments[1], expected: BATCHES } };
    expect(damaged).toMatchObject({ status: 'rejected', reason: sequence });

    // Another node, which does not remember where the journals end.
    const { database, context } = test;
    const next = new PostgresJournal({
      database,
      ids: new InstrumentIds(database),
      codec: logCodec,
      context,
    });
    const nextClaim = await next.claim(2, 'next');
    const appends = await Promise.allSettled(
      instruments.map((one) => next.append(nextClaim, one, BATCHES + 1, entryOf(BATCHES + 1))),
    );
    await next.close();
    expect(appends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(appends[1]).toMatchObject({ reason: { code: 'STATE_UNREADABLE' } });
  });

  it('where no state snapshot can be read and the journal was pruned, recovery ends at the hole', async () => {
    const instrument = await write();
    await journal.prune(instrument);
    for (const batchNumber of [2, 4]) await change('state_snapshot', 'position = 0', instrument, batchNumber);
    expect(await journal.latestSnapshot(instrument)).toBeUndefined();
    await expect(readAll(journal, instrument)).rejects.toMatchObject({ code: 'JOURNAL_SEQUENCE' });
  });

  it('a newest state snapshot that cannot be read still says how far the journal went', async () => {
    const instrument = await write();
    await journal.saveSnapshot(claim, { instrument, batchNumber: BATCHES, position: 60, state });
    const { schema } = test.database;
    await test.database.query({
      text: `DELETE FROM ${schema}.journal WHERE batch_number > 4
        AND instrument_id = (SELECT id FROM ${schema}.instrument WHERE key = $1)`,
      values: [instrument],
    });
    await change('state_snapshot', 'position = 0', instrument, BATCHES);
    expect((await journal.latestSnapshot(instrument))?.batchNumber).toBe(4);
    expect(await readAll(journal, instrument, 4)).toEqual([]);
    const successor = await journal.claim(2, 'the next life');
    await expect(journal.append(successor, instrument, 5, entryOf(5))).rejects.toMatchObject({
      code: 'JOURNAL_SEQUENCE',
      message: expect.stringContaining('expected batch 7') as unknown,
    });
  });
});
