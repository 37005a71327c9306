/**
 * The moments at which a process can be killed so that anybody could tell the difference, numbered as they are reached: after each task of the
 * world (a turn of an actor, a statement done at the server, its answer, a frame) and after each statement or command that it sends, in the
 * middle of the task that goes on to send more. Between two of them a process touches nothing but its own memory.
 */
import type { QueryResultRow } from 'pg';
import type { Database, RunStatement, Statement } from '../../../src/persistence/database.ts';
import type { ScriptClient } from '../../../src/publishing/redis-client.ts';
import type { Process, World } from '../world/world.ts';

export class CrashPoints {
  reachedCount = 0;
  readonly #world: World;
  readonly #process: Process;
  readonly #killAt: number;
  readonly #onKilled: (where: string) => void;

  /** @param killAt number of the point at which the process ends, from 1; 0: it never does */
  constructor(options: {
    world: World;
    process: Process;
    killAt: number;
    onKilled: (where: string) => void;
  }) {
    this.#world = options.world;
    this.#process = options.process;
    this.#killAt = options.killAt;
    this.#onKilled = options.onKilled;
    this.#world.onTask(() => this.reach('a task'));
  }

  reach(where: string): void {
    if (this.#process.isDead) return;
    this.reachedCount++;
    if (this.reachedCount !== this.#killAt) return;
    this.#world.kill(this.#process);
    this.#onKilled(where);
  }

  /** The database as the process sees it: what a dead process still tries to send never leaves it. */
  database(inner: Database): Database {
    const send = <Value>(start: () => Promise<Value>, what: string): Promise<Value> => {
      if (this.#process.isDead) return new Promise(() => undefined);
      const answer = start();
      this.reach(`sent to Postgres: ${what}`);
      return answer;
    };
    return {
      schema: inner.schema,
      isEmbedded: inner.isEmbedded,
      query: <Row extends QueryResultRow>(statement: Statement) =>
        send(() => inner.query<Row>(statement), statement.text),
      read: <Row extends QueryResultRow>(statement: Statement) =>
        send(() => inner.read<Row>(statement), statement.text),
      transaction: <Value>(work: (run: RunStatement) => Promise<Value>) =>
        inner.transaction((run) =>
          work(<Row extends QueryResultRow>(statement: Statement) =>
            send(() => run<Row>(statement), statement.text),
          ),
        ),
      close: () => inner.close(),
    };
  }

  /** The connection to Redis as the process sees it. */
  redis(inner: ScriptClient): ScriptClient {
    const send = (start: () => Promise<unknown>): Promise<unknown> => {
      if (this.#process.isDead) return new Promise(() => undefined);
      const answer = start();
      this.reach('sent to Redis');
      return answer;
    };
    return new Proxy(inner, {
      get: (target, name) => {
        if (name === 'evalsha') {
          return (...call: Parameters<ScriptClient['evalsha']>) => send(() => target.evalsha(...call));
        }
        if (name === 'eval') {
          return (...call: Parameters<ScriptClient['eval']>) => send(() => target.eval(...call));
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }
}
