/** Book updates of Coinbase Exchange, read from their text: nearly all that it sends. */
import type { Units } from '../market/units.ts';
import type { FeedMessage } from './adapter.ts';
import { toDeltaMessage } from './book-message.ts';
import { FrameCursor } from './frame-cursor.ts';
import type { SymbolScales } from './symbol-scales.ts';
import { parseIsoMs } from './wire-time.ts';

/** Returns `undefined` for any other frame, and for an update that is not exactly as the exchange writes it. */
export function readCoinbaseUpdate(
  frame: string,
  symbolScales: SymbolScales,
  receiveTimeMs: number,
): readonly FeedMessage[] | undefined {
  const cursor = new FrameCursor(frame);
  if (!cursor.take('{"type":"l2update","product_id":"')) return undefined;
  const symbol = cursor.text();
  const scales = symbol === undefined ? undefined : symbolScales.known(symbol)?.scales;
  if (symbol === undefined || scales === undefined || !cursor.take(',"changes":[')) return undefined;
  const bids: Units[] = [];
  const asks: Units[] = [];
  do {
    const isBid = cursor.take('["buy","');
    if (!isBid && !cursor.take('["sell","')) return undefined;
    const price = cursor.decimal(scales.price, Infinity);
    if (!cursor.take(',"')) return undefined;
    const quantity = cursor.decimal(scales.quantity, Infinity);
    if (!(price >= 0 && quantity >= 0) || !cursor.take(']')) return undefined;
    (isBid ? bids : asks).push(price, quantity);
  } while (cursor.take(','));
  if (!cursor.take('],"time":"')) return undefined;
  const time = cursor.text();
  if (time === undefined || !cursor.take('}') || !cursor.isAtEnd) return undefined;
  const eventTimeMs = parseIsoMs(time) ?? receiveTimeMs;
  return [toDeltaMessage({ scales, bids, asks }, { symbol, eventTimeMs, receiveTimeMs })];
}
