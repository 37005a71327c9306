import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CandleRow } from '../../src/actors/ports.ts';
import type { AdminApp } from '../../src/admin/admin-options.ts';
import { createAdminApp } from '../../src/admin/admin-server.ts';
import { bookSchema, candlesSchema, tickerSchema, tradesSchema } from '../../src/admin/market-schemas.ts';
import { problemSchema } from '../../src/admin/problems.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import {
  NOON_MS,
  bookSnapshot,
  feedStatus,
  heartbeat,
  instrument,
  timesAt,
  trade,
} from '../support/market-events.ts';
import type { World } from './support.ts';
import { createWorld } from './support.ts';

const key = 'binance:BTC-USDT' as InstrumentKey;
const base = '/v1/instruments/binance/BTC-USDT';
const MINUTE_MS = 60_000;
let world: World;
let app: AdminApp;

beforeEach(async () => {
  world = await createWorld();
  app = await createAdminApp(world.options);
  await world.instruments.spawn('binance', 'BTC-USDT');
});
afterEach(async () => {
  await app.close();
  await world.end();
});

const get = (path: string) => app.inject({ url: `${base}${path}`, headers: { host: '127.0.0.1' } });
const toObject = (text: string) => JSON.parse(text) as Record<string, unknown>;
const published = (redisKey: string, kind = 'latest') =>
  world.publications.filter((one) => one.key === redisKey && one.kind === kind).map(({ value }) => value);

describe('book', () => {
  it('is the published text, byte for byte', async () => {
    await world.deliver(key, [instrument({ tickSize: '0.01' }), bookSnapshot()]);
    await world.publishAll(key);
    for (const resolution of [1, 10]) {
      const response = await get(`/book?resolution=${resolution}`);
      expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
      expect(response.body).toBe(published(`orderbook:${key}:${resolution}`).at(-1));
      expect(bookSchema.parse(response.json())).toMatchObject({ status: 'live', resolution });
    }
  });

  it('groups to any resolution and cuts to the depth', async () => {
    await world.deliver(key, [
      instrument({ tickSize: '0.01' }),
      bookSnapshot({ bids: [10_009, 1, 10_001, 2, 9_999, 3], asks: [10_011, 4, 10_019, 5, 10_021, 6] }),
    ]);
    const book = bookSchema.parse((await get('/book?resolution=10&depth=1')).json());
    expect(book.bids).toEqual([['100', '0.003']]);
    expect(book.asks).toEqual([['100.2', '0.009']]);
  });

  it('of an instrument that saw nothing is empty', async () => {
    const book = bookSchema.parse((await get('/book')).json());
    expect(book).toMatchObject({ status: 'empty', bids: [], asks: [], eventTimeMs: null, seq: 0 });
  });

  it('that may be wrong says so and why', async () => {
    await world.deliver(key, [bookSnapshot(), feedStatus({ reason: 'sequence gap "x"' })]);
    const book = bookSchema.parse((await get('/book')).json());
    expect(book).toMatchObject({ status: 'stale', reason: 'sequence gap "x"' });
  });

  it('keeps every digit of numbers beyond 2^53', async () => {
    await world.deliver(key, [
      bookSnapshot({ bids: [9_007_199_254_740_993n, 123_456_789_012_345_678_901n], asks: [] }),
    ]);
    expect((await get('/book')).json()).toMatchObject({
      bids: [['90071992547409.93', '123456789012345678.901']],
    });
  });

  it.each(['resolution=0', 'resolution=1.5', 'resolution=x', 'depth=0', 'depth=501', 'dept=5'])(
    'refuses %s',
    async (query) => {
      const response = await get(`/book?${query}`);
      expect(response.statusCode).toBe(400);
      const problem = problemSchema.parse(response.json());
      expect(problem.code).toBe('REQUEST_INVALID');
      expect(Object.keys(problem.fields)[0]).toMatch(/^querystring/);
    },
  );
});

describe('ticker', () => {
  it('is the published text, byte for byte', async () => {
    await world.deliver(key, [
      trade({ tradeId: '1', price: 10_000 }),
      trade({ tradeId: '2', price: 10_100, quantity: 3 }),
    ]);
    await world.publishAll(key);
    const response = await get('/ticker');
    expect(response.body).toBe(published(`ticker:${key}`).at(-1));
    expect(tickerSchema.parse(response.json())).toMatchObject({
      open: '100',
      last: '101',
      changePercent: '1',
      volume: '0.005',
      quoteVolume: '0.503',
      tradeCount: 2,
    });
  });

  it('without any trade has no prices', async () => {
    expect(tickerSchema.parse((await get('/ticker')).json())).toMatchObject({
      open: null,
      last: null,
      vwap: null,
      volume: '0',
      tradeCount: 0,
    });
  });
});

describe('candles', () => {
  const at = (atMs: number, fields: Parameters<typeof trade>[0] = {}) =>
    trade({ ...timesAt(atMs), tradeId: String(atMs), ...fields });
  const openTimes = (response: { json: () => unknown }) =>
    candlesSchema.parse(response.json()).candles.map(({ openTimeMs }) => openTimeMs - NOON_MS);

  it('are the closed ones, as published when they closed, and the open one', async () => {
    await world.deliver(key, [
      at(NOON_MS, { price: 10_000, quantity: 3 }),
      at(NOON_MS + 10_000, { price: 10_001, quantity: 4, takerSide: 'sell' }),
      at(NOON_MS + 90_000, { price: 10_200 }),
    ]);
    await world.publishAll(key);
    const { candles } = candlesSchema.parse((await get('/candles?interval=1m')).json());
    expect(candles).toMatchObject([
      { openTimeMs: NOON_MS, closeTimeMs: NOON_MS + 59_999, isClosed: true, open: '100', close: '100.01' },
      { openTimeMs: NOON_MS + MINUTE_MS, isClosed: false, open: '102' },
    ]);
    // The times in the head of a closed candle are of the entry that closed it, which the tables don't keep.
    const closed = toObject(published(`candle:${key}:1m`, 'closedCandle')[0]!);
    delete closed['eventTimeMs'];
    delete closed['receiveTimeMs'];
    expect(candles[0]).toMatchObject(closed);
    expect(candles[1]).toEqual(toObject(published(`candle:${key}:1m`).at(-1)!));
  });

  it('that ended but may still get trades in time stand before the open one', async () => {
    await world.deliver(key, [at(NOON_MS), at(NOON_MS + MINUTE_MS + 500)]);
    const { candles } = candlesSchema.parse((await get('/candles?interval=1m')).json());
    expect(candles).toMatchObject([
      { openTimeMs: NOON_MS, isClosed: false },
      { openTimeMs: NOON_MS + MINUTE_MS, isClosed: false },
    ]);
  });

  it('without times are the newest that fit the limit', async () => {
    await world.deliver(key, [at(NOON_MS), heartbeat(NOON_MS + 10 * MINUTE_MS)]);
    await world.deliver(key, [at(NOON_MS + 10 * MINUTE_MS + 1)]);
    expect(openTimes(await get('/candles?limit=3'))).toEqual([8, 9, 10].map((count) => count * MINUTE_MS));
  });

  it('between times are those that open there, the open one only where it is asked for', async () => {
    await world.deliver(key, [at(NOON_MS), at(NOON_MS + 3 * MINUTE_MS + 5_000)]);
    const read = async (from: number, to: number, limit = 10) =>
      openTimes(
        await get(
          `/candles?interval=1m&from=${NOON_MS + from * MINUTE_MS}&to=${NOON_MS + to * MINUTE_MS}&limit=${limit}`,
        ),
      ).map((offsetMs) => offsetMs / MINUTE_MS);
    expect(await read(0, 3)).toEqual([0, 1, 2]);
    expect(await read(1, 4)).toEqual([1, 2, 3]);
    expect(await read(0, 4, 2)).toEqual([0, 1]);
    expect(await read(5, 6)).toEqual([]);
  });

  it('of an empty interval have no average price', async () => {
    await world.deliver(key, [at(NOON_MS), at(NOON_MS + 3 * MINUTE_MS)]);
    const { candles } = candlesSchema.parse((await get('/candles?interval=1m')).json());
    expect(candles[1]).toMatchObject({ isEmpty: true, vwap: null, tradeCount: 0, close: '100.05' });
  });

  it('that are stored without prices stay without', async () => {
    const row: CandleRow = {
      instrument: key,
      interval: '1h',
      openTimeMs: NOON_MS - (NOON_MS % 3_600_000),
      revision: 2,
      open: undefined,
      high: undefined,
      low: undefined,
      close: undefined,
      volume: '0',
      quoteVolume: '0',
      takerBuyVolume: '0',
      tradeCount: 0,
    };
    await world.tables.write({ trades: [], candles: [row] });
    const { candles } = candlesSchema.parse((await get('/candles?interval=1h')).json());
    expect(candles).toMatchObject([{ open: null, close: null, isEmpty: true, isClosed: true, revision: 2 }]);
  });

  it.each(['interval=7m', 'interval=', 'from=-1', 'to=1e99', 'limit=1001', 'limit=1&limit=2'])(
    'refuses %s',
    async (query) => {
      const response = await get(`/candles?${query}`);
      expect([response.statusCode, problemSchema.parse(response.json()).code]).toEqual([
        400,
        'REQUEST_INVALID',
      ]);
    },
  );

  it.each(['1M', '1d', '1w'])('of %s at the edges of time are none', async (interval) => {
    for (const query of ['to=0', 'from=0&to=8640000000000000', 'from=8640000000000000', 'to=1']) {
      const response = await get(`/candles?interval=${interval}&${query}`);
      expect(candlesSchema.parse(response.json()).candles).toEqual([]);
    }
  });
});

describe('trades', () => {
  it('are those of the last minute of event time, oldest first', async () => {
    await world.deliver(key, [
      trade({ ...timesAt(NOON_MS - 61_000), tradeId: 'old' }),
      trade({ ...timesAt(NOON_MS - 1_000), tradeId: '9007199254740993', takerSide: 'sell' }),
      trade({ tradeId: 'new', price: 9_007_199_254_740_993n }),
    ]);
    const { trades, ...instrumentOf } = tradesSchema.parse((await get('/trades')).json());
    expect(instrumentOf).toEqual({ exchange: 'binance', symbol: 'BTC-USDT' });
    expect(trades).toMatchObject([
      { tradeId: '9007199254740993', takerSide: 'sell', price: '100.05', isHistory: false },
      { tradeId: 'new', price: '90071992547409.93' },
    ]);
  });

  it('between times are bounded by the limit', async () => {
    await world.deliver(
      key,
      [0, 1, 2, 3].map((count) => trade({ ...timesAt(NOON_MS + count), tradeId: String(count) })),
    );
    const response = await get(`/trades?from=${NOON_MS + 1}&to=${NOON_MS + 4}&limit=2`);
    expect(tradesSchema.parse(response.json()).trades.map(({ tradeId }) => tradeId)).toEqual(['1', '2']);
  });
});

it.each(['book', 'ticker', 'candles', 'trades'])(
  '%s of an instrument that does not run is a 404',
  async (part) => {
    const response = await app.inject({
      url: `/v1/instruments/binance/ETH-USDT/${part}`,
      headers: { host: 'localhost' },
    });
    expect([response.statusCode, problemSchema.parse(response.json()).code]).toEqual([
      404,
      'INSTRUMENT_UNKNOWN',
    ]);
  },
);
