/** Instruments, trades, candles and operators' records in the Postgres model. */
import type { SqlValue } from '../../../src/persistence/database.ts';
import type { KnownStatement, StatementContext, StatementResult } from './postgres-server.ts';
import type { CandleRow, InstrumentRow, RecordRow } from './postgres-tables.ts';

const nothing = (): StatementResult => ({});

export const TABLE_STATEMENTS: readonly KnownStatement[] = [
  ['SELECT 1', () => ({ rows: [{}] })],
  ['SELECT pg_advisory_xact_lock', nothing],
  ['CREATE TABLE IF NOT EXISTS trade_', nothing],
  ['CREATE TABLE IF NOT EXISTS candle_', nothing],
  ['SELECT id FROM instrument WHERE key = $1', findId],
  ['WITH added AS (INSERT INTO instrument (key) SELECT $1', assignId],
  ['SELECT id, key, native_symbol, settings FROM instrument WHERE is_desired ORDER BY id', listDesired],
  ['INSERT INTO instrument (key, native_symbol, is_desired) VALUES ($1, $2, true)', addDesired],
  ['UPDATE instrument SET settings = $2::jsonb WHERE key = $1', configure],
  ['UPDATE instrument SET is_desired = false WHERE key = $1', removeDesired],
  ['INSERT INTO trade (instrument_id,', insertTrades],
  ['INSERT INTO candle AS stored (instrument_id,', insertCandles],
  ['SELECT trade_id AS "tradeId", event_time_ms AS "eventTimeMs"', readTrades],
  ['SELECT open_time_ms AS "openTimeMs", revision, open::text', readCandles],
  ['INSERT INTO dead_letter_count AS stored (exchange, reason, count)', countLetters],
  ['SELECT exchange, reason, count FROM dead_letter_count', readLetterCounts],
  ['INSERT INTO supervision_event (', insertRecords],
  ['INSERT INTO dead_letter (', insertDeadLetters],
  ['INSERT INTO feed_gap (', insertFeedGaps],
  ['INSERT INTO audit (', insertRecords],
  ['SELECT time_ms AS "timeMs", path,', readRecords],
  ['SELECT time_ms AS "timeMs", who,', readRecords],
  ['SELECT time_ms AS "timeMs", exchange,', readRecords],
  ['SELECT exchange, instrument, channel,', readRecords],
  ['DELETE FROM supervision_event WHERE id <=', nothing],
  ['DELETE FROM dead_letter WHERE id <=', nothing],
  ['DELETE FROM feed_gap WHERE id <=', nothing],
  ['DELETE FROM audit WHERE id <=', nothing],
];

function findId({ tables }: StatementContext, [key]: readonly SqlValue[]): StatementResult {
  const row = tables.instruments.get(key as string);
  return { rows: row === undefined ? [] : [{ id: row.id }] };
}

function makeInstrument({ tables }: StatementContext, key: string): InstrumentRow {
  const known = tables.instruments.get(key);
  if (known !== undefined) return known;
  const row = { id: tables.instruments.size + 1, key, nativeSymbol: null, settings: {}, isDesired: false };
  tables.instruments.set(key, row);
  return row;
}

function assignId(context: StatementContext, [key]: readonly SqlValue[]): StatementResult {
  return { rows: [{ id: makeInstrument(context, key as string).id }] };
}

function listDesired({ tables }: StatementContext): StatementResult {
  const rows = [...tables.instruments.values()].filter(({ isDesired }) => isDesired);
  return {
    rows: rows.map(({ id, key, nativeSymbol, settings }) => ({
      ...{ id, key, settings },
      native_symbol: nativeSymbol,
    })),
  };
}

function addDesired(context: StatementContext, [key, nativeSymbol]: readonly SqlValue[]): StatementResult {
  const row = makeInstrument(context, key as string);
  row.nativeSymbol = nativeSymbol as string;
  row.isDesired = true;
  return { rows: [{ id: row.id, settings: row.settings }], rowCount: 1 };
}

function configure({ tables }: StatementContext, [key, settings]: readonly SqlValue[]): StatementResult {
  const row = tables.instruments.get(key as string);
  if (row === undefined) return { rows: [] };
  row.settings = JSON.parse(settings as string) as unknown;
  return { rows: [{ id: row.id }], rowCount: 1 };
}

function removeDesired({ tables }: StatementContext, [key]: readonly SqlValue[]): StatementResult {
  const row = tables.instruments.get(key as string);
  if (row !== undefined) row.isDesired = false;
  return { rowCount: row === undefined ? 0 : 1 };
}

/** Columns, as arrays or in the words of Postgres, as the rows that `unnest` makes of them. */
function unnest(text: string, values: readonly SqlValue[]): SqlValue[][] {
  const types = Array.from(text.matchAll(/\$\d+::(\w+)\[\]/g), ([, type]) => type!);
  const columns = values.map((value, index) =>
    typeof value === 'string' ? readArray(value, types[index]!) : (value as readonly SqlValue[]),
  );
  return columns[0]!.map((_, index) => columns.map((column) => column[index]!));
}

function readArray(text: string, type: string): SqlValue[] {
  const elements = text === '{}' ? [] : text.slice(1, -1).split(',');
  return elements.map((element) => {
    if (element === 'NULL') return null;
    if (type === 'int' || type === 'bigint') return Number(element);
    return type === 'boolean' ? element === 'true' : element;
  });
}

function insertTrades({ tables, text }: StatementContext, values: readonly SqlValue[]): StatementResult {
  let rowCount = 0;
  for (const row of unnest(text, values)) {
    const [instrumentId, eventTimeMs, tradeId, receiveTimeMs, price, quantity, takerSide, isHistory] = row as [
      number, number, string, number, string, string, string, boolean,
    ]; // prettier-ignore
    const key = `${instrumentId} ${eventTimeMs} ${tradeId}`;
    if (tables.trades.has(key)) continue;
    tables.trades.set(key, {
      instrumentId, tradeId, eventTimeMs, receiveTimeMs, price, quantity, takerSide, isHistory,
    }); // prettier-ignore
    rowCount++;
  }
  return { rowCount };
}

function insertCandles({ tables, text }: StatementContext, values: readonly SqlValue[]): StatementResult {
  let rowCount = 0;
  for (const row of unnest(text, values)) {
    const [instrumentId, interval, openTimeMs, revision, open, high, low, close, volume, quoteVolume, takerBuyVolume, tradeCount] =
      row as [
        number, string, number, number, string | null, string | null, string | null, string | null, string, string, string, number,
      ]; // prettier-ignore
    const candle: CandleRow = {
      instrumentId, interval, openTimeMs, revision, open, high, low, close, volume, quoteVolume, takerBuyVolume, tradeCount,
    }; // prettier-ignore
    const key = `${instrumentId} ${interval} ${openTimeMs}`;
    const stored = tables.candles.get(key);
    if (stored !== undefined && stored.revision >= revision) continue;
    tables.candles.set(key, candle);
    rowCount++;
  }
  return { rowCount };
}

function readTrades({ tables }: StatementContext, values: readonly SqlValue[]): StatementResult {
  const [instrumentId, fromMs, toMs, limit] = values as [number, number, number, number];
  const rows = [...tables.trades.values()]
    .filter((row) => row.instrumentId === instrumentId && row.eventTimeMs >= fromMs && row.eventTimeMs < toMs)
    .sort(
      (a, b) =>
        a.eventTimeMs - b.eventTimeMs ||
        a.tradeId.length - b.tradeId.length ||
        (a.tradeId < b.tradeId ? -1 : a.tradeId > b.tradeId ? 1 : 0),
    );
  return { rows: rows.slice(0, limit).map((row) => omit(row, 'instrumentId')) };
}

function readCandles({ tables }: StatementContext, values: readonly SqlValue[]): StatementResult {
  const [instrumentId, interval, fromMs, toMs, limit] = values as [number, string, number, number, number];
  const rows = [...tables.candles.values()]
    .filter(
      (row) =>
        row.instrumentId === instrumentId &&
        row.interval === interval &&
        row.openTimeMs >= fromMs &&
        row.openTimeMs < toMs,
    )
    .sort((a, b) => a.openTimeMs - b.openTimeMs);
  return { rows: rows.slice(0, limit).map((row) => omit(row, 'instrumentId')) };
}

/** The row without a column that the query does not ask for. */
function omit(row: Readonly<Record<string, unknown>>, column: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(row).filter(([name]) => name !== column));
}

function countLetters({ tables, text }: StatementContext, values: readonly SqlValue[]): StatementResult {
  const before = new Map(tables.letterCounts);
  for (const [exchange, reason, count] of unnest(text, values) as [string, string, number][]) {
    const key = `${exchange} ${reason}`;
    const known = tables.letterCounts.get(key)?.count ?? 0;
    tables.letterCounts.set(key, { exchange, reason, count: known + count });
  }
  return {
    undo: () => {
      tables.letterCounts.clear();
      for (const [key, row] of before) tables.letterCounts.set(key, row);
    },
  };
}

function readLetterCounts({ tables }: StatementContext): StatementResult {
  const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  const rows = [...tables.letterCounts.values()].sort(
    (a, b) => byName(a.exchange, b.exchange) || byName(a.reason, b.reason),
  );
  return { rows };
}

/** Records go in by the columns that the statement names, and come out under the names that the query gives them. */
function insertRecords(
  { tables, text }: StatementContext,
  values: readonly SqlValue[],
  isTold: (row: RecordRow, told: readonly RecordRow[]) => boolean = () => false,
): StatementResult {
  const [, table, columns] = /^INSERT INTO (\w+) \(([^)]+)\)/.exec(text)!;
  const names = columns!.split(',').map((name) => camelCase(name.trim()));
  const records = tables.recordsOf(table!);
  const lengthBefore = records.length;
  for (const row of unnest(text, values)) {
    const record = {
      id: records.length + 1,
      ...Object.fromEntries(names.map((name, column) => [name, row[column]])),
    };
    if (!isTold(record, records)) records.push(record);
  }
  const added = records.slice(lengthBefore);
  return {
    rowCount: added.length,
    rows: added.map((row) => ({ place: row['place'] })),
    undo: () => {
      for (const row of added) records.splice(records.indexOf(row), 1);
    },
  };
}

/** A place in the log is told once. */
function insertDeadLetters(context: StatementContext, values: readonly SqlValue[]): StatementResult {
  return insertRecords(
    context,
    values,
    ({ place }, told) => place !== null && told.some((letter) => letter['place'] === place),
  );
}

const GAP_KEY = ['instrument', 'channel', 'fromMs', 'toMs', 'reason', 'repair'] as const;

function insertFeedGaps(context: StatementContext, values: readonly SqlValue[]): StatementResult {
  const before = context.tables.recordsOf('feed_gap').length;
  return insertRecords(context, values, (row, told) =>
    told.slice(0, before).some((gap) => GAP_KEY.every((column) => gap[column] === row[column])),
  );
}

/** A filter counts only where its value is given: `$1::text IS NULL OR path = $1`. */
const FILTER = /\$(\d)::[\w[\]]+ IS NULL OR (\w+) (= ANY\(|=|>=) ?\$\d/g;

function readRecords({ tables, text }: StatementContext, values: readonly SqlValue[]): StatementResult {
  const [, table] = / FROM (\w+) WHERE/.exec(text)!;
  const filters = [...text.matchAll(FILTER)];
  if (filters.length !== values.length - 1)
    throw new Error(`The Postgres model can't read the filters of: ${text}`);
  const limit = values.at(-1) as number;
  const rows = tables
    .recordsOf(table!)
    .filter((row) =>
      filters.every(([, place, column, operator]) => {
        const wanted = values[Number(place) - 1] ?? null;
        const was = row[camelCase(column!)] as string | number;
        if (wanted === null) return true;
        if (Array.isArray(wanted)) return wanted.includes(was);
        return operator === '=' ? was === wanted : was >= (wanted as string | number);
      }),
    )
    .reverse()
    .slice(0, limit);
  return { rows: rows.map((row) => omit(omit(row, 'id'), 'place')) };
}

function camelCase(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
