/** The twelve instruments of the demo: four on each simulated exchange, with the tick and lot sizes that such pairs have. */
import type { SimulatedSymbol } from './simulated-book.ts';

type Pair = Omit<SimulatedSymbol, 'nativeSymbol' | 'quote'>;

const BTC: Pair = {
  base: 'BTC',
  priceDecimals: 2,
  quantityDecimals: 5,
  tickUnits: 1,
  startPriceUnits: 9_142_350,
  levelQuantityUnits: 40_000,
};
const ETH: Pair = {
  base: 'ETH',
  priceDecimals: 2,
  quantityDecimals: 4,
  tickUnits: 1,
  startPriceUnits: 302_418,
  levelQuantityUnits: 60_000,
};
const SOL: Pair = {
  base: 'SOL',
  priceDecimals: 2,
  quantityDecimals: 3,
  tickUnits: 1,
  startPriceUnits: 14_137,
  levelQuantityUnits: 90_000,
};
const XRP: Pair = {
  base: 'XRP',
  priceDecimals: 4,
  quantityDecimals: 1,
  tickUnits: 1,
  startPriceUnits: 21_984,
  levelQuantityUnits: 20_000,
};

const quoted = (pair: Pair, quote: string, nativeSymbol: string): SimulatedSymbol => ({
  ...pair,
  quote,
  nativeSymbol,
});

export const demoSymbols: {
  readonly cryptocom: readonly SimulatedSymbol[];
  readonly binance: readonly SimulatedSymbol[];
  readonly kraken: readonly SimulatedSymbol[];
} = {
  cryptocom: [BTC, ETH, SOL, XRP].map((pair) => quoted(pair, 'USDT', `${pair.base}_USDT`)),
  binance: [BTC, ETH, SOL, XRP].map((pair) => quoted(pair, 'USDT', `${pair.base}USDT`)),
  kraken: [
    // Kraken's ticks are wider for its dearest pair, and all its quantities have eight decimals.
    { ...BTC, priceDecimals: 1, startPriceUnits: 914_235, levelQuantityUnits: 40_000_000 },
    { ...ETH, levelQuantityUnits: 600_000_000 },
    { ...SOL, levelQuantityUnits: 9_000_000_000 },
    { ...XRP, priceDecimals: 5, startPriceUnits: 219_840, levelQuantityUnits: 200_000_000_000 },
  ].map((pair) => quoted({ ...pair, quantityDecimals: 8 }, 'USD', `${pair.base}/USD`)),
};
