/**
 * The sums of some trades: first, highest, lowest and last price, volumes, count. Adding and merging work in any order and grouping, so the
 * same trades always end in the same bar. Which time a bar stands for is its owner's knowledge.
 */
import type { Trade } from './events.ts';
import type { TradeKey } from './trade-order.ts';
import { isTradeBefore, toTradeKey } from './trade-order.ts';
import type { Scales, Units } from './units.ts';
import { addUnits, multiplyUnits, raiseScale } from './units.ts';

/** What of a trade counts in windows and candles. */
export type CountedTrade = Pick<
  Trade,
  'eventTimeMs' | 'scales' | 'price' | 'quantity' | 'takerSide' | 'tradeId'
> & {
  /** Trades of the exchange that this one stands for (an aggregate trade); 1 when absent. */
  readonly exchangeTradeCount?: number;
};

/** Prices are at the owner's price scale, volumes at its quantity scale, quote volume at the sum of both. */
export type CandleBar = {
  open: Units;
  openAtMs: number;
  openKey: TradeKey;
  high: Units;
  low: Units;
  close: Units;
  closeAtMs: number;
  closeKey: TradeKey;
  volume: Units;
  quoteVolume: Units;
  takerBuyVolume: Units;
  tradeCount: number;
};

/** Returns the bar of one trade, at `scales`, which are no smaller than the trade's own. */
export function toBar(trade: CountedTrade, scales: Scales): CandleBar {
  const price = raiseScale(trade.price, trade.scales.price, scales.price);
  const quantity = raiseScale(trade.quantity, trade.scales.quantity, scales.quantity);
  const key = toTradeKey(trade.tradeId);
  return {
    open: price,
    openAtMs: trade.eventTimeMs,
    openKey: key,
    high: price,
    low: price,
    close: price,
    closeAtMs: trade.eventTimeMs,
    closeKey: key,
    volume: quantity,
    quoteVolume: multiplyUnits(price, quantity),
    takerBuyVolume: trade.takerSide === 'buy' ? quantity : 0,
    tradeCount: trade.exchangeTradeCount ?? 1,
  };
}

/** Adds the trades of `from` to `bar`; both have trades and are at the same scales. */
export function mergeBar(bar: CandleBar, from: CandleBar): void {
  if (isTradeBefore(from.openAtMs, from.openKey, bar.openAtMs, bar.openKey)) {
    bar.open = from.open;
    bar.openAtMs = from.openAtMs;
    bar.openKey = from.openKey;
  }
  if (!isTradeBefore(from.closeAtMs, from.closeKey, bar.closeAtMs, bar.closeKey)) {
    bar.close = from.close;
    bar.closeAtMs = from.closeAtMs;
    bar.closeKey = from.closeKey;
  }
  if (from.high > bar.high) bar.high = from.high;
  if (from.low < bar.low) bar.low = from.low;
  bar.volume = addUnits(bar.volume, from.volume);
  bar.quoteVolume = addUnits(bar.quoteVolume, from.quoteVolume);
  bar.takerBuyVolume = addUnits(bar.takerBuyVolume, from.takerBuyVolume);
  bar.tradeCount += from.tradeCount;
}

/** Restates the bar at larger scales. */
export function raiseBarScales(bar: CandleBar, from: Scales, to: Scales): void {
  bar.open = raiseScale(bar.open, from.price, to.price);
  bar.high = raiseScale(bar.high, from.price, to.price);
  bar.low = raiseScale(bar.low, from.price, to.price);
  bar.close = raiseScale(bar.close, from.price, to.price);
  bar.volume = raiseScale(bar.volume, from.quantity, to.quantity);
  bar.takerBuyVolume = raiseScale(bar.takerBuyVolume, from.quantity, to.quantity);
  bar.quoteVolume = raiseScale(bar.quoteVolume, from.price + from.quantity, to.price + to.quantity);
}

/** Returns scales that hold both; `held` itself when it already does. */
export function widenScales(held: Scales, needed: Scales): Scales {
  if (needed.price <= held.price && needed.quantity <= held.quantity) return held;
  return {
    price: Math.max(held.price, needed.price),
    quantity: Math.max(held.quantity, needed.quantity),
  };
}
