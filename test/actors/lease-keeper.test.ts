/** The keeper on a clock that stands still, asking a database that answers when the test says so. */
import { expect, test } from 'vitest';
import { LeaseKeeper } from '../../src/actors/lease-keeper.ts';
import { momentOf } from '../../src/base/clock.ts';
import type { ShardHolder } from '../../src/actors/ports.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { RecordingLog } from '../support/recording-log.ts';

const LEASE_MS = 3_000;
const OURS: ShardHolder = { epoch: 7, owner: 'a', claimedAtMs: 0 };
const NEWER: ShardHolder = { epoch: 8, owner: 'b', claimedAtMs: 5 };

type Question = {
  readonly askedAtMs: number;
  answer(holder: ShardHolder | undefined): void;
  fail(error: Error): void;
};

function keep(answer?: () => Promise<ShardHolder | undefined>) {
  const time = new FakeClock();
  const log = new RecordingLog();
  const told: string[] = [];
  const questions: Question[] = [];
  const keeper = new LeaseKeeper({
    claimed: { shard: 0, epoch: 7 },
    leaseMs: LEASE_MS,
    claimedAt: momentOf(time),
    clock: time,
    timers: time,
    log,
    ask: () =>
      new Promise((resolve, reject) => {
        const resolveWith = (holder: ShardHolder | undefined): void =>
          resolve(holder?.epoch === OURS.epoch ? { isOwn: true } : { isOwn: false, holder });
        questions.push({ askedAtMs: time.monotonicMs(), answer: resolveWith, fail: reject });
        if (answer !== undefined) answer().then(resolveWith, reject);
      }),
    onLost: () => told.push('lost'),
    onRegained: () => told.push('regained'),
    onFenced: (holder) => told.push(`fenced by ${holder?.owner ?? 'nobody'}`),
  });
  keeper.start();
  return { time, log, told, questions, keeper };
}

test('it asks every third of the lease, and stays held while the answers are right', async () => {
  const { time, told, questions, keeper } = keep(() => Promise.resolve(OURS));
  await time.advance(10 * LEASE_MS);
  expect(questions.map(({ askedAtMs }) => askedAtMs).slice(0, 4)).toEqual([1_000, 2_000, 3_000, 4_000]);
  expect(keeper.isHeld()).toBe(true);
  expect(told).toEqual([]);
});

test('it is lost to the millisecond a lease after the last confirmed question was sent, however late its answer came', async () => {
  const { time, told, questions, keeper } = keep();
  await time.advance(2_500);
  questions[0]!.answer(OURS);
  await time.advance(1_499);
  expect([keeper.isHeld(), told]).toEqual([true, []]);
  await time.advance(1);
  expect([keeper.isHeld(), told]).toEqual([false, ['lost']]);
});

test('questions that hang do not keep a later one from being asked and answered', async () => {
  const { time, told, questions, keeper } = keep();
  await time.advance(2_999);
  expect(questions).toHaveLength(2);
  questions[1]!.answer(OURS);
  await time.advance(1);
  expect([keeper.isHeld(), told]).toEqual([true, []]);
});

test('the moment it is lost it asks again, and then every second at least', async () => {
  const { time, questions } = keep(() => Promise.reject(new Error('no connection')));
  await time.advance(LEASE_MS + 2_000);
  expect(questions.map(({ askedAtMs }) => askedAtMs)).toEqual([1_000, 2_000, 3_000, 4_000, 5_000]);
});

test('no more than three questions are under way, and a failed one makes room', async () => {
  const { time, questions } = keep();
  await time.advance(20_000);
  expect(questions).toHaveLength(3);
  questions[1]!.fail(new Error('no connection'));
  await time.advance(1_000);
  expect(questions).toHaveLength(4);
});

test('held again after a loss, it tells once, and tells those who wait', async () => {
  const { time, log, told, questions, keeper } = keep();
  await time.advance(LEASE_MS);
  expect(told).toEqual(['lost']);
  const heard: string[] = [];
  const stop = keeper.onHeld(() => heard.push('held'));
  questions.at(-1)!.answer(OURS);
  await settle();
  expect([told, heard, keeper.isHeld()]).toEqual([['lost', 'regained'], ['held'], true]);
  stop();
  expect(log.lines.map(({ message }) => message.split(':')[0])).toEqual(['lease lost', 'lease held again']);
});

test('after a freeze it is not held before a new question was answered, and whoever waits makes it ask at once', async () => {
  const { time, told, questions, keeper } = keep();
  // Frozen: time goes on, no timer fires.
  time.freeze(60_000);
  expect(keeper.isHeld()).toBe(false);
  expect(questions).toHaveLength(0);
  keeper.onHeld(() => told.push('held'));
  expect(questions).toHaveLength(1);
  questions[0]!.answer(OURS);
  await settle();
  expect(keeper.isHeld()).toBe(true);
  expect(told.at(-1)).toBe('held');
});

test('an answer from before the freeze gives nothing', async () => {
  const { time, questions, keeper } = keep();
  await time.advance(1_000);
  time.freeze(60_000);
  questions[0]!.answer(OURS);
  await settle();
  expect(keeper.isHeld()).toBe(false);
});

test.each([
  ['a newer claim', NEWER, 'fenced by b'],
  ['an older claim, of a database that was set back', { ...OURS, epoch: 6 }, 'fenced by a'],
  ['no claim at all', undefined, 'fenced by nobody'],
])('%s fences it for good, in one line', async (_name, holder, expected) => {
  const { time, log, told, questions, keeper } = keep();
  await time.advance(1_000);
  questions[0]!.answer(holder);
  await settle();
  expect([keeper.isHeld(), keeper.isFenced, told]).toEqual([false, true, [expected]]);
  await time.advance(100_000);
  expect(questions).toHaveLength(1);
  expect(told).toEqual([expected]);
  expect(log.countOf('error')).toBe(1);
});

test('stopped, it neither asks nor tells any more', async () => {
  const { time, told, questions, keeper } = keep();
  await time.advance(1_000);
  keeper.stop();
  questions[0]!.answer(NEWER);
  await time.advance(100_000);
  expect([questions.length, told, time.pendingTimerCount]).toEqual([1, [], 0]);
});
