/** Names of exchanges and symbols, told apart by the compiler. */

declare const brand: unique symbol;
type Brand<Name extends string> = { readonly [brand]: Name };

/** Our name of an exchange and market: `binance`, `binance-usdm`, `cryptocom`, `kraken`, … Lower case letters, digits and dashes. */
export type ExchangeId = string & Brand<'ExchangeId'>;
/** Unified symbol `BASE-QUOTE`, as subscribers see it. */
export type UnifiedSymbol = string & Brand<'UnifiedSymbol'>;
/** The exchange's own name of a symbol, exactly as on the wire. */
export type NativeSymbol = string & Brand<'NativeSymbol'>;
/** `<exchange>:<symbol>`: names one instrument everywhere (journal, Redis, REST, logs). */
export type InstrumentKey = string & Brand<'InstrumentKey'>;

export const toExchangeId = (text: string): ExchangeId => text as ExchangeId;
export const toUnifiedSymbol = (text: string): UnifiedSymbol => text as UnifiedSymbol;
export const toNativeSymbol = (text: string): NativeSymbol => text as NativeSymbol;

/**
 * What may name a symbol: letters and digits of any script and - _ / . :, at most 60, beginning with a letter or digit. Names go into keys,
 * channels, paths, log lines and tables, so nothing else ever becomes one, whoever says it.
 */
export const SYMBOL_NAME = /^[\p{L}\p{N}][\p{L}\p{N}\-_/.:]{0,59}$/u;

/** Returns the key of the instrument; both parts must have been validated at the edge. */
export function toInstrumentKey(exchange: ExchangeId, symbol: UnifiedSymbol): InstrumentKey {
  return `${exchange}:${symbol}` as InstrumentKey;
}

/** Returns both parts of a key, or of a text in its form: an exchange's name has no colon, a symbol may have some. */
export function splitInstrumentKey(key: string): [exchange: string, symbol: string] {
  const colon = key.indexOf(':');
  return [key.slice(0, colon), key.slice(colon + 1)];
}
