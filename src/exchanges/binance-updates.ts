/** Depth updates of Binance, read from their text. */
import type { FeedMessage } from './adapter.ts';
import { toDeltaMessage } from './book-message.ts';
import { FrameCursor } from './frame-cursor.ts';
import type { SymbolScales } from './symbol-scales.ts';

/** Returns `undefined` for any other frame, and for an update that is not exactly as Binance writes it. */
export function readBinanceUpdate(
  frame: string,
  symbolScales: SymbolScales,
  isFutures: boolean,
  receiveTimeMs: number,
): readonly FeedMessage[] | undefined {
  const cursor = new FrameCursor(frame);
  const isWrapped = cursor.take('{"stream":"');
  if (isWrapped && (cursor.text() === undefined || !cursor.take(',"data":'))) return undefined;
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
