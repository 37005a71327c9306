/**
 * Bybit v5 public streams (Bybit v5 documentation, read 2026-11), one connection per category. The rule of its book:
 * 1. A snapshot replaces the book whenever it comes; the exchange sends one again after trouble of its own.
 * 2. A message with `u` 1 comes from a restarted service and is a snapshot, whatever it calls itself.
 * 3. A delta with `u` not above the last is old; far below it, the service has restarted and its first message is lost. In practice `u`
 *    rises by 1, so a jump is taken for a loss; the stream's documentation does not promise that, therefore it is a switch.
 * 4. Levels that leave the window are sent with quantity `"0"`. Depth 1 sends snapshots only, the same `u` again after 3 s without change.
 * 5. Trades come under the type `snapshot` too, but are live; there is no history. Block trades are negotiated off the book and left out.
 */
import type { Sequence } from '../market/events.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import { toExchangeId, toNativeSymbol } from '../market/symbols.ts';
import type {
  AdapterOptions,
  Channel,
  Continuity,
  ExchangeAdapter,
  FeedMessage,
  FrameDecoder,
  SequenceRange,
} from './adapter.ts';
import { pushBook } from './book-message.ts';
import type { BybitCategory } from './bybit-instruments.ts';
import { readBybitInstruments } from './bybit-instruments.ts';
import { createBybitTrades } from './bybit-trades.ts';
import { readBybitDelta } from './bybit-updates.ts';
import { inStreamBook } from './in-stream-book.ts';
import { damaged, rejected } from './rejected.ts';
import { SymbolScales } from './symbol-scales.ts';
import type { JsonRecord } from './wire-json.ts';
import {
  asArray,
  asLevels,
  asRecord,
  asSequence,
  asText,
  asWholeNumber,
  excerpt,
  parseJson,
} from './wire-json.ts';

/** Depths on offer for spot and linear, smallest first. */
const DEPTHS = [1, 50, 200, 1000] as const;
const DEFAULT_DEPTH = 200;
/** Topics in one subscribe frame: the limit of spot, kept everywhere because one bad topic fails its whole frame. */
const TOPICS_PER_FRAME = 10;

export type BybitOptions = {
  /** Whether a jump of `u` counts as a loss (rule 3). */
  readonly isStepChecked: boolean;
};

export const bybitSpotAdapter: ExchangeAdapter = createBybitAdapter('spot', { isStepChecked: true });
export const bybitLinearAdapter: ExchangeAdapter = createBybitAdapter('linear', { isStepChecked: true });

/** Returns the adapter of one category; `BTCUSDT` is another instrument in each. */
export function createBybitAdapter(category: BybitCategory, bybitOptions: BybitOptions): ExchangeAdapter {
  return {
    ...inStreamBook,
    exchange: toExchangeId(`bybit-${category}`),
    protocol: 'v5',
    continuityScope: 'book',
    continuity: (last, range) => continuity(last, range, bybitOptions.isStepChecked),
    nextConnectionSequence: (last) => last,
    defaultEndpoints: {
      ws: `wss://stream.bybit.com/v5/public/${category}`,
      rest: 'https://api.bybit.com',
    },
    connectionKinds: [{ name: 'market', channels: ['book', 'trades'], url: (endpoints) => endpoints.ws }],
    limits: {
      // All topics of a connection may have 21,000 characters; two topics of one symbol have about sixty.
      maxSymbolsPerConnection: 200,
      framesPerConnection: { count: 50, windowMs: 1000 },
      connects: { count: 500, windowMs: 300_000 },
      requests: {
        weight: 600,
        windowMs: 5000,
        weightOf: () => 1,
        refusals: [{ status: 403, pauseMs: 600_000 }],
      },
      settleMs: 0,
      symbolsPerSubscribeFrame: 5,
      frameMaxBytes: 4 * 1024 * 1024,
    },
    clientPing: { frame: () => '{"op":"ping"}', everyMs: 20_000, whenIdle: false },
    deadAfterMs: 30_000,
    resync: 'resubscribe',
    createDecoder: () => new BybitDecoder(),
    subscribeFrames: (symbols, channels, options) => requestFrames('subscribe', symbols, channels, options),
    unsubscribeFrames: (symbols, channels, options) =>
      requestFrames('unsubscribe', symbols, channels, options),
    tradeHistory: createBybitTrades(category),
    instrumentsRequests: (endpoints) => [
      { url: `${endpoints.rest}/v5/market/instruments-info?category=${category}&limit=1000` },
    ],
    readInstruments: (body) => readBybitInstruments(body, category),
    checksum: undefined,
  };
}

/** How far below the last `u` a message may be and still be taken for a late one: at 20 ms a message, 20 s late. */
const LATE_MAX = 1000;

function continuity(last: Sequence, range: SequenceRange, isStepChecked: boolean): Continuity {
  const was = range.last ?? 0;
  const expected = typeof last === 'bigint' ? last + 1n : last + 1;
  if (was <= last) {
    return BigInt(last) - BigInt(was) <= LATE_MAX ? { verdict: 'ignore' } : { verdict: 'gap', expected, was };
  }
  return was === expected || !isStepChecked ? { verdict: 'apply' } : { verdict: 'gap', expected, was };
}

function requestFrames(
  op: 'subscribe' | 'unsubscribe',
  symbols: readonly NativeSymbol[],
  channels: readonly Channel[],
  options: AdapterOptions,
): string[] {
  const depth = DEPTHS.find((offered) => offered >= (options.depth ?? DEFAULT_DEPTH)) ?? 1000;
  const topics = symbols.flatMap((symbol) =>
    channels.map((channel) =>
      channel === 'book' ? `orderbook.${depth}.${symbol}` : `publicTrade.${symbol}`,
    ),
  );
  const frames: string[] = [];
  for (let from = 0; from < topics.length; from += TOPICS_PER_FRAME) {
    frames.push(JSON.stringify({ op, args: topics.slice(from, from + TOPICS_PER_FRAME) }));
  }
  return frames;
}

class BybitDecoder implements FrameDecoder {
  readonly #scales = new SymbolScales({ keepTrailingZeros: false });

  decode(frame: string | Uint8Array, receiveTimeMs: number): readonly FeedMessage[] {
    if (typeof frame !== 'string') return [rejected(undefined, 'binary frame on a text feed')];
    const delta = readBybitDelta(frame, this.#scales, receiveTimeMs);
    if (delta !== undefined) return delta;
    const message = asRecord(parseJson(frame));
    if (message === undefined) return [rejected(undefined, `frame is not a JSON object: ${excerpt(frame)}`)];
    const topic = message['topic'];
    if (typeof topic !== 'string') return decodeAnswer(message, frame);
    if (topic.startsWith('orderbook.')) return this.#decodeBook(message, topic, receiveTimeMs);
    if (topic.startsWith('publicTrade.')) return this.#decodeTrades(message, topic, receiveTimeMs);
    return [];
  }

  #decodeBook(message: JsonRecord, topic: string, receiveTimeMs: number): readonly FeedMessage[] {
    const book = asRecord(message['data']);
    const symbol = asText(book?.['s']) ?? lastWord(topic);
    const bids = asLevels(book?.['b']);
    const asks = asLevels(book?.['a']);
    const sequence = asSequence(book?.['u']);
    const type = message['type'];
    if (bids === undefined || asks === undefined || sequence === undefined) {
      return [damaged(symbol, 'book message lacks b, a or u')];
    }
    if (type !== 'snapshot' && type !== 'delta') {
      return [damaged(symbol, `book message of unknown type: ${JSON.stringify(type)}`)];
    }
    const messages: FeedMessage[] = [];
    pushBook(messages, this.#scales.of(symbol), {
      symbol,
      isSnapshot: type === 'snapshot' || sequence === 1,
      bids,
      asks,
      // `cts` is the clock of the matching engine, the one that stamps trades.
      eventTimeMs: asWholeNumber(message['cts']) ?? asWholeNumber(message['ts']) ?? receiveTimeMs,
      receiveTimeMs,
      sequence,
      range: { last: sequence },
    });
    return messages;
  }

  #decodeTrades(message: JsonRecord, topic: string, receiveTimeMs: number): readonly FeedMessage[] {
    const fills = asArray(message['data']);
    if (fills === undefined) return [rejected(lastWord(topic), 'trade message without a list of trades')];
    const messages: FeedMessage[] = [];
    for (const value of fills) {
      const fill = asRecord(value);
      if (fill?.['BT'] === true) continue;
      const symbol = asText(fill?.['s']) ?? lastWord(topic);
      const tradeId = asText(fill?.['i']);
      const side = fill?.['S'];
      const trade = this.#scales.of(symbol).readTrade(fill?.['p'], fill?.['v']);
      if (tradeId === undefined || trade === undefined || (side !== 'Buy' && side !== 'Sell')) {
        messages.push(rejected(symbol, 'trade lacks i, S, or a decimal p and v'));
        continue;
      }
      messages.push({
        type: 'trade',
        nativeSymbol: toNativeSymbol(symbol),
        event: {
          type: 'Trade',
          ...trade,
          eventTimeMs: asWholeNumber(fill?.['T']) ?? receiveTimeMs,
          receiveTimeMs,
          takerSide: side === 'Buy' ? 'buy' : 'sell',
          tradeId,
          isHistory: false,
        },
      });
    }
    return messages;
  }
}

function decodeAnswer(message: JsonRecord, frame: string): readonly FeedMessage[] {
  const op = message['op'];
  if (op === 'pong' || op === 'ping') return [{ type: 'alive' }];
  if (op !== 'subscribe' && op !== 'unsubscribe') {
    return [rejected(undefined, `unknown message: ${excerpt(frame)}`)];
  }
  const text = asText(message['ret_msg']) ?? '';
  if (message['success'] === true) {
    // The acknowledgement names neither topic nor symbol.
    return [
      {
        type: op === 'subscribe' ? 'subscribed' : 'unsubscribed',
        channel: 'unknown',
        nativeSymbol: undefined,
      },
    ];
  }
  const symbol = /(?:orderbook\.\d+|publicTrade)\.([\w-]+)/.exec(text)?.[1];
  return [
    {
      type: 'refused',
      nativeSymbol: symbol === undefined ? undefined : toNativeSymbol(symbol),
      code: op,
      message: text,
    },
  ];
}

function lastWord(topic: string): string {
  return topic.slice(topic.lastIndexOf('.') + 1);
}
