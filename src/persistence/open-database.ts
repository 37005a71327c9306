/** Opens the database that the settings name: a real Postgres by its URL, or the embedded one of a data directory, migrated and ready. */
import type { Timers } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Database } from './database.ts';
import { PgDatabase } from './database.ts';
import { EmbeddedMaintenance } from './embedded-maintenance.ts';
import { EmbeddedPostgres } from './embedded-postgres.ts';
import { migrate } from './migrate.ts';

export type DatabaseLocation = { readonly url: string } | { readonly dataDirectory: string };

const DEFAULT_SCHEMA = 'tampines';

/**
 * Returns the database, its schema migrated to what this version needs.
 * @throws TampinesError `SERVICE_UNAVAILABLE` · `DATA_DIRECTORY_LOCKED` · `MIGRATION_MISMATCH`
 */
export async function openDatabase(options: {
  location: DatabaseLocation;
  schema?: string | undefined;
  timers: Timers;
  log: Log;
}): Promise<Database> {
  const schema = options.schema ?? DEFAULT_SCHEMA;
  const database =
    'url' in options.location
      ? new PgDatabase({ schema, connection: { url: options.location.url } })
      : await openEmbedded(options.location.dataDirectory, schema, options.timers, options.log);
  try {
    await migrate(database, options.log);
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

async function openEmbedded(
  dataDirectory: string,
  schema: string,
  timers: Timers,
  log: Log,
): Promise<Database> {
  if (!EmbeddedPostgres.exists(dataDirectory)) {
    log.info({ dataDirectory }, 'creating the embedded database, this takes some seconds once');
  }
  const embedded = await EmbeddedPostgres.open(dataDirectory);
  const maintenance: EmbeddedMaintenance = new EmbeddedMaintenance({
    runStatement: (text) => database.query({ text }),
    sentBytes: () => embedded.sentBytes,
    timers,
    log,
  });
  const database: Database = new PgDatabase({
    schema,
    connection: { createStream: () => embedded.createStream() },
    onStatement: (result) => maintenance.noteStatement(result),
    closeServer: () => embedded.close(),
    beforeClose: () => maintenance.close(),
  });
  return database;
}
