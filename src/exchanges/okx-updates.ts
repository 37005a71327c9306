/** Book updates of OKX, read from their text: nearly all that it sends. */
import type { FeedMessage } from './adapter.ts';
import { toDeltaMessage } from './book-message.ts';
import { FrameCursor } from './frame-cursor.ts';
import type { SymbolScales } from './symbol-scales.ts';

/** Returns `undefined` for any other frame, and for an update that is not exactly as OKX writes it. */
export function readOkxUpdate(
  frame: string,
  symbolScales: SymbolScales,
  proof: 'sequence' | 'checksum',
  receiveTimeMs: number,
): readonly FeedMessage[] | undefined {
  const cursor = new FrameCursor(frame);
  if (!cursor.take('{"arg":{"channel":"books')) return undefined;
  if (!cursor.take('","instId":"') && !cursor.take('-l2-tbt","instId":"')) return undefined;
  const symbol = cursor.text();
  if (symbol === undefined || !cursor.take('},"action":"update","data":[{"asks":')) return undefined;
  const scales = symbolScales.known(symbol)?.scales;
  if (scales === undefined) return undefined;
  const asks = cursor.levels(scales);
  if (asks === undefined || !cursor.take(',"bids":')) return undefined;
  const bids = cursor.levels(scales);
  if (bids === undefined || !cursor.take(',"ts":"')) return undefined;
  const eventTimeMs = cursor.wholeNumber();
  if (!cursor.take('","checksum":')) return undefined;
  const checksum = cursor.integer();
  let previous: number | undefined;
  let sequence: number | undefined;
  if (cursor.take(',"seqId":')) {
    sequence = cursor.wholeNumber();
    if (!cursor.take(',"prevSeqId":')) return undefined;
    previous = cursor.integer();
  }
  if (!cursor.take('}]}') || !cursor.isAtEnd) return undefined;
  if (Number.isNaN(eventTimeMs + checksum + (previous ?? 0) + (sequence ?? 0))) return undefined;
  const common = { symbol, eventTimeMs, receiveTimeMs };
  if (proof === 'checksum') return [toDeltaMessage({ scales, bids, asks }, { ...common, checksum })];
  if (sequence === undefined) return undefined;
  return [
    toDeltaMessage({ scales, bids, asks }, { ...common, sequence, range: { previous, last: sequence } }),
  ];
}
