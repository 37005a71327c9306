import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ShardClaim, StateSnapshotRow } from '../../src/actors/ports.ts';
import type { InstrumentReset, ResetTarget } from '../../src/cluster/ports.ts';
import { createInstrumentState, snapshotInstrument } from '../../src/market/instrument-state.ts';
import { rowsAhead } from '../../src/market/rows-ahead.ts';
import { shardOf } from '../../src/market/shards.ts';
import { toExchangeId, toInstrumentKey, toUnifiedSymbol } from '../../src/market/symbols.ts';
import type { Database, RunStatement } from '../../src/persistence/database.ts';
import { InstrumentIds } from '../../src/persistence/instrument-ids.ts';
import { PostgresLogMoves } from '../../src/persistence/log-moves.ts';
import { PostgresLogResets } from '../../src/persistence/log-resets.ts';
import { PostgresOperationsRecords } from '../../src/persistence/operations-records.ts';
import { PostgresJournal } from '../../src/persistence/postgres-journal.ts';
import { ShardPositions } from '../../src/persistence/shard-positions.ts';
import { TEST_POLICY } from '../support/instrument-runs.ts';
import { jsonLogCodec } from '../support/json-log-codec.ts';
import type { TestDatabase } from '../support/postgres-store.ts';
import { openClusterDatabase } from '../support/postgres-store.ts';

const PARTITIONS = 4;
const BTC = toInstrumentKey(toExchangeId('kraken'), toUnifiedSymbol('BTC-USD'));
const shard = shardOf(BTC, PARTITIONS);
const state = snapshotInstrument(createInstrumentState(TEST_POLICY));
const snapshotAt = (batchNumber: number): StateSnapshotRow => ({
  ...{ instrument: BTC, batchNumber, position: batchNumber, state },
});
const resetTo = (place: number): InstrumentReset => ({
  ...{ instrument: BTC, place, position: place, savedAtMs: 0, isNewest: false, hasState: place > 0 },
  rows: rowsAhead(undefined, TEST_POLICY.candles),
});

describe('a reset in Postgres', () => {
  let test: TestDatabase;
  let journal: PostgresJournal;
  let resets: PostgresLogResets;
  let claim: ShardClaim;

  const reset = async (place: number): Promise<void> =>
    resets.reset(await resets.read(), [resetTo(place)], () => Promise.resolve());
  const listSavepoints = async (): Promise<number[]> =>
    (await journal.listSavepoints(BTC)).map(({ batchNumber }) => batchNumber);
  const latest = async (): Promise<number | undefined> => (await journal.latestSnapshot(BTC))?.batchNumber;

  beforeEach(async () => {
    test = await openClusterDatabase();
    const { database, context } = test;
    const ids = new InstrumentIds(database);
    journal = new PostgresJournal({ database, ids, codec: jsonLogCodec, context });
    const moves = new PostgresLogMoves({
      ...{ database, journal, name: 'test.events', aliveMs: 3_000, leaseMs: 10_000 },
    });
    resets = new PostgresLogResets({ database, ids, codec: jsonLogCodec, moves });
    claim = await journal.claim(shard, 'one');
    await journal.saveSavepoint(claim, snapshotAt(10));
    await journal.saveSavepoint(claim, snapshotAt(20));
    await journal.saveSnapshot(claim, snapshotAt(30));
    await new ShardPositions(database, 0).save(claim, 30);
    await test.database.query({ text: `UPDATE ${test.database.schema}.instrument SET is_desired = true` });
  });
  afterEach(async () => {
    await journal.close();
    await test.close();
  });

  it('makes recovery begin with the older state, and fences whoever had the shard', async () => {
    await journal.claim((shard + 1) % PARTITIONS, 'one');
    await reset(10);
    expect([await latest(), await listSavepoints()]).toEqual([10, [10]]);
    expect(await resets.read()).toMatchObject({
      shards: [{ epoch: 2 }, { epoch: 2 }],
    });
    expect((await resets.read()).shards.find((each) => each.shard === shard)?.nextPlace).toBe(10);
    await expect(journal.saveSnapshot(claim, snapshotAt(40))).rejects.toMatchObject({ code: 'FENCED' });
  });

  it('never moves a place on', async () => {
    await test.database.query({ text: `UPDATE ${test.database.schema}.shard SET next_position = 5` });
    await reset(20);
    expect((await resets.read()).shards.map(({ nextPlace }) => nextPlace)).toEqual([5]);
  });

  it('gives a savepoint that it set aside once the log was read past it, and not before', async () => {
    await reset(10);
    const target: ResetTarget = { kind: 'savepoint', batchNumber: 20 };
    await expect(resets.findPoint(BTC, target)).rejects.toMatchObject({ code: 'SAVEPOINT_UNKNOWN' });
    claim = await journal.claim(shard, 'two');
    await journal.saveSnapshot(claim, snapshotAt(40));
    expect(await resets.findPoint(BTC, target)).toMatchObject({ place: 20, isNewest: false });
    await reset(20);
    expect([await latest(), await listSavepoints()]).toEqual([20, [20, 10]]);
  });

  it('finds the newest readable state of a time, or none', async () => {
    const { schema } = test.database;
    await test.database.query({
      text: `UPDATE ${schema}.state_snapshot SET saved_at = to_timestamp(batch_number), state = CASE batch_number WHEN 20 THEN 'x' ELSE state END`,
    });
    const placeAt = async (timeMs: number): Promise<unknown> =>
      (await resets.findPoint(BTC, { kind: 'time', timeMs })).place;
    expect([await placeAt(30_000), await placeAt(29_999), await placeAt(10_000)]).toEqual([30, 10, 10]);
    expect(await resets.findPoint(BTC, { kind: 'time', timeMs: 9_999 })).toMatchObject({
      ...{ place: 0, state: undefined, savedAtMs: undefined, isNewest: false },
    });
    await reset(0);
    expect(await latest()).toBeUndefined();
  });

  it('refuses an instrument that was stopped, whose log nobody would read again, and leaves it out of all', async () => {
    expect(await resets.listInstruments()).toEqual([BTC]);
    await test.database.query({ text: `UPDATE ${test.database.schema}.instrument SET is_desired = false` });
    expect(await resets.listInstruments()).toEqual([]);
    await expect(resets.findPoint(BTC, { kind: 'time', timeMs: 0 })).rejects.toMatchObject({
      code: 'INSTRUMENT_UNKNOWN',
      message: expect.stringContaining('was stopped') as string,
    });
  });

  it('finds the beginning of the log again after a reset to it', async () => {
    await reset(0);
    expect(await resets.findPoint(BTC, { kind: 'time', timeMs: 0 })).toMatchObject({
      place: 0,
      state: undefined,
    });
    await expect(resets.findPoint(BTC, { kind: 'savepoint', batchNumber: 20 })).rejects.toMatchObject({
      code: 'SAVEPOINT_UNKNOWN',
    });
  });

  it('takes the state that was folded anew up to the place of a savepoint that was set aside, and keeps it as one', async () => {
    await reset(10);
    claim = await journal.claim(shard, 'two');
    await journal.saveSnapshot(claim, { ...snapshotAt(20), position: 21 });
    await journal.saveSnapshot(claim, snapshotAt(40));
    await reset(20);
    expect(await journal.latestSnapshot(BTC)).toMatchObject({ batchNumber: 20, position: 21 });
    expect(await listSavepoints()).toEqual([20, 10]);
  });

  it('may take longer than a statement of a node, or a pause between two of them', async () => {
    const { database } = test;
    let timeouts: unknown[] = [];
    const watched: Database = Object.assign(Object.create(database) as Database, {
      schema: database.schema,
      transaction: (work: (run: RunStatement) => Promise<unknown>) =>
        database.transaction(async (run) => {
          const value = await work(run);
          const { rows } = await run({
            text: `SELECT current_setting('statement_timeout') AS statement, current_setting('idle_in_transaction_session_timeout') AS idle`,
          });
          timeouts = rows;
          return value;
        }),
      read: database.read.bind(database),
    });
    const moves = new PostgresLogMoves({
      ...{ database, journal, name: 'test.events', aliveMs: 3_000, leaseMs: 10_000 },
    });
    const slow = new PostgresLogResets({
      ...{ database: watched, ids: new InstrumentIds(database), codec: jsonLogCodec, moves },
    });
    await slow.reset(await slow.read(), [resetTo(10)], () => Promise.resolve());
    expect(timeouts).toEqual([{ statement: '1h', idle: '1h' }]);
  });

  it('changes nothing where it is not confirmed, and says what was saved since it was planned', async () => {
    const from = await resets.read();
    await journal.saveSnapshot(claim, snapshotAt(35));
    await expect(
      resets.reset(from, [resetTo(10)], (running) => Promise.reject(new Error(running.join()))),
    ).rejects.toThrow('states saved meanwhile');
    expect([await latest(), await listSavepoints()]).toEqual([35, [20, 10]]);
  });

  it('does not tell a dead letter or a gap of the log again, nor count it, and tells those of feeds each time', async () => {
    const { database, context } = test;
    const letter = {
      timeMs: 1,
      exchange: 'kraken',
      symbol: 'BTC-USD',
      reason: 'bad-trade',
      detail: '',
      text: '',
    };
    const gap = {
      ...{ exchange: 'kraken', instrument: BTC, channel: 'book' as const, fromMs: 1, toMs: 2 },
      ...{ reason: 'a gap', repair: 'snapshot' as const, tradesRefetched: 0 },
    };
    for (let times = 0; times < 2; times++) {
      const records = new PostgresOperationsRecords({ database, context });
      records.recordDeadLetter({ ...letter, place: 'one' });
      records.recordDeadLetter({ ...letter, place: 'two' });
      records.recordDeadLetter(letter);
      records.recordFeedGap(gap);
      await records.close();
    }
    const records = new PostgresOperationsRecords({ database, context });
    expect(await records.readDeadLetters({ exchange: undefined, limit: 10 })).toHaveLength(4);
    expect(await records.countDeadLetters()).toEqual([{ exchange: 'kraken', reason: 'bad-trade', count: 4 }]);
    expect(await records.readFeedGaps({ instrument: undefined, limit: 10 })).toHaveLength(1);
    await records.close();
  });
});
