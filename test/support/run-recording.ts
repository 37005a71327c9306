/** Plays a recording through feed sessions in the order of the file; REST answers meet the fetches that the sessions ask for. */
import type { ExchangeAdapter } from '../../src/exchanges/adapter.ts';
import type { BookSyncCounters } from '../../src/exchanges/book-sync.ts';
import { FeedSession } from '../../src/exchanges/feed-session.ts';
import { recordedMoment } from '../../src/exchanges/moment.ts';
import type { FeedStatus, MarketEvent, Trade } from '../../src/market/events.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';
import { MapBook } from './map-book.ts';
import type { RawLine } from './recordings.ts';

type RunBook = {
  readonly book: MapBook;
  /** Book status after the last event: sure only after a snapshot with no status since. */
  isSure: boolean;
  readonly statuses: FeedStatus[];
  readonly events: MarketEvent[];
};

export type RunSession = {
  readonly conn: number;
  readonly url: string;
  readonly session: FeedSession;
  readonly books: ReadonlyMap<string, RunBook>;
  readonly trades: { symbol: string; trade: Trade }[];
  readonly sent: string[];
  readonly rejections: { symbol: string | undefined; detail: string; text: string }[];
  readonly refusals: { symbol: string | undefined; code: string; message: string }[];
  readonly reconnects: string[];
  countersOf(symbol: string): BookSyncCounters;
};

export function runRecording(
  lines: readonly RawLine[],
  options: {
    adapterOf: (url: string) => ExchangeAdapter;
    symbolsOf: (conn: number, url: string) => readonly string[];
  },
): RunSession[] {
  const sessions = new Map<number, RunSession>();
  const keptBodies = new Map<string, string[]>();
  const pending = new Map<string, FeedSession>();
  for (const line of lines) {
    const nowMs = Math.floor(line.t);
    if (line.dir === 'open') {
      const url = line.url ?? '';
      const run = startSession(line.conn, url, options.adapterOf(url), options.symbolsOf(line.conn, url), {
        fetch: (symbol, session) => pending.set(symbol, session),
      });
      sessions.set(line.conn, run);
      run.session.opened(recordedMoment(nowMs));
    } else if (line.dir === 'http') {
      const symbol = depthSymbol(line.url ?? '');
      if (symbol !== undefined) keptBodies.set(symbol, [...(keptBodies.get(symbol) ?? []), line.data]);
    } else if (line.dir === 'in') {
      const session = sessions.get(line.conn)!.session;
      session.frame(line.data, recordedMoment(nowMs));
      session.tick(recordedMoment(nowMs));
    }
    for (const [symbol, session] of [...pending]) {
      const body = keptBodies.get(symbol)?.shift();
      if (body === undefined) continue;
      pending.delete(symbol);
      session.snapshotAnswered(
        toNativeSymbol(symbol),
        { ok: true, status: 200, body },
        recordedMoment(nowMs),
      );
    }
  }
  return [...sessions.values()];
}

function startSession(
  conn: number,
  url: string,
  adapter: ExchangeAdapter,
  symbols: readonly string[],
  answers: { fetch: (symbol: string, session: FeedSession) => void },
): RunSession {
  const books = new Map<string, RunBook>();
  const run = {
    trades: [] as RunSession['trades'],
    sent: [] as string[],
    rejections: [] as RunSession['rejections'],
    refusals: [] as RunSession['refusals'],
    reconnects: [] as string[],
  };
  const session = new FeedSession({
    adapter,
    // Old recordings carry on one connection what is two today.
    connectionKind: { name: 'recording', channels: ['book', 'trades'], url: () => url },
    options: { depth: undefined },
    endpoints: adapter.defaultEndpoints,
    symbols: symbols.map(toNativeSymbol),
    effects: {
      deliver: (symbol, event) => {
        const held = books.get(symbol) ?? newBook();
        books.set(symbol, held);
        if (event.type === 'Trade') run.trades.push({ symbol, trade: event });
        else follow(held, event);
      },
      send: (frame) => run.sent.push(frame),
      fetchSnapshot: (symbol) => answers.fetch(symbol, session),
      reconnect: (reason) => run.reconnects.push(reason),
      refuse: (symbol, code, message) => run.refusals.push({ symbol, code, message }),
      reject: (symbol, _reason, detail, text) => run.rejections.push({ symbol, detail, text }),
      suspectTrades: () => undefined,
    },
  });
  const countersOf = (symbol: string): BookSyncCounters => session.counters(toNativeSymbol(symbol))!;
  return { conn, url, session, books, ...run, countersOf };
}

function newBook(): RunBook {
  return { book: new MapBook(), isSure: false, statuses: [], events: [] };
}

function follow(held: RunBook, event: MarketEvent): void {
  held.events.push(event);
  if (event.type === 'BookSnapshot') {
    held.book.replace(event);
    held.isSure = true;
  } else if (event.type === 'BookDelta') {
    held.book.apply(event);
  } else if (event.type === 'FeedStatus') {
    held.statuses.push(event);
    held.isSure = false;
  }
}

function depthSymbol(url: string): string | undefined {
  const address = new URL(url);
  return address.pathname.endsWith('/depth') ? (address.searchParams.get('symbol') ?? undefined) : undefined;
}
