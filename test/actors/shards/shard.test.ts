import { describe, expect, it } from 'vitest';
import { SHARD_MAX_RECORDS } from '../../../src/actors/shards/shard.ts';
import { settle } from '../../support/fake-clock.ts';
import { recordOf, ShardWorld, wantedInstrument } from './shard-world.ts';

const first = wantedInstrument('FIRST');
const second = wantedInstrument('SECOND');

/** Two instruments whose records take turns: the first has the even offsets. */
async function openShard(offsets: number, overrides: ConstructorParameters<typeof ShardWorld>[1] = {}) {
  const world = new ShardWorld([first, second], overrides);
  await settle();
  const nowMs = world.test.time.nowMs();
  const recordsFrom = (offset: number, end = offsets) =>
    Array.from({ length: end - offset }, (_, index) =>
      recordOf((offset + index) % 2 === 0 ? first : second, offset + index, nowMs),
    );
  if (offsets > 0) await world.records(recordsFrom(0));
  return { world, recordsFrom };
}

describe('a shard', () => {
  it('reads the log from its own beginning, and hands each instrument its records', async () => {
    const { world } = await openShard(4);
    expect(world.readFrom).toEqual([0]);
    expect([world.symbol(first).place, world.symbol(second).place]).toEqual([3, 4]);
    expect(world.takenCount).toBe(1);
  });

  it('reads what the first to fail lacks, though another one fails that lacks less', async () => {
    const { world, recordsFrom } = await openShard(10);
    await world.beginAgain(first, 3);
    await world.beginAgain(second, 8);
    const from = world.readFrom.at(-1)!;
    expect(from).toBe(3);
    await world.records(recordsFrom(from));
    expect([world.symbol(first).place, world.symbol(second).place]).toEqual([9, 10]);
    expect(world.symbol(first).places.slice(-3)).toEqual(['3-5', '5-7', '7-9']);
  });

  it('goes on with a re-reading where it was when the group gives the shard to this node again', async () => {
    const { world, recordsFrom } = await openShard(10);
    await world.beginAgain(first, 3);
    await world.records(recordsFrom(3, 6));
    world.test.system.send(world.ref, { type: 'AssignedAgain' });
    await settle();
    expect(world.readFrom.at(-1)).toBe(6);
    await world.records(recordsFrom(6));
    expect(world.symbol(first).place).toBe(9);
  });

  it('tells every instrument that its log is torn where it was kept too short, asks for all books, and reads on', async () => {
    const asked: string[] = [];
    const { world, recordsFrom } = await openShard(4, {
      onResyncWanted: (instrument) => void asked.push(instrument),
    });
    const lost = { expectedOffset: 4, foundOffset: 8 };
    world.test.system.send(world.ref, { type: 'PositionLost', lost });
    await settle();
    const torn = { type: 'LogTorn', reason: 'the log was kept for too short a time' };
    for (const instrument of [first, second]) {
      expect(world.symbol(instrument).told.filter(({ type }) => type === 'LogTorn')).toEqual([torn]);
    }
    expect(asked).toEqual([first.instrument, second.instrument]);
    expect(world.readFrom.at(-1)).toBe(8);
    await world.records(recordsFrom(8, 10));
    expect([world.symbol(first).place, world.symbol(second).place]).toEqual([9, 10]);
  });

  it('takes of records that come twice, once from each reading, those that it does not have', async () => {
    const { world, recordsFrom } = await openShard(4);
    await world.records(recordsFrom(2, 8));
    await world.records(recordsFrom(6, 8));
    await world.records(recordsFrom(9, 12));
    await world.records(recordsFrom(8, 10));
    expect([world.symbol(first).place, world.symbol(second).place]).toEqual([9, 10]);
  });

  it('says that an instrument has caught up when the log was read again to where it was, and not before', async () => {
    const { world, recordsFrom } = await openShard(10);
    expect(world.symbol(first).count('CaughtUp')).toBe(1);
    await world.beginAgain(first, 3);
    expect(world.symbol(first).count('CaughtUp')).toBe(1);
    await world.records(recordsFrom(3, 8));
    expect(world.symbol(first).count('CaughtUp')).toBe(1);
    await world.records(recordsFrom(8));
    expect(world.symbol(first).told.at(-1)).toEqual({ type: 'CaughtUp', life: 2, isWhole: true });
  });

  it('says before that its feed is silent, where what was read last is old', async () => {
    const { world, recordsFrom } = await openShard(0);
    const read = recordsFrom(0, 2);
    await world.test.time.advance(3_000);
    const told = (): string[] => world.symbol(first).told.map(({ type }) => type);
    await world.beginAgain(first, 0);
    expect(told().slice(-2)).toEqual(['FeedSilent', 'CaughtUp']);
    await world.records(read);
    await world.test.time.advance(1);
    await world.beginAgain(first, 1);
    expect(told().slice(-2)).toEqual(['FeedSilent', 'CaughtUp']);
    await world.records([recordOf(first, 2, world.test.time.nowMs())]);
    await world.beginAgain(first, 3);
    expect(told().slice(-2)).toEqual(['Deliver', 'CaughtUp']);
  });

  it('is not held up by instruments whose actors take nothing', async () => {
    const { world, recordsFrom } = await openShard(0);
    for (const instrument of [first, second]) world.symbol(instrument).takes = false;
    await world.records(recordsFrom(0, SHARD_MAX_RECORDS));
    await world.test.time.advance(5_000);
    expect(world.takenCount).toBe(0);
    // As one that is parked, it refuses what is sent to it.
    for (const { instrument } of [first, second]) {
      await world.test.system.stop({ path: `${world.ref.path}/${instrument}` });
    }
    await world.test.time.advance(1_000);
    expect(world.takenCount).toBe(1);
  });

  it('saves no place that an unsaved record lies before', async () => {
    const { world } = await openShard(10);
    await world.test.time.advance(5_000);
    expect(world.saved).toEqual([]);
  });

  it('that can not ask which instruments are wanted asks until it can, and says once that it could not', async () => {
    let askedCount = 0;
    const readWanted = () =>
      ++askedCount <= 20 ? Promise.reject(new Error('away')) : Promise.resolve([first, second]);
    const { world } = await openShard(4, { readWanted });
    world.test.system.send(world.ref, { type: 'WantedChanged' });
    await world.test.time.advance(30_000);
    expect(askedCount).toBe(21);
    const said = world.test.logLines
      .map(({ message }) => message)
      .filter((message) => message.includes('ask'));
    expect(said).toEqual([
      'could not ask which instruments are wanted, will ask again',
      'asked again which instruments are wanted',
    ]);
  });

  it('asks once whether all of the instruments that it does not know are wanted', async () => {
    let askedCount = 0;
    const readWanted = () => {
      askedCount++;
      return Promise.resolve([first, second]);
    };
    const { world } = await openShard(4, { readWanted });
    const foreign = Array.from({ length: 100 }, (_, index) =>
      recordOf(wantedInstrument(`FOREIGN${index}`), 4 + index, world.test.time.nowMs()),
    );
    await world.records(foreign);
    expect(askedCount).toBe(1);
    expect(world.takenCount).toBe(2);
  });

  it('waits for the end of an instrument that is wanted again, and goes on with the others meanwhile', async () => {
    let wanted = [first, second];
    const { world, recordsFrom } = await openShard(4, { readWanted: () => Promise.resolve(wanted) });
    let end = (): void => undefined;
    world.mayEnd = new Promise((resolve) => (end = resolve));
    for (const next of [[second], [first, second]]) {
      wanted = next;
      world.test.system.send(world.ref, { type: 'WantedChanged' });
      await settle();
    }
    await world.records(recordsFrom(4, 8));
    expect(world.symbol(second).place).toBe(8);
    end();
    await settle();
    expect(world.claims).toHaveLength(1);
    expect(world.readFrom.at(-1)).toBe(4);
    await world.records(recordsFrom(4, 8));
    expect(world.symbol(first).places).toEqual(['0-5', '5-7']);
  });
});

describe('a shard one of whose instruments could not read its newest state', () => {
  const claim = { shard: 0, epoch: 1 };
  const begin = () => Promise.resolve({ claim, nextOffset: 6, endOffset: 10, instruments: [first, second] });
  const openFallen = async (
    fellBack: boolean,
    overrides: ConstructorParameters<typeof ShardWorld>[1] = {},
  ) => {
    const places = new Map([
      [first.instrument, { place: 2, fellBack }],
      [second.instrument, { place: 6, fellBack: false }],
    ]);
    const world = new ShardWorld([first, second], { begin, ...overrides }, places);
    await settle();
    const nowMs = world.test.time.nowMs();
    const recordsFrom = (offset: number) =>
      Array.from({ length: 10 - offset }, (_, index) =>
        recordOf((offset + index) % 2 === 0 ? first : second, offset + index, nowMs),
      );
    return { world, recordsFrom };
  };

  it('reads the log from the older place on, so that nothing is left out, and shows it as whole', async () => {
    const { world, recordsFrom } = await openFallen(true);
    expect(world.readFrom).toEqual([2]);
    await world.records(recordsFrom(2));
    expect(world.symbol(first).places).toEqual(['2-3', '3-5', '5-7', '7-9']);
    expect(world.symbol(second).places).toEqual(['6-8', '8-10']);
    expect(world.symbol(first).told.at(-1)).toEqual({ type: 'CaughtUp', life: 1, isWhole: true });
  });

  it('does not read again for one that was merely quiet', async () => {
    const { world } = await openFallen(false);
    expect(world.readFrom).toEqual([6]);
  });

  it('reads again for one that falls back in a later life, or comes late', async () => {
    const { world, recordsFrom } = await openFallen(false);
    await world.records(recordsFrom(6));
    await world.beginAgain(first, 2, true);
    expect(world.readFrom).toEqual([6, 2]);
    await world.records(recordsFrom(2));
    expect(world.symbol(first).places.slice(-4)).toEqual(['2-3', '3-5', '5-7', '7-9']);
    expect(world.symbol(second).place).toBe(10);
  });

  it('saves no place past what that one needs', async () => {
    const { world, recordsFrom } = await openFallen(true);
    await world.records(recordsFrom(2));
    await world.test.time.advance(5_000);
    expect(world.saved).toEqual([]);
  });

  it('tells that one, and no other, that its log is torn where the log does not reach so far', async () => {
    const asked: string[] = [];
    const { world, recordsFrom } = await openFallen(true, {
      onResyncWanted: (instrument) => void asked.push(instrument),
    });
    const lost = { expectedOffset: 2, foundOffset: 4 };
    world.test.system.send(world.ref, { type: 'PositionLost', lost });
    await settle();
    expect([world.symbol(first).count('LogTorn'), world.symbol(second).count('LogTorn')]).toEqual([1, 0]);
    expect(asked).toEqual([first.instrument]);
    expect(world.readFrom.at(-1)).toBe(4);
    await world.records(recordsFrom(4));
    expect(world.symbol(first).told.at(-1)).toEqual({ type: 'CaughtUp', life: 1, isWhole: false });
    expect(world.symbol(second).told.at(-1)).toEqual({ type: 'CaughtUp', life: 1, isWhole: true });
  });
});
