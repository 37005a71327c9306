/**
 * The market stream that Crypto.com ran in 2021 (`wss://stream.crypto.com/v2/market`), kept to replay recordings of it: every book frame is a
 * whole book of 150 levels a side, without sequence; numbers are bare. The exchange has retired it.
 */
import { toNativeSymbol, toUnifiedSymbol } from '../market/symbols.ts';
import type { Channel, ExchangeAdapter, InstrumentListing, InstrumentsReading } from './adapter.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import { CryptocomDecoder } from './cryptocom-frames.ts';
import { cryptocomAdapter } from './cryptocom.ts';
import { withoutSequences } from './in-stream-book.ts';
import { asArray, asRecord, asText, excerpt, parseJson, stepText } from './wire-json.ts';

const BOOK_DEPTH = 150;

export const cryptocom2021Adapter: ExchangeAdapter = {
  ...cryptocomAdapter,
  ...withoutSequences,
  protocol: '2021',
  snapshotPolicy: 'everyFrame',
  defaultEndpoints: { ws: 'wss://stream.crypto.com/v2/market', rest: 'https://api.crypto.com/v2' },
  createDecoder: () => new CryptocomDecoder({ hasSequences: false }),
  subscribeFrames: (symbols, channels) => requestFrames('subscribe', symbols, channels),
  unsubscribeFrames: (symbols, channels) => requestFrames('unsubscribe', symbols, channels),
  tradeHistory: { identity: 'none', reason: 'this wire form is only read from recordings' },
  readInstruments,
};

function requestFrames(
  method: 'subscribe' | 'unsubscribe',
  symbols: readonly NativeSymbol[],
  channels: readonly Channel[],
): readonly string[] {
  const names = symbols.flatMap((symbol) =>
    channels.map((channel) => (channel === 'book' ? `book.${symbol}.${BOOK_DEPTH}` : `trade.${symbol}`)),
  );
  return names.length === 0 ? [] : [JSON.stringify({ method, params: { channels: names } })];
}

function readInstruments(body: string): InstrumentsReading {
  const entries = asArray(asRecord(asRecord(parseJson(body))?.['result'])?.['instruments']);
  if (entries === undefined) return { ok: false, reason: `no list of instruments: ${excerpt(body)}` };
  const listings: InstrumentListing[] = [];
  for (const value of entries) {
    const entry = asRecord(value);
    const nativeSymbol = asText(entry?.['instrument_name']);
    const base = asText(entry?.['base_currency']);
    const quote = asText(entry?.['quote_currency']);
    if (nativeSymbol === undefined || base === undefined || quote === undefined) continue;
    listings.push({
      nativeSymbol: toNativeSymbol(nativeSymbol),
      symbol: toUnifiedSymbol(`${base}-${quote}`),
      tickSize: stepText(entry?.['price_decimals']),
      lotSize: stepText(entry?.['quantity_decimals']),
      isTrading: true,
    });
  }
  return { ok: true, listings };
}
