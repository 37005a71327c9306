import { expect, test } from 'vitest';
import { LoopDelay } from '../../src/base/loop-delay.ts';
import { FakeClock } from '../support/fake-clock.ts';

test('a loop that was held up is told for at least 5 s, and forgotten after 10', async () => {
  const time = new FakeClock();
  const delay = new LoopDelay({ clock: time, timers: time });
  delay.start();
  await time.advance(1_000);
  expect(delay.maxMs).toBe(0);
  // Nothing runs for 2 s; the timer that was due after 100 ms is 1,900 late.
  time.freeze(2_000);
  await time.advance(1);
  expect(delay.maxMs).toBeGreaterThanOrEqual(1_900);
  await time.advance(5_000);
  expect(delay.maxMs).toBeGreaterThanOrEqual(1_900);
  await time.advance(5_000);
  expect(delay.maxMs).toBe(0);
  delay.stop();
  expect(time.pendingTimerCount).toBe(0);
});

test('a hold-up that has not ended yet counts too', () => {
  const time = new FakeClock();
  const delay = new LoopDelay({ clock: time, timers: time });
  delay.start();
  time.freeze(700);
  expect(delay.maxMs).toBe(600);
});
