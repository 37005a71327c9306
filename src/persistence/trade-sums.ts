import type { InstrumentKey } from '../market/symbols.ts';
import type { Database } from './database.ts';
import type { InstrumentIds } from './instrument-ids.ts';

/** Sums over stored trades of one origin and taker side; decimal text, exact. */
export type TradeSums = {
  readonly isHistory: boolean;
  readonly takerSide: 'buy' | 'sell';
  readonly count: number;
  readonly volume: string;
  readonly quoteVolume: string;
  readonly high: string;
  readonly low: string;
};

/** Returns the sums of all stored trades of the instrument, by origin and taker side. */
export async function sumTrades(
  database: Database,
  ids: InstrumentIds,
  instrument: InstrumentKey,
): Promise<TradeSums[]> {
  const id = await ids.find(instrument);
  if (id === undefined) return [];
  const { rows } = await database.query<{
    is_history: boolean;
    taker_side: 'buy' | 'sell';
    count: number;
    volume: string;
    quote_volume: string;
    high: string;
    low: string;
  }>({
    text: `SELECT is_history, taker_side, count(*)::int AS count, sum(quantity)::text AS volume,
        sum(price * quantity)::text AS quote_volume, max(price)::text AS high, min(price)::text AS low
      FROM ${database.schema}.trade WHERE instrument_id = $1 GROUP BY is_history, taker_side ORDER BY is_history, taker_side`,
    values: [id],
  });
  return rows.map((row) => ({
    isHistory: row.is_history,
    takerSide: row.taker_side,
    count: row.count,
    volume: row.volume,
    quoteVolume: row.quote_volume,
    high: row.high,
    low: row.low,
  }));
}
