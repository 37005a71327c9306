/** What an instrument knows of its market: book, ticker, candles and trades. */
import type { CandleRow } from '../../actors/ports.ts';
import type { CandleText } from '../../market/candle-text.ts';
import type { CandleInterval } from '../../market/intervals.ts';
import { openTimeBefore, openTimeOf } from '../../market/intervals.ts';
import type { AdminApp, AdminOptions } from '../admin-options.ts';
import { MarketDocuments, toCandleText } from '../market-documents.ts';
import { bookSchema, candlesSchema, tickerSchema, tradesSchema } from '../market-schemas.ts';
import { bookQuery, candlesQuery, instrumentParams, tradesQuery } from '../request-schemas.ts';
import { toKey } from './instrument-key.ts';
import { findStatus } from './instruments.ts';
import { JSON_TYPE, PROBLEMS, jsonText } from './route-schema.ts';

const tags = ['market data'];
const TRADES_WINDOW_MS = 60_000;

export function addMarketDataRoutes(app: AdminApp, options: AdminOptions): void {
  const { instruments, tables, clock } = options;
  const documents = new MarketDocuments(options);

  app.get(
    '/v1/instruments/:exchange/:symbol/book',
    {
      schema: {
        tags,
        summary: 'Show the order book, grouped as in Redis',
        params: instrumentParams,
        querystring: bookQuery(options.bookDepthMax),
        response: { 200: jsonText(bookSchema, 'The book'), ...PROBLEMS },
      },
    },
    async ({ params, query }, reply) => {
      const text = await instruments.view(toKey(params), (view, instrument) =>
        documents.book(view, instrument, query),
      );
      return reply.type(JSON_TYPE).send(text);
    },
  );

  app.get(
    '/v1/instruments/:exchange/:symbol/ticker',
    {
      schema: {
        tags,
        summary: 'Show the 24-hour ticker',
        params: instrumentParams,
        response: { 200: jsonText(tickerSchema, 'The ticker'), ...PROBLEMS },
      },
    },
    async ({ params }, reply) => {
      const text = await instruments.view(toKey(params), (view, instrument) =>
        documents.ticker(view, instrument),
      );
      return reply.type(JSON_TYPE).send(text);
    },
  );

  app.get(
    '/v1/instruments/:exchange/:symbol/candles',
    {
      schema: {
        tags,
        summary: 'Read candles: the closed ones from the tables, and those not closed yet',
        params: instrumentParams,
        querystring: candlesQuery,
        response: { 200: jsonText(candlesSchema, 'Candles'), ...PROBLEMS },
      },
    },
    async ({ params, query }, reply) => {
      const key = toKey(params);
      const { interval, limit } = query;
      const { head, unclosed } = await instruments.view(key, (view, instrument) =>
        documents.readUnclosed(view, instrument, interval),
      );
      const newestOpenMs = unclosed.at(-1)?.openTimeMs ?? openTimeOf(interval, clock.nowMs());
      const toMs = query.to ?? newestOpenMs + 1;
      const fromMs = query.from ?? firstOpenTime(interval, Math.min(toMs - 1, newestOpenMs), limit);
      const rows = await tables.readCandles({ instrument: key, interval, fromMs, toMs, limit });
      const candles = joinCandles({ rows, unclosed, interval, fromMs, toMs, limit });
      const texts = candles.map((candle) => documents.candle(head, candle));
      return reply.type(JSON_TYPE).send(`{"candles":[${texts.join(',')}]}`);
    },
  );

  app.get(
    '/v1/instruments/:exchange/:symbol/trades',
    {
      schema: {
        tags,
        summary: 'Read trades from the tables',
        params: instrumentParams,
        querystring: tradesQuery,
        response: { 200: tradesSchema, ...PROBLEMS },
      },
    },
    async ({ params, query }) => {
      const key = toKey(params);
      const { instrument } = findStatus(instruments.list(), key);
      const toMs = query.to ?? (await newestTimeMs(key)) + 1;
      const fromMs = query.from ?? Math.max(0, toMs - TRADES_WINDOW_MS);
      const rows = await tables.readTrades({ instrument: key, fromMs, toMs, limit: query.limit });
      const trades = rows.map(({ instrument: _instrument, ...trade }) => trade);
      return { exchange: instrument.exchange, symbol: instrument.symbol, trades };
    },
  );

  /** The highest event time seen: a replayed instrument lives in another time than the wall clock. */
  function newestTimeMs(key: ReturnType<typeof toKey>): Promise<number> {
    return instruments.view(key, ({ state }) => state.ticker.read()?.windowEndMs ?? clock.nowMs());
  }
}

/** Returns where `limit` intervals begin of which the last one holds `lastMs`. */
function firstOpenTime(interval: CandleInterval, lastMs: number, limit: number): number {
  return Math.max(0, openTimeBefore(interval, openTimeOf(interval, Math.max(0, lastMs)), limit - 1));
}

/** A full page of closed candles may end before the unclosed ones; then these belong on a later one. */
function joinCandles(found: {
  readonly rows: readonly CandleRow[];
  readonly unclosed: readonly CandleText[];
  readonly interval: CandleInterval;
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
}): CandleText[] {
  const { unclosed, interval, fromMs, toMs, limit } = found;
  const firstUnclosedMs = unclosed[0]?.openTimeMs ?? Infinity;
  const closed = found.rows
    .filter((row) => row.openTimeMs < firstUnclosedMs)
    .map((row) => toCandleText(row, interval));
  const asked = unclosed.filter(({ openTimeMs }) => openTimeMs >= fromMs && openTimeMs < toMs);
  return [...closed, ...asked].slice(0, limit);
}
