/** Book updates of Coinbase Advanced, read from their text: nearly all that it sends. */
import type { Units } from '../market/units.ts';
import type { FeedMessage } from './adapter.ts';
import { toDeltaMessage } from './book-message.ts';
import { FrameCursor } from './frame-cursor.ts';
import type { SymbolScales } from './symbol-scales.ts';
import { parseIsoMs } from './wire-time.ts';

/** Returns `undefined` for any other frame, and for an update that is not exactly as the exchange writes it. */
export function readAdvancedUpdate(
  frame: string,
  symbolScales: SymbolScales,
  receiveTimeMs: number,
): readonly FeedMessage[] | undefined {
  const cursor = new FrameCursor(frame);
  if (!cursor.take('{"channel":"l2_data",')) return undefined;
  if (!cursor.take('"client_id":"","timestamp":"') && !cursor.take('"timestamp":"')) return undefined;
  const eventTimeMs = parseIsoMs(cursor.text());
  if (eventTimeMs === undefined || !cursor.take(',"sequence_num":')) return undefined;
  const sequence = cursor.wholeNumber();
  if (!(sequence >= 0) || !cursor.take(',"events":[{"type":"update","product_id":"')) return undefined;
  const symbol = cursor.text();
  const scales = symbol === undefined ? undefined : symbolScales.known(symbol)?.scales;
  if (symbol === undefined || scales === undefined || !cursor.take(',"updates":[')) return undefined;
  const bids: Units[] = [];
  const asks: Units[] = [];
  do {
    const isBid = cursor.take('{"side":"bid","event_time":"');
    if (!isBid && !cursor.take('{"side":"offer","event_time":"')) return undefined;
    if (cursor.text() === undefined || !cursor.take(',"price_level":"')) return undefined;
    const price = cursor.decimal(scales.price, Infinity);
    if (!cursor.take(',"new_quantity":"')) return undefined;
    const quantity = cursor.decimal(scales.quantity, Infinity);
    if (!(price >= 0 && quantity >= 0) || !cursor.take('}')) return undefined;
    (isBid ? bids : asks).push(price, quantity);
  } while (cursor.take(','));
  if (!cursor.take(']}]}') || !cursor.isAtEnd) return undefined;
  return [
    // First, so that a loss is known before anything of this frame is applied.
    { type: 'connectionSequence', sequence },
    toDeltaMessage({ scales, bids, asks }, { symbol, eventTimeMs, receiveTimeMs }),
  ];
}
