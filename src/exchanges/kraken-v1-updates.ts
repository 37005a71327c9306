/** Book updates of Kraken v1, read from their text: nearly all that it sends. */
import type { Scales, Units } from '../market/units.ts';
import type { FeedMessage } from './adapter.ts';
import { toDeltaMessage } from './book-message.ts';
import { FrameCursor } from './frame-cursor.ts';
import type { SymbolScales } from './symbol-scales.ts';
import { parseSecondsMs } from './wire-time.ts';

/** Returns `undefined` for any other frame, and for an update that is not exactly as Kraken writes it. */
export function readKrakenV1Update(
  frame: string,
  symbolScales: SymbolScales,
  receiveTimeMs: number,
): readonly FeedMessage[] | undefined {
  // The pair, without which no level can be read, comes last.
  const tailAt = frame.lastIndexOf(',"book-');
  if (tailAt === -1) return undefined;
  const tail = new FrameCursor(frame, tailAt + ',"book-'.length);
  if (Number.isNaN(tail.wholeNumber()) || !tail.take('","')) return undefined;
  const symbol = tail.text();
  const scales = symbol === undefined ? undefined : symbolScales.known(symbol)?.scales;
  if (symbol === undefined || scales === undefined || !tail.take(']') || !tail.isAtEnd) return undefined;

  const cursor = new FrameCursor(frame);
  if (!cursor.take('[') || Number.isNaN(cursor.wholeNumber())) return undefined;
  const bids: Units[] = [];
  const asks: Units[] = [];
  let newestMs = 0;
  let hasMoreParts: boolean;
  do {
    const isAsk = cursor.take(',{"a":[');
    if (!isAsk && !cursor.take(',{"b":[')) return undefined;
    const partMs = readLevels(cursor, scales, isAsk ? asks : bids);
    if (partMs === undefined) return undefined;
    if (partMs > newestMs) newestMs = partMs;
    hasMoreParts = cursor.take('}');
  } while (hasMoreParts && cursor.at < tailAt);
  if (hasMoreParts || !cursor.take(',"c":"')) return undefined;
  const checksum = cursor.wholeNumber();
  if (!(checksum >= 0) || !cursor.take('"}') || cursor.at !== tailAt) return undefined;
  const eventTimeMs = newestMs > 0 ? newestMs : receiveTimeMs;
  return [toDeltaMessage({ scales, bids, asks }, { symbol, eventTimeMs, receiveTimeMs, checksum })];
}

/** Adds `["price","quantity","seconds"],…]` to `units`, up to the bracket that closes them; returns their newest time, 0 when there is none. */
function readLevels(cursor: FrameCursor, scales: Scales, units: Units[]): number | undefined {
  let newestMs = 0;
  do {
    if (!cursor.take('["')) return undefined;
    // No more decimals than the scale, even if they are zeros: the checksum is over the digits as written.
    const price = cursor.decimal(scales.price, scales.price);
    if (!cursor.take(',"')) return undefined;
    const quantity = cursor.decimal(scales.quantity, scales.quantity);
    if (!(price >= 0 && quantity >= 0) || !cursor.take(',"')) return undefined;
    const timeMs = parseSecondsMs(cursor.text());
    if (timeMs === undefined) return undefined;
    if (timeMs > newestMs) newestMs = timeMs;
    cursor.take(',"r"');
    if (!cursor.take(']')) return undefined;
    units.push(price, quantity);
  } while (cursor.take(','));
  return cursor.take(']') ? newestMs : undefined;
}
