import { expect, test } from 'vitest';
import { OldestWait } from '../../src/base/oldest-wait.ts';
import { FakeClock } from '../support/fake-clock.ts';

test('the age is that of the oldest work that is still under way, in whatever order it ends', () => {
  const time = new FakeClock();
  const waits = new OldestWait(time);
  expect(waits.ageMs).toBe(0);
  const endFirst = waits.begin();
  time.freeze(10);
  const endSecond = waits.begin();
  time.freeze(5);
  expect(waits.ageMs).toBe(15);
  endFirst();
  endFirst();
  expect(waits.ageMs).toBe(5);
  expect(waits.ended).toEqual({ count: 1, totalMs: 15 });
  endSecond();
  expect(waits.ageMs).toBe(0);
  expect(waits.ended).toEqual({ count: 2, totalMs: 20 });
});
