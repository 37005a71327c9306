/** What of the publisher no server is needed for; the rest is in `publisher-contract.ts`. */
import { expect, test } from 'vitest';
import type { Publication, PublishLease } from '../../src/actors/ports.ts';
import { createSeededRandom } from '../../src/base/clock.ts';
import { RedisPublisher } from '../../src/publishing/redis-publisher.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { FakeRedis } from '../support/fake-redis.ts';
import { RecordingLog } from '../support/recording-log.ts';

const VALUE: Publication = {
  key: 'k',
  epoch: 3,
  seq: 10,
  value: '{"epoch":3,"seq":10,"status":"live","reason":""}',
  kind: 'latest',
};

/** Takes what is sent at once, and answers when `answer` lets it. */
class SlowRedis extends FakeRedis {
  answer: Promise<void> = Promise.resolve();

  override async evalsha(
    sha: string,
    keyCount: number,
    ...rest: (string | number)[]
  ): ReturnType<FakeRedis['evalsha']> {
    const reply = await super.evalsha(sha, keyCount, ...rest);
    await this.answer;
    return reply;
  }
}

/** A lease that is lost with `lose`. */
function createLease() {
  let isHeld = true;
  const lease: PublishLease = { isHeld: () => isHeld, onHeld: () => () => undefined };
  const lose = (): void => {
    isHeld = false;
  };
  return { lease, lose };
}

function createPublisher(options: { isCluster?: boolean; lease?: PublishLease } = {}) {
  const time = new FakeClock();
  const redis = new SlowRedis(time, options);
  const lost: string[] = [];
  const publisher = new RedisPublisher({
    url: 'redis://nowhere',
    connect: () => redis,
    clock: time,
    timers: time,
    random: createSeededRandom(1),
    log: new RecordingLog(),
    keyTtlMs: 60_000,
    closedCandlesMax: 5,
    ...(options.lease === undefined ? {} : { lease: options.lease }),
    onKeysLost: (keys) => void lost.push(...keys),
  });
  return { time, redis, lost, publisher };
}

test.each(['+node', '-node'])('a node of a Cluster may come back to older values (%s)', async (event) => {
  const { redis, lost, publisher } = createPublisher({ isCluster: true });
  publisher.publish([VALUE]);
  publisher.markStale([{ key: 'k', epoch: 3, reason: 'parked' }]);
  await settle();
  expect(redis.get('k')).toContain('"status":"stale","reason":"parked"');
  redis.set('k', VALUE.value);
  redis.emit(event);
  await settle();
  expect(lost).toStrictEqual(['k']);
  expect(redis.get('k')).toContain('"status":"stale","reason":"parked"');
});

test('the first connection finds nothing lost', async () => {
  const { redis, lost, publisher } = createPublisher();
  redis.emit('ready');
  publisher.publish([VALUE]);
  await settle();
  expect(lost).toStrictEqual([]);
});

test('how late a value was is told by the clock that nobody sets', async () => {
  const { time, redis, publisher } = createPublisher();
  redis.status = 'reconnecting';
  publisher.publish([VALUE]);
  await time.advance(1_500);
  time.setWallClock(3_600_000);
  redis.status = 'ready';
  redis.emit('ready');
  await settle();
  expect(publisher.metrics.published).toBe(1);
  expect([publisher.metrics.latenessMs, publisher.metrics.latenessMaxMs]).toEqual([1_500, 1_500]);
});

test('a book is marked though its instrument has a newer value, when that waits for a lease that is lost', async () => {
  const { lease, lose } = createLease();
  const { redis, publisher } = createPublisher({ lease });
  let answer: () => void = () => undefined;
  redis.answer = new Promise((resolve) => {
    answer = resolve;
  });
  publisher.publish([VALUE]);
  await settle();
  lose();
  publisher.markStale([{ key: 'k', epoch: 3, reason: 'not sure' }]);
  publisher.publish([{ ...VALUE, value: '{"epoch":3,"seq":10,"status":"stale","reason":"not sure"}' }]);
  expect(redis.get('k')).toContain('"status":"live"');
  answer();
  await settle();
  expect(redis.get('k')).toContain('"status":"stale","reason":"not sure"');
});

test('a stopped instrument that comes back live with its Redis is marked also while the lease is lost and a value waits', async () => {
  const { lease, lose } = createLease();
  const { redis, publisher } = createPublisher({ lease });
  publisher.publish([VALUE, { ...VALUE, key: 'other' }]);
  await settle();
  const old = redis.get('k');
  publisher.expire(['k']);
  await settle();
  lose();
  publisher.publish([{ ...VALUE, key: 'other', seq: 11 }]);
  await settle();
  redis.set('k', old);
  redis.emit('ready');
  await settle();
  expect(redis.get('k')).toContain('"status":"stale"');
});
