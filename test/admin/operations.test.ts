import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdminApp } from '../../src/admin/admin-options.ts';
import { createAdminApp } from '../../src/admin/admin-server.ts';
import {
  actorsSchema,
  connectionsSchema,
  deadLetterCountsSchema,
  deadLettersSchema,
  exchangesSchema,
  feedGapsSchema,
  readySchema,
  settingsSchema,
  supervisionEventsSchema,
  symbolsSchema,
} from '../../src/admin/operations-schemas.ts';
import { problemSchema } from '../../src/admin/problems.ts';
import { NOON_MS } from '../support/market-events.ts';
import type { World } from './support.ts';
import { createWorld, until } from './support.ts';

const headers = { host: 'localhost' };
let world: World;
let app: AdminApp;
beforeAll(async () => {
  world = await createWorld();
  app = await createAdminApp(world.options);
  await world.instruments.spawn('binance', 'BTC-USDT');
  await until(() => world.actorStatus('binance:BTC-USDT') === 'running');
  for (const [exchange, reason] of [
    ['binance', 'bad-frame'],
    ['kraken', 'bad-level'],
    ['binance', 'bad-frame'],
  ] as const) {
    const letter = { timeMs: NOON_MS, symbol: undefined, detail: 'why', text: '{"a":"\u0000"}' };
    world.records.recordDeadLetter({ ...letter, exchange, reason });
  }
});
afterAll(async () => {
  await app.close();
  await world.end();
});

const get = (url: string) => app.inject({ url, headers });
const json = async (url: string): Promise<unknown> => (await get(url)).json();

describe('exchanges', () => {
  it('are listed with what runs on them', async () => {
    expect(exchangesSchema.parse(await json('/v1/exchanges')).exchanges).toEqual([
      { exchange: 'binance', instruments: 1 },
    ]);
  });

  it('list symbols by a part of either name, in any case', async () => {
    const symbolsOf = async (query: string) =>
      symbolsSchema
        .parse(await json(`/v1/exchanges/binance/symbols${query}`))
        .symbols.map(({ symbol }) => symbol);
    expect(await symbolsOf('?contains=btc')).toEqual(['BTC-USDT']);
    expect(await symbolsOf('?contains=xbt%2Feur')).toEqual(['XBT-EUR']);
    expect(await symbolsOf('?limit=2')).toEqual(['BTC-USDT', 'ETH-USDT']);
    expect(symbolsSchema.parse(await json('/v1/exchanges/binance/symbols?limit=2')).total).toBe(4);
  });

  it('show their connections', async () => {
    const { connections, budget } = connectionsSchema.parse(await json('/v1/exchanges/binance/connections'));
    expect(budget).toMatchObject({ requestWeight: 250, requestWeightMax: 6_000, refusals: 2 });
    expect(connections[0]?.subscriptions).toEqual(['BTCUSDT', 'ETHUSDT']);
    expect(connections).toMatchObject([{ name: 'market-1', reconnects: 3, lastClosedReason: null }]);
  });

  it.each(['symbols', 'connections'])('that are unknown have no %s', async (part) => {
    const response = await get(`/v1/exchanges/nowhere/${part}`);
    expect([response.statusCode, problemSchema.parse(response.json()).code]).toEqual([
      404,
      'UNKNOWN_EXCHANGE',
    ]);
  });
});

describe('actors', () => {
  it('are the tree of the system, parents first', async () => {
    const { actors, total } = actorsSchema.parse(await json('/v1/actors'));
    expect(total).toBe(world.system.tree().length);
    expect(actors.map(({ path }) => path)).toEqual(world.system.tree().map(({ path }) => path));
    expect(actors).toContainEqual(
      expect.objectContaining({ path: 'shard-0/binance:BTC-USDT', kind: 'persistent', status: 'running' }),
    );
  });

  it('below a path are those of whole names only', async () => {
    const pathsOf = async (path: string) =>
      actorsSchema.parse(await json(`/v1/actors?path=${path}`)).actors.map((actor) => actor.path);
    expect(await pathsOf('exchanges')).toEqual([
      'exchanges',
      'exchanges/binance',
      'exchanges/binance/market-1',
    ]);
    expect(await pathsOf('exchange')).toEqual([]);
  });
});

describe('records', () => {
  it('of supervision come newest first, of one actor where asked', async () => {
    const path = 'shard-0/binance:BTC-USDT';
    const read = async (query: string) =>
      supervisionEventsSchema.parse(await json(`/v1/supervision/events${query}`)).events;
    expect((await read('')).length).toBeGreaterThan(3);
    expect(await read(`?path=${path}&limit=1`)).toMatchObject([
      { path, kind: 'recovered', recoveredPosition: 0 },
    ]);
    expect(await read('?path=shard-0/nobody')).toEqual([]);
  });

  it('of supervision can be asked for by kind and time', async () => {
    const read = async (query: string) =>
      supervisionEventsSchema.parse(await json(`/v1/supervision/events${query}`)).events;
    const kinds = new Set((await read('?kind=recovered')).map(({ kind }) => kind));
    expect([...kinds]).toEqual(['recovered']);
    expect((await read('?kind=started,recovered')).length).toBeGreaterThan(
      (await read('?kind=recovered')).length,
    );
    const [newest] = await read('?limit=1');
    expect(await read(`?since=${newest!.timeMs + 1}`)).toEqual([]);
    expect((await read(`?since=${newest!.timeMs}`)).length).toBeGreaterThan(0);
    for (const query of ['?kind=exploded', '?kind=', '?since=yesterday']) {
      expect(await json(`/v1/supervision/events${query}`)).toMatchObject({ code: 'REQUEST_INVALID' });
    }
  });

  it('of dead letters can be read by exchange and counted', async () => {
    const { deadLetters } = deadLettersSchema.parse(await json('/v1/dead-letters?exchange=binance&limit=1'));
    expect(deadLetters).toEqual([
      {
        timeMs: NOON_MS,
        exchange: 'binance',
        symbol: null,
        reason: 'bad-frame',
        detail: 'why',
        text: '{"a":"\u0000"}',
      },
    ]);
    expect(deadLetterCountsSchema.parse(await json('/v1/dead-letters/counts')).counts).toEqual([
      { exchange: 'binance', reason: 'bad-frame', count: 2 },
      { exchange: 'kraken', reason: 'bad-level', count: 1 },
    ]);
  });
});

describe('gaps', () => {
  it('are read of all exchanges, of one, or of one instrument', async () => {
    for (const [exchange, symbol] of [
      ['binance', 'BTC-USDT'],
      ['binance', 'ETH-USDT'],
      ['kraken', 'BTC-USD'],
    ] as const) {
      world.records.recordFeedGap({
        exchange,
        instrument: `${exchange}:${symbol}`,
        channel: 'book',
        fromMs: NOON_MS,
        toMs: NOON_MS + 800,
        reason: 'disconnected: reset',
        repair: 'snapshot',
        tradesRefetched: 0,
      });
    }
    const symbolsOf = async (query: string) =>
      feedGapsSchema.parse(await json(`/v1/gaps${query}`)).gaps.map(({ symbol }) => symbol);
    expect(await symbolsOf('')).toEqual(['BTC-USD', 'ETH-USDT', 'BTC-USDT']);
    expect(await symbolsOf('?exchange=binance&limit=1')).toEqual(['ETH-USDT']);
    expect(await symbolsOf('?exchange=binance&symbol=BTC-USDT')).toEqual(['BTC-USDT']);
    const lines = (await get('/metrics')).body.split('\n');
    expect(lines).toContain(
      'tampines_feed_gaps_total{exchange="binance",channel="book",cause="disconnected",repair="snapshot"} 2',
    );
  });

  it('of a symbol need the exchange too', async () => {
    const response = await get('/v1/gaps?symbol=BTC-USDT');
    expect(response.statusCode).toBe(400);
    expect(problemSchema.parse(response.json()).code).toBe('REQUEST_INVALID');
  });
});

it('settings are shown as they are handed in', async () => {
  expect(settingsSchema.parse(await json('/v1/settings')).settings).toEqual([
    { name: 'admin.port', value: 0, origin: 'flag' },
  ]);
});

describe('readiness', () => {
  it('is the list of what is there', async () => {
    expect(readySchema.parse(await json('/health/ready')).checks).toHaveLength(1);
  });

  it('names what is missing', async () => {
    const unready = await createAdminApp({
      ...world.options,
      readiness: () =>
        Promise.resolve([
          { name: 'postgres', isReady: true, detail: 'answers' },
          { name: 'redis', isReady: false, detail: 'connection refused' },
        ]),
    });
    const response = await unready.inject({ url: '/health/ready', headers });
    expect(response.statusCode).toBe(503);
    const problem = problemSchema.parse(response.json());
    expect(problem).toMatchObject({ code: 'SERVICE_UNAVAILABLE', fields: { redis: 'connection refused' } });
    expect(problem.detail).not.toContain('postgres');
    await unready.close();
  });
});
