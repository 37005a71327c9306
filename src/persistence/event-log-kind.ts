import { TampinesError } from '../base/errors.ts';
import type { Database } from './database.ts';

/** Where the instruments of a schema have their log. */
export type EventLogKind = { readonly name: string; readonly partitions: number };

export const JOURNAL: EventLogKind = { name: 'journal', partitions: 0 };

/**
 * Notes where instruments of this schema have their log, the first time, and holds it against that ever after: state snapshots say by a place in one log
 * what they contain, and in another the same number means something else.
 * @throws TampinesError `SETTINGS_INVALID` when it was another one
 */
export async function claimEventLog(database: Database, wanted: EventLogKind): Promise<void> {
  const { schema } = database;
  await database.query({
    text: `INSERT INTO ${schema}.event_log (name, partitions) VALUES ($1, $2) ON CONFLICT (is_only) DO NOTHING`,
    values: [wanted.name, wanted.partitions],
  });
  const { rows } = await database.query<EventLogKind>({
    text: `SELECT name, partitions FROM ${schema}.event_log`,
  });
  const [found] = rows;
  if (found?.name === wanted.name && found.partitions === wanted.partitions) return;
  throw new TampinesError(
    'SETTINGS_INVALID',
    `Settings are not valid: the schema ${schema} holds states of ${describe(found)}, wanted was ${describe(wanted)}; ` +
      'start with the kafka settings that it was used with, or with another postgres.schema',
  );
}

function describe(kind: EventLogKind | undefined): string {
  if (kind === undefined) return 'no log';
  if (kind.name === JOURNAL.name) return 'a node without Kafka';
  return `the topic ${kind.name} of ${kind.partitions} partitions`;
}
