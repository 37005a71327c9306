/** Each column of a group travels as one array, so a statement has one text whatever the number of rows. */
import type { CandleRow } from '../actors/ports.ts';

const TRADE_COLUMNS =
  'instrument_id, event_time_ms, trade_id, receive_time_ms, price, quantity, taker_side, is_history';
const TRADE_ARRAYS =
  '$1::int[], $2::bigint[], $3::text[], $4::bigint[], $5::numeric[], $6::numeric[], $7::text[], $8::boolean[]';
const CANDLE_COLUMNS =
  'instrument_id, interval, open_time_ms, revision, open, high, low, close, volume, quote_volume, taker_buy_volume, trade_count';
const CANDLE_ARRAYS = `$1::int[], $2::text[], $3::bigint[], $4::int[], $5::numeric[], $6::numeric[], $7::numeric[], $8::numeric[],
      $9::numeric[], $10::numeric[], $11::numeric[], $12::bigint[]`;

export function insertTradesText(schema: string): string {
  return `INSERT INTO ${schema}.trade (${TRADE_COLUMNS})
    SELECT ${TRADE_COLUMNS} FROM unnest(${TRADE_ARRAYS}) AS given (${TRADE_COLUMNS})
    ON CONFLICT DO NOTHING`;
}

/** A smaller revision never overwrites a larger one. */
export function insertCandlesText(schema: string): string {
  return `INSERT INTO ${schema}.candle AS stored (${CANDLE_COLUMNS})
    SELECT ${CANDLE_COLUMNS} FROM unnest(${CANDLE_ARRAYS}) AS given (${CANDLE_COLUMNS})
    ON CONFLICT (instrument_id, interval, open_time_ms) DO UPDATE SET
      revision = excluded.revision, open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
      volume = excluded.volume, quote_volume = excluded.quote_volume, taker_buy_volume = excluded.taker_buy_volume,
      trade_count = excluded.trade_count
    WHERE stored.revision < excluded.revision`;
}

/** The same, and what was not there before waits for Kafka from the same moment on: no crash parts one from the other. */
export function insertTradesAndOutputsText(schema: string): string {
  return `WITH written AS (${insertTradesText(schema)} RETURNING instrument_id, event_time_ms, trade_id)
    INSERT INTO ${schema}.output (topic, key, record_id, value)
    SELECT 'trades', key, record_id, value
    FROM unnest($1::int[], $2::bigint[], $3::text[], $9::text[], $10::text[], $11::text[])
      WITH ORDINALITY AS given (instrument_id, event_time_ms, trade_id, key, record_id, value, place)
    JOIN written USING (instrument_id, event_time_ms, trade_id)
    ORDER BY place`;
}

export function insertCandlesAndOutputsText(schema: string): string {
  return `WITH written AS (${insertCandlesText(schema)} RETURNING instrument_id, interval, open_time_ms)
    INSERT INTO ${schema}.output (topic, key, record_id, value)
    SELECT 'candles', key, record_id, value
    FROM unnest($1::int[], $2::text[], $3::bigint[], $13::text[], $14::text[], $15::text[])
      WITH ORDINALITY AS given (instrument_id, interval, open_time_ms, key, record_id, value, place)
    JOIN written USING (instrument_id, interval, open_time_ms)
    ORDER BY place`;
}

/** Returns the arrays of `insertCandlesText`. */
export function candleArrays(
  instrumentIds: readonly number[],
  candles: readonly Omit<CandleRow, 'instrument'>[],
): string[] {
  return [
    toPlainArray(instrumentIds),
    toPlainArray(candles.map(({ interval }) => interval)),
    toPlainArray(candles.map(({ openTimeMs }) => openTimeMs)),
    toPlainArray(candles.map(({ revision }) => revision)),
    toPlainArray(candles.map(({ open }) => open)),
    toPlainArray(candles.map(({ high }) => high)),
    toPlainArray(candles.map(({ low }) => low)),
    toPlainArray(candles.map(({ close }) => close)),
    toPlainArray(candles.map(({ volume }) => volume)),
    toPlainArray(candles.map(({ quoteVolume }) => quoteVolume)),
    toPlainArray(candles.map(({ takerBuyVolume }) => takerBuyVolume)),
    toPlainArray(candles.map(({ tradeCount }) => tradeCount)),
  ];
}

export function readCandlesText(schema: string): string {
  return `SELECT open_time_ms AS "openTimeMs", revision, open::text, high::text, low::text, close::text, volume::text,
      quote_volume::text AS "quoteVolume", taker_buy_volume::text AS "takerBuyVolume", trade_count AS "tradeCount"
    FROM ${schema}.candle
    WHERE instrument_id = $1 AND interval = $2 AND open_time_ms >= $3 AND open_time_ms < $4
    ORDER BY open_time_ms LIMIT $5`;
}

export function readTradesText(schema: string): string {
  return `SELECT trade_id AS "tradeId", event_time_ms AS "eventTimeMs", receive_time_ms AS "receiveTimeMs", price::text,
      quantity::text, taker_side AS "takerSide", is_history AS "isHistory"
    FROM ${schema}.trade
    WHERE instrument_id = $1 AND event_time_ms >= $2 AND event_time_ms < $3
    ORDER BY event_time_ms, length(trade_id), trade_id COLLATE "C" LIMIT $4`;
}

/**
 * Returns values whose text has nothing to quote (numbers, decimals, names of intervals and sides) as an array of Postgres. The client would
 * convert and escape each by itself, which took longer than all else about a row.
 */
export function toPlainArray(values: readonly (number | string | boolean | undefined)[]): string {
  let text = '{';
  for (let index = 0; index < values.length; index++) {
    if (index > 0) text += ',';
    text += String(values[index] ?? 'NULL');
  }
  return `${text}}`;
}
