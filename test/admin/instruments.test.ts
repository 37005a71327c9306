import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AdminApp } from '../../src/admin/admin-options.ts';
import { createAdminApp } from '../../src/admin/admin-server.ts';
import {
  instrumentDetailSchema,
  instrumentSchema,
  instrumentsSchema,
} from '../../src/admin/operations-schemas.ts';
import { problemSchema } from '../../src/admin/problems.ts';
import { NOON_MS, bookSnapshot, instrument, trade } from '../support/market-events.ts';
import type { World } from './support.ts';
import { createWorld, until } from './support.ts';

const host = 'localhost:8080';
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

const get = (url: string) => app.inject({ method: 'GET', url, headers: { host } });
const send = (method: 'POST' | 'PUT' | 'DELETE', url: string, payload?: object) =>
  app.inject({ method, url, headers: { host }, ...(payload === undefined ? {} : { payload }) });
const spawn = (symbol: string) => send('POST', '/v1/instruments', { exchange: 'binance', symbol });
const codeOf = (response: { json: () => unknown }) => problemSchema.parse(response.json()).code;

describe('spawning', () => {
  it('starts the actor, keeps the instrument wanted and says where it is', async () => {
    const response = await spawn('BTC-USDT');
    expect(response.statusCode).toBe(201);
    expect(response.headers.location).toBe('/v1/instruments/binance/BTC-USDT');
    expect(instrumentSchema.parse(response.json())).toMatchObject({
      instrumentId: 1,
      exchange: 'binance',
      symbol: 'BTC-USDT',
      nativeSymbol: 'BTCUSDT',
      restarts: 0,
      lastFailure: null,
    });
    await until(() => world.actorStatus('binance:BTC-USDT') === 'running');
    expect((await world.catalog.list()).map((wanted) => wanted.instrument)).toEqual(['binance:BTC-USDT']);
  });

  it('is answered where another node of a cluster, or this one in a moment, starts it', async () => {
    vi.spyOn(world.instruments, 'list').mockReturnValueOnce([]);
    const response = await spawn('BTC-USDT');
    expect([response.statusCode, response.headers.location]).toEqual([
      201,
      '/v1/instruments/binance/BTC-USDT',
    ]);
    expect(instrumentSchema.parse(response.json())).toMatchObject({
      ...{ instrumentId: 1, symbol: 'BTC-USDT', actorStatus: 'starting', restarts: 0, lastFailure: null },
    });
    const changed = await app.inject({
      ...{ method: 'DELETE', url: '/v1/instruments/binance/BTC-USDT' },
      headers: { host, 'if-match': String(response.headers.etag) },
    });
    expect(codeOf(changed)).toBe('CHANGED_MEANWHILE');
  });

  it('takes native symbols, also with a slash, and answers with the unified one', async () => {
    const response = await spawn('XBT/EUR');
    expect(response.headers.location).toBe('/v1/instruments/binance/XBT-EUR');
    expect((await get('/v1/instruments/binance/XBT-EUR')).statusCode).toBe(200);
  });

  it('gives symbols in other scripts a location that leads to them', async () => {
    const response = await spawn('币安人生-USDT');
    const location = String(response.headers.location);
    expect(location).toBe('/v1/instruments/binance/%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9F-USDT');
    expect((await get(location)).json()).toMatchObject({ symbol: '币安人生-USDT' });
  });

  it('refuses what runs already, also under its native name', async () => {
    await spawn('BTC-USDT');
    for (const symbol of ['BTC-USDT', 'BTCUSDT']) {
      const response = await spawn(symbol);
      expect(response.statusCode).toBe(409);
      expect(codeOf(response)).toBe('INSTRUMENT_EXISTS');
    }
  });

  it('asked for twice at once starts one actor', async () => {
    const responses = await Promise.all([spawn('BTC-USDT'), spawn('BTC-USDT')]);
    expect(responses.map(({ statusCode }) => statusCode).sort()).toEqual([201, 409]);
    expect(world.instruments.list()).toHaveLength(1);
  });

  it('tells an unknown symbol from an unknown exchange', async () => {
    const symbol = await spawn('NO-SUCH');
    expect([symbol.statusCode, codeOf(symbol)]).toEqual([404, 'UNKNOWN_SYMBOL']);
    const exchange = await send('POST', '/v1/instruments', { exchange: 'nowhere', symbol: 'BTC-USDT' });
    expect([exchange.statusCode, codeOf(exchange)]).toEqual([404, 'UNKNOWN_EXCHANGE']);
    expect(await world.catalog.list()).toEqual([]);
  });
});

describe('listing', () => {
  it('filters by exchange and status and pages through the rest', async () => {
    for (const symbol of ['BTC-USDT', 'ETH-USDT', 'XBT-EUR']) await spawn(symbol);
    await until(() => world.instruments.list().every(({ actorStatus }) => actorStatus === 'running'));
    const read = async (query: string) =>
      instrumentsSchema.parse((await get(`/v1/instruments${query}`)).json());
    const symbolsOf = async (query: string) => (await read(query)).instruments.map(({ symbol }) => symbol);
    expect(await symbolsOf('')).toEqual(['BTC-USDT', 'ETH-USDT', 'XBT-EUR']);
    expect(await symbolsOf('?limit=1&offset=1')).toEqual(['ETH-USDT']);
    expect(await read('?limit=1&offset=1')).toMatchObject({ total: 3, limit: 1, offset: 1 });
    expect(await symbolsOf('?exchange=binance&status=running')).toHaveLength(3);
    expect(await symbolsOf('?exchange=kraken')).toEqual([]);
    expect(await symbolsOf('?status=parked')).toEqual([]);
  });

  it('finds a part of either name and sorts, equal ones by name', async () => {
    for (const symbol of ['XBT-EUR', 'BTC-USDT', 'ETH-USDT']) await spawn(symbol);
    await until(() => world.instruments.list().every(({ actorStatus }) => actorStatus === 'running'));
    await send('POST', '/v1/instruments/binance/ETH-USDT/restart');
    await until(() => world.instruments.list().every(({ actorStatus }) => actorStatus === 'running'));
    const symbolsOf = async (query: string) =>
      instrumentsSchema
        .parse((await get(`/v1/instruments${query}`)).json())
        .instruments.map(({ symbol }) => symbol);
    expect(await symbolsOf('?contains=xbt%2F')).toEqual(['XBT-EUR']);
    expect(await symbolsOf('?contains=usd')).toEqual(['BTC-USDT', 'ETH-USDT']);
    expect(await symbolsOf('?sort=instrument')).toEqual(['BTC-USDT', 'ETH-USDT', 'XBT-EUR']);
    expect(await symbolsOf('?sort=-instrument')).toEqual(['XBT-EUR', 'ETH-USDT', 'BTC-USDT']);
    expect(await symbolsOf('?sort=-restarts')).toEqual(['ETH-USDT', 'BTC-USDT', 'XBT-EUR']);
    expect(await symbolsOf('?sort=restarts&limit=1&offset=2')).toEqual(['ETH-USDT']);
  });

  it('shows markets where asked, and finds books by their status', async () => {
    for (const symbol of ['BTC-USDT', 'ETH-USDT']) await spawn(symbol);
    await world.deliver('binance:BTC-USDT', [instrument(), bookSnapshot(), trade()]);
    const read = async (query: string) =>
      instrumentsSchema.parse((await get(`/v1/instruments${query}`)).json());
    expect((await read('')).instruments[0]).not.toHaveProperty('market');
    const { instruments: shown } = await read('?include=market&sort=instrument');
    expect(shown[0]!.market).toEqual({
      status: 'live',
      reason: '',
      bid: '100',
      ask: '100.1',
      spread: '0.1',
      last: '100.05',
      changePercent: '0',
      volume: '0.002',
      position: 3,
      eventTimeMs: NOON_MS,
      lagMs: 0,
    });
    expect(shown[1]!.market).toMatchObject({ status: 'empty', bid: null, spread: null, lagMs: null });
    const live = await read('?book=live');
    expect([live.total, live.instruments.map(({ symbol }) => symbol)]).toEqual([1, ['BTC-USDT']]);
    expect((await read('?book=stale')).instruments).toEqual([]);
  });

  it('shows one instrument with what its actor knows', async () => {
    await spawn('BTC-USDT');
    await world.deliver('binance:BTC-USDT', [instrument(), bookSnapshot(), trade()]);
    const detail = instrumentDetailSchema.parse((await get('/v1/instruments/binance/BTC-USDT')).json());
    expect(detail.state).toMatchObject({
      position: 3,
      status: 'live',
      statusSinceMs: NOON_MS,
      bidLevels: 2,
      askLevels: 2,
      tickSize: '0.01',
      lastBookEventMs: NOON_MS,
      watermarkMs: NOON_MS - 1_001,
      counters: { bookSnapshots: 1, tradesLive: 1 },
    });
  });
});

describe('changing', () => {
  it('stops an instrument for good', async () => {
    await spawn('BTC-USDT');
    const response = await send('DELETE', '/v1/instruments/binance/BTC-USDT');
    expect([response.statusCode, response.body]).toEqual([204, '']);
    expect(await world.catalog.list()).toEqual([]);
    expect(codeOf(await get('/v1/instruments/binance/BTC-USDT'))).toBe('INSTRUMENT_UNKNOWN');
  });

  it('restarts an actor into a new life that has its log', async () => {
    await spawn('BTC-USDT');
    await world.deliver('binance:BTC-USDT', [bookSnapshot(), trade()]);
    const incarnationOf = () =>
      world.system.tree().find(({ path }) => path.endsWith('binance:BTC-USDT'))!.incarnation;
    const before = incarnationOf();
    expect((await send('POST', '/v1/instruments/binance/BTC-USDT/restart')).statusCode).toBe(204);
    await until(() => world.actorStatus('binance:BTC-USDT') === 'running' && incarnationOf() > before);
    expect((await get('/v1/instruments/binance/BTC-USDT')).json()).toMatchObject({ state: { position: 2 } });
  });

  it('shows a parked instrument with its cause, refuses its book, and starts it again', async () => {
    await spawn('BTC-USDT');
    await until(() => world.actorStatus('binance:BTC-USDT') === 'running');
    for (let failure = 1; failure <= 2; failure++) {
      world.instruments.failNextDelivery('binance:BTC-USDT' as never, `drill ${failure}`);
      void world.deliver('binance:BTC-USDT', [trade({ tradeId: String(failure) })]);
      await until(
        () =>
          world.instruments.list()[0]!.lastFailure?.includes(`drill ${failure}`) === true &&
          ['running', 'parked'].includes(world.actorStatus('binance:BTC-USDT')!),
      );
    }
    expect(world.actorStatus('binance:BTC-USDT')).toBe('parked');
    const url = '/v1/instruments/binance/BTC-USDT';
    const detail = instrumentDetailSchema.parse((await get(url)).json());
    expect(detail).toMatchObject({ actorStatus: 'parked', state: null });
    expect(detail.lastFailure).toContain('drill 2');
    const book = await get(`${url}/book`);
    expect([book.statusCode, codeOf(book)]).toEqual([503, 'ACTOR_UNAVAILABLE']);

    expect((await send('POST', `${url}/restart`)).statusCode).toBe(204);
    await until(() => world.actorStatus('binance:BTC-USDT') === 'running');
    expect((await get(`${url}/book`)).statusCode).toBe(200);
  });

  it('parks an instrument that stays wanted, and starts it again where it was', async () => {
    await spawn('BTC-USDT');
    await world.deliver('binance:BTC-USDT', [bookSnapshot(), trade()]);
    const url = '/v1/instruments/binance/BTC-USDT';
    expect((await send('POST', `${url}/park`)).statusCode).toBe(204);
    expect((await get(url)).json()).toMatchObject({ actorStatus: 'parked', state: null });
    expect(await world.catalog.list()).toHaveLength(1);
    expect((await send('POST', `${url}/park`)).statusCode).toBe(204);
    const events = (await get('/v1/supervision/events?kind=parked')).json<{ events: unknown[] }>();
    expect(events.events).toMatchObject([{ kind: 'parked', cause: 'asked for over REST' }]);
    await send('POST', `${url}/restart`);
    await until(() => world.actorStatus('binance:BTC-USDT') === 'running');
    expect((await get(url)).json()).toMatchObject({ state: { position: 2 } });
  });

  it('publishes one instrument otherwise than all, from the next publication on and after a restart', async () => {
    await spawn('BTC-USDT');
    await world.deliver('binance:BTC-USDT', [bookSnapshot(), trade()]);
    const url = '/v1/instruments/binance/BTC-USDT';
    const all = { bookIntervalMs: 100, tickerIntervalMs: 100, candleIntervalMs: 100, bookDepth: 50 };
    expect((await get(`${url}/settings`)).json()).toEqual({ own: {}, inForce: all });
    const own = { bookIntervalMs: 500, bookDepth: 1 };
    const put = await send('PUT', `${url}/settings`, own);
    expect([put.statusCode, put.json()]).toEqual([200, { own, inForce: { ...all, ...own } }]);
    const bidsOf = async (): Promise<number> => {
      await world.publishAll('binance:BTC-USDT');
      const book = world.publications.findLast(({ key }) => key === 'orderbook:binance:BTC-USDT:1');
      return (JSON.parse(book!.value) as { bids: unknown[] }).bids.length;
    };
    expect(await bidsOf()).toBe(1);
    await send('DELETE', url);
    await spawn('BTC-USDT');
    expect((await get(`${url}/settings`)).json()).toMatchObject({ own });
    await world.deliver('binance:BTC-USDT', [bookSnapshot()]);
    expect(await bidsOf()).toBe(1);
    expect((await send('PUT', `${url}/settings`, {})).json()).toEqual({ own: {}, inForce: all });
    await world.deliver('binance:BTC-USDT', [bookSnapshot()]);
    expect(await bidsOf()).toBe(2);
  });

  it('refuses settings that the node can not keep to', async () => {
    await spawn('BTC-USDT');
    const url = '/v1/instruments/binance/BTC-USDT/settings';
    for (const [body, status, code] of [
      [{ bookIntervalMs: 50 }, 400, 'REQUEST_INVALID'],
      [{ bookDepth: 0 }, 400, 'REQUEST_INVALID'],
      [{ bookResolutions: [1] }, 400, 'REQUEST_INVALID'],
      [{ bookDepth: 1.5 }, 400, 'REQUEST_INVALID'],
    ] as const) {
      const response = await send('PUT', url, body);
      expect([body, response.statusCode, codeOf(response)]).toEqual([body, status, code]);
    }
    const stale = await app.inject({
      method: 'PUT',
      url,
      headers: { host, 'content-type': 'application/json', 'if-match': '"0.0.0"' },
      payload: { bookDepth: 1 },
    });
    expect([stale.statusCode, codeOf(stale)]).toEqual([412, 'CHANGED_MEANWHILE']);
    expect((await get(url)).json()).toMatchObject({ own: {} });
  });

  it('passes the wish for a fresh book on to the exchange', async () => {
    await spawn('XBT-EUR');
    expect((await send('POST', '/v1/instruments/binance/XBT-EUR/resync')).statusCode).toBe(202);
    await until(() => world.resyncs.length > 0);
    expect(world.resyncs).toEqual(['XBT/EUR']);
  });

  it.each([
    ['DELETE', ''],
    ['POST', '/restart'],
    ['POST', '/park'],
    ['POST', '/resync'],
  ] as const)('%s …%s of an instrument that does not run is a 404', async (method, suffix) => {
    const response = await send(method, `/v1/instruments/binance/ETH-USDT${suffix}`);
    expect([response.statusCode, codeOf(response)]).toEqual([404, 'INSTRUMENT_UNKNOWN']);
  });
});
