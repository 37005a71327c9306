/**
 * Kraken spot, WebSocket v2 (docs.kraken.com, read 2026-11). The rule of its book:
 * 1. One snapshot per subscription, then updates; every level carries the new absolute quantity, zero deletes. Levels apply in wire order,
 *    for the same price may come twice.
 * 2. After each message both sides are cut to the depth subscribed to: no delete is sent for a level that was pushed out.
 * 3. There is no sequence. The checksum of every message is the only proof, and it is over digits as written: numbers are read from
 *    their text (`0.10000000` has eight decimals), never through `JSON.parse`.
 * 4. On a mismatch: unsubscribe and subscribe that symbol. A pair's decimals may differ afterwards, so each snapshot starts its scales anew.
 */
import type { NativeSymbol } from '../market/symbols.ts';
import { toExchangeId, toNativeSymbol } from '../market/symbols.ts';
import type { WireLevel } from '../market/scale-memory.ts';
import type { AdapterOptions, Channel, ExchangeAdapter, FeedMessage, FrameDecoder } from './adapter.ts';
import { pushBook } from './book-message.ts';
import { inStreamBook, withoutSequences } from './in-stream-book.ts';
import { quoteNumbers } from './json-text.ts';
import { readAssetPairs } from './kraken-asset-pairs.ts';
import { krakenChecksum } from './kraken-checksum.ts';
import { readKrakenTrades, readKrakenUpdate } from './kraken-updates.ts';
import { krakenTrades } from './kraken-trades.ts';
import { damaged, rejected } from './rejected.ts';
import { SymbolScales } from './symbol-scales.ts';
import type { JsonRecord } from './wire-json.ts';
import { asArray, asRecord, asText, asWholeNumber, excerpt, parseJson } from './wire-json.ts';
import { parseIsoMs } from './wire-time.ts';

/** Depths on offer, smallest first. */
const KRAKEN_DEPTHS = [10, 25, 100, 500, 1000] as const;
const DEFAULT_DEPTH = 100;

export const krakenAdapter: ExchangeAdapter = {
  ...inStreamBook,
  ...withoutSequences,
  exchange: toExchangeId('kraken'),
  protocol: 'v2',
  defaultEndpoints: { ws: 'wss://ws.kraken.com/v2', rest: 'https://api.kraken.com/0/public' },
  connectionKinds: [{ name: 'market', channels: ['book', 'trades'], url: (endpoints) => endpoints.ws }],
  limits: {
    // No cap is published; at 100 symbols one connection stays far from the message rate that Kraken complains of.
    maxSymbolsPerConnection: 100,
    framesPerConnection: { count: 10, windowMs: 1000 },
    connects: { count: 150, windowMs: 600_000 },
    requests: {
      weight: 1,
      windowMs: 1000,
      weightOf: () => 1,
      refusals: [
        { status: 200, text: '"EAPI:Rate limit exceeded"', pauseMs: 10_000 },
        { status: 200, text: '"EGeneral:Too many requests"', pauseMs: 10_000 },
      ],
    },
    settleMs: 0,
    symbolsPerSubscribeFrame: 50,
    frameMaxBytes: 4 * 1024 * 1024,
  },
  clientPing: { frame: () => '{"method":"ping"}', everyMs: 30_000, whenIdle: false },
  // Heartbeats come each second once anything is subscribed.
  deadAfterMs: 40_000,
  resync: 'resubscribe',
  createDecoder: (options) => new KrakenDecoder(options),
  subscribeFrames: (symbols, channels, options) => requestFrames('subscribe', symbols, channels, options),
  unsubscribeFrames: (symbols, channels, options) => requestFrames('unsubscribe', symbols, channels, options),
  tradeHistory: krakenTrades,
  instrumentsRequests: (endpoints) => [{ url: `${endpoints.rest}/AssetPairs` }],
  readInstruments: (body) => readAssetPairs(body, 'v2'),
  checksum: krakenChecksum,
};

/** Returns the smallest depth on offer that holds `wanted` levels, or the largest. */
export function krakenDepth(wanted: number | undefined): number {
  return KRAKEN_DEPTHS.find((depth) => depth >= (wanted ?? DEFAULT_DEPTH)) ?? 1000;
}

function requestFrames(
  method: 'subscribe' | 'unsubscribe',
  symbols: readonly NativeSymbol[],
  channels: readonly Channel[],
  options: AdapterOptions,
): string[] {
  const frames: string[] = [];
  const perFrame = krakenAdapter.limits.symbolsPerSubscribeFrame;
  for (let from = 0; from < symbols.length; from += perFrame) {
    const symbol = symbols.slice(from, from + perFrame);
    for (const channel of channels) {
      const params =
        channel === 'book'
          ? { channel: 'book', symbol, depth: krakenDepth(options.depth) }
          : { channel: 'trade', symbol };
      // Fifty past trades as a first word on trades: what was missed while away is refilled, the trade id says what is new.
      frames.push(
        JSON.stringify({ method, params: method === 'subscribe' ? { ...params, snapshot: true } : params }),
      );
    }
  }
  return frames;
}

class KrakenDecoder implements FrameDecoder {
  // Trades have their own: what they are written with must not move the scales that the book's checksum is over.
  readonly #bookScales = new SymbolScales({ keepTrailingZeros: true });
  readonly #tradeScales = new SymbolScales({ keepTrailingZeros: false });
  /** Depths that the acknowledgements named. */
  readonly #depths = new Map<string, number>();
  readonly #depth: number;

  constructor(options: AdapterOptions) {
    this.#depth = krakenDepth(options.depth);
  }

  decode(frame: string | Uint8Array, receiveTimeMs: number): readonly FeedMessage[] {
    if (typeof frame !== 'string') return [rejected(undefined, 'binary frame on a text feed')];
    const read =
      readKrakenUpdate(frame, this.#bookScales, receiveTimeMs) ??
      readKrakenTrades(frame, this.#tradeScales, receiveTimeMs);
    if (read !== undefined) return read;
    const message = asRecord(parseJson(quoteNumbers(frame)));
    if (message === undefined) return [rejected(undefined, `frame is not a JSON object: ${excerpt(frame)}`)];
    switch (message['channel']) {
      case 'book':
        return this.#decodeEach(message, (element, messages) =>
          this.#decodeBook(element, message['type'], receiveTimeMs, messages),
        );
      case 'trade':
        return this.#decodeEach(message, (element, messages) =>
          this.#decodeTrade(element, message['type'] === 'snapshot', receiveTimeMs, messages),
        );
      case 'heartbeat':
      case 'status':
        return [{ type: 'alive' }];
      case undefined:
        return this.#decodeAnswer(message, frame);
      default:
        return [];
    }
  }

  #decodeEach(
    message: JsonRecord,
    decodeElement: (element: JsonRecord, messages: FeedMessage[]) => void,
  ): readonly FeedMessage[] {
    const messages: FeedMessage[] = [];
    const elements = asArray(message['data']);
    if (elements === undefined) return [rejected(undefined, 'data is not a list')];
    for (const value of elements) {
      const element = asRecord(value);
      if (element === undefined) messages.push(rejected(undefined, 'element of data is not an object'));
      else decodeElement(element, messages);
    }
    return messages;
  }

  #decodeBook(element: JsonRecord, type: unknown, receiveTimeMs: number, messages: FeedMessage[]): void {
    const symbol = asText(element['symbol']);
    const bids = toLevels(element['bids']);
    const asks = toLevels(element['asks']);
    const checksum = asWholeNumber(element['checksum']);
    if (symbol === undefined || bids === undefined || asks === undefined || checksum === undefined) {
      messages.push(damaged(symbol, 'book message lacks symbol, bids, asks or checksum'));
      return;
    }
    if (type !== 'snapshot' && type !== 'update') {
      messages.push(damaged(symbol, `book message of unknown type: ${JSON.stringify(type)}`));
      return;
    }
    const isSnapshot = type === 'snapshot';
    pushBook(messages, isSnapshot ? this.#bookScales.restart(symbol) : this.#bookScales.of(symbol), {
      symbol,
      isSnapshot,
      bids,
      asks,
      eventTimeMs: parseIsoMs(element['timestamp']) ?? receiveTimeMs,
      receiveTimeMs,
      depth: this.#depths.get(symbol) ?? this.#depth,
      checksum,
    });
  }

  #decodeTrade(
    element: JsonRecord,
    isHistory: boolean,
    receiveTimeMs: number,
    messages: FeedMessage[],
  ): void {
    const symbol = asText(element['symbol']);
    const tradeId = asText(element['trade_id']);
    const takerSide = element['side'];
    if (symbol === undefined || tradeId === undefined || (takerSide !== 'buy' && takerSide !== 'sell')) {
      messages.push(rejected(symbol, 'trade lacks symbol, side or trade_id'));
      return;
    }
    const trade = this.#tradeScales.of(symbol).readTrade(element['price'], element['qty']);
    if (trade === undefined) {
      messages.push(rejected(symbol, `trade ${tradeId} is not at a decimal price and quantity`));
      return;
    }
    const eventTimeMs = parseIsoMs(element['timestamp']) ?? receiveTimeMs;
    messages.push({
      type: 'trade',
      nativeSymbol: toNativeSymbol(symbol),
      event: { type: 'Trade', ...trade, eventTimeMs, receiveTimeMs, takerSide, tradeId, isHistory },
    });
  }

  #decodeAnswer(message: JsonRecord, frame: string): readonly FeedMessage[] {
    const method = message['method'];
    if (method === 'pong') return [{ type: 'alive' }];
    const result = asRecord(message['result']);
    const symbol = asText(result?.['symbol']) ?? asText(message['symbol']);
    const nativeSymbol = symbol === undefined ? undefined : toNativeSymbol(symbol);
    const error = asText(message['error']) ?? asText(message['Error']);
    if (error !== undefined)
      return [{ type: 'refused', nativeSymbol, code: asText(method) ?? 'error', message: error }];
    if (method !== 'subscribe' && method !== 'unsubscribe') {
      return [rejected(symbol, `unknown message: ${excerpt(frame)}`)];
    }
    const channel = asText(result?.['channel']) ?? 'unknown';
    const depth = asWholeNumber(result?.['depth']);
    if (channel === 'book' && symbol !== undefined && depth !== undefined) this.#depths.set(symbol, depth);
    return [{ type: method === 'subscribe' ? 'subscribed' : 'unsubscribed', channel, nativeSymbol }];
  }
}

/** Turns `{price, qty}` objects into pairs; a side that is not named has no change. */
function toLevels(value: unknown): readonly WireLevel[] | undefined {
  if (value === undefined) return [];
  return asArray(value)?.map((level) => {
    const fields = asRecord(level);
    return [fields?.['price'], fields?.['qty']];
  });
}
