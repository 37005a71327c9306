/**
 * Kraken spot, WebSocket v1 (docs.kraken.com, read 2026-11), still spoken and found in older recordings. Data frames are arrays:
 * `[channelID, part, …, channelName, pair]`. The rule of its book is that of v2 (see `kraken.ts`) with these differences:
 * 1. A snapshot is `{as, bs}` without a checksum; an update is `{a}`, `{b}` or both in two parts of one message, and the checksum `c` is in
 *    the last part and holds for all of them.
 * 2. A level is `[price, quantity, seconds]`, in text at full scale; a fourth element `r` marks one that came back into the window.
 * 3. The depth subscribed to is in the channel's name: `book-1000`.
 * 4. Trades carry no id. Time (to the microsecond), price, quantity and side are their identity; equal fills in one message are told apart
 *    by their count.
 */
import type { WireLevel } from '../market/scale-memory.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import { toExchangeId, toNativeSymbol } from '../market/symbols.ts';
import type { AdapterOptions, Channel, ExchangeAdapter, FeedMessage, FrameDecoder } from './adapter.ts';
import { pushBook } from './book-message.ts';
import { inStreamBook, withoutSequences } from './in-stream-book.ts';
import { readAssetPairs } from './kraken-asset-pairs.ts';
import { krakenChecksum } from './kraken-checksum.ts';
import { readKrakenV1Update } from './kraken-v1-updates.ts';
import { krakenAdapter, krakenDepth } from './kraken.ts';
import { damaged, rejected } from './rejected.ts';
import { SymbolScales } from './symbol-scales.ts';
import type { JsonRecord } from './wire-json.ts';
import { asArray, asLevels, asRecord, asText, asWholeNumber, excerpt, parseJson } from './wire-json.ts';
import { parseSecondsMs } from './wire-time.ts';

export const krakenV1Adapter: ExchangeAdapter = {
  ...inStreamBook,
  ...withoutSequences,
  exchange: toExchangeId('kraken'),
  protocol: 'v1',
  defaultEndpoints: { ws: 'wss://ws.kraken.com', rest: 'https://api.kraken.com/0/public' },
  connectionKinds: krakenAdapter.connectionKinds,
  limits: krakenAdapter.limits,
  clientPing: { frame: () => '{"event":"ping"}', everyMs: 30_000, whenIdle: false },
  deadAfterMs: krakenAdapter.deadAfterMs,
  resync: 'resubscribe',
  createDecoder: (options) => new KrakenV1Decoder(options),
  subscribeFrames: (symbols, channels, options) => requestFrames('subscribe', symbols, channels, options),
  unsubscribeFrames: (symbols, channels, options) => requestFrames('unsubscribe', symbols, channels, options),
  tradeHistory: { identity: 'none', reason: 'this wire form is only read from recordings' },
  instrumentsRequests: (endpoints) => krakenAdapter.instrumentsRequests(endpoints),
  readInstruments: (body) => readAssetPairs(body, 'v1'),
  checksum: krakenChecksum,
};

function requestFrames(
  event: 'subscribe' | 'unsubscribe',
  symbols: readonly NativeSymbol[],
  channels: readonly Channel[],
  options: AdapterOptions,
): string[] {
  const frames: string[] = [];
  const perFrame = krakenV1Adapter.limits.symbolsPerSubscribeFrame;
  for (let from = 0; from < symbols.length; from += perFrame) {
    const pair = symbols.slice(from, from + perFrame);
    for (const channel of channels) {
      const subscription =
        channel === 'book' ? { name: 'book', depth: krakenDepth(options.depth) } : { name: 'trade' };
      frames.push(JSON.stringify({ event, pair, subscription }));
    }
  }
  return frames;
}

class KrakenV1Decoder implements FrameDecoder {
  // Trades have their own: what they are written with must not move the scales that the book's checksum is over.
  readonly #bookScales = new SymbolScales({ keepTrailingZeros: true });
  readonly #tradeScales = new SymbolScales({ keepTrailingZeros: false });
  readonly #depth: number;

  constructor(options: AdapterOptions) {
    this.#depth = krakenDepth(options.depth);
  }

  decode(frame: string | Uint8Array, receiveTimeMs: number): readonly FeedMessage[] {
    if (typeof frame !== 'string') return [rejected(undefined, 'binary frame on a text feed')];
    const update = readKrakenV1Update(frame, this.#bookScales, receiveTimeMs);
    if (update !== undefined) return update;
    const message = parseJson(frame);
    const parts = asArray(message);
    if (parts === undefined) return decodeEvent(asRecord(message), frame);
    const pair = asText(parts.at(-1));
    const channel = asText(parts.at(-2));
    if (parts.length < 4 || pair === undefined || channel === undefined) {
      return [rejected(undefined, `data frame without channel and pair: ${excerpt(frame)}`)];
    }
    if (channel.startsWith('book')) {
      const depth = /^book-(\d{1,6})$/.exec(channel)?.[1];
      return this.#decodeBook(
        parts,
        pair,
        depth === undefined ? this.#depth : Number.parseInt(depth, 10),
        receiveTimeMs,
      );
    }
    if (channel === 'trade') return this.#decodeTrades(parts[1], pair, receiveTimeMs);
    return [];
  }

  #decodeBook(
    parts: readonly unknown[],
    pair: string,
    depth: number,
    receiveTimeMs: number,
  ): readonly FeedMessage[] {
    const bids: WireLevel[] = [];
    const asks: WireLevel[] = [];
    let isSnapshot = false;
    let checksum: number | undefined;
    for (const value of parts.slice(1, -2)) {
      const part = asRecord(value);
      const ownBids = asLevels(part?.['bs'] ?? part?.['b'] ?? []);
      const ownAsks = asLevels(part?.['as'] ?? part?.['a'] ?? []);
      if (part === undefined || ownBids === undefined || ownAsks === undefined) {
        return [damaged(pair, 'part of a book message is not an object with lists of levels')];
      }
      if ('as' in part || 'bs' in part) isSnapshot = true;
      for (const level of ownBids) bids.push(level);
      for (const level of ownAsks) asks.push(level);
      checksum = asWholeNumber(part['c']) ?? checksum;
    }
    if (!isSnapshot && checksum === undefined) return [damaged(pair, 'book update without checksum')];

    const messages: FeedMessage[] = [];
    const eventTimeMs = Math.max(newestLevelMs(bids), newestLevelMs(asks));
    pushBook(messages, isSnapshot ? this.#bookScales.restart(pair) : this.#bookScales.of(pair), {
      symbol: pair,
      isSnapshot,
      bids,
      asks,
      eventTimeMs: eventTimeMs > 0 ? eventTimeMs : receiveTimeMs,
      receiveTimeMs,
      depth,
      checksum,
    });
    return messages;
  }

  #decodeTrades(list: unknown, pair: string, receiveTimeMs: number): readonly FeedMessage[] {
    const fills = asArray(list);
    if (fills === undefined) return [rejected(pair, 'trade message without a list of trades')];
    const nativeSymbol = toNativeSymbol(pair);
    const scales = this.#tradeScales.of(pair);
    const seen = new Map<string, number>();
    return fills.map((value) => {
      const [price, quantity, seconds, side] = asArray(value) ?? [];
      const trade = scales.readTrade(price, quantity);
      const eventTimeMs = parseSecondsMs(seconds);
      if (trade === undefined || eventTimeMs === undefined || (side !== 'b' && side !== 's')) {
        return rejected(pair, 'trade is not [price, quantity, seconds, b or s, …]');
      }
      const identity = `${String(seconds)}/${String(price)}/${String(quantity)}/${side}`;
      const earlier = seen.get(identity) ?? 0;
      seen.set(identity, earlier + 1);
      return {
        type: 'trade',
        nativeSymbol,
        event: {
          type: 'Trade',
          ...trade,
          eventTimeMs,
          receiveTimeMs,
          takerSide: side === 'b' ? 'buy' : 'sell',
          tradeId: earlier === 0 ? identity : `${identity}/${earlier}`,
          isHistory: false,
        },
      };
    });
  }
}

function decodeEvent(message: JsonRecord | undefined, frame: string): readonly FeedMessage[] {
  switch (message?.['event']) {
    case 'heartbeat':
    case 'pong':
    case 'systemStatus':
      return [{ type: 'alive' }];
    case 'subscriptionStatus':
    case 'error': {
      const pair = asText(message['pair']);
      const nativeSymbol = pair === undefined ? undefined : toNativeSymbol(pair);
      const status = message['status'];
      if (status === 'subscribed' || status === 'unsubscribed') {
        const channel = asText(asRecord(message['subscription'])?.['name']) ?? 'unknown';
        return [{ type: status, channel, nativeSymbol }];
      }
      return [
        {
          type: 'refused',
          nativeSymbol,
          code: asText(status) ?? 'error',
          message: asText(message['errorMessage']) ?? excerpt(frame),
        },
      ];
    }
    default:
      return [rejected(undefined, `unknown message: ${excerpt(frame)}`)];
  }
}

/** Newest time among levels; the republished ones keep their old time. 0 when there is none. */
function newestLevelMs(levels: readonly WireLevel[]): number {
  let newest = 0;
  for (const level of levels) {
    const time = Array.isArray(level) ? parseSecondsMs(level[2]) : undefined;
    if (time !== undefined && time > newest) newest = time;
  }
  return newest;
}
