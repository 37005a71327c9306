/** What Binance spot and USD-M futures share: the frames of their market streams, the subscribe frames, the depth snapshot, the instrument list. */
import type { BookSnapshot, Trade } from '../market/events.ts';
import { ScaleMemory } from '../market/scale-memory.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import { toNativeSymbol, toUnifiedSymbol } from '../market/symbols.ts';
import { formatUnits, readDecimal, toUnits } from '../market/units.ts';
import type {
  Channel,
  FeedMessage,
  FrameDecoder,
  HttpRequest,
  InstrumentListing,
  InstrumentsReading,
  SnapshotReading,
} from './adapter.ts';
import type { TradeReading, TradeSeries } from './binance-updates.ts';
import { readBinanceTrade, readBinanceUpdate } from './binance-updates.ts';
import { pushBook } from './book-message.ts';
import { damaged, rejected } from './rejected.ts';
import { SymbolScales } from './symbol-scales.ts';
import type { JsonRecord } from './wire-json.ts';
import {
  asArray,
  asInteger,
  asLevels,
  asRecord,
  asSequence,
  asText,
  asWholeNumber,
  excerpt,
  parseJson,
} from './wire-json.ts';

/** Decodes raw streams (`/ws`) and combined ones (`/stream`) alike. */
export class BinanceDecoder implements FrameDecoder {
  readonly scales = new SymbolScales({ keepTrailingZeros: false });
  readonly #isFutures: boolean;
  /** The series that came first for a symbol on this connection; the other one would count the same trades again. */
  readonly #series = new Map<string, TradeSeries>();

  constructor(options: { isFutures: boolean }) {
    this.#isFutures = options.isFutures;
  }

  decode(frame: string | Uint8Array, receiveTimeMs: number): readonly FeedMessage[] {
    if (typeof frame !== 'string') return [rejected(undefined, 'binary frame on a text feed')];
    const update = readBinanceUpdate(frame, this.scales, this.#isFutures, receiveTimeMs);
    if (update !== undefined) return update;
    const read = readBinanceTrade(frame, this.scales, this.#isFutures, receiveTimeMs);
    if (read !== undefined) return this.#accept(read);
    const parsed = asRecord(parseJson(frame));
    if (parsed === undefined) return [rejected(undefined, `not a JSON object: ${excerpt(frame)}`)];
    // The combined wrapper `{"stream":…,"data":{…}}`; events of all-market streams are arrays, and none of them is ours.
    if (parsed['stream'] !== undefined && Array.isArray(parsed['data'])) return ALIVE;
    const event = parsed['stream'] === undefined ? parsed : asRecord(parsed['data']);
    if (event === undefined) return [rejected(undefined, `stream without data: ${excerpt(frame)}`)];
    switch (event['e']) {
      case 'depthUpdate':
        return this.#readDepth(event, receiveTimeMs);
      case 'trade':
      case 'aggTrade':
        return this.#readTrade(event, event['e'], receiveTimeMs);
      case 'serverShutdown':
        return [{ type: 'leave', reason: 'the server announced its shutdown' }];
      case undefined:
        return readAnswer(event, frame);
      default:
        return typeof event['e'] === 'string'
          ? ALIVE
          : [rejected(undefined, `no event name: ${excerpt(frame)}`)];
    }
  }

  #readDepth(event: JsonRecord, receiveTimeMs: number): readonly FeedMessage[] {
    const symbol = asText(event['s']);
    const bids = asLevels(event['b']);
    const asks = asLevels(event['a']);
    const eventTimeMs = asWholeNumber(event['E']);
    const first = asSequence(event['U']);
    const last = asSequence(event['u']);
    const previous = this.#isFutures ? asSequence(event['pu']) : undefined;
    if (symbol === undefined || bids === undefined || asks === undefined || eventTimeMs === undefined) {
      return [damaged(symbol, 'depth update lacks its symbol, a side or its time')];
    }
    if (first === undefined || last === undefined || first > last) {
      return [damaged(symbol, 'depth update lacks its update ids U ≤ u')];
    }
    if (this.#isFutures && previous === undefined) return [damaged(symbol, 'depth update lacks its pu')];
    const messages: FeedMessage[] = [];
    pushBook(messages, this.scales.of(symbol), {
      symbol,
      isSnapshot: false,
      bids,
      asks,
      eventTimeMs,
      receiveTimeMs,
      sequence: last,
      range: { first, previous, last },
    });
    return messages;
  }

  #readTrade(event: JsonRecord, series: TradeSeries, receiveTimeMs: number): readonly FeedMessage[] {
    const symbol = asText(event['s']);
    const tradeId = asSequence(event[series === 'trade' ? 't' : 'a']);
    const eventTimeMs = asWholeNumber(event['T']);
    const isBuyerMaker = event['m'];
    if (symbol === undefined || tradeId === undefined || eventTimeMs === undefined) {
      return [rejected(symbol, `${series} lacks its symbol, id or time`)];
    }
    if (typeof isBuyerMaker !== 'boolean')
      return [rejected(symbol, `${series} does not say who was the maker`)];
    // Insurance fund, deleveraging and the like: no trades of this market.
    if (this.#isFutures && event['X'] !== undefined && event['X'] !== 'MARKET') return ALIVE;
    const reading = this.scales.of(symbol).readTrade(event['p'], event['q']);
    if (reading === undefined) return [rejected(symbol, `${series} lacks a decimal price and quantity`)];
    const trade: Trade = {
      type: 'Trade',
      eventTimeMs,
      receiveTimeMs,
      ...reading,
      // The buyer was the maker, so the taker sold.
      takerSide: isBuyerMaker ? 'sell' : 'buy',
      tradeId: String(tradeId),
      isHistory: false,
    };
    return this.#accept({ symbol, series, trade });
  }

  #accept({ symbol, series, trade }: TradeReading): readonly FeedMessage[] {
    const known = this.#series.get(symbol);
    if (known === undefined) this.#series.set(symbol, series);
    else if (known !== series) return ALIVE;
    return [{ type: 'trade', nativeSymbol: toNativeSymbol(symbol), event: trade }];
  }
}

const ALIVE: readonly FeedMessage[] = [{ type: 'alive' }];

/** Frames without `e`: answers to our requests, refusals, and the few streams that name no event. */
function readAnswer(event: JsonRecord, frame: string): readonly FeedMessage[] {
  const error = asRecord(event['error']) ?? event;
  const code = asInteger(error['code']);
  const message = asText(error['msg']);
  if (code !== undefined && message !== undefined) {
    return [{ type: 'refused', nativeSymbol: undefined, code: String(code), message }];
  }
  if (event['result'] !== undefined && event['id'] !== undefined) return ALIVE;
  const isBookTicker = event['u'] !== undefined && event['B'] !== undefined && event['A'] !== undefined;
  const isPartialDepth = event['lastUpdateId'] !== undefined;
  if (isBookTicker || isPartialDepth) return ALIVE;
  return [rejected(undefined, `neither an event nor an answer: ${excerpt(frame)}`)];
}

/** The frame that (un)subscribes the streams; none when there is nothing to name. */
export function binanceRequestFrames(
  method: 'SUBSCRIBE' | 'UNSUBSCRIBE',
  symbols: readonly NativeSymbol[],
  channels: readonly Channel[],
  streams: Readonly<Record<Channel, string>>,
  nowMs: number,
): readonly string[] {
  const params = symbols.flatMap((symbol) =>
    channels.map((channel) => `${symbol.toLowerCase()}@${streams[channel]}`),
  );
  return params.length === 0 ? [] : [JSON.stringify({ method, params, id: nowMs })];
}

/** Asks what is subscribed: the answer is a sign of life on a connection whose symbols are all quiet. */
export const binancePing = {
  frame: (nowMs: number) => JSON.stringify({ method: 'LIST_SUBSCRIPTIONS', id: nowMs }),
  everyMs: 60_000,
  whenIdle: true,
} as const;

/** 418: banned for having gone on after 429, for two minutes at least. 403: its firewall. */
export const BINANCE_REFUSALS = [
  { status: 418, pauseMs: 120_000 },
  { status: 403, pauseMs: 300_000 },
] as const;

/** Levels per side of a depth request: `limit` of the URL. */
export function depthLimitOf(request: HttpRequest): number {
  const limit = /[?&]limit=(\d{1,5})(?:&|$)/.exec(request.url)?.[1];
  return limit === undefined ? 100 : Number.parseInt(limit, 10);
}

/** Reads `{"lastUpdateId":…,"bids":[…],"asks":[…]}`. Spot gives no time, futures give `E`. */
export function readBinanceDepth(
  body: string,
  receiveTimeMs: number,
  nativeSymbol: NativeSymbol,
  decoder: FrameDecoder,
): SnapshotReading {
  const depth = asRecord(parseJson(body));
  const bids = asLevels(depth?.['bids']);
  const asks = asLevels(depth?.['asks']);
  const sequence = asSequence(depth?.['lastUpdateId']);
  if (depth === undefined || bids === undefined || asks === undefined) {
    return { ok: false, reason: `not a depth snapshot: ${excerpt(body)}` };
  }
  // A newly listed symbol answers with an empty book and -1.
  if (sequence === undefined) return { ok: false, reason: 'depth snapshot has no lastUpdateId ≥ 0' };
  const scales =
    decoder instanceof BinanceDecoder
      ? decoder.scales.of(nativeSymbol)
      : new ScaleMemory({ keepTrailingZeros: false });
  const badLevels: string[] = [];
  const levels = scales.readLevels(bids, asks, (reason) => badLevels.push(reason));
  if (badLevels[0] !== undefined) return { ok: false, reason: badLevels[0] };
  const event: BookSnapshot = {
    type: 'BookSnapshot',
    eventTimeMs: asWholeNumber(depth['E']) ?? receiveTimeMs,
    receiveTimeMs,
    ...levels,
    depth: undefined,
    sequence,
    checksum: undefined,
  };
  return { ok: true, event };
}

/** Reads `exchangeInfo`. `suffixOf` gives what follows `BASE-QUOTE` in the unified symbol; entries it refuses are left out. */
export function readBinanceInstruments(
  body: string,
  suffixOf: (entry: JsonRecord) => string | undefined,
): InstrumentsReading {
  const entries = asArray(asRecord(parseJson(body))?.['symbols']);
  if (entries === undefined) return { ok: false, reason: `no list of symbols: ${excerpt(body)}` };
  const listings: InstrumentListing[] = [];
  for (const value of entries) {
    const entry = asRecord(value);
    const nativeSymbol = asText(entry?.['symbol']);
    const base = asText(entry?.['baseAsset']);
    const quote = asText(entry?.['quoteAsset']);
    if (entry === undefined || nativeSymbol === undefined || base === undefined || quote === undefined)
      continue;
    const suffix = suffixOf(entry);
    if (suffix === undefined) continue;
    listings.push({
      nativeSymbol: toNativeSymbol(nativeSymbol),
      symbol: toUnifiedSymbol(`${base}-${quote}${suffix}`),
      tickSize: filterStep(entry, 'PRICE_FILTER', 'tickSize'),
      lotSize: filterStep(entry, 'LOT_SIZE', 'stepSize'),
      isTrading: (entry['status'] ?? entry['contractStatus']) === 'TRADING',
    });
  }
  return { ok: true, listings };
}

/** The step that a filter sets, as canonical decimal text; `undefined` when there is none (0 disables a filter). */
function filterStep(entry: JsonRecord, filterType: string, field: string): string | undefined {
  const filter = asArray(entry['filters'])
    ?.map(asRecord)
    .find((candidate) => candidate?.['filterType'] === filterType);
  const text = asText(filter?.[field]);
  const parts = text === undefined ? undefined : readDecimal(text);
  if (parts === undefined || parts.digits <= 0n) return undefined;
  return formatUnits(toUnits(parts.digits), parts.decimals);
}
