import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AdminApp } from '../../src/admin/admin-options.ts';
import { createAdminApp } from '../../src/admin/admin-server.ts';
import { auditSchema } from '../../src/admin/operations-schemas.ts';
import { NOON_MS } from '../support/market-events.ts';
import type { World } from './support.ts';
import { createWorld } from './support.ts';

const ALICE = { name: 'alice', token: 'the-token-of-alice' };
const BOB = { name: 'bob', token: 'the-token-of-bob' };
const headers = { host: 'localhost' };
let world: World;
let app: AdminApp;
beforeAll(async () => {
  world = await createWorld();
  app = await createAdminApp({ ...world.options, tokens: [ALICE, BOB] });
});
afterAll(async () => {
  await app.close();
  await world.end();
});

const ask = (token: string, method: 'POST' | 'DELETE', url: string, payload?: object) =>
  app.inject({
    method,
    url,
    headers: { ...headers, authorization: `Bearer ${token}` },
    remoteAddress: '192.0.2.7',
    ...(payload === undefined ? {} : { payload }),
  });
const read = async (query = '') =>
  auditSchema.parse((await app.inject({ url: `/v1/audit${query}`, headers })).json()).changes;

describe('the audit', () => {
  beforeEach(async () => {
    await ask(ALICE.token, 'POST', '/v1/instruments?x=secret', { exchange: 'binance', symbol: 'BTC-USDT' });
    await ask(BOB.token, 'DELETE', '/v1/instruments/binance/ETH-USDT');
  });

  it('has who asked for what, from where, and how it ended, newest first', async () => {
    expect((await read()).slice(0, 2)).toEqual([
      {
        timeMs: NOON_MS,
        who: 'bob',
        address: '192.0.2.7',
        method: 'DELETE',
        path: '/v1/instruments/binance/ETH-USDT',
        body: '',
        status: 404,
      },
      {
        timeMs: NOON_MS,
        who: 'alice',
        address: '192.0.2.7',
        method: 'POST',
        path: '/v1/instruments',
        body: '{"exchange":"binance","symbol":"BTC-USDT"}',
        status: expect.any(Number) as unknown,
      },
    ]);
  });

  it('is found by requester and time', async () => {
    expect(new Set((await read('?who=alice')).map(({ who }) => who))).toEqual(new Set(['alice']));
    expect(await read(`?since=${NOON_MS + 1}`)).toEqual([]);
    expect(await read('?limit=1')).toHaveLength(1);
  });

  it('is in the log too, and neither holds a token', async () => {
    expect(world.logLines).toContainEqual({
      level: 'info',
      fields: expect.objectContaining({ who: 'alice', method: 'POST', path: '/v1/instruments' }) as unknown,
      message: 'change asked for over REST',
    });
    expect(JSON.stringify([world.logLines, await read()])).not.toMatch(/the-token-of/);
  });

  it('has neither readers nor those who were not let in', async () => {
    const before = (await read()).length;
    await ask('a-wrong-token', 'DELETE', '/v1/instruments/binance/BTC-USDT');
    await app.inject({ url: '/v1/instruments', headers });
    expect(await read()).toHaveLength(before);
  });

  it('keeps of a large or hostile body what fits', async () => {
    await ask(ALICE.token, 'POST', '/v1/instruments', { exchange: 'x'.repeat(5_000), symbol: '\u0000' });
    const [newest] = await read('?limit=1');
    expect(newest!.body).toHaveLength(1_000);
    expect(newest!.status).toBe(400);
  });
});

it('without tokens, whoever is on the machine is `local`', async () => {
  const open = await createAdminApp(world.options);
  await open.inject({ method: 'DELETE', url: '/v1/instruments/binance/NO-SUCH', headers });
  const [newest] = await world.records.readAudit({ who: undefined, sinceMs: undefined, limit: 1 });
  expect(newest).toMatchObject({ who: 'local', address: '127.0.0.1', status: 404 });
  await open.close();
});
