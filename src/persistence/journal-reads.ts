/**
 * What is read when instruments recover: state snapshots, journal pages, the ends of journals; each for many instruments in one statement. So
 * nothing that a damaged row holds may fail the statement: whoever asked for it refuses it.
 */
import { TampinesError } from '../base/errors.ts';
import type { BinaryColumns } from './binary-rows.ts';
import type { Database } from './database.ts';
import { GroupedStatements } from './grouped-statements.ts';
import type { StoredEntry, StoredState } from './stored-bytes.ts';

/** Batches of one instrument in one page. */
export const READ_PAGE_ROWS = 1_000;

// A group's answer is in memory as a whole: few states, which may have megabytes each, and not many pages.
const STATES_MAX = 16;
const PAGES_MAX = 32;
const ENDS_MAX = 100;

export type FoundState = StoredState & { readonly position: number };
export type FoundEntry = StoredEntry & { readonly epoch: number };

const STATE_COLUMNS = {
  ...{ place: 'int8', batchNumber: 'int8', position: 'int8' },
  ...{ schemaId: 'text', sha256: 'bytea', state: 'bytea' },
} as const satisfies BinaryColumns;

const ENTRY_COLUMNS = {
  ...{ place: 'int8', batchNumber: 'int8', epoch: 'int4' },
  ...{ schemaId: 'text', checksum: 'int4', entry: 'bytea' },
} as const satisfies BinaryColumns;

type StateQuestion = { readonly instrumentId: number; readonly below: number };
type PageQuestion = { readonly instrumentId: number; readonly after: number };

export class JournalReads {
  readonly #states: GroupedStatements<StateQuestion, FoundState | undefined>;
  readonly #pages: GroupedStatements<PageQuestion, readonly FoundEntry[]>;
  readonly #ends: GroupedStatements<number, number>;

  constructor(database: Database) {
    const { schema } = database;
    this.#states = new GroupedStatements<StateQuestion, FoundState | undefined>({
      questionsMax: STATES_MAX,
      run: async (questions) => {
        const { rows } = await database.read<FoundState & { place: number }>({
          name: `${schema}.read-states`,
          text: `SELECT wanted.place, found.* FROM unnest($1::int[], $2::bigint[]) WITH ORDINALITY AS wanted (instrument_id, below, place)
            CROSS JOIN LATERAL (
              SELECT batch_number AS "batchNumber", position, schema_id AS "schemaId", sha256, state
              FROM ${schema}.state_snapshot
              WHERE instrument_id = wanted.instrument_id AND batch_number >= 0 AND batch_number < wanted.below
              ORDER BY batch_number DESC LIMIT 1) AS found`,
          values: [questions.map(({ instrumentId }) => instrumentId), questions.map(({ below }) => below)],
          columns: STATE_COLUMNS,
          integers: 'nearest',
        });
        const byPlace = new Map(rows.map((row) => [row.place, row]));
        return questions.map((_, index) => byPlace.get(index + 1));
      },
    });
    this.#pages = new GroupedStatements<PageQuestion, readonly FoundEntry[]>({
      questionsMax: PAGES_MAX,
      run: async (questions) => {
        const { rows } = await database.read<FoundEntry & { place: number }>({
          name: `${schema}.read-batches`,
          text: `SELECT wanted.place, found.* FROM unnest($1::int[], $2::bigint[]) WITH ORDINALITY AS wanted (instrument_id, after, place)
            CROSS JOIN LATERAL (
              SELECT batch_number AS "batchNumber", epoch, schema_id AS "schemaId", checksum, entry
              FROM ${schema}.journal
              WHERE instrument_id = wanted.instrument_id AND batch_number > wanted.after
              ORDER BY batch_number LIMIT ${READ_PAGE_ROWS}) AS found
            ORDER BY wanted.place, found."batchNumber"`,
          values: [questions.map(({ instrumentId }) => instrumentId), questions.map(({ after }) => after)],
          columns: ENTRY_COLUMNS,
          integers: 'nearest',
        });
        const pages = questions.map((): FoundEntry[] => []);
        for (const row of rows) pages[row.place - 1]!.push(row);
        return pages;
      },
    });
    this.#ends = new GroupedStatements({
      questionsMax: ENDS_MAX,
      run: async (instrumentIds) => {
        // The journal may be pruned to nothing; what a snapshot contains was written once.
        const { rows } = await database.read<{ last: number | null }>({
          name: `${schema}.read-ends`,
          text: `SELECT greatest(
              (SELECT max(batch_number) FROM ${schema}.journal WHERE instrument_id = wanted.id),
              (SELECT max(batch_number) FROM ${schema}.state_snapshot WHERE instrument_id = wanted.id)) AS last
            FROM unnest($1::int[]) WITH ORDINALITY AS wanted (id, place) ORDER BY wanted.place`,
          values: [[...instrumentIds]],
          integers: 'nearest',
        });
        return rows.map(({ last }) => last ?? 0);
      },
    });
  }

  /** Returns the newest state snapshot that ends before the batch `below`: always with a safe number, so that one may be asked for before it. */
  readState(instrumentId: number, below: number): Promise<FoundState | undefined> {
    return this.#states.ask({ instrumentId, below });
  }

  /** Returns the batches after `after` in order, at most `READ_PAGE_ROWS`. */
  readPage(instrumentId: number, after: number): Promise<readonly FoundEntry[]> {
    return this.#pages.ask({ instrumentId, after });
  }

  /**
   * Returns the number of the last batch that was ever written; 0 before the first.
   * @throws TampinesError `STATE_UNREADABLE` when that can be no batch's number
   */
  async readEnd(instrumentId: number): Promise<number> {
    const last = await this.#ends.ask(instrumentId);
    if (Number.isSafeInteger(last) && last >= 0) return last;
    throw new TampinesError(
      'STATE_UNREADABLE',
      `Cannot read the end of the journal of instrument ${instrumentId}: a row is damaged: its batch number is ${last}`,
    );
  }
}
