/** Connections and waiting for tests with a Redis. */
import { once } from 'node:events';
import { Redis } from 'ioredis';

export function connect(port: number): Promise<Redis> {
  return connectTo(`redis://127.0.0.1:${port}`);
}

export async function connectTo(url: string): Promise<Redis> {
  const redis = new Redis(url, { retryStrategy: () => 50 });
  redis.on('error', () => undefined);
  await once(redis, 'ready');
  return redis;
}

const WAIT_MAX_MS = 15_000;
const POLL_MS = 10;

/** Resolves when the claim holds; fails when it does not for a long time. */
export async function until(claim: () => boolean | Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; waitedMs < WAIT_MAX_MS; waitedMs += POLL_MS) {
    if (await claim()) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`Waited ${WAIT_MAX_MS} ms in vain for ${claim.toString()}`);
}
