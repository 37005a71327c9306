import type { Candle } from './candle.ts';
import type { CandleInterval } from './intervals.ts';
import { formatVwap } from './ticker.ts';
import type { Units } from './units.ts';
import { formatUnits } from './units.ts';

/** A candle as it is published and stored: canonical decimal text, no exponents. Prices are `undefined` where the interval has none. */
export type CandleText = {
  readonly interval: CandleInterval;
  readonly openTimeMs: number;
  readonly closeTimeMs: number;
  readonly open: string | undefined;
  readonly high: string | undefined;
  readonly low: string | undefined;
  readonly close: string | undefined;
  readonly volume: string;
  readonly quoteVolume: string;
  readonly takerBuyVolume: string;
  /** Quote volume ÷ volume to 20 significant digits; `undefined` while the volume is 0. */
  readonly vwap: string | undefined;
  readonly tradeCount: number;
  readonly revision: number;
  readonly isEmpty: boolean;
  /** False for the open candle, which still changes. */
  readonly isClosed: boolean;
};

/** Returns the candle as text. */
export function formatCandle(candle: Candle, options: { isClosed: boolean }): CandleText {
  const { price, quantity } = candle.scales;
  const toPrice = (units: Units | undefined) => (units === undefined ? undefined : formatUnits(units, price));
  const open = toPrice(candle.open);
  // Of a candle with one trade, or none, all prices are one: thousands of those close each second where many instruments are quiet.
  const close = candle.close === candle.open ? open : toPrice(candle.close);
  return {
    interval: candle.interval,
    openTimeMs: candle.openTimeMs,
    closeTimeMs: candle.closeTimeMs,
    open,
    high: candle.high === candle.open ? open : toPrice(candle.high),
    low: candle.low === candle.open ? open : toPrice(candle.low),
    close,
    volume: formatUnits(candle.volume, quantity),
    quoteVolume: formatUnits(candle.quoteVolume, price + quantity),
    takerBuyVolume: formatUnits(candle.takerBuyVolume, quantity),
    vwap: formatVwap(candle),
    tradeCount: candle.tradeCount,
    revision: candle.revision,
    isEmpty: candle.isEmpty,
    isClosed: options.isClosed,
  };
}
