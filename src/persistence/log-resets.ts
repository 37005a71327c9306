/** What taking instruments of a stopped cluster back to older states reads and writes in Postgres (`src/cluster/log-reset.ts`). */
import { SAVEPOINTS_MAX } from '../actors/ports.ts';
import { TampinesError } from '../base/errors.ts';
import type {
  InstrumentReset,
  LogResetStore,
  MovableLog,
  ResetPoint,
  ResetTarget,
} from '../cluster/ports.ts';
import { shardOf } from '../market/shards.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import type { Database, RunStatement } from './database.ts';
import type { InstrumentIds } from './instrument-ids.ts';
import { savepointUnknownError } from './journal-errors.ts';
import type { FoundState } from './journal-reads.ts';
import type { LogCodec } from './log-codec.ts';
import type { PostgresLogMoves } from './log-moves.ts';
import { candleArrays, insertCandlesText } from './market-tables-sql.ts';
import { readStoredState } from './stored-bytes.ts';

const STATE_COLUMNS =
  'instrument_id, batch_number, position, epoch, schema_id, sha256, state, is_savepoint, saved_at';
const FOUND_COLUMNS = `batch_number AS "batchNumber", position, schema_id AS "schemaId", sha256, state,
  floor(extract(epoch FROM saved_at) * 1000)::bigint AS "savedAtMs"`;

/** Of one statement, and of a pause between two: every node is stopped meanwhile. */
const RESET_TIMEOUT_MS = 3_600_000;

type StoredPoint = FoundState & { readonly savedAtMs: number };

export class PostgresLogResets implements LogResetStore {
  readonly #database: Database;
  readonly #ids: InstrumentIds;
  readonly #codec: LogCodec;
  readonly #moves: PostgresLogMoves;

  constructor(options: { database: Database; ids: InstrumentIds; codec: LogCodec; moves: PostgresLogMoves }) {
    this.#database = options.database;
    this.#ids = options.ids;
    this.#codec = options.codec;
    this.#moves = options.moves;
  }

  read(): Promise<MovableLog> {
    return this.#moves.read();
  }

  findRunning(): Promise<string[]> {
    return this.#moves.findRunning();
  }

  async listInstruments(): Promise<InstrumentKey[]> {
    const { schema } = this.#database;
    const { rows } = await this.#database.read<{ key: InstrumentKey }>({
      text: `SELECT key FROM ${schema}.instrument AS known
        WHERE is_desired AND EXISTS (SELECT FROM ${schema}.state_snapshot WHERE instrument_id = known.id) ORDER BY key`,
    });
    return rows.map(({ key }) => key);
  }

  async findPoint(instrument: InstrumentKey, target: ResetTarget): Promise<ResetPoint> {
    const { schema } = this.#database;
    const { rows } = await this.#database.read<{ id: number; isDesired: boolean; newest: number | null }>({
      text: `SELECT id, is_desired AS "isDesired",
          (SELECT max(batch_number) FROM ${schema}.state_snapshot WHERE instrument_id = known.id) AS newest
        FROM ${schema}.instrument AS known WHERE key = $1`,
      values: [instrument],
    });
    const [known] = rows;
    // Nobody reads the log for one that was stopped: its rows would never come again.
    if (known?.isDesired !== true) {
      const what = known === undefined ? 'is not known' : 'was stopped, so its log would not be read again';
      throw new TampinesError('INSTRUMENT_UNKNOWN', `${instrument} ${what}`, { fields: { instrument } });
    }
    const { id } = known;
    // None is left of one that was reset to the beginning of its log, and was not saved since.
    const newest = known.newest ?? -1;
    const found =
      target.kind === 'savepoint'
        ? await this.#readSavepoint({ instrument, id, newest }, target.batchNumber)
        : await this.#readAtTime({ instrument, id }, target.timeMs);
    return { instrument, ...found, isNewest: found.place === newest };
  }

  async reset(
    from: MovableLog,
    resets: readonly InstrumentReset[],
    confirm: (running: readonly string[]) => Promise<void>,
  ): Promise<void> {
    const { schema } = this.#database;
    const ids = new Map<InstrumentKey, number>();
    for (const { instrument } of resets) ids.set(instrument, (await this.#ids.find(instrument))!);
    await this.#database.transaction(async (run) => {
      const { running } = await this.#moves.hold(run, from);
      // Rows of weeks and lists of thousands of instruments take longer than what a node may do in one go.
      await run({
        text: `SET LOCAL statement_timeout = ${RESET_TIMEOUT_MS}; SET LOCAL idle_in_transaction_session_timeout = ${RESET_TIMEOUT_MS}`,
      });
      const places = new Map<number, number>();
      for (const reset of resets) {
        const id = ids.get(reset.instrument)!;
        await this.#setNewerAside(run, id, reset);
        await this.#deleteRows(run, id, reset);
        const shard = shardOf(reset.instrument, from.partitions);
        const place = Math.max(reset.place, from.firstPlace);
        places.set(shard, Math.min(place, places.get(shard) ?? Infinity));
      }
      await run({
        text: `UPDATE ${schema}.shard SET next_position = least(next_position, given.place)
          FROM unnest($1::int[], $2::bigint[]) AS given (id, place) WHERE shard.id = given.id`,
        values: [[...places.keys()], [...places.values()]],
      });
      // Also what was read before by a node that is frozen: it may save no state of what it folded, nor publish it.
      await run({
        text: `UPDATE ${schema}.shard SET owner = '', claimed_at = now(),
          epoch = (SELECT max(epoch) FROM ${schema}.shard) + 1`,
      });
      await confirm(running);
    });
  }

  async #readSavepoint(
    { instrument, id, newest }: { instrument: InstrumentKey; id: number; newest: number },
    batchNumber: number,
  ): Promise<Pick<ResetPoint, 'state' | 'place' | 'savedAtMs'>> {
    const { schema } = this.#database;
    // What was folded anew up to the same place goes before what was set aside, for recovery takes it.
    // One that was set aside is as good as any once its instrument has come there again: until then there are rows that only the log before it gives.
    const { rows } = await this.#database.read<StoredPoint>({
      text: `SELECT ${FOUND_COLUMNS} FROM ${schema}.state_snapshot
          WHERE instrument_id = $1 AND batch_number = $2 AND is_savepoint
        UNION ALL
        SELECT ${FOUND_COLUMNS} FROM ${schema}.state_snapshot
          WHERE instrument_id = $1 AND batch_number = $2
            AND EXISTS (SELECT FROM ${schema}.state_set_aside WHERE instrument_id = $1 AND batch_number = $2)
        UNION ALL
        SELECT ${FOUND_COLUMNS} FROM ${schema}.state_set_aside
          WHERE instrument_id = $1 AND batch_number = $2 AND batch_number <= $3
        LIMIT 1`,
      values: [id, batchNumber, newest],
    });
    const [row] = rows;
    if (row === undefined) throw savepointUnknownError(instrument, batchNumber);
    const { savedAtMs } = row;
    return { state: readStoredState(this.#codec, instrument, row), place: batchNumber, savedAtMs };
  }

  async #readAtTime(
    { instrument, id }: { instrument: InstrumentKey; id: number },
    timeMs: number,
  ): Promise<Pick<ResetPoint, 'state' | 'place' | 'savedAtMs'>> {
    const { schema } = this.#database;
    let below = Number.MAX_SAFE_INTEGER;
    for (;;) {
      const { rows } = await this.#database.read<StoredPoint>({
        text: `SELECT ${FOUND_COLUMNS} FROM ${schema}.state_snapshot
          WHERE instrument_id = $1 AND batch_number < $2 AND saved_at <= to_timestamp($3::bigint / 1000.0)
          ORDER BY batch_number DESC LIMIT 1`,
        values: [id, below, timeMs],
      });
      const [row] = rows;
      if (row === undefined) return { state: undefined, place: 0, savedAtMs: undefined };
      const { batchNumber: place, savedAtMs } = row;
      try {
        return { state: readStoredState(this.#codec, instrument, row), place, savedAtMs };
      } catch {
        // As a node does: a state that is damaged does not count.
        below = place;
      }
    }
  }

  /** Recovery takes the newest state. Of those that are newer only savepoints are kept, beside: they were asked for, and nobody deleted them. */
  async #setNewerAside(run: RunStatement, id: number, { place, hasState }: InstrumentReset): Promise<void> {
    const { schema } = this.#database;
    const newerThan = hasState ? place : -1;
    await run({
      text: `WITH newer AS (
          DELETE FROM ${schema}.state_snapshot WHERE instrument_id = $1 AND batch_number > $2 RETURNING ${STATE_COLUMNS})
        INSERT INTO ${schema}.state_set_aside (${STATE_COLUMNS}) SELECT ${STATE_COLUMNS} FROM newer WHERE is_savepoint
        ON CONFLICT (instrument_id, batch_number) DO UPDATE SET
          position = excluded.position, epoch = excluded.epoch, schema_id = excluded.schema_id, sha256 = excluded.sha256,
          state = excluded.state, saved_at = excluded.saved_at, set_aside_at = now()`,
      values: [id, newerThan],
    });
    await run({
      text: `WITH chosen AS (
          DELETE FROM ${schema}.state_set_aside WHERE instrument_id = $1 AND batch_number = $2 RETURNING ${STATE_COLUMNS})
        INSERT INTO ${schema}.state_snapshot (${STATE_COLUMNS}) SELECT ${STATE_COLUMNS} FROM chosen
        ON CONFLICT (instrument_id, batch_number) DO UPDATE SET is_savepoint = true`,
      values: [id, place],
    });
    await run({
      text: `DELETE FROM ${schema}.state_set_aside WHERE instrument_id = $1 AND batch_number NOT IN (
          SELECT batch_number FROM ${schema}.state_set_aside WHERE instrument_id = $1
          ORDER BY set_aside_at DESC, batch_number DESC LIMIT ${SAVEPOINTS_MAX})`,
      values: [id],
    });
  }

  /** Rows are written where there is none, or an older revision: what was folded wrongly would stay. */
  async #deleteRows(run: RunStatement, id: number, { rows }: InstrumentReset): Promise<void> {
    const { schema } = this.#database;
    await run({
      text: `DELETE FROM ${schema}.trade WHERE instrument_id = $1 AND ($2::bigint IS NULL OR event_time_ms > $2)`,
      timeoutMs: RESET_TIMEOUT_MS,
      values: [id, rows.tradesAfterMs ?? null],
    });
    for (const { interval, fromMs } of rows.candles) {
      await run({
        text: `DELETE FROM ${schema}.candle
          WHERE instrument_id = $1 AND interval = $2 AND ($3::bigint IS NULL OR open_time_ms >= $3)`,
        timeoutMs: RESET_TIMEOUT_MS,
        values: [id, interval, fromMs ?? null],
      });
    }
    const closed = rows.candles.flatMap((candles) => candles.closed);
    if (closed.length === 0) return;
    await run({
      text: insertCandlesText(schema),
      values: candleArrays(
        closed.map(() => id),
        closed,
      ),
    });
  }
}
