/**
 * Brings a schema to the tables that this version needs. Each migration runs once, in a transaction of its own, under a lock, and its
 * checksum is kept: a migration that was changed after its release is an error, never a silent difference.
 */
import { createHash } from 'node:crypto';
import { TampinesError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Database, RunStatement } from './database.ts';
import type { Migration } from './migrations/migration.ts';
import { createTables } from './migrations/001-create-tables.ts';
import { feedGaps } from './migrations/002-feed-gaps.ts';
import { audit } from './migrations/003-audit.ts';
import { cluster } from './migrations/004-cluster.ts';
import { eventLog } from './migrations/005-event-log.ts';
import { instrumentSettings } from './migrations/006-instrument-settings.ts';
import { outputs } from './migrations/007-outputs.ts';
import { leaseReplicas } from './migrations/008-lease-replicas.ts';
import { logMoves } from './migrations/009-log-moves.ts';
import { givenUpSlots } from './migrations/010-given-up-slots.ts';
import { logResets } from './migrations/011-log-resets.ts';
import { slotSuccessors } from './migrations/012-slot-successors.ts';

const MIGRATIONS: readonly Migration[] = [
  createTables,
  feedGaps,
  audit,
  cluster,
  eventLog,
  instrumentSettings,
  outputs,
  leaseReplicas,
  logMoves,
  givenUpSlots,
  logResets,
  slotSuccessors,
];

/** The version of a database that this code brought up to date. */
export const NEWEST_MIGRATION = Math.max(...MIGRATIONS.map(({ version }) => version));

/** Key of the advisory lock that lets one process migrate at a time: `tampines` as letters of a phone keypad. */
const MIGRATION_LOCK = 82_674_637;

/** @throws TampinesError `MIGRATION_MISMATCH` when the schema was migrated by other code than this */
export async function migrate(
  database: Database,
  log: Log,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  const { schema } = database;
  for (const migration of migrations) {
    await database.transaction(async (run) => {
      await run({ text: 'SELECT pg_advisory_xact_lock($1)', values: [MIGRATION_LOCK] });
      await run({ text: `CREATE SCHEMA IF NOT EXISTS ${schema}` });
      await run({
        text: `CREATE TABLE IF NOT EXISTS ${schema}.migration (
          version int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
      });
      await refuseUnknown(run, schema, migrations);
      const applied = await run<{ checksum: string }>({
        text: `SELECT checksum FROM ${schema}.migration WHERE version = $1`,
        values: [migration.version],
      });
      const checksum = checksumOf(migration);
      const appliedChecksum = applied.rows[0]?.checksum;
      if (appliedChecksum === checksum) return;
      if (appliedChecksum !== undefined) {
        throw new TampinesError(
          'MIGRATION_MISMATCH',
          `Migration ${migration.version} (${migration.name}) of schema ${schema} was applied with checksum ${appliedChecksum}, this version has ${checksum}`,
        );
      }
      await run({ text: migration.sql(schema) });
      await run({
        text: `INSERT INTO ${schema}.migration (version, name, checksum) VALUES ($1, $2, $3)`,
        values: [migration.version, migration.name, checksum],
      });
      log.info({ schema, migration: migration.name }, 'migrated the database');
    });
  }
}

/** A schema of a newer version must not be written by this one. */
async function refuseUnknown(
  run: RunStatement,
  schema: string,
  migrations: readonly Migration[],
): Promise<void> {
  const newest = Math.max(...migrations.map(({ version }) => version));
  const unknown = await run<{ version: number }>({
    text: `SELECT version FROM ${schema}.migration WHERE version > $1 ORDER BY version LIMIT 1`,
    values: [newest],
  });
  const [row] = unknown.rows;
  if (row === undefined) return;
  throw new TampinesError(
    'MIGRATION_MISMATCH',
    `Schema ${schema} has migration ${row.version}, this version of Tampines knows ${newest} at most`,
  );
}

function checksumOf(migration: Migration): string {
  return createHash('sha256').update(migration.sql('any')).digest('hex').slice(0, 16);
}
