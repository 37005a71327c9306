/** Depth updates and trades of Binance, read from their text. */
import type { Trade } from '../market/events.ts';
import type { FeedMessage } from './adapter.ts';
import { toDeltaMessage } from './book-message.ts';
import { FrameCursor } from './frame-cursor.ts';
import type { SymbolScales } from './symbol-scales.ts';

/**
 * `trade` is every fill, `aggTrade` the fills of one taker order at one price merged. Both number their own series, so one instrument must
 * only ever be fed from one of them.
 */
export type TradeSeries = 'trade' | 'aggTrade';

export type TradeReading = {
  readonly symbol: string;
  readonly series: TradeSeries;
  readonly trade: Trade;
};

/** Returns `undefined` for any other frame, and for an update that is not exactly as Binance writes it. */
export function readBinanceUpdate(
  frame: string,
  symbolScales: SymbolScales,
  isFutures: boolean,
  receiveTimeMs: number,
): readonly FeedMessage[] | undefined {
  const cursor = new FrameCursor(frame);
  const isWrapped = takeWrapper(cursor);
  if (isWrapped === undefined) return undefined;
  if (!cursor.take('{"e":"depthUpdate","E":')) return undefined;
  const eventTimeMs = cursor.wholeNumber();
  // Futures tell the time of the matching engine too.
  const engineTimeMs = cursor.take(',"T":') ? cursor.wholeNumber() : 0;
  if (!cursor.take(',"s":"')) return undefined;
  const symbol = cursor.text();
  const scales = symbol === undefined ? undefined : symbolScales.known(symbol)?.scales;
  if (symbol === undefined || scales === undefined || !cursor.take(',"U":')) return undefined;
  const first = cursor.wholeNumber();
  if (!cursor.take(',"u":')) return undefined;
  const last = cursor.wholeNumber();
  const previous = isFutures && cursor.take(',"pu":') ? cursor.wholeNumber() : undefined;
  if (isFutures && previous === undefined) return undefined;
  if (Number.isNaN(eventTimeMs + engineTimeMs + (previous ?? 0)) || !(first <= last)) return undefined;
  if (!cursor.take(',"b":')) return undefined;
  const bids = cursor.levels(scales);
  if (bids === undefined || !cursor.take(',"a":')) return undefined;
  const asks = cursor.levels(scales);
  if (asks === undefined || !cursor.take(isWrapped ? '}}' : '}') || !cursor.isAtEnd) return undefined;
  const range = { first, previous, last };
  return [
    toDeltaMessage({ scales, bids, asks }, { symbol, eventTimeMs, receiveTimeMs, sequence: last, range }),
  ];
}

/** Returns `undefined` for any other frame, and for a trade that is not exactly as Binance writes those of a market. */
export function readBinanceTrade(
  frame: string,
  symbolScales: SymbolScales,
  isFutures: boolean,
  receiveTimeMs: number,
): TradeReading | undefined {
  const cursor = new FrameCursor(frame);
  const isWrapped = takeWrapper(cursor);
  if (isWrapped === undefined) return undefined;
  const series = cursor.take('{"e":"trade","E":') ? 'trade' : 'aggTrade';
  if (series === 'aggTrade' && !cursor.take('{"e":"aggTrade","E":')) return undefined;
  const sentTimeMs = cursor.wholeNumber();
  // Futures tell it here, where every fill is told.
  const earlyTimeMs = cursor.take(',"T":') ? cursor.wholeNumber() : undefined;
  if (!cursor.take(',"s":"')) return undefined;
  const symbol = cursor.text();
  const scales = symbol === undefined ? undefined : symbolScales.known(symbol)?.scales;
  if (symbol === undefined || scales === undefined) return undefined;
  if (!cursor.take(series === 'trade' ? ',"t":' : ',"a":')) return undefined;
  const tradeId = cursor.wholeNumber();
  if (!cursor.take(',"p":"')) return undefined;
  const price = cursor.decimal(scales.price, Infinity);
  if (!cursor.take(',"q":"')) return undefined;
  const quantity = cursor.decimal(scales.quantity, Infinity);
  if (Number.isNaN(sentTimeMs + tradeId) || !(price >= 0 && quantity >= 0)) return undefined;
  if (series === 'aggTrade' && !takeFillIds(cursor)) return undefined;
  const eventTimeMs = earlyTimeMs ?? (cursor.take(',"T":') ? cursor.wholeNumber() : NaN);
  if (Number.isNaN(eventTimeMs)) return undefined;
  if (isFutures && series === 'trade' && !cursor.take(',"X":"MARKET"')) return undefined;
  const isBuyerMaker = cursor.take(',"m":true');
  if (!isBuyerMaker && !cursor.take(',"m":false')) return undefined;
  if (isFutures) {
    // Which futures they are.
    if (cursor.take(',"st":') && Number.isNaN(cursor.wholeNumber())) return undefined;
  } else if (!cursor.take(',"M":true') && !cursor.take(',"M":false')) return undefined;
  if (!cursor.take(isWrapped ? '}}' : '}') || !cursor.isAtEnd) return undefined;
  const trade: Trade = {
    type: 'Trade',
    eventTimeMs,
    receiveTimeMs,
    scales,
    price,
    quantity,
    // The buyer was the maker, so the taker sold.
    takerSide: isBuyerMaker ? 'sell' : 'buy',
    tradeId: String(tradeId),
    isHistory: false,
  };
  return { symbol, series, trade };
}

/** Returns whether the frame is of a combined stream; `undefined` when that is not written as it should be. */
function takeWrapper(cursor: FrameCursor): boolean | undefined {
  if (!cursor.take('{"stream":"')) return false;
  return cursor.text() !== undefined && cursor.take(',"data":') ? true : undefined;
}

/** First and last fill of a merged trade. */
function takeFillIds(cursor: FrameCursor): boolean {
  if (!cursor.take(',"f":')) return false;
  const first = cursor.wholeNumber();
  return cursor.take(',"l":') && !Number.isNaN(first + cursor.wholeNumber());
}
