import { afterEach, describe, expect, test } from 'vitest';
import { createSeededRandom } from '../../src/base/clock.ts';
import { demoSymbols } from '../../src/feeds/simulators/demo-symbols.ts';
import { createSimulatedKraken } from '../../src/feeds/simulators/simulated-kraken.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { RawClient, TextBook } from './raw-client.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start() {
  const clock = new FakeClock();
  const exchange = await createSimulatedKraken({
    symbols: demoSymbols.kraken,
    random: createSeededRandom(5),
    clock,
    timers: clock,
    isRunning: false,
  });
  cleanups.push(() => exchange.close());
  const client = await RawClient.open(exchange.endpoints.ws);
  cleanups.push(() => client.close());
  await client.frameWith('"channel":"status"');
  const request = (method: string, channel: string, more: object = {}) =>
    client.send({ method, params: { channel, symbol: ['BTC/USD'], ...more }, req_id: 2 });
  return { clock, exchange, client, request };
}

/** CRC32 bit by bit, as in the textbook. */
function crc32(text: string): number {
  let crc = 0xffffffff;
  for (let index = 0; index < text.length; index++) {
    crc ^= text.charCodeAt(index);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function checksumOf(book: TextBook): number {
  const digits = (side: 'bids' | 'asks') =>
    book
      .sorted(side)
      .slice(0, 10)
      .flat()
      .map((text) => text.replace('.', '').replace(/^0+/, ''))
      .join('');
  return crc32(digits('asks') + digits('bids'));
}

/** Applies a book frame by its text, cuts to the depth, and returns the checksum that it carries. */
function applyFrame(book: TextBook, frame: string, depth: number): number {
  for (const side of ['bids', 'asks'] as const) {
    const levels = new RegExp(`"${side}":\\[(.*?)\\]`).exec(frame)?.[1] ?? '';
    book.apply(
      side,
      [...levels.matchAll(/"price":([0-9.]+),"qty":([0-9.]+)/g)].map(([, price = '', qty = '']) => [
        price,
        qty,
      ]),
    );
  }
  book.cut(depth);
  return Number(/"checksum":(\d+)/.exec(frame)?.[1]);
}

const isBook = (frame: string) => frame.includes('"channel":"book","type":');

describe('the simulated Kraken', () => {
  test('the textbook checksum of the test is right', () => {
    expect(crc32('123456789')).toBe(3421780262);
  });

  test('says status first, acknowledges each symbol alone and refuses what it does not know', async () => {
    const { client } = await start();
    expect(client.frames[0]).toContain('"connection_id":14798778926437777420');
    client.send({
      method: 'subscribe',
      params: { channel: 'book', symbol: ['BTC/USD', 'XXX/YYY'], depth: 10 },
      req_id: 2,
    });
    const acknowledged: unknown = JSON.parse(await client.frameWith('"success":true'));
    expect(acknowledged).toMatchObject({
      method: 'subscribe',
      req_id: 2,
      result: { channel: 'book', symbol: 'BTC/USD', depth: 10, snapshot: true },
    });
    const refused: unknown = JSON.parse(await client.frameWith('XXX/YYY'));
    expect(refused).toMatchObject({
      error: 'Currency pair not supported XXX/YYY',
      req_id: 2,
      success: false,
      symbol: 'XXX/YYY',
    });
    client.send({ method: 'subscribe', params: { channel: 'book', symbol: ['BTC/USD'], depth: 10 } });
    expect(await client.frameWith('Already subscribed')).toContain('"success":false');
    client.send({ method: 'ping', req_id: 42 });
    expect(JSON.parse(await client.frameWith('"pong"'))).toMatchObject({ method: 'pong', req_id: 42 });
  });

  test.each([10, 100])(
    'a book of depth %d is the true one after cutting, with the right checksum after each frame',
    async (depth) => {
      const { clock, exchange, client, request } = await start();
      request('subscribe', 'book', { depth });
      await client.frameWith('"type":"snapshot"');
      for (let round = 0; round < 60; round++) {
        for (let step = 0; step < 10; step++) exchange.market.step('BTC/USD');
        await clock.advance(100);
      }
      await client.until(() => client.frames.filter(isBook).length === 61);
      const book = new TextBook();
      for (const frame of client.frames.filter(isBook)) {
        const carried = applyFrame(book, frame, depth);
        expect(checksumOf(book)).toBe(carried);
      }
      const truth = exchange.market.bookOf('BTC/USD', depth);
      expect(book.sorted('bids')).toEqual(truth.bids);
      expect(book.sorted('asks')).toEqual(truth.asks);
    },
  );

  test('numbers keep their full scale and no delete is sent for a level that was pushed out', async () => {
    const { clock, exchange, client, request } = await start();
    request('subscribe', 'book', { depth: 10 });
    await client.frameWith('"type":"snapshot"');
    let withoutCut = 0;
    for (let round = 0; round < 40; round++) {
      for (let step = 0; step < 20; step++) exchange.market.step('BTC/USD');
      await clock.advance(100);
    }
    await client.until(() => client.frames.filter(isBook).length === 41);
    const uncut = new TextBook();
    for (const frame of client.frames.filter(isBook)) {
      expect(frame).not.toMatch(/"price":\d+[,}]|"price":\d+\.\d{2}|"qty":\d+\.\d{0,7}[,}]/);
      applyFrame(uncut, frame, 1_000_000);
      withoutCut = Math.max(withoutCut, uncut.bids.size, uncut.asks.size);
    }
    expect(withoutCut).toBeGreaterThan(10);
  });

  test('a wrong checksum and a dropped update give themselves away, a crossed book only by its crossing', async () => {
    const { clock, exchange, client, request } = await start();
    request('subscribe', 'book', { depth: 10 });
    await client.frameWith('"type":"snapshot"');
    const book = new TextBook();
    const next = async (): Promise<{ isRight: boolean; isCrossed: boolean }> => {
      const count = client.frames.filter(isBook).length;
      for (let step = 0; step < 20; step++) exchange.market.step('BTC/USD');
      await clock.advance(100);
      await client.until(() => client.frames.filter(isBook).length > count);
      const carried = applyFrame(book, client.frames.filter(isBook).at(-1)!, 10);
      const [bid, ask] = [book.sorted('bids')[0]![0], book.sorted('asks')[0]![0]];
      return { isRight: checksumOf(book) === carried, isCrossed: Number(bid) >= Number(ask) };
    };
    applyFrame(book, client.frames.find(isBook)!, 10);
    expect(await next()).toEqual({ isRight: true, isCrossed: false });
    exchange.faults.wrongChecksum('BTC/USD');
    expect(await next()).toEqual({ isRight: false, isCrossed: false });
    expect(await next()).toEqual({ isRight: true, isCrossed: false });
    exchange.faults.crossedBook('BTC/USD');
    expect(await next()).toEqual({ isRight: true, isCrossed: true });

    request('unsubscribe', 'book', { depth: 10 });
    request('subscribe', 'book', { depth: 10 });
    await client.until(
      () => client.frames.filter((frame) => frame.includes('"snapshot","data"')).length === 2,
    );
    book.bids.clear();
    book.asks.clear();
    expect(applyFrame(book, client.frames.filter(isBook).at(-1)!, 10)).toBe(checksumOf(book));
    exchange.faults.dropNextDelta('BTC/USD');
    for (let step = 0; step < 40; step++) exchange.market.step('BTC/USD');
    await clock.advance(100);
    expect((await next()).isRight).toBe(false);
  });

  test('trades come as numbers at full scale, the last fifty first when asked', async () => {
    const { exchange, client, request } = await start();
    request('subscribe', 'trade', { snapshot: true });
    const history = await client.frameWith('"channel":"trade","type":"snapshot"');
    expect(history.match(/"trade_id":/g)).toHaveLength(50);
    while (exchange.market.tradesOf('BTC/USD').length < 53) exchange.market.step('BTC/USD');
    const made = exchange.market.tradesOf('BTC/USD').at(-1)!;
    const live = await client.frameWith(`"trade_id":${made.tradeId},`);
    expect(live).toContain(`"price":${(made.priceUnits / 10).toFixed(1)},`);
    expect(live).toMatch(/"qty":\d+\.\d{8},/);
    expect(live).toContain(`"side":"${made.takerSide}"`);
  });

  test('heartbeats come in each second without other frames, once something is subscribed', async () => {
    const { clock, client, request } = await start();
    await clock.advance(5_000);
    request('subscribe', 'trade');
    await client.frameWith('"success":true');
    await clock.advance(1_000);
    await clock.advance(3_000);
    await client.until(() => client.frames.filter((frame) => frame.includes('heartbeat')).length >= 3);
    expect(client.frames.filter((frame) => frame.includes('heartbeat')).length).toBe(3);
  });

  test('lists pairs under their old names by REST and their new ones on the socket', async () => {
    const { exchange, client } = await start();
    const answer = await (await fetch(`${exchange.endpoints.rest}/AssetPairs`)).json();
    expect(answer).toMatchObject({
      error: [],
      result: { XBTUSD: { wsname: 'XBT/USD', pair_decimals: 1, lot_decimals: 8, tick_size: '0.1' } },
    });
    client.send({ method: 'subscribe', params: { channel: 'instrument' } });
    expect(await client.frameWith('"channel":"instrument","type":"snapshot"')).toContain(
      '"symbol":"BTC/USD","base":"BTC","quote":"USD","status":"online","qty_precision":8',
    );
  });
});
