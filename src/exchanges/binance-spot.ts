/**
 * Binance spot (binance-spot-api-docs, read 2026-07). The book of a symbol, in the exchange's own steps:
 * 1. Subscribe `@depth@100ms`, hold the events.
 * 2. Fetch `/api/v3/depth`. If its `lastUpdateId` ends before the first held event begins, fetch again.
 * 3. Drop events with `u` ≤ `lastUpdateId`. The first one left must contain the snapshot: `U` ≤ `lastUpdateId` + 1 ≤ `u`.
 * 4. From then on `U` is the previous `u` + 1. An event that begins later is a gap; one that ends at or before the book's id is ignored; one that
 *    overlaps applies, since quantities are absolute.
 */
import type { Sequence } from '../market/events.ts';
import { toExchangeId } from '../market/symbols.ts';
import type { AdapterOptions, Continuity, ExchangeAdapter, HttpRequest, SequenceRange } from './adapter.ts';
import {
  BINANCE_REFUSALS,
  BinanceDecoder,
  binancePing,
  binanceRequestFrames,
  depthLimitOf,
  readBinanceDepth,
  readBinanceInstruments,
} from './binance-streams.ts';
import { binanceFills } from './binance-trades.ts';

/** Fills one by one; `aggTrade` would merge them. */
const STREAMS = { book: 'depth@100ms', trades: 'trade' } as const;
/** A fifth of the weight of 5000 levels, so that many books can start at once. */
const SNAPSHOT_LEVELS = 1000;
const SNAPSHOT_LEVELS_MAX = 5000;

export const binanceSpotAdapter: ExchangeAdapter = {
  exchange: toExchangeId('binance'),
  protocol: 'v3',
  snapshotPolicy: 'rest',
  continuityScope: 'book',
  defaultEndpoints: { ws: 'wss://stream.binance.com:9443', rest: 'https://api.binance.com' },
  connectionKinds: [
    { name: 'market', channels: ['book', 'trades'], url: (endpoints) => `${endpoints.ws}/stream` },
  ],
  limits: {
    // 1024 streams are allowed; fewer symbols spread the frames over connections.
    maxSymbolsPerConnection: 200,
    // Five per second, pongs included.
    framesPerConnection: { count: 4, windowMs: 1000 },
    connects: { count: 300, windowMs: 300_000 },
    requests: { weight: 6000, windowMs: 60_000, weightOf, refusals: BINANCE_REFUSALS },
    settleMs: 0,
    symbolsPerSubscribeFrame: 50,
    frameMaxBytes: 4 * 1024 * 1024,
  },
  clientPing: binancePing,
  deadAfterMs: 150_000,
  resync: 'refetch',
  createDecoder: () => new BinanceDecoder({ isFutures: false }),
  subscribeFrames: (symbols, channels, _options, nowMs) =>
    binanceRequestFrames('SUBSCRIBE', symbols, channels, STREAMS, nowMs),
  unsubscribeFrames: (symbols, channels, _options, nowMs) =>
    binanceRequestFrames('UNSUBSCRIBE', symbols, channels, STREAMS, nowMs),
  continuity,
  isSnapshotTooOld: (snapshotSequence, firstHeld) =>
    firstHeld.first !== undefined && next(snapshotSequence) < firstHeld.first,
  nextConnectionSequence: (last) => last,
  snapshotRequest: (endpoints, nativeSymbol, options) => ({
    url: `${endpoints.rest}/api/v3/depth?symbol=${encodeURIComponent(nativeSymbol)}&limit=${snapshotLevels(options)}`,
  }),
  readSnapshot: (body, nativeSymbol, receiveTimeMs, decoder) =>
    readBinanceDepth(body, receiveTimeMs, nativeSymbol, decoder),
  tradeHistory: binanceFills,
  instrumentsRequests: (endpoints) => [{ url: `${endpoints.rest}/api/v3/exchangeInfo` }],
  readInstruments: (body) => readBinanceInstruments(body, () => ''),
  checksum: undefined,
};

function continuity(last: Sequence, range: SequenceRange): Continuity {
  const { first, last: end } = range;
  const expected = next(last);
  if (first === undefined || end === undefined)
    return { verdict: 'gap', expected, was: end ?? first ?? last };
  if (end <= last) return { verdict: 'ignore' };
  // For the first event as for all others: it must begin at or before what is missing next.
  return first <= expected ? { verdict: 'apply' } : { verdict: 'gap', expected, was: first };
}

function next(sequence: Sequence): Sequence {
  return typeof sequence === 'bigint' ? sequence + 1n : sequence + 1;
}

function snapshotLevels(options: AdapterOptions): number {
  return Math.min(SNAPSHOT_LEVELS_MAX, Math.max(5, options.depth ?? SNAPSHOT_LEVELS));
}

function weightOf(request: HttpRequest): number {
  if (request.url.includes('/exchangeInfo')) return 20;
  if (request.url.includes('/historicalTrades')) return 25;
  const levels = depthLimitOf(request);
  if (levels <= 100) return 5;
  if (levels <= 500) return 25;
  return levels <= 1000 ? 50 : 250;
}
