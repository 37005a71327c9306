/**
 * The frames of Crypto.com's market streams, of today (`exchange/v1`, text numbers, snapshot and deltas) and of 2021 (`v2`, bare numbers, whole
 * books). One decoder reads both: bare numbers become their own text first, so that ids beyond 2^53 and all decimals stay exact.
 */
import type { Sequence } from '../market/events.ts';
import { toNativeSymbol } from '../market/symbols.ts';
import { toUnits } from '../market/units.ts';
import type { FeedMessage, FrameDecoder } from './adapter.ts';
import { pushBook } from './book-message.ts';
import { readCryptocomTrades } from './cryptocom-trades.ts';
import { quoteNumbers } from './json-text.ts';
import { damaged, rejected } from './rejected.ts';
import { SymbolScales } from './symbol-scales.ts';
import type { JsonRecord } from './wire-json.ts';
import { asArray, asLevels, asRecord, asText, asWholeNumber, excerpt, parseJson } from './wire-json.ts';

export class CryptocomDecoder implements FrameDecoder {
  /** Whether books carry `u` and `pu`: without them each book frame is a whole book. */
  readonly #hasSequences: boolean;
  readonly #scales = new SymbolScales({ keepTrailingZeros: false });
  /** Symbols whose trade history has come on this subscription. */
  readonly #hasHistory = new Set<string>();

  constructor(options: { hasSequences: boolean }) {
    this.#hasSequences = options.hasSequences;
  }

  decode(frame: string | Uint8Array, receiveTimeMs: number): readonly FeedMessage[] {
    if (typeof frame !== 'string') return [rejected(undefined, 'binary frame on a text feed')];
    const parsed = asRecord(parseJson(quoteNumbers(frame)));
    if (parsed === undefined) return [rejected(undefined, `not a JSON object: ${excerpt(frame)}`)];
    const method = parsed['method'];
    if (method === 'public/heartbeat') return readHeartbeat(parsed);
    const code = asText(parsed['code']);
    if (method === 'ERROR' || (code !== undefined && code !== '0')) return [readRefusal(parsed)];
    const result = asRecord(parsed['result']);
    if (result === undefined) return this.#readAcknowledgement(parsed, frame);
    const symbol = asText(result['instrument_name']);
    const elements = asArray(result['data']);
    if (symbol === undefined || elements === undefined) {
      return [rejected(symbol, `result lacks its instrument or data: ${excerpt(frame)}`)];
    }
    switch (result['channel']) {
      case 'book':
        return this.#readBooks(symbol, elements, asWholeNumber(result['depth']), receiveTimeMs);
      case 'book.update':
        return this.#readUpdates(symbol, elements, receiveTimeMs);
      case 'trade': {
        // The frame that answers a subscription carries its id and the last trades; all later ones carry -1 (or none).
        const id = asText(parsed['id']);
        const isAnswer = id !== undefined && id !== '-1' && id !== '0';
        const isHistory = isAnswer || !this.#hasHistory.has(symbol);
        this.#hasHistory.add(symbol);
        return this.#readTrades(symbol, elements, isHistory, receiveTimeMs);
      }
      default:
        return ALIVE;
    }
  }

  #readBooks(
    symbol: string,
    elements: readonly unknown[],
    depth: number | undefined,
    receiveTimeMs: number,
  ): readonly FeedMessage[] {
    const messages: FeedMessage[] = [];
    for (const element of elements) {
      const book = asRecord(element);
      const bids = asLevels(book?.['bids']);
      const asks = asLevels(book?.['asks']);
      const eventTimeMs = asWholeNumber(book?.['t']);
      const sequence = this.#hasSequences ? asId(book?.['u']) : undefined;
      if (bids === undefined || asks === undefined || eventTimeMs === undefined) {
        messages.push(damaged(symbol, 'book lacks a side or its time'));
      } else if (this.#hasSequences && sequence === undefined) {
        messages.push(damaged(symbol, 'book lacks its update id u'));
      } else {
        const reading = { symbol, isSnapshot: true, bids, asks, eventTimeMs, receiveTimeMs, depth, sequence };
        pushBook(messages, this.#scales.of(symbol), reading);
      }
    }
    return messages;
  }

  #readUpdates(symbol: string, elements: readonly unknown[], receiveTimeMs: number): readonly FeedMessage[] {
    const messages: FeedMessage[] = [];
    for (const element of elements) {
      const book = asRecord(element);
      const update = asRecord(book?.['update']);
      // A side that did not change may be left out.
      const bids = asLevels(update?.['bids'] ?? []);
      const asks = asLevels(update?.['asks'] ?? []);
      const eventTimeMs = asWholeNumber(book?.['t']);
      const last = asId(book?.['u']);
      const previous = asId(book?.['pu']);
      if (update === undefined || bids === undefined || asks === undefined || eventTimeMs === undefined) {
        messages.push(damaged(symbol, 'book update lacks its sides or its time'));
      } else if (last === undefined || previous === undefined) {
        messages.push(damaged(symbol, 'book update lacks its update ids u and pu'));
      } else {
        pushBook(messages, this.#scales.of(symbol), {
          symbol,
          isSnapshot: false,
          bids,
          asks,
          eventTimeMs,
          receiveTimeMs,
          sequence: last,
          range: { previous, last },
        });
      }
    }
    return messages;
  }

  #readTrades(
    symbol: string,
    elements: readonly unknown[],
    isHistory: boolean,
    receiveTimeMs: number,
  ): readonly FeedMessage[] {
    const scales = this.#scales.of(symbol);
    const { trades, rejections } = readCryptocomTrades(elements, scales, { isHistory, receiveTimeMs });
    const nativeSymbol = toNativeSymbol(symbol);
    return [
      ...rejections.map((reason) => rejected(symbol, reason)),
      ...trades.map((event) => ({ type: 'trade', nativeSymbol, event }) as const),
    ];
  }

  #readAcknowledgement(answer: JsonRecord, frame: string): readonly FeedMessage[] {
    const channel = asText(answer['channel']);
    const isUnsubscribed = answer['method'] === 'unsubscribe';
    if (answer['method'] !== 'subscribe' && !isUnsubscribed) {
      return [rejected(undefined, `neither data nor an answer: ${excerpt(frame)}`)];
    }
    if (channel === undefined) return ALIVE;
    const symbol = symbolOfChannel(channel);
    if (isUnsubscribed && symbol !== undefined && channel.startsWith('trade.'))
      this.#hasHistory.delete(symbol);
    const nativeSymbol = symbol === undefined ? undefined : toNativeSymbol(symbol);
    return [{ type: isUnsubscribed ? 'unsubscribed' : 'subscribed', channel, nativeSymbol }];
  }
}

const ALIVE: readonly FeedMessage[] = [{ type: 'alive' }];

/** The server asks every 30 s and wants its own id back within 5 s. */
function readHeartbeat(heartbeat: JsonRecord): readonly FeedMessage[] {
  const id = asText(heartbeat['id']);
  if (id === undefined || !/^-?\d{1,20}$/.test(id)) return [rejected(undefined, 'heartbeat without an id')];
  return [{ type: 'reply', frame: `{"id":${id},"method":"public/respond-heartbeat"}` }];
}

function readRefusal(answer: JsonRecord): FeedMessage {
  const symbol = symbolOfChannel(asText(answer['channel']) ?? '');
  return {
    type: 'refused',
    nativeSymbol: symbol === undefined ? undefined : toNativeSymbol(symbol),
    code: asText(answer['code']) ?? 'ERROR',
    message: asText(answer['message']) ?? 'no message',
  };
}

/** `BTC_USDT` of `book.BTC_USDT.50` and `trade.BTC_USDT`. */
function symbolOfChannel(channel: string): string | undefined {
  return /^(?:book|trade)\.([^.]+)/.exec(channel)?.[1];
}

/** An update id of any size, from its text. */
function asId(value: unknown): Sequence | undefined {
  if (typeof value !== 'string' || !/^\d{1,30}$/.test(value)) return undefined;
  return value.length <= 15 ? Number.parseInt(value, 10) : toUnits(BigInt(value));
}
