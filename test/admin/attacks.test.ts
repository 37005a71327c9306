/**
 * Attacks on an admin server that listens, with bytes on a socket where clients would tidy them up. What is attacked is what is registered: a new route
 * comes under all of it by itself.
 */
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdminApp } from '../../src/admin/admin-options.ts';
import { createAdminApp } from '../../src/admin/admin-server.ts';
import { bookSnapshot, instrument, trade } from '../support/market-events.ts';
import type { RegisteredRoute } from './route-registry.ts';
import { registeredRoutes } from './route-registry.ts';
import type { World } from './support.ts';
import { createWorld, until } from './support.ts';

const TOKEN = 'the-token-of-alice-0123456789';
const BTC = 'binance:BTC-USDT';
const READING = new Set(['GET', 'HEAD', 'OPTIONS']);
const ALL = { who: undefined, path: undefined, kinds: undefined, sinceMs: undefined, limit: 1_000 };
const BODY = '{"exchange":"binance","symbol":"ETH-USDT"}';

let world: World;
let app: AdminApp;
let port: number;
let routes: readonly RegisteredRoute[];
let changing: readonly RegisteredRoute[];
/** Everything that the server said to anybody. */
const heard: string[] = [];

beforeAll(async () => {
  world = await createWorld({ tokens: [{ name: 'alice', token: TOKEN }] });
  await world.instruments.spawn('binance', 'BTC-USDT');
  await world.deliver(BTC, [instrument(), bookSnapshot(), trade()]);
  await until(() => world.actorStatus(BTC) === 'running');
  // Each look at the clock finds a second passed, so that no request is refused for coming too soon.
  let monotonicMs = 0;
  const clock = { ...world.options.clock, monotonicMs: () => (monotonicMs += 1_000) };
  app = await createAdminApp({ ...world.options, clock });
  await app.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = app.server.address() as AddressInfo);
  routes = registeredRoutes(app);
  changing = routes.filter(({ method }) => !READING.has(method));
});
afterAll(async () => {
  await app.close();
  await world.end();
});

/** Returns all that comes back until the server hangs up, or says nothing more for a while. */
function send(bytes: string, toPort = port): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ port: toPort, host: '127.0.0.1' }, () => socket.write(bytes, 'latin1'));
    socket.setTimeout(300, () => socket.destroy());
    socket.on('data', (data) => (answer += data.toString()));
    // The server hangs up while bytes are still on their way to it.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      heard.push(answer);
      resolve(answer);
    });
  });
}

type Head = readonly (readonly [name: string, value: string])[];

function requestText(method: string, path: string, head: Head, body = ''): string {
  const lines = [['Host', 'localhost'], ['Connection', 'close'], ...head].map(
    ([name, value]) => `${name}: ${value}`,
  );
  if (body !== '') lines.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}

const statusesOf = (answer: string): number[] =>
  [...answer.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));

/** All that a change would leave a trace in. */
async function stateOf(of: World) {
  return {
    instruments: of.instruments
      .list()
      .map(({ instrument: { instrument: key }, actorStatus }) => [key, actorStatus]),
    resyncs: [...of.resyncs],
    savepoints: await of.options.savepoints.list(BTC as never),
    audit: await of.records.readAudit(ALL),
    supervision: (await of.records.readSupervisionEvents(ALL)).length,
  };
}

/** Ways to ask for a change without the token where it belongs. */
const IMPOSTORS: readonly { readonly what: string; readonly head: Head; readonly query?: string }[] = [
  { what: 'no token', head: [] },
  { what: 'a wrong token', head: [['Authorization', 'Bearer wrong']] },
  { what: 'the start of the token', head: [['Authorization', `Bearer ${TOKEN.slice(0, -1)}`]] },
  { what: 'the token and more', head: [['Authorization', `Bearer ${TOKEN}0`]] },
  { what: 'the token after another', head: [['Authorization', `Bearer wrong, Bearer ${TOKEN}`]] },
  { what: 'the token after a space', head: [['Authorization', `Bearer wrong ${TOKEN}`]] },
  { what: 'the bare token', head: [['Authorization', TOKEN]] },
  { what: 'Basic', head: [['Authorization', `Basic ${Buffer.from(`alice:${TOKEN}`).toString('base64')}`]] },
  { what: 'Digest', head: [['Authorization', `Digest ${TOKEN}`]] },
  {
    what: 'the token in the query',
    head: [],
    query: `?token=${TOKEN}&access_token=${TOKEN}&authorization=Bearer%20${TOKEN}`,
  },
  { what: 'the token in a cookie', head: [['Cookie', `token=${TOKEN}; authorization=Bearer ${TOKEN}`]] },
  {
    what: 'the token in headers of others',
    head: [
      ['X-Api-Key', TOKEN],
      ['X-Auth-Token', TOKEN],
      ['Proxy-Authorization', `Bearer ${TOKEN}`],
      ['X-Forwarded-Authorization', `Bearer ${TOKEN}`],
    ],
  },
  {
    what: 'the word of a proxy that he is from here',
    head: [
      ['X-Forwarded-For', '127.0.0.1'],
      ['X-Real-IP', '127.0.0.1'],
      ['Forwarded', 'for=127.0.0.1;host=localhost;proto=https'],
      ['X-Forwarded-Host', 'localhost'],
      ['X-Tampines-Forwarded-By', 'node-1'],
    ],
  },
];

describe('a change', () => {
  it('has routes to be attacked', () => {
    expect(changing.map(({ method, pattern }) => `${method} ${pattern}`)).toEqual(
      expect.arrayContaining([
        'POST /v1/instruments',
        'DELETE /v1/instruments/:exchange/:symbol',
        'POST /v1/instruments/:exchange/:symbol/restart',
        'DELETE /v1/instruments/:exchange/:symbol/savepoints/:batchNumber',
      ]),
    );
  });

  it.each(IMPOSTORS)(
    'with $what is refused on every route, and nothing is different',
    async ({ head, query = '' }) => {
      const before = await stateOf(world);
      for (const { method, pattern, path } of changing) {
        const answer = await send(requestText(method, `${path}${query}`, head, BODY));
        expect([method, pattern, statusesOf(answer)]).toEqual([method, pattern, [401]]);
      }
      expect(await stateOf(world)).toEqual(before);
    },
  );

  it('that hides behind reading changes nothing either', async () => {
    const before = await stateOf(world);
    for (const { method, path } of changing) {
      for (const disguise of ['GET', 'HEAD', 'OPTIONS']) {
        const answer = await send(
          requestText(disguise, `${path}?_method=${method}&method=${method}`, [
            ['X-HTTP-Method-Override', method],
            ['X-HTTP-Method', method],
            ['X-Method-Override', method],
          ]),
        );
        expect(statusesOf(answer)).toHaveLength(1);
      }
      const elsewhere = await send(
        requestText('GET', '/health/live', [
          ['X-Original-URL', path],
          ['X-Rewrite-URL', path],
        ]),
      );
      expect(elsewhere).toContain('"status":"live"');
    }
    expect(await stateOf(world)).toEqual(before);
  });

  it('by any method is refused on every path without the token', async () => {
    const before = await stateOf(world);
    const methods = ['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'QUERY', 'LINK'];
    for (const path of new Set(routes.map((route) => route.path))) {
      for (const method of methods) {
        const [status] = statusesOf(await send(requestText(method, path, [])));
        expect([method, path, status]).toEqual([method, path, expect.toSatisfy(isRefusal)]);
      }
    }
    expect(await stateOf(world)).toEqual(before);
  });
});

const isRefusal = (status: number): boolean => status >= 400 && status < 500;

describe('a request that two readers would read differently', () => {
  const POST = 'POST /v1/instruments/binance/BTC-USDT/resync HTTP/1.1\r\nHost: localhost\r\n';
  /** What a front that reads only the first request would let through unseen. */
  const HIDDEN = `${POST}Authorization: Bearer ${TOKEN}\r\nConnection: close\r\n\r\n`;
  const GET = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\n';

  it.each([
    [
      'a length and chunks',
      `${GET}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
    ],
    [
      'chunks and a length',
      `${GET}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${HIDDEN}`,
    ],
    ['two lengths', `${GET}Content-Length: 0\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`],
    ['a signed length', `${GET}Content-Length: +0\r\n\r\n${HIDDEN}`],
    ['a length that is a list', `${GET}Content-Length: 0, ${HIDDEN.length}\r\n\r\n${HIDDEN}`],
    ['chunks that come last but one', `${GET}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${HIDDEN}`],
    ['a space before the colon', `${GET}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${HIDDEN}`],
    ['a folded header', `${GET}X: a\r\n Transfer-Encoding: chunked\r\n\r\n${HIDDEN}`],
    ['a bare line feed', `${GET}X: a\nContent-Length: 0\r\n\r\n${HIDDEN}`],
    ['a bare carriage return', `${GET}X: a\rContent-Length: 0\r\n\r\n${HIDDEN}`],
  ])('by %s is refused, and what it hides is not heard', async (_what, bytes) => {
    const before = await stateOf(world);
    const answer = await send(bytes);
    expect([statusesOf(answer).at(-1), await stateOf(world)]).toEqual([400, before]);
  });

  // A reader is answered before its body is looked at, and then hung up on.
  it.each([
    ['chunks by another name', `${GET}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${HIDDEN}`],
    ['a chunk whose size is none', `${GET}Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${HIDDEN}`],
  ])('by %s hides nothing that is heard', async (_what, bytes) => {
    const before = await stateOf(world);
    const answer = await send(bytes);
    expect([statusesOf(answer)[0], statusesOf(answer).filter((status) => status === 202)]).toEqual([200, []]);
    expect(await stateOf(world)).toEqual(before);
  });

  it.each([
    ['Authorization', ['Bearer wrong', `Bearer ${TOKEN}`]],
    ['Authorization', [`Bearer ${TOKEN}`, 'Bearer wrong']],
    ['Host', ['localhost', 'evil.example']],
    ['Origin', ['http://localhost', 'https://evil.example']],
    ['Sec-Fetch-Site', ['same-origin', 'cross-site']],
  ])('by two of %s is refused: %j', async (name, values) => {
    const before = await stateOf(world);
    const given = name === 'Authorization' ? '' : `Authorization: Bearer ${TOKEN}\r\n`;
    const lines = values.map((value) => `${name}: ${value}\r\n`).join('');
    const bytes = POST.replace(name === 'Host' ? 'Host: localhost\r\n' : '\0', '');
    const answer = await send(`${bytes}${given}${lines}Connection: close\r\n\r\n`);
    expect([statusesOf(answer), await stateOf(world)]).toEqual([[400], before]);
  });

  it.each(['http://localhost', 'http://evil.example', 'ftp://localhost'])(
    'by %s before its path is refused, the stream too',
    async (origin) => {
      expect(statusesOf(await send(requestText('GET', `${origin}/v1/settings`, [])))).toEqual([400]);
      const upgrade: Head = [
        ['Upgrade', 'websocket'],
        ['Connection', 'Upgrade'],
      ];
      const answer = await send(requestText('GET', `${origin}/v1/stream`, upgrade));
      expect(statusesOf(answer).filter((status) => status < 400)).toEqual([]);
    },
  );
});

describe('other hosts and origins', () => {
  it('get nothing of any route under a rebound name', async () => {
    for (const { method, path } of routes) {
      const bytes = requestText(method, path, []).replace('Host: localhost', 'Host: evil.example');
      expect([method, path, statusesOf(await send(bytes))]).toEqual([method, path, [403]]);
    }
  });

  it('are told by no route, nor before one is asked, that they may read', async () => {
    const head: Head = [['Origin', 'https://evil.example']];
    const preflight: Head = [
      ['Access-Control-Request-Method', 'DELETE'],
      ['Access-Control-Request-Headers', 'authorization'],
      ['Access-Control-Request-Private-Network', 'true'],
    ];
    const open = await createAdminApp({
      ...world.options,
      stream: { ...world.options.stream, allowedOrigins: ['https://evil.example', '*'] },
    });
    await open.listen({ host: '127.0.0.1', port: 0 });
    // What `gateway.allowedOrigins` opens is the stream, and nothing of the REST.
    for (const toPort of [port, (open.server.address() as AddressInfo).port]) {
      for (const { path } of routes.filter(
        ({ method, pattern }) => method === 'GET' && !pattern.endsWith('/events/stream'),
      )) {
        for (const [method, more] of [
          ['GET', []],
          ['OPTIONS', preflight],
        ] as const) {
          const answer = await send(requestText(method, path, [...head, ...more]), toPort);
          expect([method, path, /access-control-|allow-origin/i.test(answer)]).toEqual([method, path, false]);
        }
      }
    }
    await open.close();
  });
});

describe('every answer', () => {
  const POLICIES = [
    /^content-security-policy: default-src 'none';/im,
    /^content-security-policy:.*frame-ancestors 'none'/im,
  ];

  it('is under a policy of nothing from elsewhere and no frame, and no other kind than it says', async () => {
    const paths = [
      ...new Set(routes.map((route) => route.path)),
      '/nowhere',
      '/v1/%',
      '/docs/static/nowhere.js',
    ];
    for (const path of paths) {
      const answer = await send(requestText('GET', path, []));
      const [head = ''] = answer.split('\r\n\r\n');
      for (const wanted of [
        ...POLICIES,
        /^x-content-type-options: nosniff$/im,
        /^x-frame-options: DENY$/im,
        /^referrer-policy: no-referrer$/im,
        /^cross-origin-resource-policy: same-origin$/im,
      ]) {
        expect([path, head]).toEqual([path, expect.stringMatching(wanted)]);
      }
      expect([
        path,
        /unsafe-|https:|upgrade-insecure/.test(/^content-security-policy:.*$/im.exec(head)![0]),
      ]).toEqual([path, false]);
    }
  });

  it('is so where bytes are no request, or want another protocol', async () => {
    for (const bytes of [
      'hello\r\n\r\n',
      requestText('GET', '/v1/settings', [
        ['Upgrade', 'websocket'],
        ['Connection', 'Upgrade'],
      ]),
    ]) {
      const answer = await send(bytes);
      for (const wanted of [...POLICIES, /^x-content-type-options: nosniff$/im, / 40[04] /])
        expect(answer).toMatch(wanted);
    }
  });
});

it('the right token changes something on every route, so that what was refused was refused for its token', async () => {
  const order = [...changing].sort(
    (a, b) => Number(a.pattern === INSTRUMENT) - Number(b.pattern === INSTRUMENT),
  );
  for (const { method, pattern, path } of order) {
    const answer = await send(
      requestText(
        method,
        path,
        [['Authorization', `Bearer ${TOKEN}`]],
        pattern === '/v1/instruments' ? BODY : '',
      ),
    );
    expect([method, pattern, statusesOf(answer)[0]]).toEqual([
      method,
      pattern,
      expect.toSatisfy((status: number) => status !== 401 && status !== 403),
    ]);
  }
  expect((await world.records.readAudit(ALL)).filter(({ status }) => status < 300).length).toBeGreaterThan(4);
});

it('no answer, no line of the log and no metric holds the token, wherever it was sent', async () => {
  await send(
    requestText('GET', `/v1/${TOKEN}`, [['Authorization', `Bearer ${TOKEN}`]]).replace(
      `/v1/${TOKEN}`,
      `/metrics?x=${TOKEN}`,
    ),
  );
  expect(heard.length).toBeGreaterThan(100);
  expect(heard.join('')).not.toContain(TOKEN);
  expect(JSON.stringify(world.logLines)).not.toContain(TOKEN);
  expect(JSON.stringify(await world.records.readAudit(ALL))).not.toContain(TOKEN);
});

const INSTRUMENT = '/v1/instruments/:exchange/:symbol';
