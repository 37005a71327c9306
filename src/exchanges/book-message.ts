import type { Sequence } from '../market/events.ts';
import type { LevelsReading, ScaleMemory, WireLevel } from '../market/scale-memory.ts';
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
  const {
    scales: levelScales,
    bids,
    asks,
  } = scales.readLevels(reading.bids, reading.asks, (reason) => badLevels.push(reason));
  const nativeSymbol = toNativeSymbol(symbol);
  // Fields by name: a spread in what is made for every frame is slow, and so is the object that comes of it.
  if (reading.isSnapshot) {
    messages.push({
      type: 'book',
      nativeSymbol,
      event: {
        type: 'BookSnapshot',
        eventTimeMs,
        receiveTimeMs,
        scales: levelScales,
        bids,
        asks,
        sequence,
        checksum,
        depth: reading.depth,
      },
    });
  } else {
    const levels = { scales: levelScales, bids, asks };
    messages.push(toDeltaMessage(levels, reading));
  }
  const toBadLevel = reading.toBadLevel ?? damaged;
  for (const reason of badLevels) messages.push(toBadLevel(symbol, reason));
}

/** Returns the message for a change of one symbol's book whose levels are read already. */
export function toDeltaMessage(
  levels: LevelsReading,
  {
    symbol,
    eventTimeMs,
    receiveTimeMs,
    sequence,
    checksum,
    range,
  }: Omit<BookReading, 'isSnapshot' | 'bids' | 'asks'>,
): FeedMessage {
  return {
    type: 'delta',
    nativeSymbol: toNativeSymbol(symbol),
    event: {
      type: 'BookDelta',
      eventTimeMs,
      receiveTimeMs,
      scales: levels.scales,
      bids: levels.bids,
      asks: levels.asks,
      sequence,
      checksum,
    },
    range: range ?? {},
  };
}
