/**
 * OKX v5 public channels (OKX API documentation and change log, read 2026-11), spot, swaps and futures on one socket. The rule of its book:
 * 1. A snapshot (`prevSeqId` −1) starts the book; levels carry absolute quantities, `"0"` deletes; levels that leave the window are deleted.
 * 2. An update applies when its `prevSeqId` is the last `seqId`; `seqId` jumps.
 * 3. Nothing changed for about 60 s: an empty update with `seqId` = `prevSeqId` = last.
 * 4. Maintenance: `prevSeqId` is the last `seqId`, but `seqId` is smaller. The update applies and counting goes on from the smaller one.
 * 5. Anything else is a gap: unsubscribe, subscribe, wait for the snapshot.
 * 6. `checksum` is 0 since June 2026 and never compared. Before the sequence existed (2021, 2022) it was the only proof: `okxChecksumAdapter`
 *    reads those recordings, and live feeds never.
 *
 * Quantities are `sz` as sent: coins on spot, contracts on derivatives. Turning contracts into coins needs the instrument's `ctVal`.
 */
import type { ChecksumInput } from '../market/checksum-input.ts';
import { CRC32_START, extendCrc32, finishCrc32 } from '../market/crc32.ts';
import type { Sequence } from '../market/events.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import { toExchangeId, toNativeSymbol } from '../market/symbols.ts';
import type {
  Channel,
  Continuity,
  ExchangeAdapter,
  FeedMessage,
  FrameDecoder,
  SequenceRange,
} from './adapter.ts';
import { pushBook } from './book-message.ts';
import { inStreamBook, withoutSequences } from './in-stream-book.ts';
import { LevelSums } from './level-sums.ts';
import { readOkxInstruments } from './okx-instruments.ts';
import { readOkxUpdate } from './okx-updates.ts';
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

/** How a book proves itself: by the sequence (today), or by the checksum (recordings of 2021 and 2022). */
type Proof = 'sequence' | 'checksum';

export const okxAdapter: ExchangeAdapter = {
  ...inStreamBook,
  exchange: toExchangeId('okx'),
  protocol: 'v5',
  continuityScope: 'book',
  continuity: okxContinuity,
  nextConnectionSequence: (last) => last,
  defaultEndpoints: { ws: 'wss://ws.okx.com:8443/ws/v5/public', rest: 'https://www.okx.com/api/v5' },
  connectionKinds: [{ name: 'market', channels: ['book', 'trades'], url: (endpoints) => endpoints.ws }],
  limits: {
    // Fewer than 30 deep books per connection are advised.
    maxSymbolsPerConnection: 25,
    framesPerConnection: { count: 480, windowMs: 3_600_000 },
    connects: { count: 3, windowMs: 1000 },
    requests: { weight: 20, windowMs: 2000, weightOf: () => 1 },
    settleMs: 0,
    symbolsPerSubscribeFrame: 25,
    frameMaxBytes: 4 * 1024 * 1024,
  },
  // The server closes after 30 s without a frame in either direction.
  clientPing: { frame: () => 'ping', everyMs: 20_000, whenIdle: true },
  deadAfterMs: 30_000,
  resync: 'resubscribe',
  createDecoder: () => new OkxDecoder('sequence'),
  subscribeFrames: (symbols, channels) => requestFrames('subscribe', symbols, channels),
  unsubscribeFrames: (symbols, channels) => requestFrames('unsubscribe', symbols, channels),
  tradeHistory: { identity: 'none', reason: 'its stream merges the fills that past trades list one by one' },
  instrumentsRequests: (endpoints) =>
    ['SPOT', 'SWAP', 'FUTURES'].map((type) => ({
      url: `${endpoints.rest}/public/instruments?instType=${type}`,
    })),
  readInstruments: readOkxInstruments,
  checksum: undefined,
};

export const okxChecksumAdapter: ExchangeAdapter = {
  ...okxAdapter,
  ...withoutSequences,
  protocol: 'v5-checksum',
  createDecoder: () => new OkxDecoder('checksum'),
  checksum: okxChecksum,
};

function okxContinuity(last: Sequence, range: SequenceRange): Continuity {
  const { previous, last: next } = range;
  if (previous === undefined || next === undefined || previous !== last) {
    return { verdict: 'gap', expected: last, was: previous ?? -1 };
  }
  return next < previous ? { verdict: 'reset' } : { verdict: 'apply' };
}

/** Levels per side that the old checksum covers. */
const CHECKSUM_LEVELS = 25;

/**
 * Returns the checksum that OKX sent until 2026, signed: CRC-32 of the 25 best levels a side, interleaved as
 * `bidPrice:bidQuantity:askPrice:askQuantity:…` in the text of the wire (which has no trailing zeros); a side that ran out is left out.
 */
export function okxChecksum(book: ChecksumInput): number {
  const { scales, bidCount, askCount } = book;
  let sum = CRC32_START;
  let isFirst = true;
  for (let level = 0; level < CHECKSUM_LEVELS; level++) {
    if (level < bidCount) {
      if (!isFirst) sum = extendCrc32(sum, COLON);
      sum = sums.extend(sum, book.bidPrice(level), book.bidQuantity(level), scales);
      isFirst = false;
    }
    if (level < askCount) {
      if (!isFirst) sum = extendCrc32(sum, COLON);
      sum = sums.extend(sum, book.askPrice(level), book.askQuantity(level), scales);
      isFirst = false;
    }
  }
  return finishCrc32(sum) | 0;
}

const COLON = 58;

const sums = new LevelSums((text, price, quantity, scales) => {
  text.prependDecimal(quantity, scales.quantity);
  text.prependCode(COLON);
  text.prependDecimal(price, scales.price);
});

const CHANNEL_NAMES = { book: 'books', trades: 'trades' } as const;
/** Channels that carry 400 levels as a snapshot and updates; the tick-by-tick ones are for paying clients and in recordings. */
const BOOK_CHANNELS: ReadonlySet<unknown> = new Set(['books', 'books-l2-tbt']);

function requestFrames(
  op: 'subscribe' | 'unsubscribe',
  symbols: readonly NativeSymbol[],
  channels: readonly Channel[],
): string[] {
  const frames: string[] = [];
  const perFrame = okxAdapter.limits.symbolsPerSubscribeFrame;
  for (let from = 0; from < symbols.length; from += perFrame) {
    const args = symbols
      .slice(from, from + perFrame)
      .flatMap((instId) => channels.map((channel) => ({ channel: CHANNEL_NAMES[channel], instId })));
    frames.push(JSON.stringify({ op, args }));
  }
  return frames;
}

class OkxDecoder implements FrameDecoder {
  readonly #scales = new SymbolScales({ keepTrailingZeros: false });
  readonly #proof: Proof;

  constructor(proof: Proof) {
    this.#proof = proof;
  }

  decode(frame: string | Uint8Array, receiveTimeMs: number): readonly FeedMessage[] {
    if (typeof frame !== 'string') return [rejected(undefined, 'binary frame on a text feed')];
    if (frame === 'pong') return [{ type: 'alive' }];
    const update = readOkxUpdate(frame, this.#scales, this.#proof, receiveTimeMs);
    if (update !== undefined) return update;
    const message = asRecord(parseJson(frame));
    if (message === undefined) return [rejected(undefined, `frame is not a JSON object: ${excerpt(frame)}`)];
    const arg = asRecord(message['arg']);
    const symbol = asText(arg?.['instId']);
    if (message['event'] !== undefined) return decodeEvent(message, arg, symbol);
    const channel = arg?.['channel'];
    const isBook = BOOK_CHANNELS.has(channel);
    if (!isBook && channel !== 'trades') {
      return arg === undefined ? [rejected(undefined, `unknown message: ${excerpt(frame)}`)] : [];
    }
    const elements = asArray(message['data']);
    if (symbol === undefined || elements === undefined) {
      return [rejected(symbol, 'data frame lacks instId or data')];
    }
    const messages: FeedMessage[] = [];
    for (const value of elements) {
      const element = asRecord(value);
      if (element === undefined) messages.push(rejected(symbol, 'element of data is not an object'));
      else if (isBook) this.#decodeBook(element, symbol, message['action'], receiveTimeMs, messages);
      else this.#decodeTrade(element, symbol, receiveTimeMs, messages);
    }
    return messages;
  }

  #decodeBook(
    element: JsonRecord,
    symbol: string,
    action: unknown,
    receiveTimeMs: number,
    messages: FeedMessage[],
  ): void {
    const bids = asLevels(element['bids']);
    const asks = asLevels(element['asks']);
    const hasSequence = this.#proof === 'sequence';
    const sequence = hasSequence ? asSequence(element['seqId']) : undefined;
    const checksum = hasSequence ? undefined : asInteger(element['checksum']);
    if (bids === undefined || asks === undefined || (sequence ?? checksum) === undefined) {
      messages.push(
        damaged(symbol, `book message lacks bids, asks or ${hasSequence ? 'seqId' : 'checksum'}`),
      );
      return;
    }
    if (action !== 'snapshot' && action !== 'update') {
      messages.push(damaged(symbol, `book message of unknown action: ${JSON.stringify(action)}`));
      return;
    }
    pushBook(messages, this.#scales.of(symbol), {
      symbol,
      isSnapshot: action === 'snapshot',
      bids,
      asks,
      eventTimeMs: asWholeNumber(element['ts']) ?? receiveTimeMs,
      receiveTimeMs,
      sequence,
      checksum,
      range: hasSequence ? { previous: asInteger(element['prevSeqId']), last: sequence } : {},
    });
  }

  #decodeTrade(element: JsonRecord, symbol: string, receiveTimeMs: number, messages: FeedMessage[]): void {
    const tradeId = asText(element['tradeId']);
    const takerSide = element['side'];
    const trade = this.#scales.of(symbol).readTrade(element['px'], element['sz']);
    if (tradeId === undefined || trade === undefined || (takerSide !== 'buy' && takerSide !== 'sell')) {
      messages.push(rejected(symbol, 'trade lacks tradeId, side, or a decimal px and sz'));
      return;
    }
    const eventTimeMs = asWholeNumber(element['ts']) ?? receiveTimeMs;
    messages.push({
      type: 'trade',
      nativeSymbol: toNativeSymbol(symbol),
      event: { type: 'Trade', ...trade, eventTimeMs, receiveTimeMs, takerSide, tradeId, isHistory: false },
    });
  }
}

function decodeEvent(
  message: JsonRecord,
  arg: JsonRecord | undefined,
  symbol: string | undefined,
): readonly FeedMessage[] {
  const event = message['event'];
  const text = asText(message['msg']) ?? '';
  if (event === 'subscribe' || event === 'unsubscribe') {
    return [
      {
        type: event === 'subscribe' ? 'subscribed' : 'unsubscribed',
        channel: asText(arg?.['channel']) ?? 'unknown',
        nativeSymbol: symbol === undefined ? undefined : toNativeSymbol(symbol),
      },
    ];
  }
  if (event === 'notice') return [{ type: 'leave', reason: text }];
  if (event === 'error') {
    // The symbol stands only in the message: `… channel:books,instId:NOPE-USDT doesn't exist. …`.
    const named = symbol ?? /instId:([\w-]+)/.exec(text)?.[1];
    return [
      {
        type: 'refused',
        nativeSymbol: named === undefined ? undefined : toNativeSymbol(named),
        code: asText(message['code']) ?? 'error',
        message: text,
      },
    ];
  }
  return [{ type: 'alive' }];
}
