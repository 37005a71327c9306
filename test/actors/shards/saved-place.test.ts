import { expect, test } from 'vitest';
import { SavedPlace } from '../../../src/actors/shards/saved-place.ts';
import { TampinesError } from '../../../src/base/errors.ts';
import { OutageLog } from '../../../src/base/outage-log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLog } from '../../support/recording-log.ts';

function openPlace() {
  const log = new RecordingLog();
  const asked: number[] = [];
  const world = { log, asked, fencedCount: 0, failure: undefined as Error | undefined };
  const place = new SavedPlace({
    saved: 5,
    save: (at) => {
      asked.push(at);
      return world.failure === undefined ? Promise.resolve() : Promise.reject(world.failure);
    },
    onFenced: () => world.fencedCount++,
    outage: new OutageLog({ clock: new FakeClock(), log }),
  });
  const keep = async (at: number): Promise<void> => {
    place.keep(at);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { world, place, keep };
}

test('the place is saved where it has moved on, one write at a time', async () => {
  const { world, place, keep } = openPlace();
  await keep(5);
  place.keep(6);
  await keep(7);
  expect(world.asked).toEqual([6]);
  await keep(7);
  await keep(6);
  expect(world.asked).toEqual([6, 7]);
});

test('a database that is away is asked again and told of once, and another owner ends it', async () => {
  const { world, keep } = openPlace();
  world.failure = new Error('away');
  for (const at of [6, 7, 8]) await keep(at);
  world.failure = undefined;
  await keep(8);
  expect(world.asked).toEqual([6, 7, 8, 8]);
  expect(world.log.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
    'warn the place in the log was not saved',
    'info the place in the log is saved again',
  ]);
  world.failure = new TampinesError('FENCED', 'another node has the shard');
  await keep(9);
  expect([world.fencedCount, world.log.lines.length]).toEqual([1, 2]);
});
