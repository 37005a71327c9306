import { afterEach, describe, expect, test } from 'vitest';
import { createSeededRandom } from '../../src/base/clock.ts';
import { demoSymbols } from '../../src/feeds/simulators/demo-symbols.ts';
import type { SimulatedBinanceOptions } from '../../src/feeds/simulators/simulated-binance.ts';
import { createSimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { RawClient, TextBook } from './raw-client.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(options: Partial<SimulatedBinanceOptions> = {}) {
  const clock = new FakeClock();
  const exchange = await createSimulatedBinance({
    symbols: demoSymbols.binance,
    random: createSeededRandom(5),
    clock,
    timers: clock,
    isRunning: false,
    ...options,
  });
  cleanups.push(() => exchange.close());
  const connect = async (path: string, clientOptions = {}) => {
    const client = await RawClient.open(exchange.endpoints.ws + path, clientOptions);
    cleanups.push(() => client.close());
    return client;
  };
  const rounds = async (count: number) => {
    for (let round = 0; round < count; round++) {
      for (let step = 0; step < 10; step++) exchange.market.step('BTCUSDT');
      await clock.advance(100);
    }
  };
  const depth = async (limit = 1000) => {
    const response = await fetch(`${exchange.endpoints.rest}/api/v3/depth?symbol=BTCUSDT&limit=${limit}`);
    return (await response.json()) as { lastUpdateId: number; bids: string[][]; asks: string[][] };
  };
  return { clock, exchange, connect, rounds, depth };
}

type DepthEvent = { e: string; U: number; u: number; b: string[][]; a: string[][] };
const depthsOf = (client: RawClient): DepthEvent[] =>
  client.frames
    .map((frame) => (JSON.parse(frame) as { data?: DepthEvent }).data)
    .filter((data): data is DepthEvent => data?.e === 'depthUpdate');

const shown = (levels: readonly (readonly [string, string])[]) =>
  levels.map(([price, quantity]) => [
    price.padEnd(price.indexOf('.') + 9, '0'),
    quantity.padEnd(quantity.indexOf('.') + 9, '0'),
  ]);

describe('the simulated Binance', () => {
  test('acknowledges any stream name, lists them, and answers what is wrong', async () => {
    const { connect } = await start();
    const client = await connect('/stream');
    client.send({ method: 'SUBSCRIBE', params: ['btcusdt@depth@100ms', 'nopeusdt@trade'], id: 1 });
    expect(await client.frameWith('"id":1')).toBe('{"result":null,"id":1}');
    client.send({ method: 'UNSUBSCRIBE', params: ['nopeusdt@trade'], id: 2 });
    client.send({ method: 'LIST_SUBSCRIPTIONS', id: 3 });
    expect(await client.frameWith('"id":3')).toBe('{"result":["btcusdt@depth@100ms"],"id":3}');
    client.send({ method: 'DANCE', id: 4 });
    expect(await client.frameWith('"id":4')).toContain('"code":2');
    client.send('{');
    expect(await client.frameWith('"code":3')).toContain('Invalid JSON');
  });

  test('events chain by U = u + 1 and, with the REST book aligned by the documented steps, give the true book', async () => {
    const { exchange, connect, rounds, depth } = await start();
    const client = await connect('/stream?streams=btcusdt@depth@100ms');
    await rounds(10);
    await client.until(() => depthsOf(client).length === 10);
    const snapshot = await depth();
    await rounds(10);
    await client.until(() => depthsOf(client).length === 20);
    const events = depthsOf(client);
    // The REST book lags: part of what came before it is newer than it.
    expect(snapshot.lastUpdateId).toBeLessThan(events[9]!.u);
    expect(snapshot.lastUpdateId).toBeGreaterThanOrEqual(events[0]!.U);
    for (const [index, event] of events.entries()) {
      if (index > 0) expect(event.U).toBe(events[index - 1]!.u + 1);
    }
    const left = events.filter((event) => event.u > snapshot.lastUpdateId);
    expect(left[0]!.U).toBeLessThanOrEqual(snapshot.lastUpdateId + 1);
    const book = new TextBook();
    book.apply('bids', snapshot.bids);
    book.apply('asks', snapshot.asks);
    for (const { b, a } of left) {
      book.apply('bids', b);
      book.apply('asks', a);
    }
    const truth = exchange.market.bookOf('BTCUSDT');
    expect(book.sorted('bids')).toEqual(shown(truth.bids));
    expect(book.sorted('asks')).toEqual(shown(truth.asks));
    expect(left.at(-1)!.u).toBe(truth.updateId);
  });

  test('right after connecting the REST book may be older than the first event', async () => {
    const { connect, rounds, depth } = await start({ restLagMs: 1_000 });
    await rounds(3);
    const client = await connect('/stream?streams=btcusdt@depth');
    await rounds(1);
    await client.until(() => depthsOf(client).length === 1);
    expect((await depth()).lastUpdateId).toBeLessThan(depthsOf(client)[0]!.U);
    await rounds(10);
    expect((await depth()).lastUpdateId).toBeGreaterThan(depthsOf(client)[0]!.U);
  });

  test('a dropped event leaves a hole in the chain, a crossed one a bid at the best ask', async () => {
    const { exchange, connect, rounds } = await start();
    const client = await connect('/stream?streams=btcusdt@depth@100ms');
    await rounds(1);
    exchange.faults.dropNextDelta('BTCUSDT');
    await rounds(2);
    await client.until(() => depthsOf(client).length === 2);
    const [before, after] = depthsOf(client);
    expect(after!.U).toBeGreaterThan(before!.u + 1);
    exchange.faults.crossedBook('BTCUSDT');
    await rounds(1);
    await client.until(() => depthsOf(client).length === 3);
    const bestAsk = shown(exchange.market.bookOf('BTCUSDT', 1).asks)[0]![0];
    expect(depthsOf(client)[2]!.b.some(([price]) => price === bestAsk)).toBe(true);
  });

  test('trades have ids that count by one, the maker flag, and no wrapper on a raw stream', async () => {
    const { exchange, connect } = await start();
    const client = await connect('/ws/btcusdt@trade');
    while (exchange.market.tradesOf('BTCUSDT').length < 60) exchange.market.step('BTCUSDT');
    const made = exchange.market.tradesOf('BTCUSDT').slice(50);
    await client.until(() => client.frames.length >= made.length);
    const seen = client.frames.map(
      (frame) => JSON.parse(frame) as { t: number; m: boolean; e: string; p: string },
    );
    expect(seen.map(({ e, t, m }) => [e, t, m])).toEqual(
      made.map(({ tradeId, takerSide }) => ['trade', tradeId, takerSide === 'sell']),
    );
    expect(seen[0]!.p).toMatch(/^\d+\.\d{8}$/);
    const url = `${exchange.endpoints.rest}/api/v3/historicalTrades?symbol=BTCUSDT&fromId=${made[2]!.tradeId}`;
    const past = (await (await fetch(url)).json()) as { id: number }[];
    expect(past.map(({ id }) => id)).toEqual(made.slice(2).map(({ tradeId }) => tradeId));
  });

  test('weights are counted and too many are refused with 429, then 418', async () => {
    const { exchange, depth, clock } = await start({ weightLimit: 100 });
    const url = `${exchange.endpoints.rest}/api/v3/depth?symbol=BTCUSDT&limit=1000`;
    expect((await fetch(url)).headers.get('x-mbx-used-weight-1m')).toBe('50');
    expect((await fetch(url)).status).toBe(200);
    const refused = await fetch(url);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '60']);
    let status = 429;
    for (let count = 0; count < 40 && status === 429; count++) status = (await fetch(url)).status;
    expect(status).toBe(418);
    await clock.advance(180_000);
    expect((await depth()).lastUpdateId).toBeGreaterThan(0);
    expect(await (await fetch(url.replace('BTC', 'NOPE'))).json()).toEqual({
      code: -1121,
      msg: 'Invalid symbol.',
    });
  });

  test('the list of symbols has tick and lot sizes', async () => {
    const { exchange } = await start();
    const info: unknown = await (await fetch(`${exchange.endpoints.rest}/api/v3/exchangeInfo`)).json();
    expect(info).toMatchObject({
      symbols: [
        {
          symbol: 'BTCUSDT',
          status: 'TRADING',
          baseAsset: 'BTC',
          quoteAsset: 'USDT',
          filters: [
            { filterType: 'PRICE_FILTER', tickSize: '0.01000000' },
            { filterType: 'LOT_SIZE', stepSize: '0.00001000' },
          ],
        },
        { symbol: 'ETHUSDT' },
        { symbol: 'SOLUSDT' },
        { symbol: 'XRPUSDT' },
      ],
    });
  });

  test('pings, and cuts a client that never answers', async () => {
    const { clock, connect } = await start();
    const alive = await connect('/stream');
    const mute = await connect('/stream', { autoPong: false });
    for (let pings = 1; pings <= 3; pings++) {
      await clock.advance(20_000);
      await alive.until(() => alive.pingCount === pings);
      // Its own ping comes back after the server has read the pong before it.
      await alive.ping();
    }
    await clock.advance(20_000);
    expect(await mute.closed).toBe(1006);
    await alive.ping();
  });

  test('more than five messages within a second close the connection, and so does its age', async () => {
    const { clock, connect } = await start({ connectionLifeMs: 60_000 });
    const noisy = await connect('/stream');
    for (let id = 1; id <= 6; id++) noisy.send({ method: 'LIST_SUBSCRIPTIONS', id });
    expect(await noisy.closed).toBe(1008);
    const old = await connect('/stream');
    await clock.advance(60_000);
    expect(await old.closed).toBe(1001);
  });

  test('says serverShutdown before it closes', async () => {
    const { clock, exchange, connect } = await start();
    const client = await connect('/stream');
    exchange.faults.shutDown(5_000);
    expect(await client.frameWith('serverShutdown')).toContain('"stream":"!serverShutdown"');
    await clock.advance(5_000);
    expect(await client.closed).toBe(1001);
  });
});
