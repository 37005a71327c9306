/** State snapshots in Postgres: saved under the fence of their shard, the newest two kept, damaged ones skipped when read. */
import type { ShardClaim, StateSnapshotRow } from '../actors/ports.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import type { Database, Statement } from './database.ts';
import type { InstrumentIds } from './instrument-ids.ts';
import { fencedError, savepointsFullError, toJournalError } from './journal-errors.ts';
import type { JournalReads } from './journal-reads.ts';
import type { LogCodec } from './log-codec.ts';
import type { WriterContext } from './retry.ts';
import { retryTransient } from './retry.ts';
import { saveSavepointText } from './savepoints.ts';
import { readStoredState, storeState } from './stored-bytes.ts';

export class StateSnapshots {
  readonly #database: Database;
  readonly #ids: InstrumentIds;
  readonly #codec: LogCodec;
  readonly #reads: JournalReads;
  readonly #context: WriterContext;
  readonly #outcomeDeadlineMs: number;
  readonly #stop: AbortSignal;

  constructor(options: {
    database: Database;
    ids: InstrumentIds;
    codec: LogCodec;
    reads: JournalReads;
    context: WriterContext;
    outcomeDeadlineMs: number;
    stop: AbortSignal;
  }) {
    this.#database = options.database;
    this.#ids = options.ids;
    this.#codec = options.codec;
    this.#reads = options.reads;
    this.#context = options.context;
    this.#outcomeDeadlineMs = options.outcomeDeadlineMs;
    this.#stop = options.stop;
  }

  /** Encodes the state before the first wait, so that its owner may go on changing it. */
  async save(claim: ShardClaim, snapshot: StateSnapshotRow): Promise<void> {
    const { schema } = this.#database;
    const { saved } = await this.#write<{ saved: number }>(claim, snapshot, {
      name: `${schema}.save-snapshot`,
      text: saveSnapshotText(schema),
    });
    if (saved === 0) throw fencedError(claim);
  }

  /** @throws TampinesError `SAVEPOINTS_FULL` */
  async saveSavepoint(claim: ShardClaim, snapshot: StateSnapshotRow): Promise<void> {
    const text = saveSavepointText(this.#database.schema);
    const { held, saved } = await this.#write<{ held: number; saved: number }>(claim, snapshot, { text });
    if (held === 0) throw fencedError(claim);
    if (saved === 0) throw savepointsFullError(snapshot.instrument);
  }

  /** Encodes the state before the first wait, so that its owner may go on changing it. */
  async #write<Row extends Record<string, number>>(
    claim: ShardClaim,
    snapshot: StateSnapshotRow,
    statement: Pick<Statement, 'name' | 'text'>,
  ): Promise<Row> {
    const stored = storeState(this.#codec, snapshot, snapshot.state);
    const attempt = async (): Promise<Row> => {
      const instrumentId = await this.#ids.assign(snapshot.instrument);
      const { rows } = await this.#database.query<Row>({
        ...statement,
        values: [
          claim.shard,
          claim.epoch,
          instrumentId,
          stored.batchNumber,
          snapshot.position,
          stored.schemaId,
          stored.sha256,
          stored.state,
        ],
      });
      return rows[0]!;
    };
    try {
      // Saving it again changes nothing, so an unknown outcome is simply tried again.
      return await retryTransient(attempt, {
        context: this.#context,
        what: `saving a state snapshot of ${snapshot.instrument}`,
        deadlineMs: this.#outcomeDeadlineMs,
        stop: this.#stop,
      });
    } catch (error) {
      throw toJournalError(error);
    }
  }

  /** Returns the newest that can be read, and the batch number of the newest of all; 0 where there is none. */
  async readLatest(
    instrument: InstrumentKey,
  ): Promise<{ snapshot: StateSnapshotRow | undefined; newestBatchNumber: number }> {
    const instrumentId = await this.#ids.find(instrument);
    if (instrumentId === undefined) return { snapshot: undefined, newestBatchNumber: 0 };
    let below = Number.MAX_SAFE_INTEGER;
    let newestBatchNumber = 0;
    for (;;) {
      const row = await this.#reads.readState(instrumentId, below);
      if (row === undefined) return { snapshot: undefined, newestBatchNumber };
      newestBatchNumber = Math.max(newestBatchNumber, row.batchNumber);
      try {
        const state = readStoredState(this.#codec, instrument, row);
        const { batchNumber, position } = row;
        return { snapshot: { instrument, batchNumber, position, state }, newestBatchNumber };
      } catch (error) {
        this.#context.log.warn({ err: error, instrument }, 'state snapshot skipped, using the one before');
        below = row.batchNumber;
      }
    }
  }
}

/**
 * Saves under the fence and keeps, besides the new snapshot, the newest before it. All parts of a statement see the table as it was
 * before, which is why the new row is not among the rows compared.
 */
function saveSnapshotText(schema: string): string {
  return `WITH fence AS MATERIALIZED (SELECT epoch FROM ${schema}.shard WHERE id = $1 AND epoch = $2 FOR SHARE),
    saved AS (
      INSERT INTO ${schema}.state_snapshot (instrument_id, batch_number, position, epoch, schema_id, sha256, state)
      SELECT $3::int, $4::bigint, $5::bigint, fence.epoch, $6::text, $7::bytea, $8::bytea FROM fence
      ON CONFLICT (instrument_id, batch_number) DO UPDATE SET
        position = excluded.position, epoch = excluded.epoch, schema_id = excluded.schema_id,
        sha256 = excluded.sha256, state = excluded.state, saved_at = now()
      RETURNING 1),
    dropped AS (
      DELETE FROM ${schema}.state_snapshot
      WHERE instrument_id = $3 AND NOT is_savepoint AND EXISTS (SELECT FROM saved) AND batch_number < (
        SELECT max(batch_number) FROM ${schema}.state_snapshot
        WHERE instrument_id = $3 AND NOT is_savepoint AND batch_number < $4))
    SELECT count(*) AS saved FROM saved`;
}
