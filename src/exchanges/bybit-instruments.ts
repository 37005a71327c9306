/** Bybit's lists of instruments. */
import { toNativeSymbol, toUnifiedSymbol } from '../market/symbols.ts';
import type { InstrumentListing, InstrumentsReading } from './adapter.ts';
import type { JsonRecord } from './wire-json.ts';
import { asArray, asRecord, asText, asWholeNumber, parseJson } from './wire-json.ts';

export type BybitCategory = 'spot' | 'linear';

/** Reads one answer of `/v5/market/instruments-info`. */
export function readBybitInstruments(body: string, category: BybitCategory): InstrumentsReading {
  const answer = asRecord(parseJson(body));
  const rows = asArray(asRecord(answer?.['result'])?.['list']);
  if (answer?.['retCode'] !== 0 || rows === undefined) {
    return { ok: false, reason: `instruments-info: ${asText(answer?.['retMsg']) ?? 'answer has no list'}` };
  }
  const listings: InstrumentListing[] = [];
  for (const value of rows) {
    const row = asRecord(value);
    const nativeSymbol = asText(row?.['symbol']);
    const symbol = row === undefined ? undefined : unifiedName(row, category);
    if (row === undefined || nativeSymbol === undefined || symbol === undefined) continue;
    const lots = asRecord(row['lotSizeFilter']);
    listings.push({
      nativeSymbol: toNativeSymbol(nativeSymbol),
      symbol: toUnifiedSymbol(symbol),
      tickSize: asText(asRecord(row['priceFilter'])?.['tickSize']),
      lotSize: asText(lots?.[category === 'spot' ? 'basePrecision' : 'qtyStep']),
      isTrading: row['status'] === 'Trading',
    });
  }
  return { ok: true, listings };
}

function unifiedName(row: JsonRecord, category: BybitCategory): string | undefined {
  const base = asText(row['baseCoin']);
  const quote = asText(row['quoteCoin']);
  if (base === undefined || quote === undefined) return undefined;
  if (category === 'spot') return `${base}-${quote}`;
  const contract = row['contractType'];
  if (contract === 'LinearPerpetual') return `${base}-${quote}-PERP`;
  const deliveryMs = asWholeNumber(row['deliveryTime']);
  if (contract !== 'LinearFutures' || deliveryMs === undefined || deliveryMs === 0) return undefined;
  const [year = '', month = '', day = ''] = new Date(deliveryMs).toISOString().slice(2, 10).split('-');
  return `${base}-${quote}-${year}${month}${day}`;
}
