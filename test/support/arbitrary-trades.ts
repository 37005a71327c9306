/** Random trades for property tests of windows and candles: crowded around the edges, out of order, at changing scales, beyond 2^53. */
import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import type { CountedTrade } from '../../src/market/candle-bar.ts';
import { compareTradeKeys, toTradeKey } from '../../src/market/trade-order.ts';
import type { Units } from '../../src/market/units.ts';
import { toUnits } from '../../src/market/units.ts';

/** 2024-02-26, a Monday, so that all intervals but the month start here. */
export const ORIGIN_MS = Date.UTC(2024, 1, 26);

export const Exact = Decimal.clone({ precision: 400, toExpNeg: -500, toExpPos: 500 });

/** Trades with ids that are all different, at offsets from `ORIGIN_MS`. */
export function arbitraryTrades(options: {
  offsetMs: fc.Arbitrary<number>;
  maxLength: number;
  /** `max`: any number of trades up to `maxLength` is as likely; else they are few. */
  size?: 'max';
}): fc.Arbitrary<CountedTrade[]> {
  const { offsetMs, ...length } = options;
  const trade = fc.record({
    offsetMs,
    id: fc.oneof(
      fc.nat({ max: 500 }).map(String),
      fc.nat({ max: 500 }).map((offset) => String(2n ** 60n + BigInt(offset))),
      fc.uuid(),
    ),
    price: fc.oneof(
      { weight: 6, arbitrary: fc.bigInt({ min: 0n, max: 12n }) },
      { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 10n ** 19n }) },
    ),
    quantity: fc.oneof(
      { weight: 6, arbitrary: fc.bigInt({ min: 0n, max: 100n }) },
      { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 10n ** 18n }) },
    ),
    scales: fc.oneof(
      { weight: 4, arbitrary: fc.constant({ price: 1, quantity: 1 }) },
      { weight: 1, arbitrary: fc.record({ price: fc.nat({ max: 9 }), quantity: fc.nat({ max: 9 }) }) },
    ),
    takerSide: fc.constantFrom('buy' as const, 'sell' as const),
    count: fc.constantFrom(undefined, undefined, 1, 3),
  });
  return fc.uniqueArray(trade, { ...length, selector: ({ id }) => id }).map((drawn) =>
    drawn.map(({ offsetMs, id, price, quantity, scales, takerSide, count }) => ({
      eventTimeMs: ORIGIN_MS + offsetMs,
      tradeId: id,
      price: toUnits(price),
      quantity: toUnits(quantity),
      scales,
      takerSide,
      ...(count === undefined ? {} : { exchangeTradeCount: count }),
    })),
  );
}

/** What a full recount of some trades gives, by decimal.js and in no hurry; `undefined` of none. */
export function recount(trades: readonly CountedTrade[]) {
  const ordered = [...trades].sort(
    (a, b) => a.eventTimeMs - b.eventTimeMs || compareTradeKeys(toTradeKey(a.tradeId), toTradeKey(b.tradeId)),
  );
  const prices = ordered.map((trade) => toDecimal(trade.price, trade.scales.price));
  const quantities = ordered.map((trade) => toDecimal(trade.quantity, trade.scales.quantity));
  const open = prices[0];
  const last = prices.at(-1);
  if (open === undefined || last === undefined) return undefined;
  const sum = (values: readonly Decimal[]) => values.reduce((a, b) => a.plus(b), new Exact(0));
  return {
    open,
    high: Exact.max(...prices),
    low: Exact.min(...prices),
    last,
    volume: sum(quantities),
    quoteVolume: sum(quantities.map((quantity, index) => quantity.mul(prices[index]!))),
    takerBuyVolume: sum(quantities.filter((_, index) => ordered[index]!.takerSide === 'buy')),
    tradeCount: ordered.reduce((count, trade) => count + (trade.exchangeTradeCount ?? 1), 0),
  };
}

export function toDecimal(units: Units, scale: number): Decimal {
  return new Exact(units.toString()).div(new Exact(10).pow(scale));
}
