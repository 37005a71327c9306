/** The records that wait for Kafka, as a table. Its writers insert them with what they tell of, in one statement or transaction. */
import type { Clock } from '../base/clock.ts';
import type {
  OutboxSize,
  OutputOutbox,
  OutputRecord,
  OutputTopic,
  WaitingOutput,
} from '../actors/outputs.ts';
import type { Database, RunStatement } from './database.ts';
import { storableText } from './storable-text.ts';

/** Which records are wanted, and whose they are. */
export type WantedOutputs = {
  readonly topics: ReadonlySet<OutputTopic>;
  /** Begins the ids of what this run of this node alone can tell. */
  readonly source: string;
};

/** A node that is gone is taken over from after this long. */
const TURN_MS = 10_000;

export class PostgresOutputOutbox implements OutputOutbox {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #node: string;
  #askedAtMs = -Infinity;
  #hasTurn = false;

  /** @param options `node`: its name; started again under the same one it has its turn at once */
  constructor(options: { database: Database; clock: Clock; node: string }) {
    this.#database = options.database;
    this.#clock = options.clock;
    this.#node = options.node;
  }

  async takeTurn(): Promise<boolean> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#askedAtMs < TURN_MS / 5) return this.#hasTurn;
    this.#hasTurn = false;
    const { rowCount } = await this.#database.query({
      text: `INSERT INTO ${this.#database.schema}.output_turn AS held (holder, renewed_at) VALUES ($1, clock_timestamp())
        ON CONFLICT (is_only) DO UPDATE SET holder = $1, renewed_at = clock_timestamp()
        WHERE held.holder = $1 OR held.renewed_at < clock_timestamp() - $2::int * interval '1 ms'`,
      values: [this.#node, TURN_MS],
    });
    this.#askedAtMs = nowMs;
    this.#hasTurn = rowCount === 1;
    return this.#hasTurn;
  }

  async read(limit: number): Promise<WaitingOutput[]> {
    const { rows } = await this.#database.query<WaitingOutput>({
      text: `SELECT id AS place, topic, key, record_id AS id, value FROM ${this.#database.schema}.output ORDER BY output.id LIMIT $1`,
      values: [limit],
    });
    return rows;
  }

  async remove(places: readonly number[]): Promise<void> {
    await this.#database.query({
      text: `DELETE FROM ${this.#database.schema}.output WHERE id = ANY($1::bigint[])`,
      values: [places],
    });
  }

  async measure(): Promise<OutboxSize> {
    const table = `${this.#database.schema}.output`;
    const { rows } = await this.#database.query<OutboxSize>({
      text: `SELECT coalesce((SELECT max(id) FROM ${table}) - min(id) + 1, 0) AS "waitingRecords",
          coalesce(floor(extract(epoch FROM clock_timestamp() - min(written_at)) * 1000), 0)::bigint AS "oldestMs"
        FROM (SELECT id, written_at FROM ${table} ORDER BY id LIMIT 1) AS oldest`,
    });
    return rows[0]!;
  }
}

export async function insertOutputs(
  run: RunStatement,
  schema: string,
  records: readonly OutputRecord[],
): Promise<void> {
  if (records.length === 0) return;
  await run({
    text: `INSERT INTO ${schema}.output (topic, key, record_id, value)
      SELECT topic, key, record_id, value FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
        WITH ORDINALITY AS given (topic, key, record_id, value, place) ORDER BY place`,
    values: [
      records.map(({ topic }) => topic),
      records.map(({ key }) => storableText(key)),
      records.map(({ id }) => id),
      records.map(({ value }) => value),
    ],
  });
}
