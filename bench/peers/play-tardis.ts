/**
 * Plays the same texts through tardis-dev: `JSON.parse`, its mappers of books and trades, its order book. Its own stream does this for each
 * message behind two async generators; a plain loop is quicker, so that what is compared is the work and not the way it is driven.
 */
import type { Tardis, TardisBook, TardisMapper } from './peer-packages.ts';

export type TardisLine = { readonly conn: number; readonly text: string; readonly timeMs: number };

/** Mappers keep what they learn of a connection: each run of each connection gets new ones. The first one is of books. */
export type CreateMappers = (conn: number) => readonly TardisMapper[];

export type TardisPlayedBook = {
  readonly conn: number;
  readonly symbol: string;
  readonly book: TardisBook;
  isTouched: boolean;
};

/** Returns how many trades came. `onTouched` is told of each book that a frame changed. */
export function playTardis(
  lines: readonly TardisLine[],
  { OrderBook: Book }: Tardis,
  createMappers: CreateMappers,
  onTouched: (symbol: TardisPlayedBook) => void,
): number {
  const connections = new Map<number, Connection>();
  const touched: TardisPlayedBook[] = [];
  let tradeCount = 0;
  for (const { conn, text, timeMs } of lines) {
    let connection = connections.get(conn);
    if (connection === undefined) {
      connection = { mappers: createMappers(conn), books: new Map() };
      connections.set(conn, connection);
    }
    const message: unknown = JSON.parse(text);
    const localTimestamp = new Date(timeMs);
    for (const mapper of connection.mappers) {
      if (!mapper.canHandle(message)) continue;
      for (const mapped of mapper.map(message, localTimestamp) ?? []) {
        if (mapped.type === 'trade') {
          tradeCount++;
          continue;
        }
        let played = connection.books.get(mapped.symbol);
        if (played === undefined) {
          played = { conn, symbol: mapped.symbol, book: new Book(), isTouched: false };
          connection.books.set(mapped.symbol, played);
        }
        played.book.update(mapped);
        if (played.isTouched) continue;
        played.isTouched = true;
        touched.push(played);
      }
    }
    for (const played of touched) {
      played.isTouched = false;
      onTouched(played);
    }
    touched.length = 0;
  }
  return tradeCount;
}

type Connection = {
  readonly mappers: readonly TardisMapper[];
  readonly books: Map<string, TardisPlayedBook>;
};
