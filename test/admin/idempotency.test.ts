import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AdminApp } from '../../src/admin/admin-options.ts';
import { createAdminApp } from '../../src/admin/admin-server.ts';
import { Idempotency, REMEMBERED_ANSWERS_MAX } from '../../src/admin/idempotency.ts';
import { spawnResultsSchema } from '../../src/admin/operations-schemas.ts';
import { problemSchema } from '../../src/admin/problems.ts';
import type { World } from './support.ts';
import { createWorld, until } from './support.ts';

const BTC = { exchange: 'binance', symbol: 'BTC-USDT' };
const ETH = { exchange: 'binance', symbol: 'ETH-USDT' };
const host = 'localhost';
let world: World;
let app: AdminApp;
beforeEach(async () => {
  world = await createWorld();
  app = await createAdminApp(world.options);
});
afterEach(async () => {
  await app.close();
  await world.end();
});

const post = (payload: object, headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url: '/v1/instruments', payload, headers: { host, ...headers } });
const codeOf = (response: { json: () => unknown }) => problemSchema.parse(response.json()).code;

describe('a request with a key', () => {
  const keyed = (payload: object, key = 'k-1') => post(payload, { 'idempotency-key': key });

  it('that comes again is answered as the first time, and done once', async () => {
    const first = await keyed(BTC);
    const again = await keyed(BTC);
    expect([first.statusCode, again.statusCode]).toEqual([201, 201]);
    expect([again.body, again.headers.location]).toEqual([first.body, first.headers.location]);
    expect([first.headers['idempotency-replayed'], again.headers['idempotency-replayed']]).toEqual([
      undefined,
      'true',
    ]);
    expect(world.instruments.list()).toHaveLength(1);
    expect((await post(BTC)).statusCode).toBe(409);
  });

  it('that comes again while it is being done waits for it', async () => {
    const responses = await Promise.all([keyed(BTC), keyed(BTC), keyed(BTC)]);
    expect(responses.map(({ statusCode }) => statusCode)).toEqual([201, 201, 201]);
    expect(world.instruments.list()).toHaveLength(1);
  });

  it('that comes with another body is refused', async () => {
    await keyed(BTC);
    const response = await keyed(ETH);
    expect([response.statusCode, codeOf(response)]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    expect((await keyed(ETH, 'k-2')).statusCode).toBe(201);
  });

  it('that was refused may be tried again', async () => {
    await world.instruments.spawn('binance', 'BTC-USDT');
    expect((await keyed(BTC)).statusCode).toBe(409);
    await world.instruments.stop('binance:BTC-USDT' as never);
    expect((await keyed(BTC)).statusCode).toBe(201);
  });

  it('of another token is another request', async () => {
    const tokens = ['alice', 'bob'].map((name) => ({ name, token: `token-of-${name}` }));
    const guarded = await createAdminApp({ ...world.options, tokens });
    const statusOf = async (name: string) =>
      (
        await guarded.inject({
          method: 'POST',
          url: '/v1/instruments',
          payload: BTC,
          headers: { host, authorization: `Bearer token-of-${name}`, 'idempotency-key': 'k' },
        })
      ).statusCode;
    expect([await statusOf('alice'), await statusOf('bob'), await statusOf('alice')]).toEqual([
      201, 409, 201,
    ]);
    await guarded.close();
  });

  it.each(['', 'a b', 'x'.repeat(101), 'ü'])('such as %j is refused', async (key) => {
    expect(codeOf(await keyed(BTC, key))).toBe('REQUEST_INVALID');
  });
});

it('remembered answers are forgotten, the oldest first, and all after ten minutes', async () => {
  let monotonicMs = 0;
  const answers = new Idempotency<number>({ nowMs: () => 0, monotonicMs: () => monotonicMs });
  let count = 0;
  const ask = async (key: number) =>
    (await answers.once({ who: 'a', key: String(key), body: {} }, () => Promise.resolve(++count))).answer;
  for (let key = 1; key <= REMEMBERED_ANSWERS_MAX + 1; key++) await ask(key);
  expect(await ask(REMEMBERED_ANSWERS_MAX + 1)).toBe(REMEMBERED_ANSWERS_MAX + 1);
  expect(await ask(1)).toBe(REMEMBERED_ANSWERS_MAX + 2);
  monotonicMs += 600_000;
  expect(await ask(1)).toBe(REMEMBERED_ANSWERS_MAX + 3);
});

describe('several at once', () => {
  it('have a result each, in the order of the request', async () => {
    await world.instruments.spawn('binance', 'ETH-USDT');
    const unknown = { exchange: 'binance', symbol: 'NO-SUCH' };
    const response = await post({ instruments: [BTC, ETH, unknown, { exchange: 'nowhere', symbol: 'A-B' }] });
    expect(response.statusCode).toBe(207);
    const { results } = spawnResultsSchema.parse(response.json());
    expect(results.map(({ symbol, status, problem }) => [symbol, status, problem?.code])).toEqual([
      ['BTC-USDT', 201, undefined],
      ['ETH-USDT', 409, 'INSTRUMENT_EXISTS'],
      ['NO-SUCH', 404, 'UNKNOWN_SYMBOL'],
      ['A-B', 404, 'UNKNOWN_EXCHANGE'],
    ]);
    expect(results[0]!.instrument).toMatchObject({ nativeSymbol: 'BTCUSDT' });
    await until(() => world.instruments.list().every(({ actorStatus }) => actorStatus === 'running'));
  });

  it.each([
    ['none', { instruments: [] }, 'body.instruments'],
    ['too many', { instruments: Array.from({ length: 101 }, () => BTC) }, 'body.instruments'],
    ['one beside them', { ...BTC, instruments: [ETH] }, 'body.exchange'],
    [
      'one that is wrong',
      { instruments: [BTC, { exchange: 'binance', symbol: '*' }] },
      'body.instruments.1.symbol',
    ],
    ['half a one', { exchange: 'binance' }, 'body.symbol'],
  ])('are refused where they are %s, and nothing is started', async (_what, payload, field) => {
    const response = await post(payload);
    expect([response.statusCode, Object.keys(problemSchema.parse(response.json()).fields)]).toEqual([
      400,
      expect.arrayContaining([field]),
    ]);
    expect(world.instruments.list()).toEqual([]);
  });
});

describe('a change that is meant for what was seen', () => {
  const url = '/v1/instruments/binance/BTC-USDT';
  const tagOf = async () => String((await app.inject({ url, headers: { host } })).headers.etag);
  const change = (method: 'DELETE' | 'POST', path: string, tag: string) =>
    app.inject({ method, url: path, headers: { host, 'if-match': tag } });

  it('is made once, and refused for whoever comes second', async () => {
    await post(BTC);
    await until(() => world.actorStatus('binance:BTC-USDT') === 'running');
    const tag = await tagOf();
    expect(tag).toMatch(/^"\d+\.\d+\.\d+"$/);
    const [first, second] = await Promise.all([
      change('POST', `${url}/restart`, tag),
      change('POST', `${url}/restart`, tag),
    ]);
    expect([first.statusCode, second.statusCode]).toEqual([204, 412]);
    expect(codeOf(second)).toBe('CHANGED_MEANWHILE');
    const stopped = await change('DELETE', url, tag);
    expect([stopped.statusCode, world.instruments.list().length]).toEqual([412, 1]);
    expect((await change('DELETE', url, await tagOf())).statusCode).toBe(204);
  });

  it('is refused for another start of the same instrument', async () => {
    const tag = String((await post(BTC)).headers.etag);
    await world.instruments.stop('binance:BTC-USDT' as never);
    await post(BTC);
    expect((await change('DELETE', url, tag)).statusCode).toBe(412);
    expect((await change('DELETE', url, `W/${await tagOf()}`)).statusCode).toBe(412);
    expect((await change('DELETE', url, `"other", ${await tagOf()}`)).statusCode).toBe(204);
  });

  it('may be meant for anything', async () => {
    await post(BTC);
    expect((await change('DELETE', url, '*')).statusCode).toBe(204);
  });
});
