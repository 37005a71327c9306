import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StateSnapshotRow } from '../../src/actors/ports.ts';
import { createInstrumentState, snapshotInstrument } from '../../src/market/instrument-state.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { toExchangeId, toInstrumentKey, toUnifiedSymbol } from '../../src/market/symbols.ts';
import { claimEventLog } from '../../src/persistence/event-log-kind.ts';
import { InstrumentIds } from '../../src/persistence/instrument-ids.ts';
import { PostgresLeaseTable } from '../../src/persistence/lease-table.ts';
import { PostgresLogMoves } from '../../src/persistence/log-moves.ts';
import { PostgresNodeTable } from '../../src/persistence/node-table.ts';
import { PostgresJournal } from '../../src/persistence/postgres-journal.ts';
import { ShardPositions } from '../../src/persistence/shard-positions.ts';
import { TEST_POLICY } from '../support/instrument-runs.ts';
import { jsonLogCodec } from '../support/json-log-codec.ts';
import type { TestDatabase } from '../support/postgres-store.ts';
import { openClusterDatabase } from '../support/postgres-store.ts';

const NODE = { name: 'one', runId: 'run-1', adminUrl: 'http://one:8080', roles: ['compute'] };
const ALIVE_MS = 3_000;
const BTC = toInstrumentKey(toExchangeId('kraken'), toUnifiedSymbol('BTC-USD'));
const snapshotAt = (instrument: InstrumentKey, batchNumber: number): StateSnapshotRow => ({
  ...{ instrument, batchNumber, position: batchNumber },
  state: snapshotInstrument(createInstrumentState(TEST_POLICY)),
});
const confirmed = (): Promise<void> => Promise.resolve();

describe('the log of a cluster in Postgres', () => {
  let test: TestDatabase;
  let journal: PostgresJournal;
  let moves: PostgresLogMoves;
  let nodes: PostgresNodeTable;

  beforeEach(async () => {
    test = await openClusterDatabase();
    const { database, context } = test;
    journal = new PostgresJournal({
      database,
      ids: new InstrumentIds(database),
      codec: jsonLogCodec,
      context,
    });
    moves = new PostgresLogMoves({
      ...{ database, journal, name: 'test.events', aliveMs: ALIVE_MS, leaseMs: 10_000 },
    });
    nodes = new PostgresNodeTable(database, 0);
  });
  afterEach(async () => {
    await journal.close();
    await test.close();
  });

  it('is told with its shards, and with the newest readable state of each instrument', async () => {
    const claim = await journal.claim(2, 'one');
    await new ShardPositions(test.database, 0).save(claim, 40);
    await journal.saveSnapshot(claim, snapshotAt(BTC, 30));
    await journal.saveSnapshot(claim, snapshotAt(BTC, 50));
    await test.database.query({
      text: `UPDATE ${test.database.schema}.state_snapshot SET state = 'x' WHERE batch_number = 50`,
    });
    const log = await moves.read();
    expect(log).toMatchObject({
      ...{ generation: 0, firstPlace: 0, partitions: 4, newestStatePlace: 50 },
      shards: [{ shard: 2, epoch: 1, nextPlace: 40 }],
    });
    expect(await moves.readStatePlaces()).toEqual(new Map([[BTC, 30]]));
    await journal.saveSnapshot(claim, snapshotAt(BTC, 60));
    expect((await moves.read()).statesDigest).not.toBe(log.statesDigest);
  });

  it('is another one in one transaction, in which every shard is fenced and begins with it', async () => {
    const claims = [
      await journal.claim(0, 'one'),
      await journal.claim(3, 'one'),
      await journal.claim(3, 'two'),
    ];
    const from = await moves.read();
    const to = { generation: await moves.begin(from), firstPlace: 70, partitions: 2 };
    await moves.finish({ from, to }, confirmed);
    expect(await moves.read()).toMatchObject({
      ...{ generation: 1, firstPlace: 70, partitions: 2 },
      shards: [0, 1].map((shard) => ({ shard, epoch: 3, nextPlace: 70 })),
    });
    const positions = new ShardPositions(test.database, 0);
    for (const claim of claims) await expect(positions.read(claim)).rejects.toMatchObject({ code: 'FENCED' });
    const claim = await journal.claim(1, 'one');
    expect(await new ShardPositions(test.database, 1).read(claim)).toBe(70);
    await expect(positions.read(claim)).rejects.toMatchObject({ code: 'EVENT_LOG_MOVED' });
    expect(await claimEventLog(test.database, { name: 'test.events', partitions: 2 })).toEqual({
      generation: 1,
      firstPlace: 70,
    });
    await expect(claimEventLog(test.database, { name: 'test.events', partitions: 4 })).rejects.toThrow(
      'stop all nodes and run `tampines log repartition --partitions 4`',
    );
  });

  it('says who is at work: nodes that are alive, and holders of leases', async () => {
    await nodes.renew(NODE, {}, ALIVE_MS);
    await new PostgresLeaseTable(test.database).take(
      NODE,
      [{ exchange: 'kraken', slot: 0, replica: 0 }],
      10_000,
    );
    const from = await moves.read();
    const to = { generation: await moves.begin(from), firstPlace: 0, partitions: 2 };
    let told: readonly string[] = [];
    await moves.finish({ from, to }, (running) => {
      told = running;
      return Promise.resolve();
    });
    expect(told).toEqual(['the node one feeds kraken', 'the node one is alive']);
    expect(await moves.findRunning()).toEqual(told);
  });

  it.each([
    ['a shard was claimed', () => journal.claim(1, 'one')],
    ['a state was saved', async () => journal.saveSnapshot({ shard: 0, epoch: 1 }, snapshotAt(BTC, 30))],
    ['a place was saved', () => new ShardPositions(test.database, 0).save({ shard: 0, epoch: 1 }, 5)],
  ])(
    'says where %s since it was read, and stays where it is when that is not borne',
    async (_what, happen) => {
      await journal.claim(0, 'one');
      const from = await moves.read();
      const to = { generation: await moves.begin(from), firstPlace: 0, partitions: 2 };
      await happen();
      await expect(
        moves.finish({ from, to }, (running) => Promise.reject(new Error(running.join()))),
      ).rejects.toThrow('shards were claimed or states saved meanwhile');
      expect(await moves.read()).toMatchObject({ generation: 0, partitions: 4 });
    },
  );

  it('is moved by the newest attempt alone', async () => {
    const from = await moves.read();
    const first = { generation: await moves.begin(from), firstPlace: 0, partitions: 2 };
    const second = { generation: await moves.begin(from), firstPlace: 0, partitions: 3 };
    const refused = { code: 'EVENT_LOG_MOVED' };
    await expect(moves.finish({ from, to: first }, confirmed)).rejects.toMatchObject(refused);
    await moves.finish({ from, to: second }, confirmed);
    await expect(moves.finish({ from, to: first }, confirmed)).rejects.toMatchObject(refused);
    await expect(moves.begin(from)).rejects.toMatchObject(refused);
    expect(await moves.read()).toMatchObject({ generation: 2, partitions: 3 });
  });

  it('lets no node come to life while it is moved, and none of the log before after that', async () => {
    const from = await moves.read();
    const to = { generation: await moves.begin(from), firstPlace: 0, partitions: 2 };
    let isMoved = false;
    let renewing: Promise<unknown> | undefined;
    let savedAfterMove: boolean | undefined;
    const claim = await journal.claim(0, 'one');
    const fresh = await moves.read();
    await moves.finish({ from: fresh, to }, async () => {
      renewing = nodes.renew(NODE, {}, ALIVE_MS).finally(() => (savedAfterMove = isMoved));
      renewing.catch(() => undefined);
      // Time enough for it to be there, were it not held up.
      await expect(
        test.database.query({
          text: `SELECT FROM ${test.database.schema}.shard WHERE id = $1 AND epoch = $2 FOR SHARE NOWAIT`,
          values: [claim.shard, claim.epoch],
        }),
      ).rejects.toThrow('could not obtain lock');
      expect(await nodes.readAlive(ALIVE_MS)).toEqual([]);
      isMoved = true;
    });
    await expect(renewing).rejects.toMatchObject({ code: 'EVENT_LOG_MOVED' });
    expect(savedAfterMove).toBe(true);
    expect(await nodes.readAlive(ALIVE_MS)).toEqual([]);
    expect(await new PostgresNodeTable(test.database, 1).renew(NODE, {}, ALIVE_MS)).toBeUndefined();
  });

  it('of another prefix, or of a node without Kafka, is not touched', async () => {
    const other = new PostgresLogMoves({
      ...{ database: test.database, journal, name: 'other.events', aliveMs: ALIVE_MS, leaseMs: 10_000 },
    });
    await expect(other.read()).rejects.toThrow(
      'has its log in test.events, and by kafka.topicPrefix it is other.events',
    );
    await test.database.query({ text: `UPDATE ${test.database.schema}.event_log SET name = 'journal'` });
    await expect(moves.read()).rejects.toThrow('holds states of a node without Kafka');
    await test.database.query({ text: `DELETE FROM ${test.database.schema}.event_log` });
    await expect(moves.read()).rejects.toThrow('was not used yet');
  });
});
