/** One process's way to the real Postgres: each statement, and each begin and end of a transaction, is a call that may meet its fate. */
import type { QueryResult, QueryResultRow } from 'pg';
import { TampinesError, hasErrorCode } from '../../../../src/base/errors.ts';
import type { Database, RunStatement, Statement } from '../../../../src/persistence/database.ts';
import type { Process, World } from '../../world/world.ts';
import type { CallPoints, Fate } from './call-points.ts';
import { DYING, FATES, never, OF_A_READING } from './call-points.ts';
import type { OpenTransaction, RealPostgres } from './real-postgres.ts';

/** To the server, and back. */
const TRAVEL_MS = 1;
/** What lay in the server is done so long after the process that sent it. */
const LATE_MS = 2_500;
const IN_TRANSACTION: readonly Fate[] = [...DYING, 'lost'];
const AT_COMMIT: readonly Fate[] = [...IN_TRANSACTION, 'done, answer lost'];
const NAME_MAX_CHARACTERS = 70;

export type WatchedDatabaseOptions = {
  readonly world: World;
  readonly process: Process;
  readonly server: RealPostgres;
  readonly points: CallPoints;
  /** Told after each statement that was done; the world waits for it. */
  readonly onDone: (statement: Statement) => Promise<void>;
};

export class WatchedDatabase implements Database {
  readonly schema: string;
  readonly isEmbedded = false;
  readonly #options: WatchedDatabaseOptions;

  constructor(options: WatchedDatabaseOptions) {
    this.#options = options;
    this.schema = options.server.database.schema;
  }

  query<Row extends QueryResultRow>(statement: Statement): Promise<QueryResult<Row>> {
    const { server, world } = this.#options;
    const name = this.#nameOf(statement);
    return this.#call(name, name.startsWith('SELECT') ? OF_A_READING : FATES, async () => {
      const result = await server.run<Row>(statement, world.nowMs);
      await this.#options.onDone(statement);
      return result;
    });
  }

  async read<Row extends QueryResultRow>(statement: Statement): Promise<QueryResult<Row>> {
    try {
      return await this.query<Row>(statement);
    } catch (error) {
      if (!hasErrorCode(error, 'OUTCOME_UNKNOWN')) throw error;
      return this.query<Row>(statement);
    }
  }

  async transaction<Value>(work: (run: RunStatement) => Promise<Value>): Promise<Value> {
    const { world, process } = this.#options;
    let open: OpenTransaction | undefined;
    let isOver = false as boolean;
    const rollBack = async (): Promise<void> => {
      isOver = true;
      await open?.rollBack();
    };
    // A session that loses its process, or its connection, ends, and what it had begun with it.
    const within = <Result>(name: string, fates: readonly Fate[], action: () => Promise<Result>) =>
      this.#call(
        name,
        fates,
        async () => {
          if (isOver) throw lost();
          return action();
        },
        rollBack,
      );
    process.onKilled.push(() => {
      if (!isOver) world.hold(rollBack());
    });
    try {
      const { run, commit } = await within('BEGIN', IN_TRANSACTION, async () => {
        // Known at once: a process that ends before it hears of it leaves it open else, and its connection taken.
        open = await this.#options.server.openTransaction();
        if (isOver) await open.rollBack();
        return open;
      });
      const value = await work(<Row extends QueryResultRow>(statement: Statement) =>
        within(this.#nameOf(statement), IN_TRANSACTION, () => run<Row>(statement)),
      );
      await within('COMMIT', AT_COMMIT, () => {
        isOver = true;
        return commit();
      });
      return value;
    } catch (error) {
      if (!isOver) world.hold(rollBack());
      throw error;
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #nameOf({ text }: Statement): string {
    const plain = text.replaceAll(`${this.schema}.`, '').replaceAll(/\s+/g, ' ').trim();
    return plain.slice(0, NAME_MAX_CHARACTERS);
  }

  #call<Value>(
    name: string,
    fates: readonly Fate[],
    execute: () => Promise<Value>,
    onLost: () => Promise<void> = () => Promise.resolve(),
  ): Promise<Value> {
    const { world, process, points } = this.#options;
    if (process.isDead) return never();
    const fate = points.next(`Postgres: ${name}`, fates);
    if (fate === 'dies before' || fate === 'dies, done late') points.kill(process);
    if (fate === 'dies before') return never();
    return new Promise<Value>((resolve, reject) => {
      const answer = (action: () => void): void => {
        world.after(process, TRAVEL_MS, 'postgres answer', action);
      };
      const delayMs = fate === 'dies, done late' ? LATE_MS : TRAVEL_MS;
      world.after(world.nature, delayMs, 'postgres statement', () => {
        if (fate === 'lost') {
          world.hold(onLost());
          answer(() => reject(lost()));
          return;
        }
        const done = execute().then(
          (value) => {
            if (fate === 'done, dies') points.kill(process);
            else answer(() => (fate === undefined ? resolve(value) : reject(lost())));
          },
          (error: unknown) => answer(() => reject(error instanceof Error ? error : new Error(String(error)))),
        );
        world.hold(done);
      });
    });
  }
}

function lost(): TampinesError {
  return new TampinesError('OUTCOME_UNKNOWN', 'Lost the connection to Postgres: connection reset', {
    isRetryable: true,
  });
}
