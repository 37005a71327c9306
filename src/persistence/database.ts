/**
 * One way to talk to Postgres for everything in this folder, real or embedded, through the ordinary `pg` client.
 * It knows connections and what their loss means; it knows no tables. All SQL names its schema (`database.schema`), so that several
 * independent stores live in one database.
 */
import type { Duplex } from 'node:stream';
import pg from 'pg';
import type { QueryResult, QueryResultRow } from 'pg';
import { TampinesError, hasErrorCode } from '../base/errors.ts';
import type { BinaryColumns } from './binary-rows.ts';
import { copyOut, parseBinaryRows, toCopyText } from './binary-rows.ts';

export type SqlValue =
  string | number | boolean | null | Uint8Array | readonly (string | number | boolean | null)[];

export type Statement = {
  /** Statements with a name are prepared once per connection; the same name always has the same text. */
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly SqlValue[];
  /** For rows of large bytes: a real Postgres copies them out in binary, by these names and types. Values are whole numbers or lists of them then. */
  readonly columns?: BinaryColumns;
  /**
   * `nearest`: an `int8` that is no safe integer comes as the double nearest to it, where it would fail the whole answer. For rows that prove
   * themselves, of several instruments: no such number was ever written, so the damaged row is refused and the others are read.
   */
  readonly integers?: 'nearest';
  /** An answer that takes longer is given up, and its connection with it; without one the general limit holds. */
  readonly timeoutMs?: number;
};

export type RunStatement = <Row extends QueryResultRow>(statement: Statement) => Promise<QueryResult<Row>>;

/** Connections that may be in use at once on real Postgres; embedded Postgres has one session, so one. */
const POOL_MAX_CONNECTIONS = 6;

/** A statement that takes longer is given up: a half-open connection would wait for ever. */
const STATEMENT_TIMEOUT_MS = 30_000;

const CONNECT_TIMEOUT_MS = 5_000;

/** What an owner that froze inside a transaction may hold up others for, at most. */
const SESSION_OPTIONS = '-c idle_in_transaction_session_timeout=10000 -c lock_timeout=10000';

/** `int8` holds times, counts and batch numbers here, all safe integers; decimals stay text. */
const typeParsers = new pg.TypeOverrides();
typeParsers.setTypeParser(pg.types.builtins.INT8, (text) => {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`A safe integer was wanted, was ${text}`);
  return value;
});

const nearestTypeParsers = new pg.TypeOverrides();
nearestTypeParsers.setTypeParser(pg.types.builtins.INT8, Number);

/** Postgres as this folder uses it. One implementation talks to a server; the simulation has one in memory. */
export interface Database {
  readonly schema: string;
  readonly isEmbedded: boolean;
  /**
   * Runs one statement, a transaction of its own.
   * @throws TampinesError `SERVICE_UNAVAILABLE` when there is no connection: nothing was sent
   * @throws TampinesError `OUTCOME_UNKNOWN` when the connection was lost before the answer
   * @throws pg.DatabaseError what Postgres says
   */
  query<Row extends QueryResultRow>(statement: Statement): Promise<QueryResult<Row>>;
  /**
   * Runs one statement that changes nothing; tried once more when it met a connection that had just died.
   * @throws TampinesError `SERVICE_UNAVAILABLE` when there is no connection, or none that lasts
   */
  read<Row extends QueryResultRow>(statement: Statement): Promise<QueryResult<Row>>;
  /** Runs `work` in one transaction; it is rolled back when `work` fails. Errors as those of `query`. */
  transaction<Value>(work: (run: RunStatement) => Promise<Value>): Promise<Value>;
  /** Waits for the statements under way and closes all connections. */
  close(): Promise<void>;
}

/** Broken: closed where others would go back to the pool. */
type ConnectionState = { isBroken: boolean };

export class PgDatabase implements Database {
  readonly schema: string;
  readonly isEmbedded: boolean;
  readonly #pool: pg.Pool;
  readonly #onStatement: ((result: QueryResult) => void) | undefined;
  readonly #beforeClose: () => Promise<void>;
  readonly #closeServer: () => Promise<void>;

  constructor(options: {
    schema: string;
    connection: { readonly url: string } | { readonly createStream: () => Duplex };
    onStatement?: (result: QueryResult) => void;
    /** Called first when closing, while statements still run. */
    beforeClose?: () => Promise<void>;
    /** Called after the last connection was closed. */
    closeServer?: () => Promise<void>;
  }) {
    if (!/^[a-z][a-z0-9_]{0,50}$/.test(options.schema)) {
      throw new TampinesError('SETTINGS_INVALID', `A schema name was wanted, was '${options.schema}'`);
    }
    this.schema = options.schema;
    this.isEmbedded = 'createStream' in options.connection;
    this.#onStatement = options.onStatement;
    this.#beforeClose = options.beforeClose ?? (() => Promise.resolve());
    this.#closeServer = options.closeServer ?? (() => Promise.resolve());
    const shared = {
      application_name: 'tampines',
      query_timeout: STATEMENT_TIMEOUT_MS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      types: typeParsers,
    } satisfies pg.PoolConfig;
    this.#pool = new pg.Pool(
      'url' in options.connection
        ? {
            ...shared,
            connectionString: options.connection.url,
            max: POOL_MAX_CONNECTIONS,
            idleTimeoutMillis: 60_000,
            keepAlive: true,
            statement_timeout: STATEMENT_TIMEOUT_MS,
            options: SESSION_OPTIONS,
          }
        : {
            ...shared,
            stream: options.connection.createStream,
            user: 'postgres',
            database: 'postgres',
            password: '',
            max: 1,
            idleTimeoutMillis: 0,
            // Waiting for the one connection is its queue, not a failure to connect.
            connectionTimeoutMillis: 0,
          },
    );
    // An idle connection that breaks is replaced when the next one is wanted; without a listener it would end the process.
    this.#pool.on('error', () => undefined);
    // So is one in use: its next statement fails. Listened to from the first moment, for the packet that says that a session is ready may end it.
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  query<Row extends QueryResultRow>(statement: Statement): Promise<QueryResult<Row>> {
    return this.#withClient((run) => run<Row>(statement));
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

  transaction<Value>(work: (run: RunStatement) => Promise<Value>): Promise<Value> {
    return this.#withClient(async (run, connection) => {
      await run({ text: 'BEGIN' });
      try {
        const value = await work(run);
        await run({ text: 'COMMIT' });
        return value;
      } catch (error) {
        // What `work` throws says nothing of the connection; only its own statements do.
        if (!connection.isBroken) await rollBack(run, connection);
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    await this.#beforeClose();
    await this.#pool.end();
    await this.#closeServer();
  }

  async #withClient<Value>(
    work: (run: RunStatement, connection: ConnectionState) => Promise<Value>,
  ): Promise<Value> {
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (cause) {
      throw new TampinesError('SERVICE_UNAVAILABLE', `Cannot connect to Postgres: ${describe(cause)}`, {
        cause,
        isRetryable: true,
      });
    }
    const connection: ConnectionState = { isBroken: false };
    try {
      return await work(async <Row extends QueryResultRow>(statement: Statement) => {
        try {
          const result = await this.#run<Row>(client, statement);
          this.#onStatement?.(result);
          return result;
        } catch (cause) {
          if (!isConnectionLoss(cause)) throw cause;
          connection.isBroken = true;
          throw new TampinesError('OUTCOME_UNKNOWN', `Lost the connection to Postgres: ${describe(cause)}`, {
            cause,
            isRetryable: true,
          });
        }
      }, connection);
    } finally {
      client.release(connection.isBroken);
    }
  }

  async #run<Row extends QueryResultRow>(
    client: pg.PoolClient,
    { name, text, values, columns, integers, timeoutMs }: Statement,
  ): Promise<QueryResult<Row>> {
    // Embedded Postgres can't copy out over its connection.
    if (columns !== undefined && !this.isEmbedded) {
      const copied = await copyOut(client, toCopyText(text, values ?? []));
      const rows = parseBinaryRows(copied, columns, integers) as Row[];
      return { rows, rowCount: rows.length, command: 'COPY', oid: 0, fields: [] };
    }
    return client.query<Row>({
      ...(name === undefined ? {} : { name }),
      text,
      ...(values === undefined ? {} : { values: [...values] }),
      ...(integers === undefined ? {} : { types: nearestTypeParsers }),
      ...(timeoutMs === undefined ? {} : { query_timeout: timeoutMs }),
    });
  }
}

/** Whether the server answered `error` for good: the statement was refused and nothing of it stays. */
export function isSqlError(error: unknown, code: string): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && error.code === code;
}

export const SQL_UNIQUE_VIOLATION = '23505';
export const SQL_CHECK_VIOLATION = '23514';

/** Refusals that pass by themselves: resources, serialization, lock and statement timeouts, a server in recovery or read-only. */
const TRANSIENT_SQL_CODE = /^(53|40|55P03|57014|25006)/;

/** Whether trying the statement again later can help. */
export function isTransient(error: unknown): boolean {
  if (error instanceof TampinesError) return error.isRetryable;
  return error instanceof pg.DatabaseError && TRANSIENT_SQL_CODE.test(error.code ?? '');
}

/** A connection whose transaction may still be open serves nobody else: the server rolls back what its end leaves. */
async function rollBack(run: RunStatement, connection: ConnectionState): Promise<void> {
  try {
    await run({ text: 'ROLLBACK' });
  } catch {
    connection.isBroken = true;
  }
}

function isConnectionLoss(error: unknown): boolean {
  // Class 08 and 57P0x: the server ends the session. What is no answer of the server and no wrong argument came from the wire.
  if (error instanceof pg.DatabaseError) return /^(08|57P0)/.test(error.code ?? '');
  return !(error instanceof TypeError || error instanceof RangeError);
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
