/** The two servers that suites of Redis run on, each on a port that it keeps over its restarts. */
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import type { ProvidedRedis } from '../../src/publishing/redis-provider.ts';
import { provideRedis } from '../../src/publishing/redis-provider.ts';
import { startRespServer } from '../../src/publishing/resp-server.ts';
import { noteServiceUse } from '../support/services.ts';
import { RecordingLog } from '../support/recording-log.ts';

/** A server that can be stopped and started again on its port, losing what it held. */
export type ServerUnderTest = { readonly port: number; start(): Promise<void>; stop(): Promise<void> };

export function createEmbeddedServer(): Promise<ServerUnderTest> {
  return restartable((port) => startRespServer({ port, clock: systemClock, timers: systemTimers }));
}

export function createRealServer(): Promise<ServerUnderTest> {
  noteServiceUse('Redis');
  return restartable(async (wished) => {
    const redis = await provideRedis({
      url: '',
      port: wished,
      timers: systemTimers,
      log: new RecordingLog(),
    });
    if (redis.kind === 'spawned') return { ...portOf(redis), close: () => redis.close() };
    await redis.close();
    throw new Error('redis-server is not in PATH: install it to run this suite');
  });
}

function portOf({ url }: ProvidedRedis): { readonly port: number } {
  return { port: Number(new URL(url).port) };
}

async function restartable(
  start: (port: number) => Promise<{ readonly port: number; close(): Promise<void> }>,
): Promise<ServerUnderTest> {
  const first = await start(0);
  const { port } = first;
  await first.close();
  let running: { close(): Promise<void> } | undefined;
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
}
