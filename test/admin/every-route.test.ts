/** What holds for each route there is, those that are still to come included: they are taken from the document. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { AdminServer } from '../../src/admin/admin-server.ts';
import { createAdminApp, createAdminServer } from '../../src/admin/admin-server.ts';
import { NOON_MS, bookSnapshot } from '../support/market-events.ts';
import type { World } from './support.ts';
import { createWorld, until } from './support.ts';

const TOKEN = 'the-token-of-alice-0001';
const KEY = 'binance:BTC-USDT';
const EVIL = 'https://evil.example';
const READING = new Set(['get', 'head', 'options']);

let world: World;
let server: AdminServer;
let routes: { readonly method: string; readonly path: string }[];

beforeAll(async () => {
  let nowMs = 0;
  // Seconds pass between any two requests: refusals are not bundled.
  const clock = { nowMs: () => NOON_MS, monotonicMs: () => (nowMs += 1_000) };
  world = await createWorld({ tokens: [{ name: 'alice', token: TOKEN }], clock });
  await world.instruments.spawn('binance', 'BTC-USDT');
  await until(() => world.actorStatus(KEY) === 'running');
  await world.deliver(KEY, [bookSnapshot()]);
  server = await createAdminServer(world.options);
  const app = await createAdminApp(world.options);
  const response = await app.inject({ url: '/docs/json', headers: { host: 'localhost' } });
  await app.close();
  const { paths } = z
    .object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })
    .parse(response.json());
  routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => ({
      method,
      path: path
        .replace('{exchange}', 'binance')
        .replace('{symbol}', 'BTC-USDT')
        .replace(/\{\w+\}/g, '1'),
    })),
  );
});
afterAll(async () => {
  await server.close();
  await world.end();
});

/** Sends exactly this and returns everything that comes back: no client tidies anything up. */
function speak(text: string): Promise<string> {
  const { port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(text));
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => (answer += part));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

function ask(method: string, path: string, headers: readonly string[] = [], body = '{}'): Promise<string> {
  const lines = ['Host: localhost', 'Connection: close', ...headers];
  if (!READING.has(method.toLowerCase()))
    lines.push('Content-Type: application/json', `Content-Length: ${body.length}`);
  const sent = READING.has(method.toLowerCase()) ? '' : body;
  return speak(`${method.toUpperCase()} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${sent}`);
}

const statusOf = (answer: string): number => Number(answer.split(' ')[1]);
const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4);

const changing = () => routes.filter(({ method }) => !READING.has(method));
const livesOf = () => world.system.tree().map(({ path, incarnation, status }) => [path, incarnation, status]);

describe('each route that changes something', () => {
  it.each([
    ['no token', []],
    ['a wrong token', ['Authorization: Bearer the-token-of-alice-0002']],
    ['the token in another scheme', [`Authorization: Basic ${TOKEN}`]],
    ['the token in other headers', [`X-Api-Key: ${TOKEN}`, `Cookie: token=${TOKEN}`]],
    ['the token after a wrong one', ['Authorization: Bearer x', `Authorization: Bearer ${TOKEN}`]],
    ['the name in place of the token', ['Authorization: Bearer alice']],
    ['a proxy that calls itself local', ['X-Forwarded-For: 127.0.0.1', 'Forwarded: for=127.0.0.1']],
  ])('does nothing for %s', async (_name, headers) => {
    expect(changing().length).toBeGreaterThan(7);
    const before = livesOf();
    for (const { method, path } of changing()) {
      const answer = await ask(method, `${path}?token=${TOKEN}&access_token=${TOKEN}`, headers);
      expect([method, path, statusOf(answer)]).toEqual([method, path, 401]);
      expect(bodyOf(answer)).not.toContain(TOKEN);
    }
    expect(livesOf()).toEqual(before);
    expect(await world.catalog.list()).toHaveLength(1);
  });

  it('does nothing for a page of another origin, whatever token the page has', async () => {
    const before = livesOf();
    for (const { method, path } of changing()) {
      const answer = await ask(method, path, [`Authorization: Bearer ${TOKEN}`, `Origin: ${EVIL}`]);
      expect([method, path, statusOf(answer)]).toEqual([method, path, 403]);
    }
    expect(livesOf()).toEqual(before);
  });

  it('is not reached by a reader who names its method in a header', async () => {
    const before = livesOf();
    const headers = ['X-HTTP-Method-Override: POST', 'X-HTTP-Method: DELETE', 'X-Method-Override: DELETE'];
    for (const { path } of changing()) await ask('GET', `${path}?_method=DELETE`, headers);
    expect(livesOf()).toEqual(before);
  });

  it('is not reached by a request that hides in the body of another', async () => {
    const before = livesOf();
    const hidden = `DELETE /v1/instruments/binance/BTC-USDT HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`;
    const two = ['Transfer-Encoding: chunked', `Content-Length: ${hidden.length}`];
    const answer = await speak(
      `POST /v1/instruments HTTP/1.1\r\nHost: localhost\r\n${two.join('\r\n')}\r\n\r\n0\r\n\r\n${hidden}`,
    );
    expect(statusOf(answer)).toBe(400);
    expect(livesOf()).toEqual(before);
  });
});

describe('each route', () => {
  it('tells no page of another origin that it may read, nor that it may change', async () => {
    for (const { method, path } of routes) {
      const preflight = [
        `Origin: ${EVIL}`,
        `Access-Control-Request-Method: ${method.toUpperCase()}`,
        'Access-Control-Request-Headers: authorization',
      ];
      for (const asked of [method, 'OPTIONS'].filter((each) => READING.has(each.toLowerCase()))) {
        if (path.endsWith('/stream')) continue;
        const answer = await ask(asked, path, preflight);
        expect([asked, path, answer.toLowerCase().includes('access-control-')]).toEqual([asked, path, false]);
      }
    }
  });

  it.each(['/', '/docs/'])('that gives the page %s gives it under a policy', async (path) => {
    const answer = await ask('GET', path);
    expect(answer.toLowerCase()).toContain('content-type: text/html');
    const policy = /^content-security-policy: (.*)$/im.exec(answer)?.[1] ?? '';
    expect(policy).toMatch(/default-src '(none|self)'/);
    expect(policy).toContain('frame-ancestors');
    expect(policy).not.toMatch(/unsafe-eval|\*/);
    expect(answer.toLowerCase()).toContain('x-content-type-options: nosniff');
  });
});

describe('no path', () => {
  const UP = [
    '../',
    '..%2f',
    '%2e%2e/',
    '%2e%2e%2f',
    '..%5c',
    '..\\',
    '%252e%252e%252f',
    '....//',
    '..;/',
    '.%00./',
  ];
  const FROM = ['/', '/assets/', '/docs/', '/docs/static/', '/v1/'];
  const TARGETS = ['etc/passwd', 'package.json', 'proc/self/environ'];

  it('reads a file of the machine, however it is spelt', async () => {
    for (const from of FROM) {
      for (const up of UP) {
        for (const target of TARGETS) {
          const answer = await ask('GET', `${from}${up.repeat(12)}${target}`);
          expect([from, up, target, statusOf(answer)]).toEqual([
            from,
            up,
            target,
            expect.toBeOneOf([400, 403, 404]) as unknown,
          ]);
          expect(bodyOf(answer)).not.toMatch(/root:|"dependencies"|PATH=/);
        }
      }
    }
  });

  it.each(['//etc/passwd', 'file:///etc/passwd', 'http://evil.example/etc/passwd', '\\etc\\passwd'])(
    '%s is answered with a problem',
    async (path) => {
      const answer = await ask('GET', path);
      expect(statusOf(answer)).toBeGreaterThanOrEqual(400);
      expect(statusOf(answer)).toBeLessThan(500);
      expect(bodyOf(answer)).not.toContain('root:');
    },
  );
});
