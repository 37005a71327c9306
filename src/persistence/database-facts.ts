import type { Database } from './database.ts';

/** What a database says of itself; reading it changes nothing, not even its schema. */
export type DatabaseFacts = {
  readonly serverVersion: string;
  /** Its clock (Unix ms). */
  readonly nowMs: number;
  /** Commits reach the disk before they are confirmed. */
  readonly isDurable: boolean;
  /** Whether our user may make a schema there. */
  readonly maySetUp: boolean;
  /** Newest migration of our schema; `undefined` where it was never set up. */
  readonly migration: number | undefined;
};

/** @throws what `Database.query` throws */
export async function readDatabaseFacts(database: Database, timeoutMs: number): Promise<DatabaseFacts> {
  const { rows } = await database.query<
    Omit<DatabaseFacts, 'migration'> & { readonly migrationTable: string | null }
  >({
    text: `SELECT current_setting('server_version') AS "serverVersion",
        floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS "nowMs",
        current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off' AS "isDurable",
        has_database_privilege(current_database(), 'CREATE') AS "maySetUp",
        to_regclass($1)::text AS "migrationTable"`,
    values: [`${database.schema}.migration`],
    timeoutMs,
  });
  const { migrationTable, ...facts } = rows[0]!;
  if (migrationTable === null) return { ...facts, migration: undefined };
  const migrated = await database.query<{ newest: number | null }>({
    text: `SELECT max(version) AS newest FROM ${database.schema}.migration`,
    timeoutMs,
  });
  return { ...facts, migration: migrated.rows[0]!.newest ?? undefined };
}
