/** Kraken's list of spot pairs, which names symbols for both of its socket protocols. */
import { toNativeSymbol, toUnifiedSymbol } from '../market/symbols.ts';
import type { InstrumentListing, InstrumentsReading } from './adapter.ts';
import { asRecord, asText, parseJson, stepText } from './wire-json.ts';

/** Old names that REST and the v1 socket still use. */
const CURRENCY_ALIASES: Readonly<Record<string, string>> = { XBT: 'BTC', XDG: 'DOGE' };

/** `v1` keeps the names of `wsname` (`XBT/USD`); `v2` writes the common ones (`BTC/USD`). */
export type KrakenNaming = 'v1' | 'v2';

/** Reads the answer of `/AssetPairs`. Pairs without `wsname` (dark pools) have no socket feed and are left out. */
export function readAssetPairs(body: string, naming: KrakenNaming): InstrumentsReading {
  const answer = asRecord(parseJson(body));
  const pairs = asRecord(answer?.['result']);
  if (pairs === undefined) {
    return {
      ok: false,
      reason: `AssetPairs has no result: ${JSON.stringify(answer?.['error'] ?? null).slice(0, 120)}`,
    };
  }
  const listings: InstrumentListing[] = [];
  for (const value of Object.values(pairs)) {
    const pair = asRecord(value);
    const socketName = asText(pair?.['wsname']);
    const [base, quote] = socketName?.split('/') ?? [];
    if (pair === undefined || socketName === undefined || base === undefined || quote === undefined) continue;
    const commonBase = CURRENCY_ALIASES[base] ?? base;
    const commonQuote = CURRENCY_ALIASES[quote] ?? quote;
    const status = pair['status'];
    listings.push({
      nativeSymbol: toNativeSymbol(naming === 'v1' ? socketName : `${commonBase}/${commonQuote}`),
      symbol: toUnifiedSymbol(`${commonBase}-${commonQuote}`),
      tickSize: asText(pair['tick_size']) ?? stepText(pair['pair_decimals']),
      lotSize: stepText(pair['lot_decimals']),
      // Answers from before 2022 carry no status; what was listed then, traded.
      isTrading: status === undefined || status === 'online',
    });
  }
  return { ok: true, listings };
}
