import { expect, test } from 'vitest';
import { TampinesError } from '../../src/base/errors.ts';
import { OutageLog } from '../../src/base/outage-log.ts';
import { retryTransient } from '../../src/persistence/retry.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { contextOf } from '../support/writer-context.ts';

test('many writers that wait for one database say so once, and once that they go on', async () => {
  const time = new FakeClock();
  const log = new RecordingLog();
  const context = { ...contextOf(log), clock: time, timers: time, random: () => 0.5 };
  const outage = new OutageLog(context);
  let isAway = true;
  let attemptCount = 0;
  const attempt = (): Promise<string> => {
    attemptCount++;
    if (!isAway) return Promise.resolve('written');
    return Promise.reject(new TampinesError('SERVICE_UNAVAILABLE', 'away', { isRetryable: true }));
  };
  const writing = ['A', 'B', 'C'].map((instrument) =>
    retryTransient(attempt, {
      context,
      what: 'saving',
      fields: { instrument },
      outage,
      deadlineMs: Infinity,
      stop: new AbortController().signal,
    }),
  );
  await time.advance(20_000);
  expect(attemptCount).toBeGreaterThan(20);
  isAway = false;
  await time.advance(5_000);
  expect(await Promise.all(writing)).toEqual(['written', 'written', 'written']);
  expect(log.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
    'warn saving failed, trying again until it is done',
    'info saving goes on',
  ]);
  expect(log.lines[0]!.fields).toMatchObject({ instrument: 'A', err: { message: 'away' } });
});
