/** Savepoints in Postgres: snapshots that are marked, which nothing drops but whoever deletes them. */
import type { Savepoint, ShardClaim } from '../actors/ports.ts';
import { SAVEPOINTS_MAX } from '../actors/ports.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import type { Database } from './database.ts';
import type { InstrumentIds } from './instrument-ids.ts';
import type { FoundState } from './journal-reads.ts';
import { fencedError, savepointUnknownError } from './journal-errors.ts';

export class Savepoints {
  readonly #database: Database;
  readonly #ids: InstrumentIds;

  constructor(options: { database: Database; ids: InstrumentIds }) {
    this.#database = options.database;
    this.#ids = options.ids;
  }

  async list(instrument: InstrumentKey): Promise<Savepoint[]> {
    const instrumentId = await this.#ids.find(instrument);
    if (instrumentId === undefined) return [];
    const { rows } = await this.#database.read<Savepoint>({
      text: `SELECT batch_number AS "batchNumber", position,
          floor(extract(epoch FROM saved_at) * 1000)::bigint AS "savedAtMs", length(state) AS "sizeBytes"
        FROM ${this.#database.schema}.state_snapshot
        WHERE instrument_id = $1 AND is_savepoint ORDER BY batch_number DESC LIMIT ${SAVEPOINTS_MAX}`,
      values: [instrumentId],
    });
    return rows;
  }

  /** @throws TampinesError `SAVEPOINT_UNKNOWN` */
  async read(instrument: InstrumentKey, batchNumber: number): Promise<FoundState> {
    const instrumentId = await this.#ids.find(instrument);
    if (instrumentId === undefined) throw savepointUnknownError(instrument, batchNumber);
    const { rows } = await this.#database.read<FoundState>({
      text: `SELECT batch_number AS "batchNumber", position, schema_id AS "schemaId", sha256, state
        FROM ${this.#database.schema}.state_snapshot
        WHERE instrument_id = $1 AND batch_number = $2 AND is_savepoint`,
      values: [instrumentId, batchNumber],
    });
    const [found] = rows;
    if (found === undefined) throw savepointUnknownError(instrument, batchNumber);
    return found;
  }

  async delete(claim: ShardClaim, instrument: InstrumentKey, batchNumber: number): Promise<void> {
    const { schema } = this.#database;
    const instrumentId = await this.#ids.find(instrument);
    if (instrumentId === undefined) throw savepointUnknownError(instrument, batchNumber);
    const { rows } = await this.#database.query<{ held: number; deleted: number }>({
      text: `WITH fence AS MATERIALIZED (SELECT epoch FROM ${schema}.shard WHERE id = $1 AND epoch = $2 FOR SHARE),
        deleted AS (
          DELETE FROM ${schema}.state_snapshot
          WHERE instrument_id = $3 AND batch_number = $4 AND is_savepoint AND EXISTS (SELECT FROM fence)
          RETURNING 1)
        SELECT (SELECT count(*) FROM fence) AS held, (SELECT count(*) FROM deleted) AS deleted`,
      values: [claim.shard, claim.epoch, instrumentId, batchNumber],
    });
    if (rows[0]!.held === 0) throw fencedError(claim);
    if (rows[0]!.deleted === 0) throw savepointUnknownError(instrument, batchNumber);
  }
}

/** Saves under the fence where fewer than the limit are kept beside it; the ordinary snapshot of the same batch becomes the savepoint. */
export function saveSavepointText(schema: string): string {
  return `WITH fence AS MATERIALIZED (SELECT epoch FROM ${schema}.shard WHERE id = $1 AND epoch = $2 FOR SHARE),
    others AS (
      SELECT count(*) AS kept FROM ${schema}.state_snapshot
      WHERE instrument_id = $3 AND is_savepoint AND batch_number <> $4),
    saved AS (
      INSERT INTO ${schema}.state_snapshot
        (instrument_id, batch_number, position, epoch, schema_id, sha256, state, is_savepoint)
      SELECT $3::int, $4::bigint, $5::bigint, fence.epoch, $6::text, $7::bytea, $8::bytea, true
      FROM fence, others WHERE others.kept < ${SAVEPOINTS_MAX}
      ON CONFLICT (instrument_id, batch_number) DO UPDATE SET
        position = excluded.position, epoch = excluded.epoch, schema_id = excluded.schema_id,
        sha256 = excluded.sha256, state = excluded.state, saved_at = now(), is_savepoint = true
      RETURNING 1)
    SELECT (SELECT count(*) FROM fence) AS held, (SELECT count(*) FROM saved) AS saved`;
}
