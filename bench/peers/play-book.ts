/**
 * Plays a feed from raw text to checked books and nothing more: decoder, feed session and book, with checksum and crossed check as `evolve`
 * makes them. No log entry, no ticker, no candles.
 */
import { OrderBook } from '../../src/market/order-book.ts';
import type { FeedScript } from '../feeds/feed-script.ts';
import { playFrames } from '../feeds/play-frames.ts';

export type PlayedBook = {
  readonly conn: number;
  readonly nativeSymbol: string;
  readonly book: OrderBook;
  isTouched: boolean;
  isLive: boolean;
};

/** Returns how many trades came; what can't be trusted throws. `onTouched` is told of each book that a frame changed. */
export function playBooks(script: FeedScript, onTouched: (symbol: PlayedBook) => void): number {
  const touched: PlayedBook[] = [];
  let tradeCount = 0;
  playFrames(script, {
    connect: ({ conn, adapter: { checksum }, nativeSymbols }) => {
      const symbols = new Map<string, PlayedBook>(
        nativeSymbols.map((nativeSymbol) => [
          nativeSymbol,
          { conn, nativeSymbol, book: new OrderBook(), isTouched: false, isLive: false },
        ]),
      );
      return (nativeSymbol, event) => {
        const symbol = symbols.get(nativeSymbol)!;
        switch (event.type) {
          case 'BookDelta':
            if (!symbol.isLive) return;
            symbol.book.applyDelta(event);
            break;
          case 'BookSnapshot':
            symbol.isLive = true;
            symbol.book.applySnapshot(event);
            break;
          case 'FeedStatus':
            symbol.isLive = false;
            return;
          case 'Trade':
            tradeCount++;
            return;
          case 'Heartbeat':
          case 'Instrument':
            return;
          default:
            event satisfies never;
            return;
        }
        if (
          event.checksum !== undefined &&
          checksum !== undefined &&
          checksum(symbol.book) !== event.checksum
        )
          throw new Error(`checksum mismatch of ${nativeSymbol}`);
        if (symbol.book.isCrossed) throw new Error(`crossed book of ${nativeSymbol}`);
        if (symbol.isTouched) return;
        symbol.isTouched = true;
        touched.push(symbol);
      };
    },
    reject: () => {
      throw new Error('a frame could not be read');
    },
    lineEnds: () => {
      for (const symbol of touched) {
        symbol.isTouched = false;
        onTouched(symbol);
      }
      touched.length = 0;
    },
  });
  return tradeCount;
}
