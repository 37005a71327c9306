import type { Sequence } from '../market/events.ts';
import type { ScaleMemory, WireLevel } from '../market/scale-memory.ts';
import { toNativeSymbol } from '../market/symbols.ts';
import type { FeedMessage, SequenceRange } from './adapter.ts';
import { damaged } from './rejected.ts';

/** What a frame says of one symbol's book; what an exchange doesn't send is left out. */
export type BookReading = {
  readonly symbol: string;
  readonly isSnapshot: boolean;
  readonly bids: readonly WireLevel[];
  readonly asks: readonly WireLevel[];
  readonly eventTimeMs: number;
  readonly receiveTimeMs: number;
  readonly depth?: number | undefined;
  readonly sequence?: Sequence | undefined;
  readonly checksum?: number | undefined;
  readonly range?: SequenceRange | undefined;
  /** What to tell of a level that can't be read; by default that it damages the book. */
  readonly toBadLevel?: (symbol: string, reason: string) => FeedMessage;
};

/**
 * Adds the snapshot or delta to `messages`, then one message for each level that can't be read: after it, so that a damaged snapshot
 * isn't taken for a sure one.
 */
export function pushBook(messages: FeedMessage[], scales: ScaleMemory, reading: BookReading): void {
  const { symbol, eventTimeMs, receiveTimeMs, sequence, checksum } = reading;
  const badLevels: string[] = [];
  const levels = scales.readLevels(reading.bids, reading.asks, (reason) => badLevels.push(reason));
  const nativeSymbol = toNativeSymbol(symbol);
  const book = { eventTimeMs, receiveTimeMs, ...levels, sequence, checksum };
  if (reading.isSnapshot) {
    messages.push({
      type: 'book',
      nativeSymbol,
      event: { type: 'BookSnapshot', ...book, depth: reading.depth },
    });
  } else {
    messages.push({
      type: 'delta',
      nativeSymbol,
      event: { type: 'BookDelta', ...book },
      range: reading.range ?? {},
    });
  }
  const toBadLevel = reading.toBadLevel ?? damaged;
  for (const reason of badLevels) messages.push(toBadLevel(symbol, reason));
}
