/**
 * Coinbase Advanced Trade public feed (docs.cdp.coinbase.com, Advanced Trade WebSocket, read 2026-11). The rule of its book:
 * 1. `sequence_num` rises by 1 over all frames of the connection, those without market data too. A skip is a loss, and since the counter
 *    is shared, every book of the connection is in doubt: a new connection.
 * 2. Subscribed to as `level2`, received as `l2_data`. A message holds several events, each for its own product: `snapshot` is the whole
 *    book, `update` carries new absolute quantities, zero deletes. The sides are `bid` and `offer`.
 * 3. `market_trades` has the newest trade first; an event of type `snapshot` is history.
 */
import type { TakerSide } from '../market/events.ts';
import type { WireLevel } from '../market/scale-memory.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import { toExchangeId, toNativeSymbol, toUnifiedSymbol } from '../market/symbols.ts';
import type {
  Channel,
  ExchangeAdapter,
  FeedMessage,
  FrameDecoder,
  InstrumentListing,
  InstrumentsReading,
} from './adapter.ts';
import { pushBook } from './book-message.ts';
import { readAdvancedUpdate } from './coinbase-advanced-updates.ts';
import { inStreamBook } from './in-stream-book.ts';
import { damaged, rejected } from './rejected.ts';
import { SymbolScales } from './symbol-scales.ts';
import type { JsonRecord } from './wire-json.ts';
import { asArray, asRecord, asSequence, asText, excerpt, parseJson } from './wire-json.ts';
import { parseIsoMs } from './wire-time.ts';

export type CoinbaseAdvancedOptions = {
  /**
   * Whose side a trade's `side` is. The documentation is silent and clients take it for the taker's, but in a recording of August 2026 all 49
   * live trades at a best price were SELL at the ask or BUY at the bid: it is the maker's.
   */
  readonly tradeSide: 'taker' | 'maker';
};

export const coinbaseAdvancedAdapter: ExchangeAdapter = createCoinbaseAdvancedAdapter({
  tradeSide: 'maker',
});

/** Returns the adapter of the Advanced Trade feed. */
export function createCoinbaseAdvancedAdapter(advancedOptions: CoinbaseAdvancedOptions): ExchangeAdapter {
  return {
    ...inStreamBook,
    exchange: toExchangeId('coinbase'),
    protocol: 'advanced',
    continuityScope: 'connection',
    continuity: () => ({ verdict: 'apply' }),
    nextConnectionSequence: (last) => (typeof last === 'bigint' ? last + 1n : last + 1),
    defaultEndpoints: {
      ws: 'wss://advanced-trade-ws.coinbase.com',
      rest: 'https://api.coinbase.com/api/v3/brokerage/market',
    },
    connectionKinds: [{ name: 'market', channels: ['book', 'trades'], url: (endpoints) => endpoints.ws }],
    limits: {
      // One lost frame costs every book of the connection a whole snapshot, so connections stay small.
      maxSymbolsPerConnection: 20,
      framesPerConnection: { count: 8, windowMs: 1000 },
      framesPerIp: { count: 8, windowMs: 1000 },
      connects: { count: 8, windowMs: 1000 },
      requests: { weight: 10, windowMs: 1000, weightOf: () => 1 },
      settleMs: 0,
      symbolsPerSubscribeFrame: 20,
      // A snapshot is the whole book, about a hundred bytes a level.
      frameMaxBytes: 64 * 1024 * 1024,
    },
    clientPing: undefined,
    // The heartbeats channel speaks each second.
    deadAfterMs: 15_000,
    resync: 'reconnect',
    createDecoder: () => new CoinbaseAdvancedDecoder(advancedOptions),
    subscribeFrames: (symbols, channels) => [
      ...requestFrames('subscribe', symbols, channels),
      '{"type":"subscribe","channel":"heartbeats"}',
    ],
    unsubscribeFrames: (symbols, channels) => requestFrames('unsubscribe', symbols, channels),
    tradeHistory: { identity: 'none', reason: 'whose side its past trades name is not documented' },
    instrumentsRequests: (endpoints) => [{ url: `${endpoints.rest}/products` }],
    readInstruments,
    checksum: undefined,
  };
}

const CHANNEL_NAMES = { book: 'level2', trades: 'market_trades' } as const;

/** One channel per message. */
function requestFrames(
  type: 'subscribe' | 'unsubscribe',
  symbols: readonly NativeSymbol[],
  channels: readonly Channel[],
): string[] {
  const frames: string[] = [];
  const perFrame = coinbaseAdvancedAdapter.limits.symbolsPerSubscribeFrame;
  for (let from = 0; from < symbols.length; from += perFrame) {
    const product_ids = symbols.slice(from, from + perFrame);
    for (const channel of channels) {
      frames.push(JSON.stringify({ type, product_ids, channel: CHANNEL_NAMES[channel] }));
    }
  }
  return frames;
}

class CoinbaseAdvancedDecoder implements FrameDecoder {
  readonly #scales = new SymbolScales({ keepTrailingZeros: false });
  readonly #tradeSide: CoinbaseAdvancedOptions['tradeSide'];

  constructor(advancedOptions: CoinbaseAdvancedOptions) {
    this.#tradeSide = advancedOptions.tradeSide;
  }

  decode(frame: string | Uint8Array, receiveTimeMs: number): readonly FeedMessage[] {
    if (typeof frame !== 'string') return [rejected(undefined, 'binary frame on a text feed')];
    const update = readAdvancedUpdate(frame, this.#scales, receiveTimeMs);
    if (update !== undefined) return update;
    const message = asRecord(parseJson(frame));
    if (message === undefined) return [rejected(undefined, `frame is not a JSON object: ${excerpt(frame)}`)];
    if (message['type'] === 'error') return [decodeError(message)];

    const messages: FeedMessage[] = [];
    const sequence = asSequence(message['sequence_num']);
    // First, so that a loss is known before anything of this frame is applied.
    if (sequence !== undefined) messages.push({ type: 'connectionSequence', sequence });
    const events = asArray(message['events']);
    if (typeof message['channel'] !== 'string' || events === undefined) {
      messages.push(rejected(undefined, `unknown message: ${excerpt(frame)}`));
      return messages;
    }
    const sentTimeMs = parseIsoMs(message['timestamp']) ?? receiveTimeMs;
    for (const value of events) {
      const event = asRecord(value) ?? {};
      switch (message['channel']) {
        case 'l2_data':
          this.#decodeBook(event, sentTimeMs, receiveTimeMs, messages);
          break;
        case 'market_trades':
          this.#decodeTrades(event, receiveTimeMs, messages);
          break;
        case 'heartbeats':
          messages.push({ type: 'alive' });
          break;
        case 'subscriptions':
          decodeSubscriptions(event, messages);
          break;
        default:
      }
    }
    return messages;
  }

  #decodeBook(event: JsonRecord, eventTimeMs: number, receiveTimeMs: number, messages: FeedMessage[]): void {
    const symbol = asText(event['product_id']);
    const updates = asArray(event['updates']);
    const type = event['type'];
    if (symbol === undefined || updates === undefined || (type !== 'snapshot' && type !== 'update')) {
      messages.push(damaged(symbol, 'l2_data event lacks product_id, updates or a known type'));
      return;
    }
    const bids: WireLevel[] = [];
    const asks: WireLevel[] = [];
    for (const value of updates) {
      const update = asRecord(value);
      const level: WireLevel = [update?.['price_level'], update?.['new_quantity']];
      const side = update?.['side'];
      if (side === 'bid') bids.push(level);
      else if (side === 'offer') asks.push(level);
      else messages.push(damaged(symbol, `level of unknown side: ${JSON.stringify(side)}`));
    }
    pushBook(messages, this.#scales.of(symbol), {
      symbol,
      isSnapshot: type === 'snapshot',
      bids,
      asks,
      eventTimeMs,
      receiveTimeMs,
    });
  }

  #decodeTrades(event: JsonRecord, receiveTimeMs: number, messages: FeedMessage[]): void {
    const trades = asArray(event['trades']);
    if (trades === undefined) {
      messages.push(rejected(undefined, 'market_trades event without trades'));
      return;
    }
    const isHistory = event['type'] === 'snapshot';
    for (let index = trades.length - 1; index >= 0; index--) {
      const fields = asRecord(trades[index]);
      const symbol = asText(fields?.['product_id']);
      const tradeId = asText(fields?.['trade_id']);
      const takerSide = this.#readTakerSide(fields?.['side']);
      if (symbol === undefined || tradeId === undefined || takerSide === undefined) {
        messages.push(rejected(symbol, 'trade lacks product_id, trade_id or side'));
        continue;
      }
      const trade = this.#scales.of(symbol).readTrade(fields?.['price'], fields?.['size']);
      if (trade === undefined) {
        messages.push(rejected(symbol, `trade ${tradeId} is not at a decimal price and size`));
        continue;
      }
      const eventTimeMs = parseIsoMs(fields?.['time']) ?? receiveTimeMs;
      messages.push({
        type: 'trade',
        nativeSymbol: toNativeSymbol(symbol),
        event: { type: 'Trade', ...trade, eventTimeMs, receiveTimeMs, takerSide, tradeId, isHistory },
      });
    }
  }

  #readTakerSide(side: unknown): TakerSide | undefined {
    if (side !== 'BUY' && side !== 'SELL') return undefined;
    return (side === 'BUY') === (this.#tradeSide === 'taker') ? 'buy' : 'sell';
  }
}

/** The acknowledgement lists every subscription there is: `{"subscriptions":{"level2":["BTC-USD"]}}`. */
function decodeSubscriptions(event: JsonRecord, messages: FeedMessage[]): void {
  for (const [channel, products] of Object.entries(asRecord(event['subscriptions']) ?? {})) {
    for (const product of asArray(products) ?? []) {
      const symbol = asText(product);
      if (symbol !== undefined) {
        messages.push({ type: 'subscribed', channel, nativeSymbol: toNativeSymbol(symbol) });
      }
    }
  }
}

function decodeError(message: JsonRecord): FeedMessage {
  return {
    type: 'refused',
    nativeSymbol: undefined,
    code: 'error',
    message: asText(message['message']) ?? '',
  };
}

function readInstruments(body: string): InstrumentsReading {
  const answer = asRecord(parseJson(body));
  const products = asArray(answer?.['products']);
  if (products === undefined) {
    return { ok: false, reason: `products: ${asText(answer?.['message']) ?? 'answer has no products'}` };
  }
  const listings: InstrumentListing[] = [];
  for (const value of products) {
    const product = asRecord(value);
    const id = asText(product?.['product_id']);
    const base = asText(product?.['base_currency_id']);
    const quote = asText(product?.['quote_currency_id']);
    if (product === undefined || id === undefined || base === undefined || quote === undefined) continue;
    // An alias shares the book of another product, whose name its frames carry.
    if (asText(product['alias']) !== undefined) continue;
    listings.push({
      nativeSymbol: toNativeSymbol(id),
      symbol: toUnifiedSymbol(`${base}-${quote}`),
      tickSize: asText(product['price_increment']) ?? asText(product['quote_increment']),
      lotSize: asText(product['base_increment']),
      isTrading: product['status'] === 'online' && product['trading_disabled'] !== true,
    });
  }
  return { ok: true, listings };
}
