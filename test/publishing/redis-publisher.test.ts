/** What of the publisher no server is needed for; the rest is in `publisher-contract.ts`. */
import { expect, test } from 'vitest';
import type { Publication } from '../../src/actors/ports.ts';
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

function createPublisher(options: { isCluster?: boolean } = {}) {
  const time = new FakeClock();
  const redis = new FakeRedis(time, options);
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
