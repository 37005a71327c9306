/** Readiness looks at what gets on, and says what does not. */
import { expect, test } from 'vitest';
import { LeaseKeeper } from '../src/actors/lease-keeper.ts';
import { momentOf } from '../src/base/clock.ts';
import { LoopDelay } from '../src/base/loop-delay.ts';
import { OldestWait } from '../src/base/oldest-wait.ts';
import type { ReadinessParts } from '../src/node-readiness.ts';
import { checkReadiness } from '../src/node-readiness.ts';
import type { Database } from '../src/persistence/database.ts';
import { createPublisherMetrics } from '../src/publishing/publisher-metrics.ts';
import { FakeClock } from './support/fake-clock.ts';
import { RecordingLog } from './support/recording-log.ts';

const LEASE_MS = 20_000;

function healthyNode() {
  const time = new FakeClock();
  const database = {
    schema: 'x',
    isEmbedded: false,
    query: () => Promise.resolve({ rows: [] }),
  } as unknown as Database;
  const lease = new LeaseKeeper({
    claimed: { shard: 0, epoch: 7 },
    leaseMs: LEASE_MS,
    claimedAt: momentOf(time),
    clock: time,
    timers: time,
    log: new RecordingLog(),
    ask: () => Promise.resolve({ isOwn: false, holder: { epoch: 8, owner: 'other', claimedAtMs: 0 } }),
    onLost: () => undefined,
    onRegained: () => undefined,
    onFenced: () => undefined,
  });
  const loopDelay = new LoopDelay({ clock: time, timers: time });
  const parts: ReadinessParts = {
    database,
    appends: new OldestWait(time),
    lease,
    publisher: { isTaken: true, metrics: createPublisherMetrics() },
    redisKind: 'external',
    loopDelay,
  };
  loopDelay.start();
  return { time, lease, parts };
}

/** `name: detail` of each check that fails. */
async function missing(parts: ReadinessParts): Promise<string[]> {
  const checks = await checkReadiness(parts);
  expect(checks.map(({ name }) => name)).toEqual(['postgres', 'journal', 'lease', 'redis', 'loop']);
  return checks.filter(({ isReady }) => !isReady).map(({ name, detail }) => `${name}: ${detail}`);
}

test('a node whose work gets on is ready', async () => {
  expect(await missing(healthyNode().parts)).toEqual([]);
});

test('an append of more than 5 s makes it unready, although Postgres answers', async () => {
  const { time, parts } = healthyNode();
  const end = parts.appends.begin();
  await time.advance(5_000);
  expect(await missing(parts)).toEqual([]);
  await time.advance(1);
  expect(await missing(parts)).toEqual(['journal: the oldest batch has waited 5001 ms to be written']);
  end();
  expect(await missing(parts)).toEqual([]);
});

test('a lease that ran out, and one that another node has, make it unready', async () => {
  const { time, lease, parts } = healthyNode();
  await time.advance(LEASE_MS);
  expect(await missing(parts)).toEqual(['lease: not confirmed: no answer in time']);
  lease.check();
  await time.advance(0);
  expect(await missing(parts)).toEqual(['lease: another node owns the instruments']);
});

test('a loop that was held up for more than a second makes it unready', async () => {
  const { time, parts } = healthyNode();
  time.freeze(1_100);
  expect(await missing(parts)).toEqual([]);
  time.freeze(1);
  expect(await missing(parts)).toEqual(['loop: held up for 1001 ms at most of late']);
});

test('Postgres and Redis that are away are named with what they say', async () => {
  const { parts } = healthyNode();
  const database = { ...parts.database, query: () => Promise.reject(new Error('no connection')) };
  const publisher = {
    isTaken: false,
    metrics: { ...createPublisherMetrics(), lastErrorText: 'refused' },
  };
  expect(await missing({ ...parts, database: database, publisher })).toEqual([
    'postgres: no connection',
    'redis: refused',
  ]);
});
