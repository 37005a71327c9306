import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ShardClaim } from '../../src/actors/ports.ts';
import { claimEventLog } from '../../src/persistence/event-log-kind.ts';
import { InstrumentIds } from '../../src/persistence/instrument-ids.ts';
import { PostgresJournal } from '../../src/persistence/postgres-journal.ts';
import { ShardPositions } from '../../src/persistence/shard-positions.ts';
import { jsonLogCodec } from '../support/json-log-codec.ts';
import type { TestDatabase } from '../support/postgres-store.ts';
import { openEmbeddedDatabase, openRealDatabase } from '../support/postgres-store.ts';

describe.each([
  ['embedded', openEmbeddedDatabase],
  ['real', openRealDatabase],
])('the place of a shard in the log on %s Postgres', (_name, open) => {
  let test: TestDatabase;
  let journal: PostgresJournal;
  let positions: ShardPositions;
  const claim = (shard: number): Promise<ShardClaim> => journal.claim(shard, 'test');

  beforeAll(async () => {
    test = await open();
    const { database, context } = test;
    await claimEventLog(database, { name: 'test.events', partitions: 4 });
    journal = new PostgresJournal({
      database,
      ids: new InstrumentIds(database),
      codec: jsonLogCodec,
      context,
    });
    positions = new ShardPositions(database, 0);
  });
  afterAll(async () => {
    await journal.close();
    await test.close();
  });

  it('begins at 0, is what was saved, and outlives a claim', async () => {
    const first = await claim(1);
    expect(await positions.read(first)).toBe(0);
    await positions.save(first, 40);
    expect(await positions.read(first)).toBe(40);
    expect(await positions.read(await claim(1))).toBe(40);
  });

  it('never goes back', async () => {
    const own = await claim(2);
    await positions.save(own, 40);
    await positions.save(own, 30);
    expect(await positions.read(own)).toBe(40);
  });

  it('is neither moved nor told under a claim that is not the newest', async () => {
    const old = await claim(3);
    const own = await claim(3);
    await expect(positions.save(old, 50)).rejects.toMatchObject({ code: 'FENCED' });
    await expect(positions.read(old)).rejects.toMatchObject({ code: 'FENCED' });
    expect(await positions.read(own)).toBe(0);
  });

  it('says of claims which are superseded', async () => {
    const old = await claim(4);
    const own = await claim(4);
    const other = await claim(5);
    expect(await positions.findSuperseded([old, own, other], 5_000)).toEqual([old]);
    expect(await positions.findSuperseded([], 5_000)).toEqual([]);
  });
});
