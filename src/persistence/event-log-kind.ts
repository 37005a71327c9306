import { TampinesError } from '../base/errors.ts';
import type { Database } from './database.ts';

/** Where the instruments of a schema have their log. */
export type EventLogKind = { readonly name: string; readonly partitions: number };

/** Which of the topics that took each other's place, and the place of the first record of each of its partitions. */
export type EventLogGeneration = { readonly generation: number; readonly firstPlace: number };

export const JOURNAL: EventLogKind = { name: 'journal', partitions: 0 };

/**
 * Notes where instruments of this schema have their log, the first time, and holds it against that ever after: state snapshots say by a place in one log
 * what they contain, and in another the same number means something else. Returns which topic it is by now.
 * @throws TampinesError `SETTINGS_INVALID` when it was another one
 */
export async function claimEventLog(database: Database, wanted: EventLogKind): Promise<EventLogGeneration> {
  const { schema } = database;
  await database.query({
    text: `INSERT INTO ${schema}.event_log (name, partitions) VALUES ($1, $2) ON CONFLICT (is_only) DO NOTHING`,
    values: [wanted.name, wanted.partitions],
  });
  const { rows } = await database.query<EventLogKind & EventLogGeneration>({
    text: `SELECT name, partitions, generation, first_place AS "firstPlace" FROM ${schema}.event_log`,
  });
  const [found] = rows;
  if (found?.name === wanted.name && found.partitions === wanted.partitions) {
    return { generation: found.generation, firstPlace: found.firstPlace };
  }
  const canBeMoved = found?.name === wanted.name && wanted.name !== JOURNAL.name;
  throw new TampinesError(
    'SETTINGS_INVALID',
    `Settings are not valid: the schema ${schema} holds states of ${describe(found)}, wanted was ${describe(wanted)}; ` +
      'start with the kafka settings that it was used with, or with another postgres.schema' +
      (canBeMoved
        ? `, or stop all nodes and run \`tampines log repartition --partitions ${wanted.partitions}\``
        : ''),
  );
}

/**
 * Throws where another topic has taken the place of this one: what is claimed in it counts in places of that one.
 * @throws TampinesError `EVENT_LOG_MOVED`
 */
export async function requireGeneration(database: Database, generation: number): Promise<void> {
  const { rows } = await database.query<{ generation: number }>({
    text: `SELECT generation FROM ${database.schema}.event_log`,
  });
  if (rows[0]?.generation !== generation) throw logMovedError(generation, rows[0]?.generation);
}

/** @param found `undefined` where there is none any more */
export function logMovedError(generation: number, found: number | undefined): TampinesError {
  return new TampinesError(
    'EVENT_LOG_MOVED',
    `Cannot work by generation ${generation} of the log of events: ${
      found === undefined ? 'there is none any more' : `generation ${found} has taken its place`
    }; start again with the settings of that one`,
    { fields: { generation, found } },
  );
}

function describe(kind: EventLogKind | undefined): string {
  if (kind === undefined) return 'no log';
  if (kind.name === JOURNAL.name) return 'a node without Kafka';
  return `the topic ${kind.name} of ${kind.partitions} partitions`;
}
