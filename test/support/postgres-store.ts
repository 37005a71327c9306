/** Everything that this project keeps in Postgres, opened in a schema of its own, for the suites that run against a real or embedded one. */
import { rmSync } from 'node:fs';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { systemTimers } from '../../src/base/clock.ts';
import type { Database } from '../../src/persistence/database.ts';
import { claimEventLog } from '../../src/persistence/event-log-kind.ts';
import { InstrumentIds } from '../../src/persistence/instrument-ids.ts';
import { PostgresInstrumentCatalog } from '../../src/persistence/instrument-catalog.ts';
import { PostgresMarketTables } from '../../src/persistence/market-tables.ts';
import { PostgresOperationsRecords } from '../../src/persistence/operations-records.ts';
import type { DatabaseLocation } from '../../src/persistence/open-database.ts';
import { openDatabase } from '../../src/persistence/open-database.ts';
import { PostgresJournal } from '../../src/persistence/postgres-journal.ts';
import type { WriterContext } from '../../src/persistence/retry.ts';
import type { Damage, JournalStore } from '../suites/journal-suite.ts';
import type { MarketTablesStore } from '../suites/market-tables-suite.ts';
import type { OperatorTablesStore } from '../suites/operator-tables-suite.ts';
import { createEmbeddedDirectory } from './embedded-template.ts';
import { jsonLogCodec } from './json-log-codec.ts';
import { RecordingLog } from './recording-log.ts';
import { dropSchema, freshName, noteServiceUse, testDatabaseUrl } from './services.ts';
import { contextOf } from './writer-context.ts';

export type TestDatabase = {
  readonly database: Database;
  readonly location: DatabaseLocation;
  readonly log: RecordingLog;
  readonly context: WriterContext;
  close(): Promise<void>;
};

export async function openRealDatabase(): Promise<TestDatabase> {
  const location = { url: testDatabaseUrl() };
  const schema = freshName('test');
  const log = new RecordingLog();
  const database = await openDatabase({ location, schema, timers: systemTimers, log });
  return {
    database,
    location,
    log,
    context: contextOf(log),
    close: async () => {
      await database.close();
      await dropSchema(schema);
    },
  };
}

/** That of a cluster, whose log is in its first topic. */
export async function openClusterDatabase(): Promise<TestDatabase> {
  const test = await openRealDatabase();
  await claimEventLog(test.database, { name: 'test.events', partitions: 4 });
  return test;
}

export async function openEmbeddedDatabase(): Promise<TestDatabase> {
  noteServiceUse('Embedded Postgres');
  const dataDirectory = await createEmbeddedDirectory();
  const location = { dataDirectory };
  const log = new RecordingLog();
  const database = await openDatabase({ location, timers: systemTimers, log });
  return {
    database,
    location,
    log,
    context: contextOf(log),
    close: async () => {
      await database.close();
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}

export async function openJournalStore(open: () => Promise<TestDatabase>): Promise<JournalStore> {
  const test = await open();
  const { database, log, context } = test;
  const journals: PostgresJournal[] = [];
  return {
    log,
    openJournal: () => {
      const ids = new InstrumentIds(database);
      const journal = new PostgresJournal({ database, ids, codec: jsonLogCodec, context });
      journals.push(journal);
      return journal;
    },
    damage: (what, instrument, batchNumber, kind) =>
      damageRow(database, { what, instrument, batchNumber, kind }),
    close: async () => {
      for (const journal of journals) await journal.close();
      await test.close();
    },
  };
}

async function damageRow(
  database: Database,
  options: { what: 'entry' | 'state'; instrument: InstrumentKey; batchNumber: number; kind: Damage },
): Promise<void> {
  const table = `${database.schema}.${options.what === 'entry' ? 'journal' : 'state_snapshot'}`;
  const column = options.what;
  const change = {
    'bit flip': `UPDATE ${table} SET ${column} = set_byte(${column}, 5, get_byte(${column}, 5) # 1)`,
    torn: `UPDATE ${table} SET ${column} = substring(${column} FOR length(${column}) / 2)`,
    'unknown schema': `UPDATE ${table} SET schema_id = 'unknown'`,
    lost: `DELETE FROM ${table}`,
  }[options.kind];
  const { rowCount } = await database.query({
    text: `${change} WHERE batch_number = $1
      AND instrument_id = (SELECT id FROM ${database.schema}.instrument WHERE key = $2)`,
    values: [options.batchNumber, options.instrument],
  });
  if (rowCount !== 1) throw new Error(`One row was to be damaged, were ${rowCount}`);
}

export async function openMarketTablesStore(open: () => Promise<TestDatabase>): Promise<MarketTablesStore> {
  const test = await open();
  const { database, context } = test;
  const tables = new PostgresMarketTables({ database, ids: new InstrumentIds(database), context });
  return {
    tables,
    close: async () => {
      await tables.close();
      await test.close();
    },
  };
}

export async function openOperatorTablesStore(
  open: () => Promise<TestDatabase>,
): Promise<OperatorTablesStore> {
  const test = await open();
  const { database, context } = test;
  const records = new PostgresOperationsRecords({ database, context });
  return {
    catalog: new PostgresInstrumentCatalog(database, new InstrumentIds(database)),
    records,
    close: async () => {
      await records.close();
      await test.close();
    },
  };
}
