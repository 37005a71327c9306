/**
 * A real Postgres under the nodes of a simulated world: it answers while the world stands still, so that a run happens in the same way each time. Its
 * clock is the world's, and triggers write down all that ever stood in the tables that matter.
 */
import type { QueryResult, QueryResultRow } from 'pg';
import { TampinesError } from '../../../../src/base/errors.ts';
import { systemTimers } from '../../../../src/base/clock.ts';
import type { InstrumentKey } from '../../../../src/market/symbols.ts';
import type { Database, RunStatement, Statement } from '../../../../src/persistence/database.ts';
import { claimEventLog } from '../../../../src/persistence/event-log-kind.ts';
import { openDatabase } from '../../../../src/persistence/open-database.ts';
import { RecordingLog } from '../../../support/recording-log.ts';

/** A row as it was written, after whatever made it so. */
export type WrittenRow = { readonly source: string; readonly row: Readonly<Record<string, unknown>> };

export type OpenTransaction = {
  readonly run: RunStatement;
  readonly commit: () => Promise<void>;
  readonly rollBack: () => Promise<void>;
};

const WATCHED = ['shard', 'state_snapshot', 'trade', 'candle', 'output', 'ingest_lease'];
const CLEARED = [
  ...WATCHED,
  'instrument',
  'supervision_event',
  'dead_letter',
  'dead_letter_count',
  'written',
];
const CLOCK = 'clock_timestamp()';

export class RealPostgres {
  readonly database: Database;
  #readTo = 0;

  private constructor(database: Database) {
    this.database = database;
  }

  /** @param schema of its own @param partitions of the log that the nodes read */
  static async open(url: string, schema: string, partitions: number): Promise<RealPostgres> {
    const log = new RecordingLog();
    const database = await openDatabase({ location: { url }, schema, timers: systemTimers, log });
    await claimEventLog(database, { name: 'events', partitions });
    await database.query({
      text: `CREATE TABLE ${schema}.written (place bigint GENERATED ALWAYS AS IDENTITY, source text, "row" jsonb)`,
    });
    await database.query({
      text: `CREATE FUNCTION ${schema}.note_written() RETURNS trigger LANGUAGE plpgsql AS $body$
        BEGIN
          INSERT INTO ${schema}.written (source, "row") VALUES (TG_ARGV[0], to_jsonb(NEW));
          RETURN NULL;
        END
        $body$`,
    });
    for (const table of WATCHED) {
      await database.query({
        text: `CREATE TRIGGER written AFTER INSERT OR UPDATE ON ${schema}.${table}
          FOR EACH ROW EXECUTE FUNCTION ${schema}.note_written('${table}')`,
      });
    }
    return new RealPostgres(database);
  }

  /** Empties it, also of the partitions that a node would have to make, and wants these instruments. */
  async begin(instruments: readonly InstrumentKey[]): Promise<void> {
    const { schema } = this.database;
    const { rows } = await this.database.query<{ name: string }>({
      text: `SELECT inhrelid::regclass::text AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE relkind = 'r' AND relnamespace = '${schema}'::regnamespace AND relname NOT LIKE '%default'`,
    });
    for (const { name } of rows) await this.database.query({ text: `DROP TABLE ${name}` });
    for (const table of CLEARED) await this.database.query({ text: `DELETE FROM ${schema}.${table}` });
    await this.database.query({
      text: `INSERT INTO ${schema}.instrument (key, native_symbol, is_desired)
        SELECT key, split_part(key, ':', 2), true FROM unnest($1::text[]) WITH ORDINALITY AS given (key, place) ORDER BY place`,
      values: [instruments],
    });
  }

  run<Row extends QueryResultRow>(statement: Statement, nowMs: number): Promise<QueryResult<Row>> {
    if (!statement.text.includes(CLOCK)) return this.database.query<Row>(statement);
    const { values = [], timeoutMs = 30_000 } = statement;
    return this.database.query<Row>({
      ...{ values, timeoutMs },
      text: statement.text.replaceAll(CLOCK, `to_timestamp(${nowMs}::numeric / 1000)`),
    });
  }

  openTransaction(): Promise<OpenTransaction> {
    return new Promise((opened, failed) => {
      const ended = this.database.transaction(
        (run) =>
          new Promise<void>((commit, rollBack) => {
            opened({
              run,
              commit: () => {
                commit();
                return ended;
              },
              rollBack: () => {
                rollBack(new TampinesError('SERVICE_UNAVAILABLE', 'its session has ended'));
                return ended.catch(() => undefined);
              },
            });
          }),
      );
      ended.catch(failed);
    });
  }

  /** What was written since it was asked last. */
  async readWritten(): Promise<WrittenRow[]> {
    const { rows } = await this.database.query<WrittenRow & { place: number }>({
      text: `SELECT place, source, "row" FROM ${this.database.schema}.written WHERE place > $1 ORDER BY place`,
      values: [this.#readTo],
    });
    this.#readTo = rows.at(-1)?.place ?? this.#readTo;
    return rows;
  }

  /** Leaves nothing behind. */
  async close(): Promise<void> {
    await this.database.query({ text: `DROP SCHEMA ${this.database.schema} CASCADE` });
    await this.database.close();
  }
}
