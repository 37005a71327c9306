/** Asks a node, over REST, and the tables, past it, what they hold of an instrument. */
import pg from 'pg';
import type { PlainCandle, PlainTicker } from './checks/candle-check.ts';
import { bookText } from './checks/book-text.ts';
import type { PlainTrade } from './checks/trade-check.ts';

const REQUEST_TIMEOUT_MS = 5_000;

export type BookAnswer = { readonly status: string; readonly reason: string; readonly text: string };

type Nulls<Shape> = { readonly [Field in keyof Shape]: Shape[Field] | null };

async function ask<Answer>(adminUrl: string, instrument: string, what: string): Promise<Answer> {
  const [exchange, symbol] = instrument.split(':');
  const answer = await fetch(`${adminUrl}/v1/instruments/${exchange}/${symbol}/${what}`, {
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  if (answer.status !== 200)
    throw new Error(`${what} of ${instrument}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Answer;
}

export async function askBook(adminUrl: string, instrument: string): Promise<BookAnswer> {
  type Levels = [string, string][];
  const book = await ask<{ status: string; reason: string; bids: Levels; asks: Levels }>(
    adminUrl,
    instrument,
    'book?depth=10',
  );
  return { status: book.status, reason: book.reason, text: bookText(book.bids, book.asks) };
}

export async function askTicker(adminUrl: string, instrument: string): Promise<PlainTicker> {
  const ticker = await ask<Nulls<PlainTicker> & Pick<PlainTicker, 'volume' | 'quoteVolume' | 'tradeCount'>>(
    adminUrl,
    instrument,
    'ticker',
  );
  const { open, high, low, last } = ticker;
  return {
    ...ticker,
    open: open ?? undefined,
    high: high ?? undefined,
    low: low ?? undefined,
    last: last ?? undefined,
  };
}

/** The candles that are in no table yet. */
export async function askUnclosedCandles(
  adminUrl: string,
  instrument: string,
  interval: string,
): Promise<PlainCandle[]> {
  const { candles } = await ask<{
    candles: (Nulls<PlainCandle> & { isClosed: boolean; openTimeMs: number })[];
  }>(adminUrl, instrument, `candles?interval=${interval}&limit=1000`);
  return candles.filter(({ isClosed }) => !isClosed).map(toPlainCandle);
}

export async function withTables<Value>(
  url: string,
  work: (tables: Tables) => Promise<Value>,
): Promise<Value> {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(new Tables(client));
  } finally {
    await client.end();
  }
}

export class Tables {
  readonly #client: pg.Client;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  async readTrades(schema: string, instrument: string): Promise<PlainTrade[]> {
    const { rows } = await this.#client.query<PlainTrade & { timeMs: string }>(
      `SELECT trade_id AS "tradeId", event_time_ms AS "timeMs", price::text, quantity::text, taker_side AS "takerSide"
       FROM ${schema}.trade JOIN ${schema}.instrument ON instrument.id = instrument_id WHERE key = $1
       ORDER BY event_time_ms, length(trade_id), trade_id`,
      [instrument],
    );
    return rows.map((row) => ({ ...row, timeMs: Number(row.timeMs) }));
  }

  async readCandles(schema: string, instrument: string, interval: string): Promise<PlainCandle[]> {
    const { rows } = await this.#client.query<Nulls<PlainCandle> & { openTimeMs: number }>(
      `SELECT open_time_ms::float8 AS "openTimeMs", open::text, high::text, low::text, close::text, volume::text,
         quote_volume::text AS "quoteVolume", taker_buy_volume::text AS "takerBuyVolume", trade_count::int AS "tradeCount"
       FROM ${schema}.candle JOIN ${schema}.instrument ON instrument.id = instrument_id WHERE key = $1 AND interval = $2
       ORDER BY open_time_ms`,
      [instrument, interval],
    );
    return rows.map(toPlainCandle);
  }
}

function toPlainCandle(row: Nulls<PlainCandle> & { readonly openTimeMs: number }): PlainCandle {
  return {
    openTimeMs: row.openTimeMs,
    open: row.open ?? undefined,
    high: row.high ?? undefined,
    low: row.low ?? undefined,
    close: row.close ?? undefined,
    volume: row.volume ?? '',
    quoteVolume: row.quoteVolume ?? '',
    takerBuyVolume: row.takerBuyVolume ?? '',
    tradeCount: row.tradeCount ?? 0,
  };
}
