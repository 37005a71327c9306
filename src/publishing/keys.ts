/**
 * Names of keys and channels, as docs/redis.md gives them to subscribers. `name` is that of the instrument, `<exchange>:<symbol>`, or the number
 * it was assigned once; neither holds a brace.
 */

export function orderBookKey(name: string, resolution: number): string {
  return `orderbook:${name}:${resolution}`;
}

export function tickerKey(name: string): string {
  return `ticker:${name}`;
}

/** The open candle. */
export function candleKey(name: string, interval: string): string {
  return `candle:${name}:${interval}`;
}

/** List and channel of the closed candles, newest first, of the candle key. */
export function closedCandlesKey(candle: string): string {
  return `${candle}:closed`;
}

/** Trades as they become durable: a channel of the stream of a node, of which Redis knows nothing. */
export function tradesChannel(name: string): string {
  return `trades:${name}`;
}

/** Stream of everything set at the key; the braces keep both in one slot of a Cluster, so that one script may write both. */
export function streamKey(key: string): string {
  return `{${key}}:stream`;
}

/** Returns the key itself, and the one that lives and dies with it. */
export function keysBeside(owner: string): { readonly key: string; readonly owner: string }[] {
  const keys = owner.startsWith('candle:') ? [owner, closedCandlesKey(owner)] : [owner];
  return keys.map((key) => ({ key, owner }));
}
