/**
 * Crypto.com Exchange v1 (exchange-developer.crypto.com, read 2026-09). The book of a symbol:
 * 1. Subscribe `book.<symbol>.50` with snapshot and updates; the snapshot comes about a second after the acknowledgement.
 * 2. An update applies when its `pu` is the last `u`. `u` jumps by thousands and is no counter; nothing else about it may be concluded.
 * 3. A quiet book sends an empty update with `u` = `pu` every 5 s: it applies and changes nothing.
 * 4. A level that leaves the 50 best comes as quantity 0, so the book is exactly the window.
 * 5. Anything else is a gap: unsubscribe, subscribe, wait for the snapshot. `cs` follows no published rule and is not verified; the book that REST
 *    gives carries no `u` and can't be aligned.
 */
import type { Sequence } from '../market/events.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import { toExchangeId, toNativeSymbol, toUnifiedSymbol } from '../market/symbols.ts';
import type {
  AdapterOptions,
  Channel,
  Continuity,
  ExchangeAdapter,
  InstrumentListing,
  InstrumentsReading,
  SequenceRange,
} from './adapter.ts';
import { CryptocomDecoder } from './cryptocom-frames.ts';
import { cryptocomTrades } from './cryptocom-trades.ts';
import { inStreamBook } from './in-stream-book.ts';
import type { JsonRecord } from './wire-json.ts';
import { asArray, asRecord, asText, excerpt, parseJson } from './wire-json.ts';

export const cryptocomAdapter: ExchangeAdapter = {
  ...inStreamBook,
  exchange: toExchangeId('cryptocom'),
  protocol: 'v1',
  continuityScope: 'book',
  continuity,
  nextConnectionSequence: (last) => last,
  defaultEndpoints: {
    ws: 'wss://stream.crypto.com/exchange/v1/market',
    rest: 'https://api.crypto.com/exchange/v1',
  },
  connectionKinds: [{ name: 'market', channels: ['book', 'trades'], url: (endpoints) => endpoints.ws }],
  limits: {
    // 400 subscriptions per connection, two for each symbol.
    maxSymbolsPerConnection: 200,
    framesPerConnection: { count: 80, windowMs: 1000 },
    // No limit is published; this is politeness.
    connects: { count: 10, windowMs: 10_000 },
    requests: { weight: 100, windowMs: 1000, weightOf: () => 1 },
    // The rate is counted per calendar second and pro-rated in the first one.
    settleMs: 1000,
    // One hundred channels in one frame are known to work.
    symbolsPerSubscribeFrame: 50,
    frameMaxBytes: 4 * 1024 * 1024,
  },
  clientPing: undefined,
  // Two heartbeats of the server that never came.
  deadAfterMs: 65_000,
  resync: 'resubscribe',
  createDecoder: () => new CryptocomDecoder({ hasSequences: true }),
  subscribeFrames: (symbols, channels, options, nowMs) =>
    requestFrames('subscribe', symbols, channels, options, nowMs),
  unsubscribeFrames: (symbols, channels, options, nowMs) =>
    requestFrames('unsubscribe', symbols, channels, options, nowMs),
  tradeHistory: cryptocomTrades,
  instrumentsRequests: (endpoints) => [{ url: `${endpoints.rest}/public/get-instruments` }],
  readInstruments,
  checksum: undefined,
};

function continuity(last: Sequence, range: SequenceRange): Continuity {
  return range.previous === last
    ? { verdict: 'apply' }
    : { verdict: 'gap', expected: last, was: range.previous ?? last };
}

function requestFrames(
  method: 'subscribe' | 'unsubscribe',
  symbols: readonly NativeSymbol[],
  channels: readonly Channel[],
  options: AdapterOptions,
  nowMs: number,
): readonly string[] {
  const names = symbols.flatMap((symbol) =>
    channels.map((channel) =>
      channel === 'book' ? `book.${symbol}.${bookDepth(options)}` : `trade.${symbol}`,
    ),
  );
  if (names.length === 0) return [];
  // The book's options hold for the whole request; other channels in it ignore them.
  const bookOptions =
    method === 'subscribe' && channels.includes('book')
      ? { book_subscription_type: 'SNAPSHOT_AND_UPDATE', book_update_frequency: 10 }
      : {};
  return [JSON.stringify({ id: nowMs, method, params: { channels: names, ...bookOptions }, nonce: nowMs })];
}

function bookDepth(options: AdapterOptions): number {
  return options.depth !== undefined && options.depth <= 10 ? 10 : 50;
}

function readInstruments(body: string): InstrumentsReading {
  const entries = asArray(asRecord(asRecord(parseJson(body))?.['result'])?.['data']);
  if (entries === undefined) return { ok: false, reason: `no list of instruments: ${excerpt(body)}` };
  const listings: InstrumentListing[] = [];
  for (const value of entries) {
    const entry = asRecord(value);
    const nativeSymbol = asText(entry?.['symbol']);
    const base = asText(entry?.['base_ccy']);
    const quote = asText(entry?.['quote_ccy']);
    if (entry === undefined || nativeSymbol === undefined || base === undefined || quote === undefined)
      continue;
    const suffix = suffixOf(entry, nativeSymbol);
    if (suffix === undefined) continue;
    listings.push({
      nativeSymbol: toNativeSymbol(nativeSymbol),
      symbol: toUnifiedSymbol(`${base}-${quote}${suffix}`),
      tickSize: asText(entry['price_tick_size']),
      lotSize: asText(entry['qty_tick_size']),
      isTrading: entry['tradable'] === true,
    });
  }
  return { ok: true, listings };
}

/** What follows `BASE-QUOTE`: nothing, `-PERP`, or the date at the end of a future's name (`BTCUSD-261225`). */
function suffixOf(entry: JsonRecord, nativeSymbol: string): string | undefined {
  switch (entry['inst_type']) {
    case 'CCY_PAIR':
      return '';
    case 'PERPETUAL_SWAP':
      return '-PERP';
    case 'FUTURE':
      return /-\d{6}$/.exec(nativeSymbol)?.[0];
    default:
      return undefined;
  }
}
