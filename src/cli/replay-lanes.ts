/**
 * Which instruments a recording is replayed into. Usually a symbol is one instrument. Where several connections carry the book of the same
 * symbol (a redundant feed), each book is an instrument of its own, `conn<n>:<symbol>`, and the trades of all of them are one.
 */
import type { DesiredInstrument } from '../actors/ports.ts';
import type { ExchangeAdapter } from '../exchanges/adapter.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import { toInstrumentKey, toUnifiedSymbol } from '../market/symbols.ts';
import type { RecordingPlan } from './recording-plan.ts';

export type LaneSource = { readonly conn: number; readonly nativeSymbol: NativeSymbol };

export type Lane = {
  /** Name in the summary. */
  readonly name: string;
  readonly adapter: ExchangeAdapter;
  readonly instrument: DesiredInstrument;
  readonly book: LaneSource | undefined;
  readonly trades: readonly LaneSource[];
};

export function planLanes(plan: RecordingPlan): Lane[] {
  const lanes: Lane[] = [];
  for (const adapter of new Set(plan.connections.map((connection) => connection.adapter))) {
    const connections = plan.connections.filter((connection) => connection.adapter === adapter);
    const prefix = prefixOf(adapter);
    for (const nativeSymbol of new Set(connections.flatMap(({ books, trades }) => [...books, ...trades]))) {
      const books = connections
        .filter(({ books: carried }) => carried.has(nativeSymbol))
        .map(({ conn }) => ({ conn, nativeSymbol }));
      const trades = connections
        .filter(({ trades: carried }) => carried.has(nativeSymbol))
        .map(({ conn }) => ({ conn, nativeSymbol }));
      const lane = (name: string, book: LaneSource | undefined, laneTrades: readonly LaneSource[]): Lane => ({
        name: `${prefix}${name}`,
        adapter,
        instrument: toInstrument(adapter, name, nativeSymbol, lanes.length + 1),
        book,
        trades: laneTrades,
      });
      if (books.length <= 1) lanes.push(lane(nativeSymbol, books[0], trades));
      else {
        if (trades.length > 0) lanes.push(lane(nativeSymbol, undefined, trades));
        for (const book of books) lanes.push(lane(`conn${book.conn}:${nativeSymbol}`, book, []));
      }
    }
  }
  return lanes;
}

/** Bybit gives the symbols of its markets the same names. */
function prefixOf(adapter: ExchangeAdapter): string {
  return adapter.exchange.startsWith('bybit-') ? `${adapter.exchange.slice('bybit-'.length)}:` : '';
}

/** A recording rarely holds the list that unified names come from, so the exchange's own names serve. */
function toInstrument(
  adapter: ExchangeAdapter,
  name: string,
  nativeSymbol: NativeSymbol,
  instrumentId: number,
): DesiredInstrument {
  const symbol = toUnifiedSymbol(name);
  const { exchange } = adapter;
  return { instrument: toInstrumentKey(exchange, symbol), instrumentId, exchange, symbol, nativeSymbol };
}
