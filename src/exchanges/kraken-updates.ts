/** Book updates of Kraken v2, read from their text: nearly all that it sends. */
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
