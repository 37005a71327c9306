/** Everything durable, opened at once: what `main.ts` plugs into the ports, on Postgres or, for simulation and tests, in memory. */
import type { InstrumentCatalog, Journal, MarketTables, OperationsRecords } from '../actors/ports.ts';
import type { Log } from '../base/log.ts';
import { InstrumentIds } from './instrument-ids.ts';
import { PostgresInstrumentCatalog } from './instrument-catalog.ts';
import type { LogCodec } from './log-codec.ts';
import { PostgresMarketTables } from './market-tables.ts';
import { MemoryInstrumentCatalog } from './memory-instrument-catalog.ts';
import { MemoryJournal, MemoryJournalStorage } from './memory-journal.ts';
import { MemoryMarketTables } from './memory-market-tables.ts';
import { MemoryOperationsRecords } from './memory-operations-records.ts';
import type { DatabaseLocation } from './open-database.ts';
import { openDatabase } from './open-database.ts';
import { PostgresOperationsRecords } from './operations-records.ts';
import { PostgresJournal } from './postgres-journal.ts';
import type { WriterContext } from './retry.ts';

export type Persistence = {
  readonly journal: Journal;
  readonly tables: MarketTables;
  readonly catalog: InstrumentCatalog;
  readonly records: OperationsRecords;
  /** Resolves when the database answers. @throws TampinesError `SERVICE_UNAVAILABLE` · `OUTCOME_UNKNOWN` */
  probe(): Promise<void>;
  /** Writes what waits and closes all connections; a database that is away is not waited for. */
  close(): Promise<void>;
};

/** @throws TampinesError `SERVICE_UNAVAILABLE` · `DATA_DIRECTORY_LOCKED` · `MIGRATION_MISMATCH` */
export async function openPersistence(options: {
  location: DatabaseLocation;
  schema?: string | undefined;
  codec: LogCodec;
  context: WriterContext;
}): Promise<Persistence> {
  const { codec, context } = options;
  const { timers, log } = context;
  const database = await openDatabase({ location: options.location, schema: options.schema, timers, log });
  const ids = new InstrumentIds(database);
  const journal = new PostgresJournal({ database, ids, codec, context });
  const tables = new PostgresMarketTables({ database, ids, context });
  const records = new PostgresOperationsRecords({ database, context });
  return {
    journal,
    tables,
    catalog: new PostgresInstrumentCatalog(database),
    records,
    probe: async () => {
      await database.query({ text: 'SELECT 1' });
    },
    close: async () => {
      await Promise.all([journal.close(), tables.close(), records.close()]);
      await database.close();
    },
  };
}

/** Keeps everything in memory; `storage` makes a journal outlive the rest, as a restart would. */
export function createMemoryPersistence(options: {
  codec: LogCodec;
  log: Log;
  storage?: MemoryJournalStorage;
}): Persistence {
  const storage = options.storage ?? new MemoryJournalStorage();
  return {
    journal: new MemoryJournal({ storage, codec: options.codec, log: options.log }),
    tables: new MemoryMarketTables(),
    catalog: new MemoryInstrumentCatalog(),
    records: new MemoryOperationsRecords(),
    probe: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
