import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isLoopbackAddress } from '../../src/admin/access.ts';
import type { AdminOptions } from '../../src/admin/admin-options.ts';
import type { AdminServer } from '../../src/admin/admin-server.ts';
import { createAdminApp, createAdminServer } from '../../src/admin/admin-server.ts';
import { problemSchema } from '../../src/admin/problems.ts';
import type { World } from './support.ts';
import { createWorld } from './support.ts';

const TOKEN = 'a-secret-token';
const TOKENS = [{ name: 'alice', token: TOKEN }];
let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

type Inject = {
  method?: 'GET' | 'POST' | 'DELETE';
  url?: string;
  remoteAddress?: string;
  headers?: Record<string, string>;
};

async function ask(options: Partial<AdminOptions>, inject: Inject) {
  const app = await createAdminApp({ ...world.options, ...options });
  const response = await app.inject({
    method: 'POST',
    url: '/v1/instruments/binance/BTC-USDT/resync',
    ...inject,
    headers: { host: 'localhost:8080', ...inject.headers },
  });
  await app.close();
  return [response.statusCode, problemSchema.parse(response.json()).code];
}

/** What a request gets that may change something: nothing runs here. */
const ALLOWED = [404, 'INSTRUMENT_UNKNOWN'];

describe('with a token', () => {
  it.each([
    ['no', {}],
    ['another', { authorization: 'Bearer another-token' }],
    ['a longer', { authorization: `Bearer ${TOKEN}x` }],
    ['an empty', { authorization: 'Bearer ' }],
    ['a basic', { authorization: `Basic ${TOKEN}` }],
  ])('%s token changes nothing', async (_name, headers) => {
    expect(await ask({ tokens: TOKENS }, { headers })).toEqual([401, 'UNAUTHORIZED']);
  });

  it('the right one may, from anywhere', async () => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect(await ask({ tokens: TOKENS }, { headers, remoteAddress: '192.0.2.7' })).toEqual(ALLOWED);
  });

  it('is asked before anything else is told, and asks for itself', async () => {
    const app = await createAdminApp({ ...world.options, tokens: TOKENS });
    const response = await app.inject({ method: 'DELETE', url: '/nowhere', headers: { host: 'localhost' } });
    expect([response.statusCode, response.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    await app.close();
  });

  it('is never logged', async () => {
    for (const given of [TOKEN, `${TOKEN}-almost`]) {
      await ask({ tokens: TOKENS }, { headers: { authorization: `Bearer ${given}` } });
    }
    expect(JSON.stringify(world.logLines)).not.toContain(TOKEN);
  });
});

describe('without a token', () => {
  it.each(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])('%s may change something', async (from) => {
    expect(await ask({}, { remoteAddress: from })).toEqual(ALLOWED);
  });

  it.each(['192.0.2.7', '10.0.0.1', '::ffff:192.0.2.7', '2001:db8::1'])(
    '%s may not, but may read',
    async (remoteAddress) => {
      expect(await ask({ host: '0.0.0.0' }, { remoteAddress })).toEqual([403, 'CHANGE_FORBIDDEN']);
      expect(await ask({ host: '0.0.0.0' }, { remoteAddress, method: 'GET', url: '/nowhere' })).toEqual([
        404,
        'ROUTE_UNKNOWN',
      ]);
    },
  );
});

describe('web pages', () => {
  it.each([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost:9999' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ] as Record<string, string>[])('of %o change nothing', async (headers) => {
    expect(await ask({}, { headers })).toEqual([403, 'CHANGE_FORBIDDEN']);
  });

  it('of this server may', async () => {
    const headers = { origin: 'http://localhost:8080', 'sec-fetch-site': 'same-origin' };
    expect(await ask({}, { headers })).toEqual(ALLOWED);
  });

  it('of other origins are never told that they may read', async () => {
    const app = await createAdminApp(world.options);
    for (const method of ['GET', 'OPTIONS'] as const) {
      const headers = { host: 'localhost', origin: 'https://evil.example' };
      const response = await app.inject({ method, url: '/v1/instruments', headers });
      expect(Object.keys(response.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
    await app.close();
  });
});

describe('the Host of a request', () => {
  it.each(['localhost', 'LOCALHOST:1', '127.0.0.1', '127.0.0.1:65535', '[::1]', '[::1]:8080'])(
    '%s is answered by a server on loopback',
    async (host) => {
      expect(await ask({}, { headers: { host } })).toEqual(ALLOWED);
    },
  );

  it.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:80', 'localhost:x', '::1'])(
    '%s is refused by a server on loopback, for reading too',
    async (host) => {
      for (const method of ['GET', 'POST'] as const) {
        expect(await ask({}, { method, headers: { host } })).toEqual([403, 'HOST_REFUSED']);
      }
    },
  );

  it('may be any where the server is not bound to loopback', async () => {
    expect(await ask({ host: '0.0.0.0' }, { headers: { host: 'node-1.example:8080' } })).toEqual(ALLOWED);
  });
});

it.each(['127.0.0.1.evil', '128.0.0.1', '::2', '1127.0.0.1', ''])('%s is no loopback address', (address) => {
  expect(isLoopbackAddress(address)).toBe(false);
});

describe('over a real socket', () => {
  let server: AdminServer | undefined;
  afterEach(() => server?.close());

  it('answers, and closes while a connection is kept open', async () => {
    server = await createAdminServer({ ...world.options, tokens: TOKENS });
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const live = await fetch(`${server.url}/health/live`);
    expect(await live.json()).toEqual({ status: 'live', node: 'node-1' });
    const url = `${server.url}/v1/instruments`;
    const payload = { method: 'POST', body: '{"exchange":"binance","symbol":"ETH-USDT"}' };
    const json = { 'content-type': 'application/json' };
    expect((await fetch(url, { ...payload, headers: json })).status).toBe(401);
    const authorization = `Bearer ${TOKEN}`;
    const spawned = await fetch(url, { ...payload, headers: { ...json, authorization } });
    expect(spawned.status).toBe(201);
    const stopped = await fetch(`${server.url}${spawned.headers.get('location')!}`, {
      method: 'DELETE',
      headers: { authorization },
    });
    expect([stopped.status, await stopped.text()]).toEqual([204, '']);
  });

  it('refuses a rebound name', async () => {
    server = await createAdminServer(world.options);
    const { port } = new URL(server.url);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      request({ port, host: '127.0.0.1', path: '/v1/instruments', headers: { host: `evil.example:${port}` } })
        .on('response', (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(403);
  });

  it('refuses a request without a Host', async () => {
    server = await createAdminServer(world.options);
    expect(await exchangeBytes(server.url, 'GET /v1/instruments HTTP/1.0\r\n\r\n')).toMatch(/ 403 /);
  });

  it.each([
    ['bytes that are no HTTP', 'hello\r\n\r\n'],
    ['a header without an end of name', 'GET / HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx'],
  ])('answers %s with a problem and hangs up', async (_name, bytes) => {
    server = await createAdminServer(world.options);
    const answer = await exchangeBytes(server.url, bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(problemSchema.parse(JSON.parse(answer.slice(answer.indexOf('{')))).code).toBe('REQUEST_INVALID');
  });
});

function exchangeBytes(url: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1' }, () => socket.write(bytes));
    socket.on('data', (data) => (answer += data.toString()));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}
