import { expect, test } from 'vitest';
import { provideRedis } from '../../src/publishing/redis-provider.ts';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import { noteServiceUse } from '../support/services.ts';
import { RedisPublisher } from '../../src/publishing/redis-publisher.ts';
import { describePublisher } from './publisher-contract.ts';
import { connect, until } from './redis-testing.ts';
import { createRealServer } from './servers-under-test.ts';

const log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

describePublisher('redis-server', createRealServer);

test.each([
  {
    why: 'its memory is full',
    refuse: ['CONFIG', 'SET', 'maxmemory', '1'],
    take: ['CONFIG', 'SET', 'maxmemory', '0'],
    error: 'OOM',
  },
  {
    why: 'it has become a replica',
    refuse: ['REPLICAOF', '127.0.0.1', '1'],
    take: ['REPLICAOF', 'NO', 'ONE'],
    error: 'READONLY',
  },
])(
  'a connected Redis that refuses everything because $why is not called taken, and gets the latest when it takes again',
  async ({ refuse, take, error }) => {
    noteServiceUse('Redis');
    const server = await provideRedis({ url: '', port: 0, timers: systemTimers, log });
    const operator = await connect(Number(new URL(server.url).port));
    const publisher = new RedisPublisher({
      url: server.url,
      clock: systemClock,
      timers: systemTimers,
      random: createSeededRandom(1),
      log,
      keyTtlMs: 60_000,
      closedCandlesMax: 5,
    });
    try {
      await until(() => publisher.isTaken);
      await operator.call(refuse[0]!, ...refuse.slice(1));
      for (const seq of [1, 2])
        publisher.publish([{ key: 'k', epoch: 1, seq, value: `{"epoch":1,"seq":${seq}}`, kind: 'latest' }]);
      await until(() => publisher.metrics.failedRounds > 1);
      expect(publisher.isTaken).toBe(false);
      expect(publisher.metrics.lastErrorText).toContain(error);
      await operator.call(take[0]!, ...take.slice(1));
      await until(() => publisher.isTaken && publisher.pendingCount === 0);
      expect(await operator.get('k')).toContain('"seq":2');
    } finally {
      publisher.close();
      operator.disconnect();
      await server.close();
    }
  },
);
