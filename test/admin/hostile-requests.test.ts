import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdminApp } from '../../src/admin/admin-options.ts';
import { createAdminApp } from '../../src/admin/admin-server.ts';
import { parseShallowJson } from '../../src/admin/json-body.ts';
import { problemSchema } from '../../src/admin/problems.ts';
import { symbolName } from '../../src/admin/request-schemas.ts';
import type { World } from './support.ts';
import { createWorld } from './support.ts';

let world: World;
let app: AdminApp;
beforeAll(async () => {
  world = await createWorld();
  // Each look at the clock finds a second passed, so that no request is refused for coming too soon.
  let monotonicMs = 0;
  const clock = { ...world.options.clock, monotonicMs: () => (monotonicMs += 1_000) };
  app = await createAdminApp({ ...world.options, clock });
});
afterAll(async () => {
  await app.close();
  await world.end();
});

async function post(payload: string | Buffer, contentType: string | undefined = 'application/json') {
  const response = await app.inject({
    method: 'POST',
    url: '/v1/instruments',
    headers: { host: 'localhost', ...(contentType === '' ? {} : { 'content-type': contentType }) },
    payload,
  });
  return toRefusal(response);
}

async function read(url: string) {
  return toRefusal(await app.inject({ url, headers: { host: 'localhost' } }));
}

/** Every refusal is a problem of the registered type. */
function toRefusal(response: { statusCode: number; headers: Record<string, unknown>; json: () => unknown }) {
  expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  const problem = problemSchema.parse(response.json());
  expect(problem.status).toBe(response.statusCode);
  expect(problem.type).toBe(`urn:tampines:error:${problem.code}`);
  return problem;
}

const valid = { exchange: 'binance', symbol: 'BTC-USDT' };

describe('a body', () => {
  it.each([
    ['empty', ''],
    ['cut off', '{"exchange":"binance"'],
    ['null', 'null'],
    ['a list', '[]'],
    ['text', '"binance"'],
    ['of other fields', JSON.stringify({ ...valid, other: 1 })],
    ['that reaches for prototypes', '{"exchange":"binance","symbol":"BTC-USDT","__proto__":{"a":1}}'],
    ['of numbers', '{"exchange":1,"symbol":2}'],
    ['of 60,000 brackets', '['.repeat(60_000)],
    ['of nine levels', '{"a":'.repeat(9) + '1' + '}'.repeat(9)],
    ['of a byte order mark alone', '\uFEFF'],
  ])('that is %s is refused', async (_name, payload) => {
    const problem = await post(payload);
    expect([problem.status, problem.code]).toEqual([400, 'REQUEST_INVALID']);
  });

  it('of invalid UTF-8 in a symbol is refused', async () => {
    const bytes = Buffer.from('{"exchange":"binance","symbol":"BTC\xff"}', 'latin1');
    expect((await post(bytes)).code).toBe('REQUEST_INVALID');
  });

  it('over 64 KiB is refused unread', async () => {
    const problem = await post(JSON.stringify({ ...valid, symbol: 'A'.repeat(65_536) }));
    expect([problem.status, problem.code]).toEqual([413, 'BODY_TOO_LARGE']);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'multipart/form-data'])(
    'as %s is refused',
    async (contentType) => {
      const problem = await post(JSON.stringify(valid), contentType);
      expect([problem.status, problem.code]).toEqual([415, 'MEDIA_TYPE_UNSUPPORTED']);
    },
  );

  it('names each field that is wrong, and does not send long ones back', async () => {
    const problem = await post(JSON.stringify({ exchange: 'BINANCE', symbol: '', ['x'.repeat(50_000)]: 1 }));
    expect(Object.keys(problem.fields)).toEqual(expect.arrayContaining(['body.exchange', 'body.symbol']));
    expect(JSON.stringify(problem).length).toBeLessThan(2_500);
  });
});

describe('a symbol', () => {
  it.each(['BTC-USDT', 'XBT/EUR', 'BTCUSDT', 'BTC_USDT:PERP', '1INCH-USDT', '币安人生-USDT', 'A'.repeat(60)])(
    '%s is well formed',
    (symbol) => expect(symbolName.safeParse(symbol).success).toBe(true),
  );

  it.each([
    '', ' ', 'BTC USDT', 'BTC\nUSDT', 'BTC\u0000', 'BTC\r\nSET x', '*', 'BTC-USDT*', '../etc', '-BTC', '{a}', "a'b", 'a"b',
    'a;b', 'a\\b', 'a%b', 'BTC\u202E', 'BTC\u200B', 'A'.repeat(61), '🚀-USDT',
  ])('%j is refused before anything is asked of it', async (symbol) => {
    expect((await post(JSON.stringify({ exchange: 'binance', symbol }))).code).toBe('REQUEST_INVALID');
    const encoded = encodeURIComponent(symbol);
    const problem = await read(`/v1/instruments/binance/${encoded}/ticker`);
    expect(problem.code).toBe('REQUEST_INVALID');
  }); // prettier-ignore

  it.each(['/v1/instruments/binance/BTC%', '/v1/instruments/binance/%FF', '/v1/%E0%A4%A/x'])(
    'in a malformed URL (%s) is refused',
    async (url) => expect((await read(url)).status).toBe(400),
  );

  it('with a slash is one symbol when it is encoded', async () => {
    expect((await read('/v1/instruments/binance/XBT%2FEUR/ticker')).code).toBe('INSTRUMENT_UNKNOWN');
  });
});

it('a route that is not there is a problem too', async () => {
  expect(await read('/v2/instruments?secret=1')).toMatchObject({
    status: 404,
    code: 'ROUTE_UNKNOWN',
    instance: '/v2/instruments',
  });
});

it('a failure without a code tells nothing of its inside and is logged', async () => {
  const failing = await createAdminApp({
    ...world.options,
    settingsInForce: () => {
      throw new Error('password=hunter2');
    },
  });
  const response = await failing.inject({ url: '/v1/settings', headers: { host: 'localhost' } });
  expect(toRefusal(response)).toMatchObject({ status: 500, code: 'INTERNAL', fields: {} });
  expect(response.body).not.toContain('hunter2');
  expect(world.logLines).toContainEqual(
    expect.objectContaining({ level: 'error', message: 'REST request failed' }),
  );
  await failing.close();
});

it('an answer that is not as promised is an internal error', async () => {
  const failing = await createAdminApp({
    ...world.options,
    settingsInForce: () => [{ name: 7 as never, value: 1, origin: 'flag' }],
  });
  const response = await failing.inject({ url: '/v1/settings', headers: { host: 'localhost' } });
  expect(toRefusal(response)).toMatchObject({ status: 500, code: 'INTERNAL' });
  await failing.close();
});

it('random bodies and paths give problems and never an internal error', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.json({ maxDepth: 4 }),
      async (text, json) => {
        expect((await post(text)).status).toBeLessThan(500);
        expect((await post(json)).status).toBeLessThan(500);
        const path = `/v1/instruments/binance/${encodeURIComponent(text)}/book`;
        expect((await read(path)).status).toBeLessThan(500);
      },
    ),
    { seed: 20_261_121, numRuns: 150 },
  );
});

describe('shallow JSON', () => {
  it('of nine levels is refused before it is parsed', () => {
    expect(() => parseShallowJson('['.repeat(9))).toThrow(/deeper than 8 levels/);
    expect(parseShallowJson(`${'['.repeat(8)}${']'.repeat(8)}`)).toEqual([[[[[[[[]]]]]]]]);
  });

  it('is what JSON.parse gives, brackets in texts not counted', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 3 }), (text) => {
        expect(parseShallowJson(text)).toEqual(JSON.parse(text));
      }),
      { seed: 7 },
    );
    const text = JSON.stringify({ a: '[[[[[[[[[[[["\\' });
    expect(parseShallowJson(text)).toEqual(JSON.parse(text));
  });
});
