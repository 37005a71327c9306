/** State snapshots in Postgres: saved under the fence of their shard, the newest two kept, damaged ones skipped when read. */
import type { ShardClaim, StateSnapshotRow } from '../actors/ports.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import type { Database, SqlValue } from './database.ts';
import { isTransient } from './database.ts';
import { GroupedStatements } from './grouped-statements.ts';
import type { InstrumentIds } from './instrument-ids.ts';
import { fencedError, savepointsFullError, toJournalError } from './journal-errors.ts';
import type { JournalReads } from './journal-reads.ts';
import type { LogCodec } from './log-codec.ts';
import type { WriterContext } from './retry.ts';
import { retryTransient } from './retry.ts';
import { OutageLog } from '../base/outage-log.ts';
import { rowParameters, rowSlotsFor } from './row-slots.ts';
import { saveSavepointText } from './savepoints.ts';
import type { StoredState } from './stored-bytes.ts';
import { readStoredState, storeState } from './stored-bytes.ts';

/** Of one statement; a power of two, so that the prepared statements are few. */
const SAVES_MAX = 16;
const COLUMN_TYPES = ['int', 'bigint', 'bigint', 'text', 'bytea', 'bytea'] as const;

type Save = { readonly instrumentId: number; readonly position: number; readonly stored: StoredState };
type SaveOutcome = { readonly isSaved: boolean } | { readonly error: unknown };

export class StateSnapshots {
  /** By claim: a statement has one fence. */
  readonly #saves = new Map<string, GroupedStatements<Save, SaveOutcome>>();
  readonly #database: Database;
  readonly #ids: InstrumentIds;
  readonly #codec: LogCodec;
  readonly #reads: JournalReads;
  readonly #context: WriterContext;
  readonly #outage: OutageLog;
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
    this.#outage = new OutageLog(options.context);
    this.#outcomeDeadlineMs = options.outcomeDeadlineMs;
    this.#stop = options.stop;
  }

  /** Encodes the state before the first wait, so that its owner may go on changing it. */
  async save(claim: ShardClaim, snapshot: StateSnapshotRow, after?: Promise<void>): Promise<void> {
    const saves = this.#savesUnder(claim);
    const ask = async (save: Save): Promise<boolean> => {
      const outcome = await saves.ask(save);
      if ('error' in outcome) throw outcome.error;
      return outcome.isSaved;
    };
    if (!(await this.#write(snapshot, ask, after))) throw fencedError(claim);
  }

  /** Encodes the state before the first wait, as `save` does. @throws TampinesError `SAVEPOINTS_FULL` */
  async saveSavepoint(claim: ShardClaim, snapshot: StateSnapshotRow): Promise<void> {
    const { schema } = this.#database;
    const { held, saved } = await this.#write(snapshot, async (save) => {
      const { rows } = await this.#database.query<{ held: number; saved: number }>({
        text: saveSavepointText(schema),
        values: [claim.shard, claim.epoch, ...valuesOf(save)],
      });
      return rows[0]!;
    });
    if (held === 0) throw fencedError(claim);
    if (saved === 0) throw savepointsFullError(snapshot.instrument);
  }

  async #write<Outcome>(
    snapshot: StateSnapshotRow,
    run: (save: Save) => Promise<Outcome>,
    after?: Promise<void>,
  ): Promise<Outcome> {
    const stored = storeState(this.#codec, snapshot, snapshot.state);
    await after;
    const attempt = async (): Promise<Outcome> => {
      const instrumentId = await this.#ids.assign(snapshot.instrument);
      return run({ instrumentId, position: snapshot.position, stored });
    };
    try {
      // Saving it again changes nothing, so an unknown outcome is simply tried again.
      return await retryTransient(attempt, {
        context: this.#context,
        what: 'saving state snapshots',
        fields: { instrument: snapshot.instrument },
        outage: this.#outage,
        deadlineMs: this.#outcomeDeadlineMs,
        stop: this.#stop,
      });
    } catch (error) {
      throw toJournalError(error);
    }
  }

  #savesUnder(claim: ShardClaim): GroupedStatements<Save, SaveOutcome> {
    const key = `${claim.shard}.${claim.epoch}`;
    const known = this.#saves.get(key);
    if (known !== undefined) return known;
    const saves = new GroupedStatements<Save, SaveOutcome>({
      questionsMax: SAVES_MAX,
      run: (group) => this.#saveGroup(claim, group),
    });
    this.#saves.set(key, saves);
    return saves;
  }

  async #saveGroup(claim: ShardClaim, group: readonly Save[]): Promise<readonly SaveOutcome[]> {
    try {
      const isSaved = await this.#insert(claim, group);
      return group.map(() => ({ isSaved }));
    } catch (error) {
      if (group.length === 1 || isTransient(error)) throw error;
      // One that Postgres refuses must not fail those it was grouped with.
      return Promise.all(
        group.map((save) =>
          this.#insert(claim, [save]).then(
            (isSaved) => ({ isSaved }),
            (cause: unknown) => ({ error: cause }),
          ),
        ),
      );
    }
  }

  /** Returns false when the claim is not the newest any more: nothing was saved. */
  async #insert({ shard, epoch }: ShardClaim, group: readonly Save[]): Promise<boolean> {
    const { schema } = this.#database;
    const rowSlots = rowSlotsFor(group.length);
    const values: SqlValue[] = [shard, epoch];
    for (const save of group) values.push(...valuesOf(save));
    while (values.length < 2 + rowSlots * COLUMN_TYPES.length) values.push(null);
    const { rows } = await this.#database.query<{ saved: number }>({
      name: `${schema}.save-snapshots.${rowSlots}`,
      text: saveSnapshotsText(schema, rowSlots),
      values,
    });
    return rows[0]!.saved > 0;
  }

  /** Returns the newest that can be read, and the batch number of the newest of all; 0 where there is none. */
  async readLatest(
    instrument: InstrumentKey,
    onSkipped?: () => void,
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
        onSkipped?.();
        below = row.batchNumber;
      }
    }
  }
}

/**
 * Saves under the fence and keeps, besides each new snapshot, the newest before it; unused rows are null. All parts of a statement see the table as
 * it was before, which is why the new rows are not among those compared.
 */
function saveSnapshotsText(schema: string, rowSlots: number): string {
  const rows = rowParameters(rowSlots, COLUMN_TYPES, 3);
  return `WITH fence AS MATERIALIZED (SELECT epoch FROM ${schema}.shard WHERE id = $1 AND epoch = $2 FOR SHARE),
    given (instrument_id, batch_number, position, schema_id, sha256, state) AS (VALUES ${rows}),
    saved AS (
      INSERT INTO ${schema}.state_snapshot (instrument_id, batch_number, position, epoch, schema_id, sha256, state)
      SELECT given.instrument_id, given.batch_number, given.position, fence.epoch, given.schema_id, given.sha256, given.state
      FROM fence, given WHERE given.instrument_id IS NOT NULL
      ON CONFLICT (instrument_id, batch_number) DO UPDATE SET
        position = excluded.position, epoch = excluded.epoch, schema_id = excluded.schema_id,
        sha256 = excluded.sha256, state = excluded.state, saved_at = now()
      RETURNING 1),
    dropped AS (
      DELETE FROM ${schema}.state_snapshot AS old USING given
      WHERE old.instrument_id = given.instrument_id AND NOT old.is_savepoint AND EXISTS (SELECT FROM saved)
        AND old.batch_number < (
          SELECT max(batch_number) FROM ${schema}.state_snapshot
          WHERE instrument_id = given.instrument_id AND NOT is_savepoint AND batch_number < given.batch_number))
    SELECT count(*) AS saved FROM saved`;
}

function valuesOf({ instrumentId, position, stored }: Save): SqlValue[] {
  return [instrumentId, stored.batchNumber, position, stored.schemaId, stored.sha256, stored.state];
}
