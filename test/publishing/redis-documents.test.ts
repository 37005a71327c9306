import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DesiredInstrument } from '../../src/actors/ports.ts';
import { toExchangeId, toInstrumentKey, toNativeSymbol, toUnifiedSymbol } from '../../src/market/symbols.ts';
import { createRedisDocuments, redisDocuments } from '../../src/publishing/redis-documents.ts';
import {
  compareVersions,
  HEAD_SIZE_BYTES,
  readVersion,
  stampValue,
} from '../../src/publishing/value-head.ts';

const exchange = toExchangeId('cryptocom');
const symbol = toUnifiedSymbol('BTC-USDT');
const instrument: DesiredInstrument = {
  instrument: toInstrumentKey(exchange, symbol),
  instrumentId: 17,
  exchange,
  symbol,
  nativeSymbol: toNativeSymbol('BTC_USDT'),
};
const head = {
  epoch: 3,
  seq: 41,
  exchange,
  symbol,
  eventTimeMs: 1_700_000_000_000,
  receiveTimeMs: undefined,
  status: 'stale',
  reason: 'gap: "5"\n',
} as const;

test('keys name exchange, symbol and resolution or interval', () => {
  expect(redisDocuments.bookKey(instrument, 10)).toBe('orderbook:cryptocom:BTC-USDT:10');
  expect(redisDocuments.tickerKey(instrument)).toBe('ticker:cryptocom:BTC-USDT');
  expect(redisDocuments.candleKey(instrument, '1m')).toBe('candle:cryptocom:BTC-USDT:1m');
});

test('keys may name the number of the instrument in their place', () => {
  const byId = createRedisDocuments('ids');
  expect(byId.bookKey(instrument, 10)).toBe('orderbook:17:10');
  expect(byId.tickerKey(instrument)).toBe('ticker:17');
  expect(byId.candleKey(instrument, '1m')).toBe('candle:17:1m');
});

test('a book is JSON with its version first and levels as pairs of decimal text', () => {
  const text = redisDocuments.book({
    ...head,
    resolution: 10,
    scales: { price: 2, quantity: 3 },
    bids: [150, 2_000],
    asks: [160, 1_000, 170, 3_000],
  });
  expect(text).toMatch(/^\{"epoch":3,"seq":41,/);
  expect(JSON.parse(text)).toStrictEqual({
    ...head,
    receiveTimeMs: null,
    type: 'orderbook',
    version: 1,
    resolution: 10,
    bids: [['1.5', '2']],
    asks: [
      ['1.6', '1'],
      ['1.7', '3'],
    ],
  });
});

test('a ticker without trades has null prices', () => {
  const numbers = { windowStartMs: 1, windowEndMs: 2, volume: '0', quoteVolume: '0', tradeCount: 0 };
  const none = undefined;
  const text = redisDocuments.ticker({
    ...head,
    ...numbers,
    ...{ open: none, high: none, low: none, last: none, change: none, changePercent: none, vwap: none },
  });
  const nulls = {
    open: null,
    high: null,
    low: null,
    last: null,
    change: null,
    changePercent: null,
    vwap: null,
  };
  expect(JSON.parse(text)).toStrictEqual({
    ...head,
    receiveTimeMs: null,
    type: 'ticker',
    version: 1,
    ...numbers,
    ...nulls,
  });
});

test('a candle carries every field of its text form', () => {
  const candle = {
    interval: '1m',
    openTimeMs: 0,
    closeTimeMs: 59_999,
    open: '1',
    high: '2',
    low: '0.5',
    close: '1.5',
    volume: '10',
    quoteVolume: '12',
    takerBuyVolume: '4',
    vwap: '1.2',
    tradeCount: 3,
    revision: 1,
    isEmpty: false,
    isClosed: true,
  } as const;
  const text = redisDocuments.candle({ ...head, ...candle });
  expect(JSON.parse(text)).toStrictEqual({
    ...head,
    receiveTimeMs: null,
    type: 'candle',
    version: 1,
    ...candle,
  });
});

test('the stamp puts the publish time behind the version and leaves the rest alone', () => {
  const counter = fc.nat({ max: Number.MAX_SAFE_INTEGER });
  const rest = fc.dictionary(fc.constantFrom('a', 'b', 'text'), fc.jsonValue());
  fc.assert(
    fc.property(counter, counter, rest, fc.boolean(), (epoch, seq, fields, hasVersion) => {
      const value = JSON.stringify(hasVersion ? { epoch, seq, ...fields } : fields);
      const text = stampValue({ epoch, seq, value }, 1_700_000_000_000);
      const parsed: unknown = JSON.parse(text);
      expect(parsed).toEqual({
        epoch,
        seq,
        publishTimeMs: 1_700_000_000_000,
        ...(JSON.parse(JSON.stringify(fields)) as object),
      });
      expect(readVersion(text.slice(0, HEAD_SIZE_BYTES))).toStrictEqual({ epoch, seq });
    }),
    { seed: 5, numRuns: 200 },
  );
});

test('the epoch decides before the sequence', () => {
  expect(compareVersions({ epoch: 2, seq: 1 }, { epoch: 1, seq: 9 })).toBeGreaterThan(0);
  expect(compareVersions({ epoch: 2, seq: 1 }, { epoch: 2, seq: 2 })).toBeLessThan(0);
  expect(compareVersions({ epoch: 2, seq: 2 }, { epoch: 2, seq: 2 })).toBe(0);
  expect(readVersion('{"seq":1}')).toBeUndefined();
});
