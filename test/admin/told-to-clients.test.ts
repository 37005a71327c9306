/** What goes wrong behind a route, and how long a token takes to be refused, tells clients nothing. */
import { timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createAdminApp } from '../../src/admin/admin-server.ts';
import { createClusterWorld } from './cluster-world.ts';
import { registeredRoutes } from './route-registry.ts';
import type { World } from './support.ts';
import { createWorld, until } from './support.ts';

vi.mock('node:crypto', { spy: true });

const SECRET = 'hunter2-s3cret';
const BTC = '/v1/instruments/binance/BTC-USDT';
let world: World;
beforeAll(async () => {
  world = await createWorld();
  await world.instruments.spawn('binance', 'BTC-USDT');
  await until(() => world.actorStatus('binance:BTC-USDT') === 'running');
});
afterAll(() => world.end());

/** As it is, but for what it reads: that fails with what a driver might say. */
const failing = <Port extends object>(port: Port): Port =>
  new Proxy(port, {
    get: (target, name) =>
      /^(read|list|delete)/.test(String(name))
        ? () => Promise.reject(new Error(`postgres://tampines:${SECRET}@10.0.0.5/x refused`))
        : Reflect.get(target, name),
  });

it('a storage that fails with its address is an internal error without it, on every route', async () => {
  const options = {
    ...world.options,
    tables: failing(world.options.tables),
    records: failing(world.options.records),
    savepoints: failing(world.options.savepoints),
  };
  const app = await createAdminApp(options);
  const statuses = new Map<string, number>();
  for (const { method, pattern, path } of registeredRoutes(app)) {
    if (
      pattern.endsWith('/events/stream') ||
      method === 'HEAD' ||
      pattern === '/v1/instruments/:exchange/:symbol'
    )
      continue;
    const answer = await app.inject({ method: method as 'GET', url: path, headers: { host: 'localhost' } });
    statuses.set(`${method} ${pattern}`, answer.statusCode);
    expect([pattern, answer.body.includes(SECRET), answer.body.includes('10.0.0.5')]).toEqual([
      pattern,
      false,
      false,
    ]);
  }
  // That there was something to leak.
  expect([...statuses.values()].filter((status) => status === 500).length).toBeGreaterThan(4);
  await app.close();
});

it('a token is compared with each of those that are set, in constant time, whether one fits or none', async () => {
  const tokens = ['a-token-of-alice', 'a-token-of-bob', 'another'].map((token, at) => ({
    name: String(at),
    token,
  }));
  const app = await createAdminApp({ ...world.options, tokens });
  const compare = vi.mocked(timingSafeEqual);
  for (const given of ['a-token-of-alice', 'another', 'a-token-of-alicf', '', 'x'.repeat(5_000)]) {
    compare.mockClear();
    await app.inject({
      method: 'POST',
      url: '/nowhere',
      headers: { host: 'localhost', authorization: `Bearer ${given}` },
    });
    expect([given.slice(0, 20), compare.mock.calls.length]).toEqual([given.slice(0, 20), tokens.length]);
    expect(compare.mock.calls.map(([left, right]) => left.byteLength - right.byteLength)).toEqual([0, 0, 0]);
  }
  await app.close();
});

it('a page that another node answers with runs nothing and is framed by nobody', async () => {
  const cluster = await createClusterWorld();
  const other = createServer((_request, response) =>
    response
      .writeHead(200, {
        'content-type': 'text/html',
        'content-security-policy': 'default-src *',
        'x-frame-options': 'ALLOWALL',
      })
      .end('<script>alert(1)</script>'),
  );
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  // Neither a name nor a password in an address is sent.
  cluster.addresses.set('b', `http://u:${SECRET}@127.0.0.1:${String((other.address() as AddressInfo).port)}`);
  cluster.owners.set('binance:BTC-USDT', 'b');
  const seen: string[] = [];
  other.on('request', ({ headers }) => seen.push(JSON.stringify(headers)));
  const answer = await fetch(`${cluster.a.server.url}${BTC}`);
  expect(answer.headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
  expect([answer.headers.get('x-frame-options'), answer.headers.get('x-content-type-options')]).toEqual([
    'DENY',
    'nosniff',
  ]);
  expect([seen.length, seen.join('').includes('authorization'), seen.join('').includes(SECRET)]).toEqual([
    1,
    false,
    false,
  ]);
  other.closeAllConnections();
  await new Promise((resolve) => other.close(resolve));
  await cluster.end();
});

it('a change that was not let in here reaches no other node, by any route; one that was takes its token along and no other secret', async () => {
  const token = 'a-token-of-alice-0123';
  // Each look at the clock finds a second passed, so that no request is refused for coming too soon.
  let monotonicMs = 0;
  const clock = { nowMs: () => 0, monotonicMs: () => (monotonicMs += 1_000) };
  const cluster = await createClusterWorld({ tokens: [{ name: 'alice', token }], clock });
  const seen: string[] = [];
  const other = createServer(({ method, url, headers }, response) => {
    seen.push(
      `${method} ${url} ${headers.authorization} ${headers.cookie} ${String(headers['x-forwarded-for'])}`,
    );
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  cluster.addresses.set('b', `http://127.0.0.1:${String((other.address() as AddressInfo).port)}`);
  cluster.owners.set('binance:BTC-USDT', 'b');
  cluster.feeders.set('binance:BTC-USDT', 'b');
  const app = await createAdminApp(world.options);
  const routes = registeredRoutes(app).filter(
    ({ method, pattern }) => !['GET', 'HEAD'].includes(method) && pattern.startsWith('/v1/instruments/:'),
  );
  await app.close();
  for (const [authorization, isLetIn] of [
    ['Bearer wrong', false],
    [`Basic ${token}`, false],
    [`Bearer ${token}`, true],
  ] as const) {
    for (const { method, path } of routes) {
      const headers = {
        authorization,
        cookie: `s=${SECRET}`,
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-host': 'evil.example',
      };
      const content =
        method === 'PUT'
          ? { headers: { ...headers, 'content-type': 'application/json' }, body: '{}' }
          : { headers };
      const { status } = await fetch(`${cluster.a.server.url}${path}`, { method, ...content });
      expect([method, path, status]).toEqual([method, path, isLetIn ? 200 : 401]);
    }
  }
  expect(seen).toEqual(
    routes.map(({ method, path }) => `${method} ${path} Bearer ${token} undefined undefined`),
  );
  expect(seen.length).toBeGreaterThan(4);
  other.closeAllConnections();
  await new Promise((resolve) => other.close(resolve));
  await cluster.end();
});
