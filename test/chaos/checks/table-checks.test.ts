import { describe, expect, it } from 'vitest';
import type { PlainCandle } from './candle-check.ts';
import { checkCandles, checkTicker } from './candle-check.ts';
import type { PlainTrade } from './trade-check.ts';
import { compareTrades, missingSpans } from './trade-check.ts';

const BTC = 'binance:BTC-USDT';

const trade = (id: number, timeMs: number, price = '10', quantity = '1'): PlainTrade => ({
  tradeId: String(id),
  timeMs,
  price,
  quantity,
  takerSide: id % 2 === 0 ? 'buy' : 'sell',
});

const made = [trade(1, 100), trade(2, 200), trade(3, 1_300, '12'), trade(4, 3_400, '9', '2')];

describe('the trade table', () => {
  it('may begin anywhere and write numbers as it likes, and holds everything from there on', () => {
    const { violations, missing } = compareTrades(BTC, made, [
      { ...made[1]!, price: '10.000' },
      made[2]!,
      made[3]!,
    ]);
    expect({ violations, missing }).toEqual({ violations: [], missing: [] });
  });

  it('that lacks a trade is told which', () => {
    expect(compareTrades(BTC, made, [made[0]!, made[3]!]).missing.map(({ tradeId }) => tradeId)).toEqual([
      '2',
      '3',
    ]);
  });

  it.each<[string, string, PlainTrade[]]>([
    ['a trade twice', 'trade-once', [...made, { ...made[3]!, timeMs: 3_401 }]],
    ['nothing', 'trade-once', []],
    ['a trade that nobody made', 'trade-true', [...made, trade(9, 5_000)]],
    ['another price', 'trade-true', [trade(4, 3_400, '9.1', '2')]],
    ['another time', 'trade-true', [trade(4, 3_401, '9', '2')]],
    ['another taker', 'trade-true', [{ ...made[3]!, takerSide: 'sell' }]],
  ])('with %s breaks "%s"', (_what, rule, stored) => {
    expect(compareTrades(BTC, made, stored).violations.map((violation) => violation.rule)).toContain(rule);
  });

  it('lacks trades in spans, one for each outage', () => {
    expect(missingSpans(made, 500)).toEqual([
      { fromMs: 100, toMs: 200, count: 2 },
      { fromMs: 1_300, toMs: 1_300, count: 1 },
      { fromMs: 3_400, toMs: 3_400, count: 1 },
    ]);
  });
});

const candle = (openTimeMs: number, values: Partial<PlainCandle>): PlainCandle => ({
  openTimeMs,
  open: '10',
  high: '10',
  low: '10',
  close: '10',
  volume: '0',
  quoteVolume: '0',
  takerBuyVolume: '0',
  tradeCount: 0,
  ...values,
});

const candles = [
  candle(0, { volume: '2.0', quoteVolume: '20', takerBuyVolume: '1', tradeCount: 2 }),
  candle(1_000, {
    open: '12',
    high: '12',
    low: '12',
    close: '12',
    volume: '1',
    quoteVolume: '12',
    tradeCount: 1,
  }),
  candle(2_000, { open: '12', high: '12', low: '12', close: '12' }),
  candle(3_000, {
    open: '9',
    high: '9',
    low: '9',
    close: '9',
    volume: '2',
    quoteVolume: '18',
    takerBuyVolume: '2',
    tradeCount: 1,
  }),
];

const check = (all: readonly PlainCandle[]) =>
  checkCandles({ instrument: BTC, interval: '1s', intervalMs: 1_000, trades: made, candles: all });

describe('candles', () => {
  it('that a recount of their trades gives break nothing, in any order', () => {
    expect(check([...candles].reverse())).toEqual([]);
  });

  it.each<[string, PlainCandle[]]>([
    ['one that counts a trade too few', candles.with(0, { ...candles[0]!, tradeCount: 1 })],
    ['one with another volume', candles.with(0, { ...candles[0]!, volume: '2.00000001' })],
    ['one with another high', candles.with(0, { ...candles[0]!, high: '11' })],
    ['an empty one that carries another close', candles.with(2, { ...candles[2]!, open: '10' })],
    ['one missing', candles.slice(0, 3)],
  ])('with %s are found', (_what, wrong) => {
    expect(check(wrong).map(({ rule }) => rule)).toEqual(['candle']);
  });
});

describe('a ticker', () => {
  const ticker = {
    open: '10',
    high: '12',
    low: '9.0',
    last: '9',
    volume: '5',
    quoteVolume: '50',
    tradeCount: 4,
  };

  it('of all trades breaks nothing, nor does one of none', () => {
    expect(checkTicker(BTC, made, ticker)).toEqual([]);
    const empty = {
      open: undefined,
      high: undefined,
      low: undefined,
      last: undefined,
      volume: '0',
      quoteVolume: '0',
      tradeCount: 0,
    };
    expect(checkTicker(BTC, [], empty)).toEqual([]);
  });

  it.each([{ tradeCount: 5 }, { last: '12' }, { volume: '5.1' }, { open: undefined }])(
    'with %o is found',
    (wrong) => {
      expect(checkTicker(BTC, made, { ...ticker, ...wrong }).map(({ rule }) => rule)).toEqual(['ticker']);
    },
  );
});
