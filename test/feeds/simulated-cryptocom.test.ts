import { afterEach, describe, expect, test } from 'vitest';
import { createSeededRandom } from '../../src/base/clock.ts';
import { demoSymbols } from '../../src/feeds/simulators/demo-symbols.ts';
import { createSimulatedCryptocom } from '../../src/feeds/simulators/simulated-cryptocom.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { RawClient, TextBook } from './raw-client.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start() {
  const clock = new FakeClock();
  const exchange = await createSimulatedCryptocom({
    symbols: demoSymbols.cryptocom,
    random: createSeededRandom(5),
    clock,
    timers: clock,
    isRunning: false,
  });
  cleanups.push(() => exchange.close());
  const client = await RawClient.open(exchange.endpoints.ws);
  cleanups.push(() => client.close());
  return { clock, exchange, client };
}

type BookData = {
  asks: string[][];
  bids: string[][];
  update?: { asks: string[][]; bids: string[][] };
  u: number;
  pu?: number;
};
type Frame = { id: number; code: number; result?: { channel: string; data: unknown[] } };

const bookOf = (frame: string): BookData => {
  const data = (JSON.parse(frame) as Frame).result?.data[0];
  return data as BookData;
};
const CHANNEL = 'book.BTC_USDT.50';
const SUBSCRIPTION = `"subscription":"${CHANNEL}"`;
const subscribe = (id: number, ...channels: string[]) => ({
  id,
  method: 'subscribe',
  params: { channels, book_subscription_type: 'SNAPSHOT_AND_UPDATE', book_update_frequency: 10 },
  nonce: 1,
});

/** Subscribes the book, lets its second pass and returns the index of its snapshot frame. */
async function subscribeBook(client: RawClient, clock: FakeClock): Promise<number> {
  const from = client.frames.length;
  client.send(subscribe(1, CHANNEL));
  await client.frameWith(`"channel":"${CHANNEL}"`, from);
  await clock.advance(1_000);
  const snapshot = await client.frameWith('"channel":"book",', from);
  return client.frames.indexOf(snapshot);
}

describe('the simulated Crypto.com', () => {
  test('acknowledges books one by one, refuses unknown symbols and depths, and keeps quiet about what is not JSON', async () => {
    const { client } = await start();
    client.send('not json');
    client.send(subscribe(11, 'book.NOPE_USDT.50', 'book.BTC_USDT.7', 'chat.BTC_USDT', CHANNEL));
    await client.frameWith(`"code":0,"channel":"${CHANNEL}"`);
    expect(client.frames.map((frame) => JSON.parse(frame) as unknown)).toEqual([
      { id: 11, method: 'subscribe', code: 40003, channel: 'book.NOPE_USDT.50', message: 'Unknown symbol' },
      { id: 11, method: 'subscribe', code: 40004, channel: 'book.BTC_USDT.7', message: 'Invalid depth' },
      { id: 11, method: 'subscribe', code: 40003, channel: 'chat.BTC_USDT', message: 'Unrecognized channel' },
      { id: 11, method: 'subscribe', code: 0, channel: CHANNEL },
    ]);
    client.send({ method: 'subscribe' });
    expect(await client.frameWith('"ERROR"')).toContain('"original":"{');
  });

  test('snapshot and updates chain by pu, u jumps, and the book is the true one', async () => {
    const { clock, exchange, client } = await start();
    const at = await subscribeBook(client, clock);
    for (let round = 0; round < 30; round++) {
      for (let step = 0; step < 10; step++) exchange.market.step('BTC_USDT');
      await clock.advance(100);
    }
    await client.until(() => client.frames.length >= at + 31);
    const snapshot = bookOf(client.frames[at]!);
    const book = new TextBook();
    book.apply('bids', snapshot.bids);
    book.apply('asks', snapshot.asks);
    let last = snapshot.u;
    for (const frame of client.frames.slice(at + 1)) {
      expect(frame).toContain(SUBSCRIPTION);
      const { update, u, pu } = bookOf(frame);
      expect(pu).toBe(last);
      expect(u - last).toBeGreaterThanOrEqual(10_000);
      book.apply('bids', update!.bids);
      book.apply('asks', update!.asks);
      last = u;
    }
    const truth = exchange.market.bookOf('BTC_USDT', 50);
    expect(book.sorted('bids')).toEqual(truth.bids);
    expect(book.sorted('asks')).toEqual(truth.asks);
  });

  test('a quiet book sends an empty update with u = pu after five seconds', async () => {
    const { clock, client } = await start();
    const at = await subscribeBook(client, clock);
    await clock.advance(5_000);
    const idle = bookOf(await client.frameWith('book.update', at));
    expect(idle.update).toEqual({ asks: [], bids: [] });
    expect([idle.u, idle.pu]).toEqual([bookOf(client.frames[at]!).u, bookOf(client.frames[at]!).u]);
  });

  test('trades begin with fifty old ones under the request id, newest first, then come as they happen', async () => {
    const { exchange, client } = await start();
    const history = exchange.market.tradesOf('ETH_USDT').slice();
    client.send(subscribe(7, 'trade.ETH_USDT'));
    const first = JSON.parse(await client.frameWith('trade.ETH_USDT')) as Frame;
    expect(first.id).toBe(7);
    const ids = (frame: Frame) =>
      (frame.result?.data as { m: string; d: string }[]).map(({ m }) => Number(m));
    expect(ids(first)).toEqual(history.map((trade) => trade.tradeId).reverse());
    while (exchange.market.tradesOf('ETH_USDT').length < 70) exchange.market.step('ETH_USDT');
    const made = exchange.market.tradesOf('ETH_USDT').slice(50);
    await client.until(() => client.frames.at(-1)!.includes(`"m":"${made.at(-1)!.tradeId}"`));
    const live = client.frames.slice(1).map((frame) => JSON.parse(frame) as Frame);
    expect(live.every((frame) => frame.id === -1)).toBe(true);
    expect(live.flatMap((frame) => ids(frame).reverse())).toEqual(made.map((trade) => trade.tradeId));
    exchange.faults.duplicateTrade('ETH_USDT');
    const before = client.frames.length;
    while (exchange.market.tradesOf('ETH_USDT').length < 72) exchange.market.step('ETH_USDT');
    await client.until(() => client.frames.length >= before + 2);
    expect(client.frames[before]).toBe(client.frames[before + 1]);
  });

  test('a dropped update breaks the chain; unsubscribing and subscribing brings a fresh snapshot', async () => {
    const { clock, exchange, client } = await start();
    const at = await subscribeBook(client, clock);
    exchange.faults.dropNextDelta('BTC_USDT');
    for (let round = 0; round < 2; round++) {
      for (let step = 0; step < 20; step++) exchange.market.step('BTC_USDT');
      await clock.advance(100);
    }
    const after = bookOf(await client.frameWith('book.update', at));
    expect(after.pu).not.toBe(bookOf(client.frames[at]!).u);
    client.send({ id: 3, method: 'unsubscribe', params: { channels: [CHANNEL] } });
    await client.frameWith('"unsubscribe","code":0');
    const fresh = bookOf(client.frames[await subscribeBook(client, clock)]!);
    expect(fresh.u).toBe(after.u);
    expect(fresh.bids.map(([price, quantity]) => [price, quantity])).toEqual(
      exchange.market.bookOf('BTC_USDT', 50).bids,
    );
  });

  test('a crossed book is only on the wire', async () => {
    const { clock, exchange, client } = await start();
    const at = await subscribeBook(client, clock);
    exchange.faults.crossedBook('BTC_USDT');
    exchange.market.step('BTC_USDT');
    exchange.market.step('BTC_USDT');
    await clock.advance(100);
    const { update } = bookOf(await client.frameWith('book.update', at));
    const truth = exchange.market.bookOf('BTC_USDT');
    expect(update!.bids.some(([price]) => price === truth.asks[0]![0])).toBe(true);
    expect(truth.bids.some(([price]) => price === truth.asks[0]![0])).toBe(false);
  });

  test('asks for heartbeats and closes with 1000 when two stay without an answer', async () => {
    const { clock, client } = await start();
    await clock.advance(30_000);
    const { id, method } = JSON.parse(await client.frameWith('public/heartbeat')) as {
      id: number;
      method: string;
    };
    expect(method).toBe('public/heartbeat');
    client.send({ id, method: 'public/respond-heartbeat' });
    // A ping goes the same way as the answer, so that the answer has been heard when it comes back.
    await client.ping();
    await clock.advance(60_000);
    expect(client.pingCount).toBeGreaterThan(0);
    await client.until(() => client.frames.filter((frame) => frame.includes('heartbeat')).length === 3);
    await clock.advance(30_000);
    expect(await client.closed).toBe(1000);
  });

  test('silence leaves the connection open and dead, disconnect breaks it, a corrupt frame ends in the middle', async () => {
    const { clock, exchange, client } = await start();
    const at = await subscribeBook(client, clock);
    exchange.faults.silence(10_000);
    client.send(subscribe(9, 'book.ETH_USDT.50'));
    for (let step = 0; step < 20; step++) exchange.market.step('BTC_USDT');
    await clock.advance(9_000);
    expect(client.frames).toHaveLength(at + 1);
    await clock.advance(1_000);
    exchange.faults.corruptFrame();
    for (let step = 0; step < 20; step++) exchange.market.step('BTC_USDT');
    await clock.advance(100);
    await client.until(() => client.frames.length > at + 1);
    const corrupt = client.frames[at + 1]!;
    expect(() => JSON.parse(corrupt) as unknown).toThrow(SyntaxError);
    exchange.faults.disconnect();
    expect(await client.closed).toBe(1006);
  });

  test('a slow snapshot comes later', async () => {
    const { clock, exchange, client } = await start();
    exchange.faults.slowSnapshot(20_000);
    client.send(subscribe(1, CHANNEL));
    await client.frameWith(CHANNEL);
    await clock.advance(20_500);
    await client.ping();
    expect(client.frames.filter((frame) => frame.includes('"result"'))).toEqual([]);
    await clock.advance(500);
    expect(await client.frameWith('"channel":"book",')).toContain(SUBSCRIPTION);
  });

  test('lists its instruments, and refuses requests when told to', async () => {
    const { exchange } = await start();
    const url = `${exchange.endpoints.rest}/public/get-instruments`;
    const listed = (await (await fetch(url)).json()) as { result: { data: Record<string, unknown>[] } };
    expect(listed.result.data[0]).toMatchObject({
      symbol: 'BTC_USDT',
      inst_type: 'CCY_PAIR',
      base_ccy: 'BTC',
      quote_ccy: 'USDT',
      price_tick_size: '0.01',
      qty_tick_size: '0.00001',
      tradable: true,
    });
    exchange.faults.refuseRest({ count: 1, retryAfterSeconds: 4 });
    const refused = await fetch(url);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '4']);
    expect((await fetch(url)).status).toBe(200);
  });
});
