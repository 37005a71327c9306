/** Where in the shared log each shard is needed from, kept in the row that is its fence: only the owner of the newest claim can move it. */
import type { ShardClaim } from '../actors/ports.ts';
import type { Database } from './database.ts';
import { requireGeneration } from './event-log-kind.ts';
import { fencedError } from './journal-errors.ts';

export class ShardPositions {
  readonly #database: Database;
  readonly #logGeneration: number;

  /** @param logGeneration of the log that whoever asks reads: places in another one mean something else */
  constructor(database: Database, logGeneration: number) {
    this.#database = database;
    this.#logGeneration = logGeneration;
  }

  /** @throws TampinesError `FENCED` when a newer claim exists · `EVENT_LOG_MOVED` when another topic has taken the place of the log */
  async read(claim: ShardClaim): Promise<number> {
    const { rows } = await this.#database.query<{ nextOffset: number }>({
      text: `SELECT next_position AS "nextOffset" FROM ${this.#database.schema}.shard WHERE id = $1 AND epoch = $2`,
      values: [claim.shard, claim.epoch],
    });
    if (rows[0] === undefined) throw fencedError(claim);
    // Asked while the claim stands: whoever moves the log either sees the claim and gives up, or is seen here.
    await requireGeneration(this.#database, this.#logGeneration);
    return rows[0].nextOffset;
  }

  /** It never goes back. An unknown outcome is simply tried again. @throws TampinesError `FENCED` when a newer claim exists */
  async save(claim: ShardClaim, nextOffset: number): Promise<void> {
    const { rowCount } = await this.#database.query({
      text: `UPDATE ${this.#database.schema}.shard SET next_position = greatest(next_position, $3) WHERE id = $1 AND epoch = $2`,
      values: [claim.shard, claim.epoch, nextOffset],
    });
    if (rowCount === 0) throw fencedError(claim);
  }

  /** Returns those of the claims that are not the newest on their shards any more. */
  async findSuperseded(claims: readonly ShardClaim[], timeoutMs: number): Promise<ShardClaim[]> {
    const { rows } = await this.#database.query<{ id: number; epoch: number }>({
      text: `SELECT id, epoch FROM ${this.#database.schema}.shard WHERE id = ANY($1::int[])`,
      values: [claims.map(({ shard }) => shard)],
      timeoutMs,
    });
    const epochs = new Map(rows.map(({ id, epoch }) => [id, epoch]));
    return claims.filter(({ shard, epoch }) => epochs.get(shard) !== epoch);
  }
}
