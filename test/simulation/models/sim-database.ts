/**
 * One process's way to the Postgres model: every statement travels, is done at the server, and its answer travels back. Faults strike on the
 * way: no connection, an answer lost before or after the statement was done (or long after: it still lay in the server), slow statements.
 */
import pg from 'pg';
import type { QueryResult, QueryResultRow } from 'pg';
import { TampinesError, hasErrorCode } from '../../../src/base/errors.ts';
import type { RandomSource } from '../../../src/base/clock.ts';
import type { Database, RunStatement, Statement } from '../../../src/persistence/database.ts';
import type { Process, World } from '../world/world.ts';
import type { FaultSwitches } from '../faults/fault-switches.ts';
import type { PostgresServer, StatementResult } from './postgres-server.ts';

const STATEMENT_TIMEOUT_MS = 30_000;
const REFUSED_AFTER_MS = 2;
/** A statement whose connection is gone may still be done this much later. */
const LATE_MAX_MS = 1_500;

type Fate = 'answered' | 'lost before' | 'lost after' | 'done late';

export class SimDatabase implements Database {
  readonly schema: string;
  readonly isEmbedded = false;
  readonly #world: World;
  readonly #process: Process;
  readonly #server: PostgresServer;
  readonly #faults: FaultSwitches;
  readonly #random: RandomSource;

  constructor(options: {
    world: World;
    process: Process;
    server: PostgresServer;
    faults: FaultSwitches;
    schema: string;
  }) {
    this.#world = options.world;
    this.#process = options.process;
    this.#server = options.server;
    this.#faults = options.faults;
    this.schema = options.schema;
    this.#random = options.world.stream(`database of ${options.process.name}`);
  }

  query<Row extends QueryResultRow>(statement: Statement): Promise<QueryResult<Row>> {
    return this.#send(statement).then((result) => toQueryResult<Row>(result));
  }

  async read<Row extends QueryResultRow>(statement: Statement): Promise<QueryResult<Row>> {
    try {
      return await this.query<Row>(statement);
    } catch (error) {
      if (!hasErrorCode(error, 'OUTCOME_UNKNOWN')) throw error;
    }
    try {
      return await this.query<Row>(statement);
    } catch (cause) {
      if (!hasErrorCode(cause, 'OUTCOME_UNKNOWN')) throw cause;
      throw new TampinesError('SERVICE_UNAVAILABLE', cause.message, { cause, isRetryable: true });
    }
  }

  async transaction<Value>(work: (run: RunStatement) => Promise<Value>): Promise<Value> {
    const undos: (() => void)[] = [];
    const rollBack = (): void => {
      for (const undo of undos.splice(0).reverse()) undo();
    };
    try {
      const value = await work(async <Row extends QueryResultRow>(statement: Statement) => {
        const result = await this.#send(statement, 'within a transaction');
        if (result.undo !== undefined) undos.push(result.undo);
        return toQueryResult<Row>(result);
      });
      await this.#commit(rollBack);
      return value;
    } catch (error) {
      // A commit whose answer was lost has decided for itself.
      if (!(error instanceof LostCommit)) rollBack();
      throw error instanceof LostCommit ? error.cause : error;
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #commit(rollBack: () => void): Promise<void> {
    const fate = this.#drawFate();
    await this.#travel();
    if (fate === 'answered') return;
    if (fate === 'lost before') rollBack();
    throw new LostCommit(lost());
  }

  async #send(
    statement: Statement,
    where: 'alone' | 'within a transaction' = 'alone',
  ): Promise<StatementResult> {
    if (this.#faults.isPostgresAway) {
      await this.#sleep(REFUSED_AFTER_MS);
      throw new TampinesError('SERVICE_UNAVAILABLE', 'Cannot connect to Postgres: connection refused', {
        isRetryable: true,
      });
    }
    const drawn = this.#drawFate();
    // Within a transaction nothing stays of a statement whose connection is gone.
    const fate = where === 'alone' || drawn === 'answered' ? drawn : 'lost before';
    return new Promise<StatementResult>((resolve, reject) => {
      let isSettled = false;
      const settle = (action: () => void): void => {
        if (isSettled) return;
        isSettled = true;
        action();
      };
      const answer = (delayMs: number, action: () => void): void => {
        this.#world.after(this.#process, delayMs, 'postgres answer', () => settle(action));
      };
      const slowMs = this.#faults.takeSlowStatementMs();
      const travelMs = this.#faults.postgresDelayMs(this.#random) + slowMs;
      const timeoutMs = statement.timeoutMs ?? STATEMENT_TIMEOUT_MS;
      if (travelMs >= timeoutMs) answer(timeoutMs, () => reject(lost()));
      const isLostOnTheWay = fate === 'lost before' || (fate === 'done late' && this.#random() < 0.3);
      const lateMs = fate === 'done late' ? this.#random() * LATE_MAX_MS : 0;
      if (fate !== 'answered') answer(travelMs, () => reject(lost()));
      if (isLostOnTheWay) return;
      this.#world.after(this.#world.nature, travelMs + lateMs, 'postgres statement', () => {
        // The server went away with the statement.
        if (this.#faults.isPostgresAway && this.#random() < 0.5) {
          answer(1, () => reject(lost()));
          return;
        }
        try {
          const result = this.#server.execute(statement);
          if (this.#faults.isPostgresAway) answer(1, () => reject(lost()));
          else answer(this.#faults.postgresDelayMs(this.#random), () => resolve(result));
          if (fate === 'lost after' || fate === 'done late')
            this.#faults.sometimes('postgres: done, answer lost');
        } catch (error) {
          // What the model can't do is a fault of the simulation, not of the server.
          if (!(error instanceof pg.DatabaseError))
            this.#world.uncaught.push({ process: this.#process, error });
          answer(this.#faults.postgresDelayMs(this.#random), () => reject(toError(error)));
        }
      });
    });
  }

  #drawFate(): Fate {
    const { commitUnknownRate } = this.#faults.rates;
    if (commitUnknownRate === 0 || this.#random() >= commitUnknownRate) return 'answered';
    this.#faults.count('commit unknown');
    const draw = this.#random();
    return draw < 0.4 ? 'lost after' : draw < 0.7 ? 'lost before' : 'done late';
  }

  #travel(): Promise<void> {
    return this.#sleep(2 * this.#faults.postgresDelayMs(this.#random));
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#world.after(this.#process, delayMs, 'postgres', resolve);
    });
  }
}

class LostCommit extends Error {
  override readonly cause: TampinesError;

  constructor(cause: TampinesError) {
    super('the answer to a commit was lost');
    this.cause = cause;
  }
}

function lost(): TampinesError {
  return new TampinesError('OUTCOME_UNKNOWN', 'Lost the connection to Postgres: connection reset', {
    isRetryable: true,
  });
}

function toQueryResult<Row extends QueryResultRow>({
  rows = [],
  rowCount,
}: StatementResult): QueryResult<Row> {
  return {
    command: '',
    oid: 0,
    fields: [],
    rowCount: rowCount ?? rows.length,
    rows: [...rows] as unknown as Row[],
  };
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
