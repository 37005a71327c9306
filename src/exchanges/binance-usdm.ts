/**
 * Binance USD-M futures (developers.binance.com and its WebSocket change notice of 2026). Books and trades come on two connections, `/public` and
 * `/market`. The book of a symbol:
 * 1. Subscribe `@depth@100ms`, hold the events; fetch `/fapi/v1/depth`.
 * 2. Drop events with `u` < `lastUpdateId`. The first one applied has `U` ≤ `lastUpdateId` ≤ `u`, or follows on the snapshot: its `pu` is at
 *    or before `lastUpdateId` (ids count over all symbols, so a snapshot may lie between two events of its own).
 * 3. From then on each event's `pu` is the `u` of the one before; `U` is not `pu` + 1. Anything else is a gap: fetch again.
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
import { binanceFuturesTrades } from './binance-trades.ts';
import type { JsonRecord } from './wire-json.ts';
import { asText } from './wire-json.ts';

/** Only the merged trades are documented here. */
const STREAMS = { book: 'depth@100ms', trades: 'aggTrade' } as const;
/** The only numbers of levels that the request takes. */
const SNAPSHOT_LEVELS = [5, 10, 20, 50, 100, 500, 1000];

export const binanceUsdmAdapter: ExchangeAdapter = {
  exchange: toExchangeId('binance-usdm'),
  protocol: 'v1',
  snapshotPolicy: 'rest',
  continuityScope: 'book',
  defaultEndpoints: { ws: 'wss://fstream.binance.com', rest: 'https://fapi.binance.com' },
  connectionKinds: [
    { name: 'public', channels: ['book'], url: (endpoints) => `${endpoints.ws}/public/stream` },
    { name: 'market', channels: ['trades'], url: (endpoints) => `${endpoints.ws}/market/stream` },
  ],
  limits: {
    maxSymbolsPerConnection: 200,
    framesPerConnection: { count: 8, windowMs: 1000 },
    connects: { count: 300, windowMs: 300_000 },
    requests: { weight: 2400, windowMs: 60_000, weightOf, refusals: BINANCE_REFUSALS },
    settleMs: 0,
    symbolsPerSubscribeFrame: 50,
    frameMaxBytes: 4 * 1024 * 1024,
  },
  clientPing: binancePing,
  deadAfterMs: 150_000,
  resync: 'refetch',
  createDecoder: () => new BinanceDecoder({ isFutures: true }),
  subscribeFrames: (symbols, channels, _options, nowMs) =>
    binanceRequestFrames('SUBSCRIBE', symbols, channels, STREAMS, nowMs),
  unsubscribeFrames: (symbols, channels, _options, nowMs) =>
    binanceRequestFrames('UNSUBSCRIBE', symbols, channels, STREAMS, nowMs),
  continuity,
  isSnapshotTooOld: (snapshotSequence, firstHeld) =>
    firstHeld.previous !== undefined && snapshotSequence < firstHeld.previous,
  nextConnectionSequence: (last) => last,
  snapshotRequest: (endpoints, nativeSymbol, options) => ({
    url: `${endpoints.rest}/fapi/v1/depth?symbol=${encodeURIComponent(nativeSymbol)}&limit=${snapshotLevels(options)}`,
  }),
  readSnapshot: (body, nativeSymbol, receiveTimeMs, decoder) =>
    readBinanceDepth(body, receiveTimeMs, nativeSymbol, decoder),
  tradeHistory: binanceFuturesTrades,
  instrumentsRequests: (endpoints) => [{ url: `${endpoints.rest}/fapi/v1/exchangeInfo` }],
  readInstruments: (body) => readBinanceInstruments(body, suffixOf),
  checksum: undefined,
};

function continuity(last: Sequence, range: SequenceRange, isFirst: boolean): Continuity {
  const { previous, last: end } = range;
  if (previous === undefined || end === undefined)
    return { verdict: 'gap', expected: last, was: end ?? last };
  if (isFirst) {
    if (end < last) return { verdict: 'ignore' };
    return previous <= last ? { verdict: 'apply' } : { verdict: 'gap', expected: last, was: previous };
  }
  return previous === last ? { verdict: 'apply' } : { verdict: 'gap', expected: last, was: previous };
}

/** `-PERP`, or the delivery date that stands after the underscore of the native name (`BTCUSDT_261225`). */
function suffixOf(entry: JsonRecord): string | undefined {
  if (asText(entry['contractType'])?.includes('PERPETUAL') === true) return '-PERP';
  const delivery = /_(\d{6})$/.exec(asText(entry['symbol']) ?? '')?.[1];
  return delivery === undefined ? undefined : `-${delivery}`;
}

function snapshotLevels(options: AdapterOptions): number {
  const wanted = options.depth ?? 1000;
  return SNAPSHOT_LEVELS.find((levels) => levels >= wanted) ?? 1000;
}

function weightOf(request: HttpRequest): number {
  if (request.url.includes('/exchangeInfo')) return 1;
  if (request.url.includes('/aggTrades')) return 20;
  const levels = depthLimitOf(request);
  if (levels <= 50) return 2;
  if (levels <= 100) return 5;
  return levels <= 500 ? 10 : 20;
}
