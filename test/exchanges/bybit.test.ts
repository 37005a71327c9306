import { describe, expect, it } from 'vitest';
import type { FeedMessage } from '../../src/exchanges/adapter.ts';
import { bybitLinearAdapter, bybitSpotAdapter, createBybitAdapter } from '../../src/exchanges/bybit.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';

const NOW_MS = 1_800_000_000_000;
const decode = (frame: string | object): readonly FeedMessage[] =>
  bybitSpotAdapter
    .createDecoder({ depth: undefined })
    .decode(typeof frame === 'string' ? frame : JSON.stringify(frame), NOW_MS);

const book = (type: string, u: number, fields: object = {}) => ({
  topic: 'orderbook.50.BTCUSDT',
  type,
  ts: 1672304484978,
  data: {
    s: 'BTCUSDT',
    b: [['16493.50', '0.006']],
    a: [['16611.00', '0']],
    u,
    seq: 7961638724,
  },
  cts: 1672304484976,
  ...fields,
});

describe('the book of Bybit', () => {
  it('starts with a snapshot, stamped by the matching engine', () => {
    expect(decode(book('snapshot', 18521288))).toEqual([
      {
        type: 'book',
        nativeSymbol: 'BTCUSDT',
        event: {
          type: 'BookSnapshot',
          scales: { price: 1, quantity: 3 },
          bids: [164935, 6],
          asks: [166110, 0],
          depth: undefined,
          sequence: 18521288,
          checksum: undefined,
          eventTimeMs: 1672304484976,
          receiveTimeMs: NOW_MS,
        },
      },
    ]);
    expect(decode(book('snapshot', 2, { cts: undefined }))).toMatchObject([
      { event: { eventTimeMs: 1672304484978 } },
    ]);
    expect(decode(book('snapshot', 2, { cts: undefined, ts: '1672304484999' }))).toMatchObject([
      { event: { eventTimeMs: 1672304484999 } },
    ]);
  });

  it('goes on with deltas, and starts anew with u 1 whatever the message calls itself', () => {
    expect(decode(book('delta', 7))).toMatchObject([
      { type: 'delta', event: { type: 'BookDelta', sequence: 7 }, range: { last: 7 } },
    ]);
    expect(decode(book('delta', 1))).toMatchObject([
      { type: 'book', event: { type: 'BookSnapshot', sequence: 1 } },
    ]);
  });

  it('takes a jump for a loss, unless the switch is off', () => {
    const verdict = (last: number, isStepChecked = true) =>
      createBybitAdapter('spot', { isStepChecked }).continuity(5000, { last }, false).verdict;
    expect(verdict(5001)).toBe('apply');
    expect(verdict(5002)).toBe('gap');
    expect(verdict(5002, false)).toBe('apply');
    expect(verdict(5000)).toBe('ignore');
    expect(verdict(4000)).toBe('ignore');
  });

  it('takes a counter that fell far for a restart whose snapshot was lost', () => {
    expect(bybitSpotAdapter.continuity(5000, { last: 3999 }, false)).toEqual({
      verdict: 'gap',
      expected: 5001,
      was: 3999,
    });
  });

  it('is damaged by a message that can not be read', () => {
    expect(decode(book('delta', 7, { data: { s: 'BTCUSDT', b: [], a: [] } }))).toMatchObject([
      { type: 'rejected', nativeSymbol: 'BTCUSDT', damagesBook: true },
    ]);
    expect(decode(book('refresh', 7))).toMatchObject([{ type: 'rejected', damagesBook: true }]);
  });
});

describe('Bybit', () => {
  it('reads trades as live though they are called a snapshot, and leaves block trades out', () => {
    const fill = { T: 1785088800398, s: 'BTCUSDT', S: 'Buy', v: '0.025', p: '118000.10', i: '9dc75fca' };
    const frame = {
      topic: 'publicTrade.BTCUSDT',
      type: 'snapshot',
      ts: 1785088800400,
      data: [
        { ...fill, BT: false },
        { ...fill, BT: true, i: 'block' },
        { ...fill, S: 'Sell', i: '2290000000068683805' },
      ],
    };
    expect(decode(frame)).toMatchObject([
      {
        type: 'trade',
        nativeSymbol: 'BTCUSDT',
        event: {
          scales: { price: 1, quantity: 3 },
          price: 1180001,
          quantity: 25,
          takerSide: 'buy',
          tradeId: '9dc75fca',
          isHistory: false,
          eventTimeMs: 1785088800398,
        },
      },
      { type: 'trade', event: { takerSide: 'sell', tradeId: '2290000000068683805' } },
    ]);
  });

  it('tells acknowledgements, refusals and both shapes of pong apart', () => {
    expect(decode({ success: true, ret_msg: '', conn_id: 'c', req_id: 'a1', op: 'subscribe' })).toEqual([
      { type: 'subscribed', channel: 'unknown', nativeSymbol: undefined },
    ]);
    expect(
      decode({
        success: false,
        ret_msg: 'error:handler not found,topic:orderbook.50.NOPEUSDT',
        op: 'subscribe',
      }),
    ).toEqual([
      {
        type: 'refused',
        nativeSymbol: 'NOPEUSDT',
        code: 'subscribe',
        message: 'error:handler not found,topic:orderbook.50.NOPEUSDT',
      },
    ]);
    expect(decode({ success: true, ret_msg: 'pong', op: 'ping' })).toEqual([{ type: 'alive' }]);
    expect(decode({ op: 'pong', args: ['1672916271846'] })).toEqual([{ type: 'alive' }]);
  });

  it('leaves other topics alone and rejects what it can not read', () => {
    expect(decode({ topic: 'tickers.BTCUSDT', type: 'snapshot', data: {} })).toEqual([]);
    for (const frame of ['', 'pong', '7', '[]', '{}', '{"topic":"publicTrade.X","data":7}']) {
      expect([frame, decode(frame)]).toMatchObject([frame, [{ type: 'rejected' }]]);
    }
    expect(decode('{"topic":"publicTrade.X","data":[{"s":"X"},7]}')).toMatchObject([
      { type: 'rejected' },
      { type: 'rejected' },
    ]);
  });

  it('puts ten topics into a frame, at a depth on offer', () => {
    const symbols = Array.from({ length: 6 }, (_, index) => toNativeSymbol(`S${index}USDT`));
    const topics = (depth: number | undefined) =>
      bybitLinearAdapter
        .subscribeFrames(symbols, ['book', 'trades'], { depth }, NOW_MS)
        .map((frame) => (JSON.parse(frame) as { args: string[] }).args);
    expect(topics(undefined).map((args) => args.length)).toEqual([10, 2]);
    expect(topics(undefined)[1]).toEqual(['orderbook.200.S5USDT', 'publicTrade.S5USDT']);
    expect([1, 2, 51, 999, 5000].map((depth) => topics(depth)[1]![0])).toEqual([
      'orderbook.1.S5USDT',
      'orderbook.50.S5USDT',
      'orderbook.200.S5USDT',
      'orderbook.1000.S5USDT',
      'orderbook.1000.S5USDT',
    ]);
  });

  it('is two exchanges with the same names of symbols', () => {
    expect([bybitSpotAdapter.exchange, bybitLinearAdapter.exchange]).toEqual(['bybit-spot', 'bybit-linear']);
    expect(bybitLinearAdapter.defaultEndpoints.ws).toBe('wss://stream.bybit.com/v5/public/linear');
    const body = (row: object) =>
      JSON.stringify({
        retCode: 0,
        retMsg: 'OK',
        result: {
          list: [
            {
              symbol: 'BTCUSDT',
              baseCoin: 'BTC',
              quoteCoin: 'USDT',
              status: 'Trading',
              priceFilter: { tickSize: '0.1' },
              lotSizeFilter: { basePrecision: '0.000001', qtyStep: '0.001' },
              ...row,
            },
          ],
        },
      });
    const listing = { nativeSymbol: 'BTCUSDT', tickSize: '0.1', isTrading: true };
    expect(bybitSpotAdapter.readInstruments(body({}))).toEqual({
      ok: true,
      listings: [{ ...listing, symbol: 'BTC-USDT', lotSize: '0.000001' }],
    });
    expect(bybitLinearAdapter.readInstruments(body({ contractType: 'LinearPerpetual' }))).toEqual({
      ok: true,
      listings: [{ ...listing, symbol: 'BTC-USDT-PERP', lotSize: '0.001' }],
    });
    const future = { contractType: 'LinearFutures', deliveryTime: `${Date.UTC(2026, 11, 25, 8)}` };
    expect(bybitLinearAdapter.readInstruments(body(future))).toMatchObject({
      listings: [{ symbol: 'BTC-USDT-261225' }],
    });
    expect(bybitLinearAdapter.readInstruments('{"retCode":10001,"retMsg":"no","result":{}}')).toEqual({
      ok: false,
      reason: 'instruments-info: no',
    });
  });
});
