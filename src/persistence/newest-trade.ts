import type { InstrumentKey } from '../market/symbols.ts';
import type { Database } from './database.ts';
import type { InstrumentIds } from './instrument-ids.ts';

/** Returns the newest stored trade by event time; `undefined` where none is stored. The owner of the instrument may know newer ones. */
export async function readNewestTrade(
  database: Database,
  ids: InstrumentIds,
  instrument: InstrumentKey,
): Promise<{ tradeId: string; eventTimeMs: number } | undefined> {
  const instrumentId = await ids.find(instrument);
  if (instrumentId === undefined) return undefined;
  const { rows } = await database.read<{ tradeId: string; eventTimeMs: number }>({
    text: `SELECT trade_id AS "tradeId", event_time_ms AS "eventTimeMs" FROM ${database.schema}.trade
      WHERE instrument_id = $1
      ORDER BY event_time_ms DESC, length(trade_id) DESC, trade_id COLLATE "C" DESC LIMIT 1`,
    values: [instrumentId],
  });
  return rows[0];
}
