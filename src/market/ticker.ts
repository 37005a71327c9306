/** The 24-hour ticker: its exact values, their decimal text, and the window's state as plain data. */
import { divideToDecimals, divideToText } from './exact-division.ts';
import type { PackedMinutes } from './packed-minutes.ts';
import type { Scales, Units } from './units.ts';
import { formatUnits, multiplyUnits } from './units.ts';

/** Prices at the price scale, volume at the quantity scale, quote volume at the sum of both. All prices are `undefined` without trades. */
export type Ticker = {
  /** Exclusive. */
  readonly windowStartMs: number;
  /** Inclusive: the highest time seen. */
  readonly windowEndMs: number;
  readonly scales: Scales;
  readonly open: Units | undefined;
  readonly high: Units | undefined;
  readonly low: Units | undefined;
  readonly last: Units | undefined;
  /** `last` − `open`. */
  readonly change: Units | undefined;
  readonly volume: Units;
  readonly quoteVolume: Units;
  readonly tradeCount: number;
};

/** A ticker as it is published: canonical decimal text, no exponents. */
export type TickerText = {
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  readonly open: string | undefined;
  readonly high: string | undefined;
  readonly low: string | undefined;
  readonly last: string | undefined;
  readonly change: string | undefined;
  /** 100 × change ÷ open to 8 decimals; `undefined` also where the window opened at price 0. */
  readonly changePercent: string | undefined;
  readonly volume: string;
  readonly quoteVolume: string;
  /** Quote volume ÷ volume to 20 significant digits; `undefined` also while the volume is 0. */
  readonly vwap: string | undefined;
  readonly tradeCount: number;
};

export type TickerWindowSnapshot = {
  readonly scales: Scales;
  /** Highest time seen; `undefined` before the first. */
  readonly endMs: number | undefined;
  /** Over all minutes. */
  readonly volume: Units;
  readonly quoteVolume: Units;
  readonly tradeCount: number;
  readonly minutes: PackedMinutes;
};

const VWAP_SIGNIFICANT_DIGITS = 20;
const CHANGE_PERCENT_DECIMALS = 8;

/** Returns the ticker as text; quotients are rounded half to even. */
export function formatTicker(ticker: Ticker): TickerText {
  const { price, quantity } = ticker.scales;
  const toPrice = (units: Units | undefined) => (units === undefined ? undefined : formatUnits(units, price));
  return {
    windowStartMs: ticker.windowStartMs,
    windowEndMs: ticker.windowEndMs,
    open: toPrice(ticker.open),
    high: toPrice(ticker.high),
    low: toPrice(ticker.low),
    last: toPrice(ticker.last),
    change: toPrice(ticker.change),
    changePercent: formatChangePercent(ticker),
    volume: formatUnits(ticker.volume, quantity),
    quoteVolume: formatUnits(ticker.quoteVolume, price + quantity),
    vwap: formatVwap(ticker),
    tradeCount: ticker.tradeCount,
  };
}

/** Returns the volume-weighted average price; `undefined` while the volume is 0. */
export function formatVwap(sums: {
  readonly scales: Scales;
  readonly volume: Units;
  readonly quoteVolume: Units;
}): string | undefined {
  const { price, quantity } = sums.scales;
  return divideToText(
    { units: sums.quoteVolume, scale: price + quantity },
    { units: sums.volume, scale: quantity },
    VWAP_SIGNIFICANT_DIGITS,
  );
}

function formatChangePercent(ticker: Ticker): string | undefined {
  if (ticker.open === undefined || ticker.change === undefined) return undefined;
  const open = { units: ticker.open, scale: ticker.scales.price };
  const hundredfold = { units: multiplyUnits(ticker.change, 100), scale: ticker.scales.price };
  return divideToDecimals(hundredfold, open, CHANGE_PERCENT_DECIMALS);
}
