/** Everything that a schema holds of trades and candles, as text that two schemas can be compared by. */
import type { Database } from '../../src/persistence/database.ts';

export type StoredRows = {
  readonly trades: readonly string[];
  readonly candles: readonly string[];
  /** Trades by instrument and identity, candles by instrument, interval and open time. */
  readonly distinctTrades: number;
  readonly distinctCandles: number;
};

/** Instruments go by their keys, because the numbers are given in the order of first use. */
export async function readStoredRows({ database }: { database: Database }): Promise<StoredRows> {
  const { schema } = database;
  const read = async (table: string, order: string): Promise<string[]> => {
    const { rows } = await database.query<{ row: string }>({
      text: `SELECT (to_jsonb(stored) - 'instrument_id' || jsonb_build_object('instrument', instrument.key))::text AS row
        FROM ${schema}.${table} AS stored JOIN ${schema}.instrument ON instrument.id = stored.instrument_id
        ORDER BY instrument.key, ${order}`,
    });
    return rows.map(({ row }) => row);
  };
  const count = async (table: string, identity: string): Promise<number> => {
    const { rows } = await database.query<{ count: number }>({
      text: `SELECT count(DISTINCT (${identity}))::int AS count FROM ${schema}.${table}`,
    });
    return rows[0]!.count;
  };
  return {
    trades: await read('trade', 'event_time_ms, trade_id'),
    candles: await read('candle', 'interval, open_time_ms'),
    distinctTrades: await count('trade', 'instrument_id, trade_id'),
    distinctCandles: await count('candle', 'instrument_id, interval, open_time_ms'),
  };
}
