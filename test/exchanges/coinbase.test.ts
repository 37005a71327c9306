import { describe, expect, it } from 'vitest';
import type { FeedMessage } from '../../src/exchanges/adapter.ts';
import {
  coinbaseAdvancedAdapter,
  createCoinbaseAdvancedAdapter,
} from '../../src/exchanges/coinbase-advanced.ts';
import { coinbaseExchangeAdapter } from '../../src/exchanges/coinbase-exchange.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';

const NOW_MS = 1_800_000_000_000;
const NO_OPTIONS = { depth: undefined };
const toText = (frame: string | object): string =>
  typeof frame === 'string' ? frame : JSON.stringify(frame);

const decodeExchange = (frame: string | object): readonly FeedMessage[] =>
  coinbaseExchangeAdapter.createDecoder(NO_OPTIONS).decode(toText(frame), NOW_MS);
const decodeAdvanced = (frame: string | object, adapter = coinbaseAdvancedAdapter): readonly FeedMessage[] =>
  adapter.createDecoder(NO_OPTIONS).decode(toText(frame), NOW_MS);

describe('Coinbase Exchange', () => {
  it('reads the whole book, received now where it has no time', () => {
    expect(
      decodeExchange({
        type: 'snapshot',
        product_id: 'BTC-USD',
        bids: [['10101.10', '0.45054140']],
        asks: [['10102.55', '0.57753524']],
      }),
    ).toEqual([
      {
        type: 'book',
        nativeSymbol: 'BTC-USD',
        event: {
          type: 'BookSnapshot',
          scales: { price: 2, quantity: 8 },
          bids: [1010110, 45054140],
          asks: [1010255, 57753524],
          depth: undefined,
          sequence: undefined,
          checksum: undefined,
          eventTimeMs: NOW_MS,
          receiveTimeMs: NOW_MS,
        },
      },
    ]);
  });

  it('leaves a malformed level of a snapshot out without giving up the book', () => {
    expect(
      decodeExchange({
        type: 'snapshot',
        product_id: 'BTC-USD',
        bids: [
          ['1.1', '0.-10000'],
          ['1.0', '2'],
        ],
        asks: [],
      }),
    ).toEqual([
      expect.objectContaining({ type: 'book', event: expect.objectContaining({ bids: [10, 2] }) as unknown }),
      {
        type: 'rejected',
        nativeSymbol: 'BTC-USD',
        reason: 'level is not a pair of decimal numbers: ["1.1","0.-10000"]',
      },
    ]);
  });

  it('sorts changes by side, and takes the receive time for a time of year 1', () => {
    const update = {
      type: 'l2update',
      product_id: 'BTC-USD',
      time: '2026-08-14T20:42:27.265413Z',
      changes: [
        ['buy', '10101.80', '0.162567'],
        ['sell', '10102.55', '0.00000000'],
        ['buy', '10101.9', '0'],
      ],
    };
    expect(decodeExchange(update)).toMatchObject([
      {
        type: 'delta',
        event: {
          scales: { price: 2, quantity: 6 },
          bids: [1010180, 162567, 1010190, 0],
          asks: [1010255, 0],
          eventTimeMs: Date.UTC(2026, 7, 14, 20, 42, 27, 265),
        },
        range: {},
      },
    ]);
    expect(decodeExchange({ ...update, time: '0001-01-01T00:00:00.000000Z' })).toMatchObject([
      { event: { eventTimeMs: NOW_MS } },
    ]);
  });

  it('tells that a change which can not be read damages the book', () => {
    for (const changes of [[['hold', '1', '1']], [['buy', 'x', '1']], [7]]) {
      expect(decodeExchange({ type: 'l2update', product_id: 'BTC-USD', changes })).toContainEqual(
        expect.objectContaining({ type: 'rejected', damagesBook: true }),
      );
    }
    expect(decodeExchange({ type: 'l2update', product_id: 'BTC-USD' })).toMatchObject([
      { type: 'rejected', damagesBook: true },
    ]);
  });

  it('puts the taker on the other side of the maker, and takes the last match for history', () => {
    const match = {
      type: 'match',
      trade_id: 216544,
      side: 'buy',
      size: '0.97133855',
      price: '4.978',
      product_id: 'ETC-GBP',
      sequence: 253395153,
      time: '2026-08-01T00:00:03.816000Z',
    };
    expect(decodeExchange(match)).toEqual([
      {
        type: 'trade',
        nativeSymbol: 'ETC-GBP',
        event: {
          type: 'Trade',
          scales: { price: 3, quantity: 8 },
          price: 4978,
          quantity: 97133855,
          takerSide: 'sell',
          tradeId: '216544',
          isHistory: false,
          eventTimeMs: Date.UTC(2026, 7, 1, 0, 0, 3, 816),
          receiveTimeMs: NOW_MS,
        },
      },
    ]);
    expect(decodeExchange({ ...match, type: 'last_match', side: 'sell' })).toMatchObject([
      { event: { takerSide: 'buy', isHistory: true } },
    ]);
    expect(decodeExchange({ ...match, size: '0.-1' })).toMatchObject([
      { type: 'rejected', nativeSymbol: 'ETC-GBP' },
    ]);
  });

  it('tells acknowledgements under a new name, refusals and heartbeats', () => {
    expect(
      decodeExchange({ type: 'subscriptions', channels: [{ name: 'level2_50', product_ids: ['BTC-USD'] }] }),
    ).toEqual([{ type: 'subscribed', channel: 'level2_50', nativeSymbol: 'BTC-USD' }]);
    expect(
      decodeExchange({
        type: 'error',
        message: 'Failed to subscribe',
        reason: 'NOPE-USD is not a valid product',
      }),
    ).toEqual([
      {
        type: 'refused',
        nativeSymbol: 'NOPE-USD',
        code: 'error',
        message: 'Failed to subscribe: NOPE-USD is not a valid product',
      },
    ]);
    expect(decodeExchange({ type: 'heartbeat', sequence: 1, last_trade_id: 2 })).toEqual([{ type: 'alive' }]);
    for (const frame of ['', '7', '[]', '{}', '{"type":"news"}', '{"type":"match"}', '{"type":"snapshot"}']) {
      expect([frame, decodeExchange(frame)]).toMatchObject([frame, [{ type: 'rejected' }]]);
    }
  });

  it('subscribes the heartbeat with the rest, and leaves it when a channel is left', () => {
    const symbols = [toNativeSymbol('BTC-USD')];
    expect(coinbaseExchangeAdapter.subscribeFrames(symbols, ['book', 'trades'], NO_OPTIONS, NOW_MS)).toEqual([
      '{"type":"subscribe","product_ids":["BTC-USD"],"channels":["level2_batch","matches","heartbeat"]}',
    ]);
    expect(coinbaseExchangeAdapter.unsubscribeFrames(symbols, ['book'], NO_OPTIONS, NOW_MS)).toEqual([
      '{"type":"unsubscribe","product_ids":["BTC-USD"],"channels":["level2_batch"]}',
    ]);
  });

  it('reads the list of products', () => {
    const product = {
      id: 'BTC-USD',
      base_currency: 'BTC',
      quote_currency: 'USD',
      base_increment: '0.00000001',
      quote_increment: '0.01',
      status: 'online',
      trading_disabled: false,
    };
    const listing = {
      nativeSymbol: 'BTC-USD',
      symbol: 'BTC-USD',
      tickSize: '0.01',
      lotSize: '0.00000001',
      isTrading: true,
    };
    expect(
      coinbaseExchangeAdapter.readInstruments(
        JSON.stringify([product, { ...product, trading_disabled: true }]),
      ),
    ).toEqual({ ok: true, listings: [listing, { ...listing, isTrading: false }] });
    expect(coinbaseExchangeAdapter.readInstruments('{"message":"NotFound"}')).toEqual({
      ok: false,
      reason: 'products: NotFound',
    });
  });
});

const ADVANCED_BOOK = {
  channel: 'l2_data',
  client_id: '',
  timestamp: '2026-04-07T14:30:01.456789123Z',
  sequence_num: 1,
  events: [
    {
      type: 'snapshot',
      product_id: 'BTC-USD',
      updates: [
        {
          side: 'bid',
          event_time: '1970-01-01T00:00:00Z',
          price_level: '68900.00',
          new_quantity: '2.00000000',
        },
        {
          side: 'offer',
          event_time: '1970-01-01T00:00:00Z',
          price_level: '68901.00',
          new_quantity: '1.2',
        },
      ],
    },
    {
      type: 'update',
      product_id: 'ETH-USD',
      updates: [
        {
          side: 'offer',
          event_time: '2026-04-07T14:30:01.516789Z',
          price_level: '3300.5',
          new_quantity: '0',
        },
      ],
    },
  ],
};

describe('Coinbase Advanced', () => {
  it('tells the counter of the connection first, then each event to its own book', () => {
    const eventTimeMs = Date.UTC(2026, 3, 7, 14, 30, 1, 456);
    expect(decodeAdvanced(ADVANCED_BOOK)).toEqual([
      { type: 'connectionSequence', sequence: 1 },
      {
        type: 'book',
        nativeSymbol: 'BTC-USD',
        event: {
          type: 'BookSnapshot',
          scales: { price: 0, quantity: 1 },
          bids: [68900, 20],
          asks: [68901, 12],
          depth: undefined,
          sequence: undefined,
          checksum: undefined,
          eventTimeMs,
          receiveTimeMs: NOW_MS,
        },
      },
      {
        type: 'delta',
        nativeSymbol: 'ETH-USD',
        event: {
          type: 'BookDelta',
          scales: { price: 1, quantity: 0 },
          bids: [],
          asks: [33005, 0],
          sequence: undefined,
          checksum: undefined,
          eventTimeMs,
          receiveTimeMs: NOW_MS,
        },
        range: {},
      },
    ]);
    expect(coinbaseAdvancedAdapter.nextConnectionSequence(7)).toBe(8);
  });

  it('counts every frame of the connection, those without market data too', () => {
    for (const channel of ['subscriptions', 'heartbeats', 'candles', 'ticker', 'status']) {
      expect(decodeAdvanced({ channel, sequence_num: 9, events: [{}] })[0]).toEqual({
        type: 'connectionSequence',
        sequence: 9,
      });
    }
  });

  it('turns trades oldest first, those of the first event into history', () => {
    const trade = (trade_id: string, side: string) => ({
      trade_id,
      product_id: 'BTC-USD',
      price: '68900.50',
      size: '0.00150000',
      side,
      time: '2026-04-07T14:30:02.789012Z',
    });
    const frame = (type: string) => ({
      channel: 'market_trades',
      timestamp: '2026-04-07T14:30:03Z',
      sequence_num: 5,
      events: [{ type, trades: [trade('12', 'SELL'), trade('11', 'BUY')] }],
    });
    expect(decodeAdvanced(frame('update')).slice(1)).toMatchObject([
      {
        type: 'trade',
        event: {
          tradeId: '11',
          takerSide: 'sell',
          isHistory: false,
          price: 689005,
          quantity: 15,
          scales: { price: 1, quantity: 4 },
          eventTimeMs: Date.UTC(2026, 3, 7, 14, 30, 2, 789),
        },
      },
      { type: 'trade', event: { tradeId: '12', takerSide: 'buy', isHistory: false } },
    ]);
    expect(decodeAdvanced(frame('snapshot')).slice(1)).toMatchObject([
      { event: { isHistory: true } },
      { event: { isHistory: true } },
    ]);
    const takerSides = createCoinbaseAdvancedAdapter({ tradeSide: 'taker' });
    expect(decodeAdvanced(frame('update'), takerSides).slice(1)).toMatchObject([
      { event: { tradeId: '11', takerSide: 'buy' } },
      { event: { tradeId: '12', takerSide: 'sell' } },
    ]);
  });

  it('tells acknowledgements, refusals, heartbeats and what it can not read', () => {
    expect(
      decodeAdvanced({
        channel: 'subscriptions',
        sequence_num: 0,
        events: [{ subscriptions: { level2: ['BTC-USD'], heartbeats: ['heartbeats'] } }],
      }),
    ).toContainEqual({ type: 'subscribed', channel: 'level2', nativeSymbol: 'BTC-USD' });
    expect(decodeAdvanced({ channel: 'heartbeats', sequence_num: 9, events: [{}] })).toContainEqual({
      type: 'alive',
    });
    expect(decodeAdvanced({ type: 'error', message: 'authentication failure' })).toEqual([
      { type: 'refused', nativeSymbol: undefined, code: 'error', message: 'authentication failure' },
    ]);
    for (const frame of [
      '',
      '7',
      '[]',
      '{}',
      '{"channel":"l2_data"}',
      '{"channel":"l2_data","events":[7]}',
    ]) {
      expect([frame, decodeAdvanced(frame)]).toMatchObject([frame, [{ type: 'rejected' }]]);
    }
  });

  it('tells that a level of an unknown side damages its book', () => {
    const frame = toText(ADVANCED_BOOK).replaceAll('"offer"', '"ask"');
    expect(decodeAdvanced(frame).filter((message) => message.type === 'rejected')).toEqual(
      ['BTC-USD', 'ETH-USD'].map((nativeSymbol) => ({
        type: 'rejected',
        nativeSymbol,
        damagesBook: true,
        reason: 'level of unknown side: "ask"',
      })),
    );
  });

  it('subscribes one channel a message, with the heartbeats', () => {
    expect(
      coinbaseAdvancedAdapter.subscribeFrames(
        [toNativeSymbol('BTC-USD')],
        ['book', 'trades'],
        NO_OPTIONS,
        NOW_MS,
      ),
    ).toEqual([
      '{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}',
      '{"type":"subscribe","product_ids":["BTC-USD"],"channel":"market_trades"}',
      '{"type":"subscribe","channel":"heartbeats"}',
    ]);
  });

  it('lists products by the name that their frames carry: aliases are left out', () => {
    const product = {
      product_id: 'BTC-USD',
      base_currency_id: 'BTC',
      quote_currency_id: 'USD',
      base_increment: '0.00000001',
      quote_increment: '0.01',
      price_increment: '0.01',
      status: 'online',
      trading_disabled: false,
      alias: '',
    };
    const alias = { ...product, product_id: 'BTC-USDC', quote_currency_id: 'USDC', alias: 'BTC-USD' };
    expect(coinbaseAdvancedAdapter.readInstruments(JSON.stringify({ products: [product, alias] }))).toEqual({
      ok: true,
      listings: [
        {
          nativeSymbol: 'BTC-USD',
          symbol: 'BTC-USD',
          tickSize: '0.01',
          lotSize: '0.00000001',
          isTrading: true,
        },
      ],
    });
  });
});
