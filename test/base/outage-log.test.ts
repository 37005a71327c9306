import { expect, test } from 'vitest';
import { OutageLog, TOLD_EVERY_MS } from '../../src/base/outage-log.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { RecordingLog } from '../support/recording-log.ts';

test('an outage is told of when it begins, now and then while it goes on, and when it is over', () => {
  const clock = new FakeClock();
  const log = new RecordingLog();
  const outage = new OutageLog({ clock, log });
  outage.over('it answers again');
  for (let second = 0; second <= 2 * TOLD_EVERY_MS; second += 1_000) {
    outage.failed({ cause: 'refused' }, 'it does not answer');
    clock.freeze(1_000);
  }
  outage.over('it answers again');
  outage.over('it answers again');
  const every = TOLD_EVERY_MS / 1_000;
  expect(log.lines).toEqual([
    { level: 'warn', fields: { cause: 'refused' }, message: 'it does not answer' },
    {
      level: 'warn',
      fields: { cause: 'refused', failures: every + 1, forMs: TOLD_EVERY_MS },
      message: 'it does not answer (as before)',
    },
    {
      level: 'warn',
      fields: { cause: 'refused', failures: 2 * every + 1, forMs: 2 * TOLD_EVERY_MS },
      message: 'it does not answer (as before)',
    },
    {
      level: 'info',
      fields: { failures: 2 * every + 1, forMs: 2 * TOLD_EVERY_MS + 1_000 },
      message: 'it answers again',
    },
  ]);
  outage.failed({}, 'it does not answer');
  expect(log.lines.at(-1)?.message).toBe('it does not answer');
});
