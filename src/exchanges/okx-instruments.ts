/** OKX's lists of spot pairs, swaps and futures. Options are left out: the project has no name for them yet. */
import { toNativeSymbol, toUnifiedSymbol } from '../market/symbols.ts';
import type { InstrumentListing, InstrumentsReading } from './adapter.ts';
import type { JsonRecord } from './wire-json.ts';
import { asArray, asRecord, asText, parseJson } from './wire-json.ts';

/** Reads one answer of `/public/instruments`. */
export function readOkxInstruments(body: string): InstrumentsReading {
  const answer = asRecord(parseJson(body));
  const rows = asArray(answer?.['data']);
  if (answer?.['code'] !== '0' || rows === undefined) {
    return { ok: false, reason: `instruments: ${asText(answer?.['msg']) ?? 'answer has no data'}` };
  }
  const listings: InstrumentListing[] = [];
  for (const value of rows) {
    const row = asRecord(value);
    const instId = asText(row?.['instId']);
    if (row === undefined || instId === undefined) continue;
    const symbol = unifiedName(row, instId);
    if (symbol === undefined) continue;
    listings.push({
      nativeSymbol: toNativeSymbol(instId),
      symbol: toUnifiedSymbol(symbol),
      tickSize: asText(row['tickSz']),
      lotSize: asText(row['lotSz']),
      isTrading: row['state'] === 'live',
    });
  }
  return { ok: true, listings };
}

function unifiedName(row: JsonRecord, instId: string): string | undefined {
  const base = asText(row['baseCcy']);
  const quote = asText(row['quoteCcy']);
  const underlying = asText(row['uly']);
  switch (row['instType']) {
    case 'SPOT':
      return base === undefined || quote === undefined ? undefined : `${base}-${quote}`;
    case 'SWAP':
      return underlying === undefined ? undefined : `${underlying}-PERP`;
    case 'FUTURES': {
      const expiry = /-(\d{6})$/.exec(instId)?.[1];
      return underlying === undefined || expiry === undefined ? undefined : `${underlying}-${expiry}`;
    }
    default:
      return undefined;
  }
}
