import type { ProvidedRedis } from '../../src/publishing/redis-provider.ts';
import { provideRedis } from '../../src/publishing/redis-provider.ts';
import { systemTimers } from '../../src/base/clock.ts';
import { noteServiceUse } from '../support/services.ts';
import { describePublisher } from './publisher-contract.ts';

const log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

describePublisher('redis-server', async () => {
  noteServiceUse('Redis');
  const start = async (wished: number): Promise<ProvidedRedis> => {
    const redis = await provideRedis({ url: '', port: wished, timers: systemTimers, log });
    if (redis.kind === 'spawned') return redis;
    await redis.close();
    throw new Error('redis-server is not in PATH: install it to run this suite');
  };
  const first = await start(0);
  const port = Number(new URL(first.url).port);
  await first.close();
  let running: ProvidedRedis | undefined;
  return {
    port,
    start: async () => {
      running = await start(port);
    },
    stop: async () => {
      await running?.close();
      running = undefined;
    },
  };
});
