/** What moving the log of a stopped cluster to another topic reads and writes in Postgres (`src/cluster/log-move.ts`). */
import type { Journal } from '../actors/ports.ts';
import { TampinesError } from '../base/errors.ts';
import type { LogMove, LogMoveStore, MovableLog } from '../cluster/ports.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import type { Database, RunStatement } from './database.ts';
import type { EventLogGeneration, EventLogKind } from './event-log-kind.ts';
import { JOURNAL, logMovedError } from './event-log-kind.ts';

/** Instruments whose states are read at once: each may have megabytes. */
const STATES_AT_ONCE = 16;

export type LogMovesOptions = {
  readonly database: Database;
  readonly journal: Pick<Journal, 'latestSnapshot'>;
  /** Name of the log by the settings. */
  readonly name: string;
  /** Who was seen within this time is alive. */
  readonly aliveMs: number;
  /** A lease of a slot that was renewed within this time is held. */
  readonly leaseMs: number;
};

export class PostgresLogMoves implements LogMoveStore {
  readonly #options: LogMovesOptions;
  readonly #database: Database;

  constructor(options: LogMovesOptions) {
    this.#options = options;
    this.#database = options.database;
  }

  /** @throws TampinesError `SETTINGS_INVALID` when the schema is of no cluster, or of one with another log */
  read(): Promise<MovableLog> {
    return this.#database.transaction((run) => this.#readLog(run));
  }

  async readStatePlaces(): Promise<ReadonlyMap<InstrumentKey, number>> {
    const { schema } = this.#database;
    const { rows } = await this.#database.read<{ key: InstrumentKey }>({
      text: `SELECT key FROM ${schema}.instrument AS known
        WHERE EXISTS (SELECT FROM ${schema}.state_snapshot WHERE instrument_id = known.id) ORDER BY id`,
    });
    const places = new Map<InstrumentKey, number>();
    for (let at = 0; at < rows.length; at += STATES_AT_ONCE) {
      const keys = rows.slice(at, at + STATES_AT_ONCE).map(({ key }) => key);
      // As a node reads them: one that is damaged does not count.
      const states = await Promise.all(keys.map((key) => this.#options.journal.latestSnapshot(key)));
      for (const [index, key] of keys.entries()) {
        const state = states[index];
        if (state !== undefined) places.set(key, state.batchNumber);
      }
    }
    return places;
  }

  findRunning(): Promise<string[]> {
    return this.#database.transaction((run) => this.#findRunning(run));
  }

  async begin({ generation }: MovableLog): Promise<number> {
    const { rows } = await this.#database.query<{ begun: number }>({
      text: `UPDATE ${this.#database.schema}.event_log SET last_generation = last_generation + 1
        WHERE generation = $1 RETURNING last_generation AS begun`,
      values: [generation],
    });
    if (rows[0] === undefined) throw logMovedError(generation, undefined);
    return rows[0].begun;
  }

  finish({ from, to }: LogMove, confirm: (running: readonly string[]) => Promise<void>): Promise<void> {
    const { schema } = this.#database;
    return this.#database.transaction(async (run) => {
      const { lastGeneration, running } = await this.hold(run, from);
      if (lastGeneration !== to.generation) throw logMovedError(to.generation, lastGeneration);
      await confirm(running);
      // Of all shards: an instrument comes to another one, and its epoch may not fall.
      const epoch = Math.max(0, ...from.shards.map((shard) => shard.epoch)) + 1;
      await run({ text: `DELETE FROM ${schema}.shard WHERE id >= $1`, values: [to.partitions] });
      await run({
        text: `INSERT INTO ${schema}.shard (id, epoch, owner, next_position)
          SELECT id, $2::int, '', $3::bigint FROM generate_series(0, $1::int - 1) AS id
          ON CONFLICT (id) DO UPDATE SET
            epoch = excluded.epoch, owner = excluded.owner, next_position = excluded.next_position, claimed_at = now()`,
        values: [to.partitions, epoch, to.firstPlace],
      });
      await run({
        text: `UPDATE ${schema}.event_log SET partitions = $1, generation = $2, first_place = $3`,
        values: [to.partitions, to.generation, to.firstPlace],
      });
    });
  }

  /**
   * In a transaction: until its end nobody claims, saves or comes to life. Returns what says that somebody works, or worked since the log was read.
   * @throws TampinesError `EVENT_LOG_MOVED` when another topic is the log by now
   */
  async hold(
    run: RunStatement,
    from: MovableLog,
  ): Promise<{ readonly lastGeneration: number; readonly running: readonly string[] }> {
    const { schema } = this.#database;
    // Nodes hold this row while they come to life, and those of shards while they save: from here on none does either.
    const { rows } = await run<{ generation: number; newest: number }>({
      text: `SELECT generation, last_generation AS newest FROM ${schema}.event_log FOR UPDATE`,
    });
    const [log] = rows;
    if (log?.generation !== from.generation) throw logMovedError(from.generation, log?.generation);
    await run({ text: `SELECT FROM ${schema}.shard ORDER BY id FOR UPDATE` });
    const running = await this.#findRunning(run);
    const isAsRead = JSON.stringify(await this.#readLog(run)) === JSON.stringify(from);
    return {
      lastGeneration: log.newest,
      running: isAsRead ? running : [...running, 'shards were claimed or states saved meanwhile'],
    };
  }

  async #readLog(run: RunStatement): Promise<MovableLog> {
    const { schema } = this.#database;
    const logs = await run<EventLogKind & EventLogGeneration>({
      text: `SELECT name, partitions, generation, first_place AS "firstPlace" FROM ${schema}.event_log`,
    });
    const [log] = logs.rows;
    if (log?.name !== this.#options.name) throw this.#foreignLogError(log?.name);
    const shards = await run<MovableLog['shards'][number]>({
      text: `SELECT id AS shard, epoch, next_position AS "nextPlace" FROM ${schema}.shard ORDER BY id`,
    });
    const states = await run<{ newest: number; digest: string }>({
      text: `SELECT coalesce(max(batch_number), 0) AS newest,
          md5(coalesce(string_agg(instrument_id || '/' || batch_number, ',' ORDER BY instrument_id, batch_number), '')) AS digest
        FROM ${schema}.state_snapshot`,
    });
    const { partitions, generation, firstPlace } = log;
    const { newest, digest } = states.rows[0]!;
    return {
      ...{ generation, firstPlace, partitions },
      shards: shards.rows.map(({ shard, epoch, nextPlace }) => ({ shard, epoch, nextPlace })),
      newestStatePlace: newest,
      statesDigest: digest,
    };
  }

  async #findRunning(run: RunStatement): Promise<string[]> {
    const { schema } = this.#database;
    const { aliveMs, leaseMs } = this.#options;
    const { rows } = await run<{ sign: string }>({
      text: `SELECT 'the node ' || name || ' is alive' AS sign FROM ${schema}.node
          WHERE seen_at > clock_timestamp() - $1::int * interval '1 ms'
        UNION
        SELECT 'the node ' || holder || ' feeds ' || exchange FROM ${schema}.ingest_lease
          WHERE holder IS NOT NULL AND renewed_at > clock_timestamp() - $2::int * interval '1 ms'
        ORDER BY sign`,
      values: [aliveMs, leaseMs],
    });
    return rows.map(({ sign }) => sign);
  }

  #foreignLogError(found: string | undefined): TampinesError {
    const { schema } = this.#database;
    const said =
      found === undefined
        ? 'was not used yet: start nodes with the kafka.partitions that are wanted'
        : found === JOURNAL.name
          ? 'holds states of a node without Kafka'
          : `has its log in ${found}, and by kafka.topicPrefix it is ${this.#options.name}`;
    return new TampinesError('SETTINGS_INVALID', `Settings are not valid: the schema ${schema} ${said}`);
  }
}
