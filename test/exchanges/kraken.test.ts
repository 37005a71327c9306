import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ChecksumInput } from '../../src/market/checksum-input.ts';
import { ScaleMemory } from '../../src/market/scale-memory.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';
import type { FeedMessage } from '../../src/exchanges/adapter.ts';
import { krakenChecksum } from '../../src/exchanges/kraken-checksum.ts';
import { krakenV1Adapter } from '../../src/exchanges/kraken-v1.ts';
import { krakenAdapter } from '../../src/exchanges/kraken.ts';
import { okxChecksum } from '../../src/exchanges/okx.ts';
import { NaiveBook } from '../support/naive-book.ts';
import { sharedDataPath } from '../support/recordings.ts';

type TextLevels = readonly (readonly [string, string])[];

function bookOf(bids: TextLevels, asks: TextLevels, options: { keepTrailingZeros: boolean }): ChecksumInput {
  const levels = new ScaleMemory(options).readLevels(bids, asks, (reason) => {
    throw new Error(reason);
  });
  const book = new NaiveBook();
  book.replace({
    type: 'BookSnapshot',
    ...levels,
    depth: undefined,
    sequence: undefined,
    checksum: undefined,
    eventTimeMs: 0,
    receiveTimeMs: 0,
  });
  return book;
}

const NOW_MS = 1_800_000_000_000;
const NO_OPTIONS = { depth: undefined };

/** Decodes one frame with a fresh decoder of v2, after the frames before it. */
function decodeV2(...frames: string[]): readonly FeedMessage[] {
  const decoder = krakenAdapter.createDecoder(NO_OPTIONS);
  return frames.map((frame) => decoder.decode(frame, NOW_MS)).at(-1)!;
}

function decodeV1(...frames: string[]): readonly FeedMessage[] {
  const decoder = krakenV1Adapter.createDecoder(NO_OPTIONS);
  return frames.map((frame) => decoder.decode(frame, NOW_MS)).at(-1)!;
}

describe('the checksum of Kraken', () => {
  it('is the published one of the worked example', () => {
    const asks = [
      ['45285.2', '0.00100000'],
      ['45286.4', '1.54571953'],
      ['45286.6', '1.54571109'],
      ['45289.6', '1.54560911'],
      ['45290.2', '0.15890660'],
      ['45291.8', '1.54553491'],
      ['45294.7', '0.04454749'],
      ['45296.1', '0.35380000'],
      ['45297.5', '0.09945542'],
      ['45299.5', '0.18772827'],
      ['45300.0', '9.00000000'],
    ] as const;
    const bids = [
      ['45283.5', '0.10000000'],
      ['45283.4', '1.54582015'],
      ['45282.1', '0.10000000'],
      ['45281.0', '0.10000000'],
      ['45280.3', '1.54592586'],
      ['45279.0', '0.07990000'],
      ['45277.6', '0.03310103'],
      ['45277.5', '0.30000000'],
      ['45277.3', '1.54602737'],
      ['45276.6', '0.15445238'],
      ['45276.5', '9.00000000'],
    ] as const;
    expect(krakenChecksum(bookOf(bids, asks, { keepTrailingZeros: true }))).toBe(3310070434);
  });

  it('takes what there is when a side has fewer than ten levels', () => {
    const book = bookOf([['0.10', '2.0']], [], { keepTrailingZeros: true });
    expect(krakenChecksum(book)).toBe(crc32('1020'));
    expect(krakenChecksum(bookOf([], [], { keepTrailingZeros: true }))).toBe(0);
  });
});

describe('the published checksum vectors', () => {
  const path = sharedDataPath('examples/checksum-vectors.json');
  it.skipIf(path === undefined)('all hold', () => {
    const { vectors } = JSON.parse(readFileSync(path!, 'utf8')) as {
      vectors: { exchange: string; checksum: number; bids: TextLevels; asks: TextLevels }[];
    };
    expect(vectors.length).toBeGreaterThan(0);
    for (const { exchange, checksum, bids, asks } of vectors) {
      const isKraken = exchange === 'kraken';
      const book = bookOf(bids, asks, { keepTrailingZeros: isKraken });
      expect([exchange, isKraken ? krakenChecksum(book) : okxChecksum(book)]).toEqual([exchange, checksum]);
    }
  });
});

const ACK =
  '{"method":"subscribe","result":{"channel":"book","depth":25,"snapshot":true,"symbol":"BTC/USD"},"success":true}';
const SNAPSHOT =
  '{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[{"price":45283.5,"qty":0.10000000}],"asks":[{"price":45285.20,"qty":1e-8}],"checksum":3310070434,"timestamp":"2023-10-06T17:35:55.440295Z"}]}';

describe('Kraken v2', () => {
  it('reads a snapshot at the scale it is written with, and the depth from the acknowledgement', () => {
    expect(decodeV2(ACK, SNAPSHOT)).toEqual([
      {
        type: 'book',
        nativeSymbol: 'BTC/USD',
        event: {
          type: 'BookSnapshot',
          scales: { price: 2, quantity: 8 },
          bids: [4528350, 10000000],
          asks: [4528520, 1],
          depth: 25,
          sequence: undefined,
          checksum: 3310070434,
          eventTimeMs: Date.UTC(2023, 9, 6, 17, 35, 55, 440),
          receiveTimeMs: NOW_MS,
        },
      },
    ]);
  });

  it('takes the smallest depth on offer that holds the depth wanted', () => {
    const depthOf = (depth: number | undefined) =>
      krakenAdapter
        .subscribeFrames([toNativeSymbol('BTC/USD')], ['book'], { depth }, NOW_MS)
        .map((frame) => (JSON.parse(frame) as { params: { depth: number } }).params.depth);
    expect([undefined, 1, 10, 11, 26, 101, 1000, 5000].map(depthOf)).toEqual(
      [100, 10, 10, 25, 100, 500, 1000, 1000].map((depth) => [depth]),
    );
    const decoder = krakenAdapter.createDecoder({ depth: 11 });
    expect(decoder.decode(SNAPSHOT, NOW_MS)).toMatchObject([{ event: { depth: 25 } }]);
  });

  it('keeps both changes of one price in their order', () => {
    const update =
      '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":1.5,"qty":2.0},{"price":1.5,"qty":0.0}],"asks":[],"checksum":7,"timestamp":"2023-10-06T17:35:56.440295Z"}]}';
    expect(decodeV2(update)).toMatchObject([
      { type: 'delta', event: { bids: [15, 20, 15, 0], asks: [], checksum: 7 }, range: {} },
    ]);
  });

  it('starts the scales of a symbol anew with each snapshot', () => {
    const coarser = SNAPSHOT.replace('45285.20', '45285.2')
      .replace('1e-8', '0.50')
      .replace('0.10000000', '0.10');
    expect(decodeV2(SNAPSHOT, coarser)).toMatchObject([
      { event: { scales: { price: 1, quantity: 2 }, asks: [452852, 50] } },
    ]);
  });

  it('does not let the decimals of trades move the scale of the book', () => {
    const trade =
      '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":105944.2000001,"qty":0.000276250001,"ord_type":"limit","trade_id":10218208,"timestamp":"2026-10-06T17:35:55.440295Z"}]}';
    const update = SNAPSHOT.replace('snapshot', 'update');
    expect(decodeV2(SNAPSHOT, trade, update)).toMatchObject([
      { event: { scales: { price: 2, quantity: 8 } } },
    ]);
  });

  it('reads trades with the digits of their id, those of a snapshot as history', () => {
    const frame = (type: string) =>
      `{"channel":"trade","type":"${type}","data":[{"symbol":"BTC/USD","side":"sell","price":105944.20,"qty":0.00027625,"ord_type":"limit","trade_id":90071992547409931,"timestamp":"2026-10-06T17:35:55.440295Z"}]}`;
    const event = {
      type: 'Trade',
      scales: { price: 1, quantity: 8 },
      price: 1059442,
      quantity: 27625,
      takerSide: 'sell',
      tradeId: '90071992547409931',
      isHistory: false,
      eventTimeMs: Date.UTC(2026, 9, 6, 17, 35, 55, 440),
      receiveTimeMs: NOW_MS,
    };
    expect(decodeV2(frame('update'))).toEqual([{ type: 'trade', nativeSymbol: 'BTC/USD', event }]);
    expect(decodeV2(frame('snapshot'))).toEqual([
      { type: 'trade', nativeSymbol: 'BTC/USD', event: { ...event, isHistory: true } },
    ]);
  });

  it('tells acknowledgements, refusals and signs of life apart', () => {
    expect(decodeV2(ACK)).toEqual([{ type: 'subscribed', channel: 'book', nativeSymbol: 'BTC/USD' }]);
    expect(decodeV2(ACK.replace('subscribe', 'unsubscribe'))).toEqual([
      { type: 'unsubscribed', channel: 'book', nativeSymbol: 'BTC/USD' },
    ]);
    expect(
      decodeV2(
        '{"error":"Currency pair not supported XXX/YYY","method":"subscribe","req_id":2,"success":false,"symbol":"XXX/YYY"}',
      ),
    ).toEqual([
      {
        type: 'refused',
        nativeSymbol: 'XXX/YYY',
        code: 'subscribe',
        message: 'Currency pair not supported XXX/YYY',
      },
    ]);
    expect(decodeV2('{"Error":"Exceeded msg rate"}')).toMatchObject([
      { type: 'refused', message: 'Exceeded msg rate' },
    ]);
    for (const frame of [
      '{"channel":"heartbeat"}',
      '{"method":"pong","req_id":42}',
      '{"channel":"status","type":"update","data":[{"system":"online"}]}',
    ]) {
      expect(decodeV2(frame)).toEqual([{ type: 'alive' }]);
    }
  });

  it('rejects what it can not read, and tells when that damages the book', () => {
    for (const frame of [
      '',
      'no json',
      '[]',
      '7',
      '{}',
      '{"channel":"book"}',
      '{"channel":"book","data":[1]}',
    ]) {
      expect([frame, decodeV2(frame)]).toMatchObject([frame, [{ type: 'rejected' }]]);
    }
    expect(krakenAdapter.createDecoder(NO_OPTIONS).decode(new Uint8Array([1]), NOW_MS)).toMatchObject([
      { type: 'rejected' },
    ]);
    expect(decodeV2(SNAPSHOT.replace('"checksum":3310070434', '"checksum":null'))).toMatchObject([
      { type: 'rejected', nativeSymbol: 'BTC/USD', damagesBook: true },
    ]);
    expect(decodeV2(SNAPSHOT.replace('45283.5', '"x"'))).toMatchObject([
      { type: 'book', event: { bids: [] } },
      { type: 'rejected', nativeSymbol: 'BTC/USD', damagesBook: true },
    ]);
  });

  it('subscribes one channel a frame, many symbols in each', () => {
    const symbols = Array.from({ length: 51 }, (_, index) => toNativeSymbol(`S${index}/USD`));
    const frames = krakenAdapter
      .subscribeFrames(symbols, ['book', 'trades'], { depth: 10 }, NOW_MS)
      .map((frame) => JSON.parse(frame) as { params: { channel: string; symbol: string[] } });
    expect(frames.map(({ params }) => [params.channel, params.symbol.length])).toEqual([
      ['book', 50],
      ['trade', 50],
      ['book', 1],
      ['trade', 1],
    ]);
    expect(
      krakenAdapter.subscribeFrames([toNativeSymbol('BTC/USD')], ['book', 'trades'], { depth: 10 }, NOW_MS),
    ).toEqual([
      '{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":10,"snapshot":true}}',
      '{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"],"snapshot":true}}',
    ]);
    expect(
      krakenAdapter.unsubscribeFrames([toNativeSymbol('BTC/USD')], ['book'], { depth: 10 }, NOW_MS),
    ).toEqual(['{"method":"unsubscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":10}}']);
  });
});

describe('Kraken v1', () => {
  it('reads a snapshot without checksum and the depth from the name of the channel', () => {
    expect(
      decodeV1(
        '[1664,{"as":[["13.253900","1.50000000","1618678123.481570"]],"bs":[["13.232900","2.00000000","1618678132.136369"]]},"book-1000","WAVES/EUR"]',
      ),
    ).toEqual([
      {
        type: 'book',
        nativeSymbol: 'WAVES/EUR',
        event: {
          type: 'BookSnapshot',
          scales: { price: 6, quantity: 8 },
          bids: [13232900, 200000000],
          asks: [13253900, 150000000],
          depth: 1000,
          sequence: undefined,
          checksum: undefined,
          eventTimeMs: 1618678132136,
          receiveTimeMs: NOW_MS,
        },
      },
    ]);
  });

  it('starts the scales of a symbol anew with each snapshot', () => {
    const fine = '[1,{"as":[["2.500","1.00000000","1"]],"bs":[]},"book-10","A/B"]';
    const coarse = '[1,{"as":[["2.5","1.00","1"]],"bs":[]},"book-10","A/B"]';
    expect(decodeV1(fine, coarse)).toMatchObject([
      { event: { scales: { price: 1, quantity: 2 }, asks: [25, 100] } },
    ]);
  });

  it('subscribes one channel a frame, the book at a depth on offer', () => {
    const symbols = [toNativeSymbol('XBT/USD'), toNativeSymbol('ETH/XBT')];
    expect(krakenV1Adapter.subscribeFrames(symbols, ['book', 'trades'], { depth: 200 }, NOW_MS)).toEqual([
      '{"event":"subscribe","pair":["XBT/USD","ETH/XBT"],"subscription":{"name":"book","depth":500}}',
      '{"event":"subscribe","pair":["XBT/USD","ETH/XBT"],"subscription":{"name":"trade"}}',
    ]);
    expect(krakenV1Adapter.unsubscribeFrames(symbols, ['trades'], NO_OPTIONS, NOW_MS)).toEqual([
      '{"event":"unsubscribe","pair":["XBT/USD","ETH/XBT"],"subscription":{"name":"trade"}}',
    ]);
  });

  it('joins asks and bids that come in two parts under the checksum of the last one', () => {
    expect(
      decodeV1(
        '[1920,{"a":[["0.042990","364630.28272081","1618678145.920470"],["0.050000","1.00000000","1617566855.844121","r"]]},{"b":[["0.042990","0.00000000","1618678145.920708"]],"c":"4105471083"},"book-1000","SC/EUR"]',
      ),
    ).toMatchObject([
      {
        type: 'delta',
        event: {
          asks: [42990, 36463028272081, 50000, 100000000],
          bids: [42990, 0],
          checksum: 4105471083,
          eventTimeMs: 1618678145920,
        },
      },
    ]);
  });

  it('gives equal fills in one message an identity each, the same when the message comes again', () => {
    const frame =
      '[321,[["58721.20000","0.02","1617666461.465618","s","m",""],["58721.20000","0.02","1617666461.465618","s","m",""],["58721.20000","0.02","1617666461.465618","b","l",""]],"trade","XBT/USD"]';
    const ids = (messages: readonly FeedMessage[]) =>
      messages.map((message) => (message.type === 'trade' ? message.event.tradeId : message));
    const first = ids(decodeV1(frame));
    expect(new Set(first).size).toBe(3);
    expect(ids(decodeV1(frame))).toEqual(first);
    expect(decodeV1(frame)).toMatchObject([
      { event: { takerSide: 'sell', price: 587212, quantity: 2, eventTimeMs: 1617666461465 } },
      { event: { takerSide: 'sell' } },
      { event: { takerSide: 'buy' } },
    ]);
  });

  it('tells acknowledgements, refusals and signs of life apart', () => {
    expect(
      decodeV1(
        '{"channelID":1664,"channelName":"book-1000","event":"subscriptionStatus","pair":"WAVES/EUR","status":"subscribed","subscription":{"depth":1000,"name":"book"}}',
      ),
    ).toEqual([{ type: 'subscribed', channel: 'book', nativeSymbol: 'WAVES/EUR' }]);
    expect(
      decodeV1(
        '{"errorMessage":"Currency pair not supported NO/PE","event":"subscriptionStatus","pair":"NO/PE","status":"error","subscription":{"name":"book"}}',
      ),
    ).toEqual([
      {
        type: 'refused',
        nativeSymbol: 'NO/PE',
        code: 'error',
        message: 'Currency pair not supported NO/PE',
      },
    ]);
    expect(decodeV1('{"event":"heartbeat"}')).toEqual([{ type: 'alive' }]);
    expect(decodeV1('[2500,{"a":["1",1,"1"]},"ticker","ALGO/XBT"]')).toEqual([]);
  });

  it('rejects what it can not read', () => {
    for (const frame of ['', '7', '{}', '[]', '[1,{},"book-10"]', '[1,{"a":7,"c":"1"},"book-10","A/B"]']) {
      expect([frame, decodeV1(frame)]).toMatchObject([frame, [{ type: 'rejected' }]]);
    }
    expect(decodeV1('[1,{"a":[["1.0","1.0","1"]]},"book-10","A/B"]')).toMatchObject([
      { type: 'rejected', nativeSymbol: 'A/B', damagesBook: true },
    ]);
  });
});

describe('the list of pairs', () => {
  const body =
    '{"error":[],"result":{"XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT/USD","base":"XXBT","quote":"ZUSD","pair_decimals":1,"lot_decimals":8,"tick_size":"0.1","status":"online"},"XETHXXBT":{"altname":"ETHXBT","wsname":"ETH/XBT","pair_decimals":5,"lot_decimals":8},"XDGEUR":{"altname":"XDGEUR","wsname":"XDG/EUR","pair_decimals":7,"lot_decimals":8,"tick_size":"0.0000001","status":"cancel_only"},"XBTUSD.d":{"altname":"XBTUSD.d","pair_decimals":1}}}';

  it('translates the old names of currencies, and keeps each protocol its own native name', () => {
    const namesOf = (reading: ReturnType<typeof krakenAdapter.readInstruments>) =>
      reading.ok ? reading.listings.map((listing) => [listing.nativeSymbol, listing.symbol]) : reading;
    expect(namesOf(krakenAdapter.readInstruments(body))).toEqual([
      ['BTC/USD', 'BTC-USD'],
      ['ETH/BTC', 'ETH-BTC'],
      ['DOGE/EUR', 'DOGE-EUR'],
    ]);
    expect(namesOf(krakenV1Adapter.readInstruments(body))).toEqual([
      ['XBT/USD', 'BTC-USD'],
      ['ETH/XBT', 'ETH-BTC'],
      ['XDG/EUR', 'DOGE-EUR'],
    ]);
  });

  it('gives steps and status', () => {
    expect(krakenAdapter.readInstruments(body)).toMatchObject({
      ok: true,
      listings: [
        { tickSize: '0.1', lotSize: '0.00000001', isTrading: true },
        { tickSize: '0.00001', lotSize: '0.00000001', isTrading: true },
        { tickSize: '0.0000001', isTrading: false },
      ],
    });
  });

  it('tells why an answer can not be read', () => {
    expect(krakenAdapter.readInstruments('{"error":["EGeneral:Too many requests"]}')).toEqual({
      ok: false,
      reason: 'AssetPairs has no result: ["EGeneral:Too many requests"]',
    });
    expect(krakenAdapter.readInstruments('<html>').ok).toBe(false);
  });
});
