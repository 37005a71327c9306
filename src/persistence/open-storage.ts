/** Everything that is durable, on one database: what `main.ts` plugs into the actors' ports. */
import { logCodec } from '../codec/log-codec.ts';
import type { Database } from './database.ts';
import { PostgresInstrumentCatalog } from './instrument-catalog.ts';
import { InstrumentIds } from './instrument-ids.ts';
import { PostgresMarketTables } from './market-tables.ts';
import type { DatabaseLocation } from './open-database.ts';
import { openDatabase } from './open-database.ts';
import { PostgresOperationsRecords } from './operations-records.ts';
import type { WantedOutputs } from './output-outbox.ts';
import { PostgresJournal } from './postgres-journal.ts';
import type { WriterContext } from './retry.ts';

export type Storage = {
  readonly database: Database;
  readonly ids: InstrumentIds;
  readonly journal: PostgresJournal;
  readonly tables: PostgresMarketTables;
  readonly catalog: PostgresInstrumentCatalog;
  readonly records: PostgresOperationsRecords;
  /** Writes out what is queued, then closes the database. */
  close(): Promise<void>;
};

/** @throws TampinesError `SERVICE_UNAVAILABLE` · `DATA_DIRECTORY_LOCKED` · `MIGRATION_MISMATCH` */
export async function openStorage(options: {
  location: DatabaseLocation;
  schema: string;
  context: WriterContext;
  outputs?: WantedOutputs | undefined;
}): Promise<Storage> {
  const { context } = options;
  const database = await openDatabase({
    location: options.location,
    schema: options.schema,
    timers: context.timers,
    log: context.log,
  });
  return createStorage(database, context, options.outputs);
}

/** Puts all that is durable on a database that is open and migrated. */
export function createStorage(database: Database, context: WriterContext, outputs?: WantedOutputs): Storage {
  const ids = new InstrumentIds(database);
  const journal = new PostgresJournal({ database, ids, codec: logCodec, context });
  const tables = new PostgresMarketTables({ database, ids, context, outputs });
  const records = new PostgresOperationsRecords({ database, context, outputs });
  return {
    database,
    ids,
    journal,
    tables,
    records,
    catalog: new PostgresInstrumentCatalog(database, ids),
    async close() {
      await tables.close();
      await journal.close();
      await records.close();
      await database.close();
    },
  };
}
