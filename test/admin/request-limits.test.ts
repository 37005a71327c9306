import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAdminApp } from '../../src/admin/admin-server.ts';
import type { AdminApp } from '../../src/admin/admin-options.ts';
import {
  ADMIN_CONNECTIONS_MAX,
  ADMIN_REQUESTS_AT_ONCE_MAX,
  ADMIN_REQUESTS_PER_SECOND_MAX,
} from '../../src/admin/request-limits.ts';
import type { Clock } from '../../src/base/clock.ts';
import type { World } from './support.ts';
import { createWorld } from './support.ts';

const headers = { host: 'localhost' };
let world: World;
beforeAll(async () => {
  world = await createWorld();
  await world.instruments.spawn('binance', 'BTC-USDT');
});
afterAll(() => world.end());

async function createApp(clock: Clock): Promise<AdminApp> {
  const app = await createAdminApp({ ...world.options, clock });
  return app;
}

const statuses = (responses: readonly { statusCode: number }[], status: number): number =>
  responses.filter(({ statusCode }) => statusCode === status).length;

describe('the admin REST', () => {
  it('works on so many requests at once, tells others to come again, and always says that it lives', async () => {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const tables = Object.assign(Object.create(world.tables) as typeof world.tables, {
      readCandles: () => opened.then(() => []),
    });
    const app = await createAdminApp({ ...world.options, tables });
    const candles = { url: '/v1/instruments/binance/BTC-USDT/candles?interval=1m', headers };
    const held = Array.from({ length: ADMIN_REQUESTS_AT_ONCE_MAX + 10 }, () => app.inject(candles));
    const live = await app.inject({ url: '/health/live', headers });
    expect(live.statusCode).toBe(200);
    const metrics = await app.inject({ url: '/metrics', headers });
    expect(metrics.body.split('\n')).toEqual(
      expect.arrayContaining([
        `tampines_queue_depth{queue="admin-requests"} ${ADMIN_REQUESTS_AT_ONCE_MAX}`,
        `tampines_queue_limit{queue="admin-requests"} ${ADMIN_REQUESTS_AT_ONCE_MAX}`,
        'tampines_queue_full_total{queue="admin-requests"} 10',
      ]),
    );
    open();
    const responses = await Promise.all(held);
    const refused = responses.filter(({ statusCode }) => statusCode === 429);
    expect(refused).toHaveLength(10);
    expect(refused[0]!.headers['retry-after']).toBe('1');
    expect(refused[0]!.json()).toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    // All of them left again.
    expect((await app.inject({ url: '/v1/exchanges', headers })).statusCode).toBe(200);
    await app.close();
  });

  it('takes so many requests within a second, whoever asks', async () => {
    let monotonicMs = 0;
    const app = await createApp({ nowMs: () => 0, monotonicMs: () => monotonicMs });
    const ask = () => app.inject({ url: '/v1/nothing', headers });
    const responses = [];
    for (let count = 0; count < ADMIN_REQUESTS_PER_SECOND_MAX + 5; count++) responses.push(await ask());
    expect([statuses(responses, 404), statuses(responses, 429)]).toEqual([ADMIN_REQUESTS_PER_SECOND_MAX, 5]);
    monotonicMs += 1_000;
    expect((await ask()).statusCode).toBe(404);
    await app.close();
  });

  it('lets no more connections stay open than it may', async () => {
    const app = await createApp({ nowMs: () => 0, monotonicMs: () => 0 });
    expect(app.server.maxConnections).toBe(ADMIN_CONNECTIONS_MAX);
    await app.close();
  });
});
