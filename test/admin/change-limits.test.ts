import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdminApp } from '../../src/admin/admin-options.ts';
import { createAdminApp } from '../../src/admin/admin-server.ts';
import { CHANGES_PER_SECOND_MAX, REFUSALS_PER_SECOND_MAX } from '../../src/admin/change-limits.ts';
import { NOON_MS } from '../support/market-events.ts';
import type { World } from './support.ts';
import { createWorld } from './support.ts';

const ALICE = { name: 'alice', token: 'the-token-of-alice' };
const BOB = { name: 'bob', token: 'the-token-of-bob' };
let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

/** An application whose clock stands still until it is told to go on. */
async function createApp(): Promise<{ app: AdminApp; passSecond: () => void }> {
  let monotonicMs = 0;
  const clock = { nowMs: () => NOON_MS, monotonicMs: () => monotonicMs };
  const app = await createAdminApp({ ...world.options, clock, tokens: [ALICE, BOB] });
  return { app, passSecond: () => void (monotonicMs += 1_000) };
}

async function change(app: AdminApp, token: string, remoteAddress = '192.0.2.1'): Promise<number> {
  const response = await app.inject({
    method: 'POST',
    url: '/v1/instruments/binance/BTC-USDT/resync',
    headers: { host: 'localhost', authorization: `Bearer ${token}` },
    remoteAddress,
  });
  return response.statusCode;
}

/** What a change is answered with that was taken: nothing runs here. */
const TAKEN = 404;

describe('changes of one requester', () => {
  it('are taken so many times a second, whatever the address, and leave room for others', async () => {
    const { app, passSecond } = await createApp();
    for (let count = 0; count < CHANGES_PER_SECOND_MAX; count++) {
      expect(await change(app, ALICE.token, `192.0.2.${count}`)).toBe(TAKEN);
    }
    expect(await change(app, ALICE.token, '192.0.2.200')).toBe(429);
    expect(await change(app, BOB.token)).toBe(TAKEN);
    passSecond();
    expect(await change(app, ALICE.token)).toBe(TAKEN);
    await app.close();
  });
});

describe('an address that was refused too often', () => {
  it('is not listened to until the second is over, not even with a right token', async () => {
    const { app, passSecond } = await createApp();
    for (let count = 0; count < REFUSALS_PER_SECOND_MAX; count++) {
      expect(await change(app, `guess-${count}`)).toBe(401);
    }
    expect(await change(app, 'one-more')).toBe(429);
    expect(await change(app, ALICE.token)).toBe(429);
    expect(await change(app, ALICE.token, '192.0.2.2')).toBe(TAKEN);
    passSecond();
    expect(await change(app, ALICE.token)).toBe(TAKEN);
    await app.close();
  });

  it('may still read', async () => {
    const { app } = await createApp();
    for (let count = 0; count <= REFUSALS_PER_SECOND_MAX; count++) await change(app, 'guess');
    const response = await app.inject({
      url: '/v1/instruments',
      headers: { host: 'localhost' },
      remoteAddress: '192.0.2.1',
    });
    expect(response.statusCode).toBe(200);
    await app.close();
  });
});
