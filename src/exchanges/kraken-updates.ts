/** Book updates and trades of Kraken v2, read from their text: nearly all that it sends. */
import { toNativeSymbol } from '../market/symbols.ts';
import type { Scales, Units } from '../market/units.ts';
import type { FeedMessage } from './adapter.ts';
import { toDeltaMessage } from './book-message.ts';
import { FrameCursor } from './frame-cursor.ts';
import type { SymbolScales } from './symbol-scales.ts';
import { parseIsoMs } from './wire-time.ts';

/** Returns `undefined` for any other frame, and for an update that is not exactly as Kraken writes it. */
export function readKrakenUpdate(
  frame: string,
  symbolScales: SymbolScales,
  receiveTimeMs: number,
): readonly FeedMessage[] | undefined {
  const cursor = new FrameCursor(frame);
  if (!cursor.take('{"channel":"book","type":"update","data":[{"symbol":"')) return undefined;
  const symbol = cursor.text();
  const scales = symbol === undefined ? undefined : symbolScales.known(symbol)?.scales;
  if (symbol === undefined || scales === undefined || !cursor.take(',"bids":')) return undefined;
  const bids = readLevels(cursor, scales);
  if (bids === undefined || !cursor.take(',"asks":')) return undefined;
  const asks = readLevels(cursor, scales);
  if (asks === undefined || !cursor.take(',"checksum":')) return undefined;
  const checksum = cursor.wholeNumber();
  if (!(checksum >= 0) || !cursor.take(',"timestamp":"')) return undefined;
  const eventTimeMs = parseIsoMs(cursor.text());
  if (eventTimeMs === undefined || !cursor.take('}]}') || !cursor.isAtEnd) return undefined;
  return [toDeltaMessage({ scales, bids, asks }, { symbol, eventTimeMs, receiveTimeMs, checksum })];
}

/** Returns `undefined` for any other frame, and for trades that are not exactly as Kraken writes them. */
export function readKrakenTrades(
  frame: string,
  symbolScales: SymbolScales,
  receiveTimeMs: number,
): readonly FeedMessage[] | undefined {
  const cursor = new FrameCursor(frame);
  if (!cursor.take('{"channel":"trade","type":"update","data":[')) return undefined;
  const trades: FeedMessage[] = [];
  do {
    const trade = readTrade(cursor, symbolScales, receiveTimeMs);
    if (trade === undefined) return undefined;
    trades.push(trade);
  } while (cursor.take(','));
  return cursor.take(']}') && cursor.isAtEnd ? trades : undefined;
}

function readTrade(
  cursor: FrameCursor,
  symbolScales: SymbolScales,
  receiveTimeMs: number,
): FeedMessage | undefined {
  if (!cursor.take('{"symbol":"')) return undefined;
  const symbol = cursor.text();
  const scales = symbol === undefined ? undefined : symbolScales.known(symbol)?.scales;
  if (symbol === undefined || scales === undefined) return undefined;
  const takerSide = cursor.take(',"side":"buy","price":') ? 'buy' : 'sell';
  if (takerSide === 'sell' && !cursor.take(',"side":"sell","price":')) return undefined;
  const price = cursor.number(scales.price, Infinity);
  if (!cursor.take(',"qty":')) return undefined;
  const quantity = cursor.number(scales.quantity, Infinity);
  if (!(price >= 0 && quantity >= 0) || !cursor.take(',"ord_type":"')) return undefined;
  if (cursor.text() === undefined || !cursor.take(',"trade_id":')) return undefined;
  const tradeId = cursor.wholeNumber();
  if (!(tradeId >= 0) || !cursor.take(',"timestamp":"')) return undefined;
  const eventTimeMs = parseIsoMs(cursor.text());
  if (eventTimeMs === undefined || !cursor.take('}')) return undefined;
  return {
    type: 'trade',
    nativeSymbol: toNativeSymbol(symbol),
    event: {
      type: 'Trade',
      scales,
      price,
      quantity,
      eventTimeMs,
      receiveTimeMs,
      takerSide,
      tradeId: String(tradeId),
      isHistory: false,
    },
  };
}

/** Reads `[{"price":number,"qty":number},…]`. */
function readLevels(cursor: FrameCursor, scales: Scales): Units[] | undefined {
  const units: Units[] = [];
  if (cursor.take('[]')) return units;
  if (!cursor.take('[')) return undefined;
  do {
    if (!cursor.take('{"price":')) return undefined;
    // No more decimals than the scale, even if they are zeros: the checksum is over the digits as written.
    const price = cursor.number(scales.price, scales.price);
    if (!cursor.take(',"qty":')) return undefined;
    const quantity = cursor.number(scales.quantity, scales.quantity);
    if (!(price >= 0 && quantity >= 0) || !cursor.take('}')) return undefined;
    units.push(price, quantity);
  } while (cursor.take(','));
  return cursor.take(']') ? units : undefined;
}
