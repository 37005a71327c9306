/** The Postgres model keeps the promises that the real one is held to. */
import type { QueryResult, QueryResultRow } from 'pg';
import { expect, test } from 'vitest';
import { InstrumentIds } from '../../src/persistence/instrument-ids.ts';
import type { Database, RunStatement, Statement } from '../../src/persistence/database.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { describeJournal } from '../suites/journal-suite.ts';
import type { Damage } from '../suites/journal-suite.ts';
import { describeMarketTables } from '../suites/market-tables-suite.ts';
import { describeOperatorTables } from '../suites/operator-tables-suite.ts';
import type { TestDatabase } from '../support/postgres-store.ts';
import {
  openJournalStore,
  openMarketTablesStore,
  openOperatorTablesStore,
} from '../support/postgres-store.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { contextOf } from '../support/writer-context.ts';
import { History } from './history.ts';
import { PostgresServer } from './models/postgres-server.ts';

/** The model without the way to it: every statement is done in the next turn of the loop. */
class DirectDatabase implements Database {
  readonly schema = 'model';
  readonly isEmbedded = false;
  readonly server = new PostgresServer({ clock: systemClock, history: new History(), schema: 'model' });

  async query<Row extends QueryResultRow>(statement: Statement): Promise<QueryResult<Row>> {
    await new Promise((resolve) => setImmediate(resolve));
    const { rows = [], rowCount } = this.server.execute(statement);
    return {
      command: '',
      oid: 0,
      fields: [],
      rowCount: rowCount ?? rows.length,
      rows: rows as unknown as Row[],
    };
  }

  read<Row extends QueryResultRow>(statement: Statement): Promise<QueryResult<Row>> {
    return this.query<Row>(statement);
  }

  transaction<Value>(work: (run: RunStatement) => Promise<Value>): Promise<Value> {
    return work((statement) => this.query(statement));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  damage(what: 'entry' | 'state', instrument: InstrumentKey, batchNumber: number, kind: Damage): void {
    const { tables } = this.server;
    const id = tables.instruments.get(instrument)!.id;
    if (what === 'entry') {
      const rows = tables.journalOf(id);
      const row = rows.get(batchNumber)!;
      if (kind === 'lost') rows.delete(batchNumber);
      else if (kind === 'unknown schema') rows.set(batchNumber, { ...row, schemaId: 'unknown' });
      else rows.set(batchNumber, { ...row, entry: spoil(row.entry, kind) });
      return;
    }
    const rows = tables.snapshotsOf(id);
    const index = rows.findIndex((row) => row.batchNumber === batchNumber);
    const row = rows[index]!;
    rows[index] =
      kind === 'unknown schema' ? { ...row, schemaId: 'unknown' } : { ...row, state: spoil(row.state, kind) };
  }
}

function spoil(bytes: Uint8Array, kind: Damage): Uint8Array {
  if (kind === 'torn') return bytes.slice(0, bytes.length / 2);
  const changed = Uint8Array.from(bytes);
  changed[5]! ^= 1;
  return changed;
}

function open(): { database: DirectDatabase; test: TestDatabase } {
  const database = new DirectDatabase();
  const log = new RecordingLog();
  const context = contextOf(log);
  const close = (): Promise<void> => Promise.resolve();
  return { database, test: { database, location: { url: '' }, log, context, close } };
}

describeJournal('on the Postgres model', async () => {
  const { database, test: opened } = open();
  const store = await openJournalStore(() => Promise.resolve(opened));
  return {
    ...store,
    damage: (what, instrument, batchNumber, kind) => {
      database.damage(what, instrument, batchNumber, kind);
      return Promise.resolve();
    },
  };
});

describeMarketTables('on the Postgres model', () =>
  openMarketTablesStore(() => Promise.resolve(open().test)),
);

describeOperatorTables('on the Postgres model', () =>
  openOperatorTablesStore(() => Promise.resolve(open().test)),
);

test('the Postgres model refuses a statement that nobody taught it', async () => {
  const { database } = open();
  await expect(database.query({ text: 'UPDATE model.trade SET price = 0' })).rejects.toThrow(
    'does not know this statement: UPDATE trade SET price = 0',
  );
  expect(await new InstrumentIds(database).find('x:A-B' as InstrumentKey)).toBeUndefined();
});
