/**
 * Coinbase Exchange public feed (docs.cdp.coinbase.com, Exchange WebSocket, read 2026-11). The rule of its book:
 * 1. `snapshot` is the whole book; `l2update` carries `[side, price, new quantity]`, zero deletes.
 * 2. There is neither sequence nor checksum: the exchange promises delivery of level2. After any doubt: a new connection.
 * 3. `match.side` is the maker's: the taker is on the other side. On subscribing one `last_match` per product comes first: history.
 * 4. `time` may be `0001-01-01T00:00:00.000000Z` and old snapshots had quantities such as `0.-10000`: the first is no time, the second no level.
 */
import type { NativeSymbol } from '../market/symbols.ts';
import { toExchangeId, toNativeSymbol, toUnifiedSymbol } from '../market/symbols.ts';
import type { WireLevel } from '../market/scale-memory.ts';
import type {
  Channel,
  ExchangeAdapter,
  FeedMessage,
  FrameDecoder,
  InstrumentListing,
  InstrumentsReading,
} from './adapter.ts';
import { pushBook } from './book-message.ts';
import { coinbaseExchangeTrades } from './coinbase-exchange-trades.ts';
import { readCoinbaseUpdate } from './coinbase-exchange-updates.ts';
import { inStreamBook, withoutSequences } from './in-stream-book.ts';
import { damaged, rejected } from './rejected.ts';
import { SymbolScales } from './symbol-scales.ts';
import type { JsonRecord } from './wire-json.ts';
import { asArray, asInteger, asLevels, asRecord, asText, excerpt, parseJson } from './wire-json.ts';
import { parseIsoMs } from './wire-time.ts';

export const coinbaseExchangeAdapter: ExchangeAdapter = {
  ...inStreamBook,
  ...withoutSequences,
  exchange: toExchangeId('coinbase-exchange'),
  protocol: 'v1',
  defaultEndpoints: {
    ws: 'wss://ws-feed.exchange.coinbase.com',
    rest: 'https://api.exchange.coinbase.com',
  },
  connectionKinds: [{ name: 'market', channels: ['book', 'trades'], url: (endpoints) => endpoints.ws }],
  limits: {
    maxSymbolsPerConnection: 50,
    framesPerConnection: { count: 100, windowMs: 1000 },
    framesPerIp: { count: 100, windowMs: 1000 },
    connects: { count: 8, windowMs: 1000 },
    requests: { weight: 10, windowMs: 1000, weightOf: () => 1 },
    settleMs: 0,
    symbolsPerSubscribeFrame: 50,
    // A snapshot is the whole book, several megabytes for the large ones.
    frameMaxBytes: 64 * 1024 * 1024,
  },
  clientPing: undefined,
  // The heartbeat channel speaks each second.
  deadAfterMs: 15_000,
  resync: 'reconnect',
  createDecoder: () => new CoinbaseExchangeDecoder(),
  subscribeFrames: (symbols, channels) => requestFrames('subscribe', symbols, channels),
  unsubscribeFrames: (symbols, channels) => requestFrames('unsubscribe', symbols, channels),
  tradeHistory: coinbaseExchangeTrades,
  instrumentsRequests: (endpoints) => [{ url: `${endpoints.rest}/products` }],
  readInstruments,
  checksum: undefined,
};

const CHANNEL_NAMES = { book: 'level2_batch', trades: 'matches' } as const;

function requestFrames(
  type: 'subscribe' | 'unsubscribe',
  symbols: readonly NativeSymbol[],
  channels: readonly Channel[],
): string[] {
  const names: string[] = channels.map((channel) => CHANNEL_NAMES[channel]);
  if (type === 'subscribe') names.push('heartbeat');
  const frames: string[] = [];
  const perFrame = coinbaseExchangeAdapter.limits.symbolsPerSubscribeFrame;
  for (let from = 0; from < symbols.length; from += perFrame) {
    frames.push(JSON.stringify({ type, product_ids: symbols.slice(from, from + perFrame), channels: names }));
  }
  return frames;
}

class CoinbaseExchangeDecoder implements FrameDecoder {
  readonly #scales = new SymbolScales({ keepTrailingZeros: false });

  decode(frame: string | Uint8Array, receiveTimeMs: number): readonly FeedMessage[] {
    if (typeof frame !== 'string') return [rejected(undefined, 'binary frame on a text feed')];
    const update = readCoinbaseUpdate(frame, this.#scales, receiveTimeMs);
    if (update !== undefined) return update;
    const message = asRecord(parseJson(frame));
    if (message === undefined) return [rejected(undefined, `frame is not a JSON object: ${excerpt(frame)}`)];
    switch (message['type']) {
      case 'l2update':
        return this.#decodeUpdate(message, receiveTimeMs);
      case 'match':
      case 'last_match':
        return [this.#decodeMatch(message, receiveTimeMs)];
      case 'snapshot':
        return this.#decodeSnapshot(message, receiveTimeMs);
      case 'heartbeat':
        return [{ type: 'alive' }];
      case 'subscriptions':
        return decodeSubscriptions(message);
      case 'error':
        return [decodeError(message)];
      case 'ticker':
      case 'status':
        return [];
      default:
        return [rejected(undefined, `unknown message: ${excerpt(frame)}`)];
    }
  }

  #decodeSnapshot(message: JsonRecord, receiveTimeMs: number): readonly FeedMessage[] {
    const symbol = asText(message['product_id']);
    const bids = asLevels(message['bids']);
    const asks = asLevels(message['asks']);
    if (symbol === undefined || bids === undefined || asks === undefined) {
      return [damaged(symbol, 'snapshot lacks product_id, bids or asks')];
    }
    const messages: FeedMessage[] = [];
    pushBook(messages, this.#scales.of(symbol), {
      symbol,
      isSnapshot: true,
      bids,
      asks,
      eventTimeMs: parseIsoMs(message['time']) ?? receiveTimeMs,
      receiveTimeMs,
      // A level that the exchange itself wrote wrongly comes again with every snapshot: a new one would not help (rule 4).
      toBadLevel: rejected,
    });
    return messages;
  }

  #decodeUpdate(message: JsonRecord, receiveTimeMs: number): readonly FeedMessage[] {
    const symbol = asText(message['product_id']);
    const changes = asArray(message['changes']);
    if (symbol === undefined || changes === undefined) {
      return [damaged(symbol, 'l2update lacks product_id or changes')];
    }
    const messages: FeedMessage[] = [];
    const bids: WireLevel[] = [];
    const asks: WireLevel[] = [];
    for (const change of changes) {
      const [side, price, quantity] = asArray(change) ?? [];
      if (side === 'buy') bids.push([price, quantity]);
      else if (side === 'sell') asks.push([price, quantity]);
      else messages.push(damaged(symbol, `change of unknown side: ${JSON.stringify(side)}`));
    }
    pushBook(messages, this.#scales.of(symbol), {
      symbol,
      isSnapshot: false,
      bids,
      asks,
      eventTimeMs: parseIsoMs(message['time']) ?? receiveTimeMs,
      receiveTimeMs,
    });
    return messages;
  }

  #decodeMatch(message: JsonRecord, receiveTimeMs: number): FeedMessage {
    const symbol = asText(message['product_id']);
    const tradeId = asInteger(message['trade_id']);
    const makerSide = message['side'];
    if (symbol === undefined || tradeId === undefined || (makerSide !== 'buy' && makerSide !== 'sell')) {
      return rejected(symbol, 'match lacks product_id, trade_id or side');
    }
    const trade = this.#scales.of(symbol).readTrade(message['price'], message['size']);
    if (trade === undefined) {
      return rejected(symbol, `match ${tradeId} is not at a decimal price and size`);
    }
    return {
      type: 'trade',
      nativeSymbol: toNativeSymbol(symbol),
      event: {
        type: 'Trade',
        ...trade,
        eventTimeMs: parseIsoMs(message['time']) ?? receiveTimeMs,
        receiveTimeMs,
        takerSide: makerSide === 'buy' ? 'sell' : 'buy',
        tradeId: tradeId.toString(),
        isHistory: message['type'] === 'last_match',
      },
    };
  }
}

/** The acknowledgement lists every subscription there is and may name the channel otherwise (`level2_50`). */
function decodeSubscriptions(message: JsonRecord): readonly FeedMessage[] {
  const messages: FeedMessage[] = [];
  for (const value of asArray(message['channels']) ?? []) {
    const entry = asRecord(value);
    const channel = asText(entry?.['name']);
    if (channel === undefined) continue;
    for (const product of asArray(entry?.['product_ids']) ?? []) {
      const symbol = asText(product);
      if (symbol !== undefined) {
        messages.push({ type: 'subscribed', channel, nativeSymbol: toNativeSymbol(symbol) });
      }
    }
  }
  return messages;
}

function decodeError(message: JsonRecord): FeedMessage {
  const reason = asText(message['reason']) ?? '';
  // The symbol stands only in the text: `NOPE-USD is not a valid product`.
  const symbol = /^([A-Z0-9]+-[A-Z0-9]+) is not/.exec(reason)?.[1];
  return {
    type: 'refused',
    nativeSymbol: symbol === undefined ? undefined : toNativeSymbol(symbol),
    code: 'error',
    message: [asText(message['message']), reason].filter(Boolean).join(': '),
  };
}

function readInstruments(body: string): InstrumentsReading {
  const answer = parseJson(body);
  const products = asArray(answer);
  if (products === undefined) {
    return {
      ok: false,
      reason: `products: ${asText(asRecord(answer)?.['message']) ?? 'answer is not a list'}`,
    };
  }
  const listings: InstrumentListing[] = [];
  for (const value of products) {
    const product = asRecord(value);
    const id = asText(product?.['id']);
    const base = asText(product?.['base_currency']);
    const quote = asText(product?.['quote_currency']);
    if (product === undefined || id === undefined || base === undefined || quote === undefined) continue;
    listings.push({
      nativeSymbol: toNativeSymbol(id),
      symbol: toUnifiedSymbol(`${base}-${quote}`),
      tickSize: asText(product['quote_increment']),
      lotSize: asText(product['base_increment']),
      isTrading: product['status'] === 'online' && product['trading_disabled'] !== true,
    });
  }
  return { ok: true, listings };
}
