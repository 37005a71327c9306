/** Names of keys and channels, as docs/redis.md gives them to subscribers. Exchange and symbol hold no colon and no brace. */
import type { ExchangeId, UnifiedSymbol } from '../market/symbols.ts';

/** An instrument by its names, or by the number it was assigned once. */
export type InstrumentName =
  { readonly exchange: ExchangeId; readonly symbol: UnifiedSymbol } | { readonly instrumentId: number };

export function orderBookKey(name: InstrumentName, resolution: number): string {
  return `orderbook:${nameOf(name)}:${resolution}`;
}

export function tickerKey(name: InstrumentName): string {
  return `ticker:${nameOf(name)}`;
}

/** The open candle. */
export function candleKey(name: InstrumentName, interval: string): string {
  return `candle:${nameOf(name)}:${interval}`;
}

/** List and channel of the closed candles, newest first, of the candle key. */
export function closedCandlesKey(candle: string): string {
  return `${candle}:closed`;
}

/** Stream of everything set at the key; the braces keep both in one slot of a Cluster, so that one script may write both. */
export function streamKey(key: string): string {
  return `{${key}}:stream`;
}

function nameOf(name: InstrumentName): string {
  return 'instrumentId' in name ? String(name.instrumentId) : `${name.exchange}:${name.symbol}`;
}
