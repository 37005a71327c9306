/**
 * Postgres as this project uses it: each of its own statements, known by its text, done at once and whole. A statement that nobody taught it
 * is an error, so that new SQL can't slip past the simulation. What it did goes to the history, also what is pruned later.
 */
import type { Clock } from '../../../src/base/clock.ts';
import type { SqlValue, Statement } from '../../../src/persistence/database.ts';
import type { History } from '../history.ts';
import { PostgresTables } from './postgres-tables.ts';
import { JOURNAL_STATEMENTS } from './postgres-journal-statements.ts';
import { SHARD_STATEMENTS } from './postgres-shard-statements.ts';
import { TABLE_STATEMENTS } from './postgres-table-statements.ts';

export type StatementContext = {
  readonly tables: PostgresTables;
  readonly history: History;
  readonly nowMs: number;
  readonly text: string;
};

export type StatementResult = {
  readonly rows?: readonly Readonly<Record<string, unknown>>[];
  readonly rowCount?: number;
  /** Takes back what it did: its transaction was rolled back. */
  readonly undo?: () => void;
};

export type StatementHandler = (context: StatementContext, values: readonly SqlValue[]) => StatementResult;

/** A statement is known by what its text begins with, spaces collapsed and the schema cut off. */
export type KnownStatement = readonly [beginning: string | RegExp, handler: StatementHandler];

const KNOWN: readonly KnownStatement[] = [...JOURNAL_STATEMENTS, ...SHARD_STATEMENTS, ...TABLE_STATEMENTS];

export class PostgresServer {
  readonly tables = new PostgresTables();
  readonly history: History;
  readonly #clock: Clock;
  readonly #schema: string;
  readonly #handlers = new Map<string, { handler: StatementHandler; text: string }>();

  constructor(options: { clock: Clock; history: History; schema: string }) {
    this.#clock = options.clock;
    this.history = options.history;
    this.#schema = options.schema;
  }

  /** @throws pg.DatabaseError what Postgres would say · Error when the statement is not known */
  execute({ text, values = [] }: Statement): StatementResult {
    const known = this.#find(text);
    const context = {
      tables: this.tables,
      history: this.history,
      nowMs: this.#clock.nowMs(),
      text: known.text,
    };
    return known.handler(context, values);
  }

  #find(text: string): { handler: StatementHandler; text: string } {
    const found = this.#handlers.get(text);
    if (found !== undefined) return found;
    const plain = text.replaceAll(`${this.#schema}.`, '').replaceAll(/\s+/g, ' ').trim();
    const known = KNOWN.find(([beginning]) =>
      typeof beginning === 'string' ? plain.startsWith(beginning) : beginning.test(plain),
    );
    if (known === undefined) throw new Error(`The Postgres model does not know this statement: ${plain}`);
    const entry = { handler: known[1], text: plain };
    this.#handlers.set(text, entry);
    return entry;
  }
}
