/** Book deltas of Bybit, read from their text: nearly all that it sends. */
import type { FeedMessage } from './adapter.ts';
import { toDeltaMessage } from './book-message.ts';
import { FrameCursor } from './frame-cursor.ts';
import type { SymbolScales } from './symbol-scales.ts';

/** Returns `undefined` for any other frame, and for a delta that is not exactly as Bybit writes it. */
export function readBybitDelta(
  frame: string,
  symbolScales: SymbolScales,
  receiveTimeMs: number,
): readonly FeedMessage[] | undefined {
  const cursor = new FrameCursor(frame);
  if (!cursor.take('{"topic":"orderbook.') || cursor.text() === undefined) return undefined;
  // Spot tells the time before the type, derivatives after it.
  const isTypeFirst = cursor.take(',"type":"delta","ts":');
  if (!isTypeFirst && !cursor.take(',"ts":')) return undefined;
  const sentAtMs = cursor.wholeNumber();
  if (!isTypeFirst && !cursor.take(',"type":"delta"')) return undefined;
  if (!cursor.take(',"data":{"s":"')) return undefined;
  const symbol = cursor.text();
  const scales = symbol === undefined ? undefined : symbolScales.known(symbol)?.scales;
  if (symbol === undefined || scales === undefined || !cursor.take(',"b":')) return undefined;
  const bids = cursor.levels(scales);
  if (bids === undefined || !cursor.take(',"a":')) return undefined;
  const asks = cursor.levels(scales);
  if (asks === undefined || !cursor.take(',"u":')) return undefined;
  const sequence = cursor.wholeNumber();
  if (!cursor.take(',"seq":')) return undefined;
  const crossSequence = cursor.wholeNumber();
  if (!cursor.take('},"cts":')) return undefined;
  const eventTimeMs = cursor.wholeNumber();
  if (!cursor.take('}') || !cursor.isAtEnd) return undefined;
  // 1 is a snapshot.
  if (Number.isNaN(sentAtMs + crossSequence + eventTimeMs) || !(sequence !== 1 && sequence >= 0))
    return undefined;
  const range = { last: sequence };
  return [toDeltaMessage({ scales, bids, asks }, { symbol, eventTimeMs, receiveTimeMs, sequence, range })];
}
