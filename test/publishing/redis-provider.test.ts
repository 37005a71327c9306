import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { systemTimers } from '../../src/base/clock.ts';
import type { ProvidedRedis } from '../../src/publishing/redis-provider.ts';
import { provideRedis } from '../../src/publishing/redis-provider.ts';
import { connect } from './redis-testing.ts';

const warnings: string[] = [];
const log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (_fields: object, message: string) => void warnings.push(message),
  error: () => undefined,
};
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  warnings.length = 0;
  for (const each of opened.splice(0)) await each.close();
});

async function provide(options: { url?: string; port?: number; program?: string }): Promise<ProvidedRedis> {
  const redis = await provideRedis({ url: '', port: 0, timers: systemTimers, log, ...options });
  opened.push(redis);
  return redis;
}

test('an address in the settings is used as it is', async () => {
  expect(await provide({ url: 'redis://elsewhere:1' })).toMatchObject({
    url: 'redis://elsewhere:1',
    kind: 'external',
  });
});

test('without redis-server in PATH the embedded server runs, in its thread', async () => {
  const provided = await provide({ program: 'no-such-redis-server' });
  expect(provided.kind).toBe('embedded');
  const redis = await connect(Number(new URL(provided.url).port));
  await redis.set('a', '1', 'PX', 50_000);
  expect(await redis.get('a')).toBe('1');
  redis.disconnect();
});

test('a taken port is replaced by a free one, with a warning', async () => {
  const other = createServer();
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const taken = (other.address() as AddressInfo).port;
  try {
    const provided = await provide({ port: taken, program: '' });
    expect(Number(new URL(provided.url).port)).not.toBe(taken);
    expect(warnings).toHaveLength(1);
  } finally {
    other.close();
  }
});
