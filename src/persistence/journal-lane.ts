/**
 * The appends under one claim: collected over all instruments and committed in groups, one fenced statement per group. The next group
 * starts when the one before is through, so groups grow with the load and the cost per batch falls.
 *
 * Why it is safe:
 * 1. The statement share-locks the fence row while it inserts. A new claim must update that row, so it waits for the insert, and an insert that
 *    waits behind a claim rechecks the epoch and inserts nothing.
 * 2. A group whose outcome is unknown is sent again, not guessed: (instrument, batch number) is unique, so either its rows are there already
 *    (then they are compared by epoch and checksum) or they are written now. A first try still under way on the server holds the second one up.
 */
import type { TampinesError } from '../base/errors.ts';
import type { ShardClaim } from '../actors/ports.ts';
import type { Database, SqlValue } from './database.ts';
import { SQL_UNIQUE_VIOLATION, isSqlError } from './database.ts';
import { existingBatchError, fencedError, toJournalError } from './journal-errors.ts';
import type { WriterContext } from './retry.ts';
import { retryTransient } from './retry.ts';
import { OutageLog } from '../base/outage-log.ts';
import { rowParameters, rowSlotsFor } from './row-slots.ts';
import type { StoredEntry } from './stored-bytes.ts';

/** Rows of one statement; a power of two, so that the prepared statements are few. */
const GROUP_MAX_ROWS = 2_048;
/** Bytes of entries of one statement; a single larger entry goes alone. */
const GROUP_MAX_BYTES = 8 * 1024 * 1024;
/** Turns of the loop after an answer in which those who got it may bring their next append: theirs to the feed, and the feed's to them. */
const TURNS_AFTER_ANSWER = 2;
/** A group waits no longer than this for more appends. */
const GATHER_MAX_MS = 4;
/** How long a group is tried while the database is away, before its appends fail with `OUTCOME_UNKNOWN`. */
export const OUTCOME_DEADLINE_MS = 30_000;

export type PendingAppend = {
  readonly instrument: string;
  readonly instrumentId: number;
  readonly stored: StoredEntry;
  readonly resolve: () => void;
  readonly reject: (error: TampinesError) => void;
};

export class JournalLane {
  readonly claim: ShardClaim;
  readonly #database: Database;
  readonly #context: WriterContext;
  readonly #outage: OutageLog;
  readonly #outcomeDeadlineMs: number;
  readonly #stop: AbortSignal;
  #queue: PendingAppend[] = [];
  #flushing: Promise<void> | undefined;
  /** Once a newer claim was seen: nothing can be written here any more. */
  #fenced: TampinesError | undefined;

  constructor(options: {
    claim: ShardClaim;
    database: Database;
    context: WriterContext;
    outcomeDeadlineMs: number;
    /** Aborted when the journal closes: a database that is away is no longer waited for. */
    stop: AbortSignal;
  }) {
    this.claim = options.claim;
    this.#database = options.database;
    this.#context = options.context;
    this.#outage = new OutageLog(options.context);
    this.#outcomeDeadlineMs = options.outcomeDeadlineMs;
    this.#stop = options.stop;
  }

  enqueue(append: PendingAppend): void {
    if (this.#fenced !== undefined) {
      append.reject(this.#fenced);
      return;
    }
    this.#queue.push(append);
    this.#flushing ??= this.#flushAll();
  }

  /** Resolves when everything enqueued so far is durable or has failed. */
  async flush(): Promise<void> {
    await this.#flushing;
  }

  async #flushAll(): Promise<void> {
    for (let turnsMin = 1; this.#queue.length > 0; turnsMin = TURNS_AFTER_ANSWER) {
      await this.#gather(turnsMin);
      const group = this.#takeGroup();
      try {
        await this.#write(group);
      } catch (error) {
        this.#fail(group, error);
      }
    }
    this.#flushing = undefined;
  }

  /**
   * Waits while each turn of the event loop brings more, and for so many turns at least: a group of one costs both sides as much as one of many. Where
   * a few busy instruments take turns with the disk, all of them go in one group, not half of them in each of two.
   */
  async #gather(turnsMin: number): Promise<void> {
    const { clock } = this.#context;
    const untilMs = clock.monotonicMs() + GATHER_MAX_MS;
    let lengthBefore: number;
    let turnCount = 0;
    do {
      lengthBefore = this.#queue.length;
      await new Promise((resolve) => setImmediate(resolve));
      turnCount++;
    } while (
      (turnCount < turnsMin || this.#queue.length > lengthBefore) &&
      this.#queue.length < GROUP_MAX_ROWS &&
      clock.monotonicMs() < untilMs
    );
  }

  #takeGroup(): PendingAppend[] {
    let byteCount = 0;
    let rowCount = 0;
    for (const { stored } of this.#queue) {
      byteCount += stored.entry.byteLength;
      if (rowCount > 0 && (rowCount === GROUP_MAX_ROWS || byteCount > GROUP_MAX_BYTES)) break;
      rowCount++;
    }
    const group = this.#queue.slice(0, rowCount);
    this.#queue = this.#queue.slice(rowCount);
    return group;
  }

  async #write(group: readonly PendingAppend[]): Promise<void> {
    try {
      await retryTransient((attemptIndex) => this.#insert(group, attemptIndex > 0), {
        context: this.#context,
        what: 'appending to the journal',
        fields: { batches: group.length },
        outage: this.#outage,
        deadlineMs: this.#outcomeDeadlineMs,
        stop: this.#stop,
      });
    } catch (error) {
      if (!isSqlError(error, SQL_UNIQUE_VIOLATION)) throw error;
      await this.#writeApart(group, error);
      return;
    }
    for (const append of group) append.resolve();
  }

  async #insert(group: readonly PendingAppend[], isRepeated: boolean): Promise<void> {
    const { schema } = this.#database;
    const rowSlots = rowSlotsFor(group.length);
    const values: SqlValue[] = [this.claim.shard, this.claim.epoch];
    for (const { instrumentId, stored } of group) {
      values.push(instrumentId, stored.batchNumber, stored.schemaId, stored.checksum, stored.entry);
    }
    while (values.length < 2 + rowSlots * COLUMN_TYPES.length) values.push(null);
    try {
      const result = await this.#database.query({
        name: `${schema}.append.${rowSlots}`,
        text: insertText(schema, rowSlots),
        values,
      });
      if (result.rowCount === group.length) return;
    } catch (error) {
      if (isRepeated && isSqlError(error, SQL_UNIQUE_VIOLATION) && (await this.#isWritten(group))) return;
      throw error;
    }
    throw fencedError(this.claim);
  }

  /** Whether these very rows are there, written under this claim: then the first try, whose answer was lost, had succeeded. */
  async #isWritten(group: readonly PendingAppend[]): Promise<boolean> {
    const { rows } = await this.#database.query<{ count: number }>({
      text: `SELECT count(*) AS count
        FROM unnest($2::int[], $3::bigint[], $4::int[]) AS wanted (instrument_id, batch_number, checksum)
        JOIN ${this.#database.schema}.journal USING (instrument_id, batch_number, checksum)
        WHERE epoch = $1`,
      values: [
        this.claim.epoch,
        group.map(({ instrumentId }) => instrumentId),
        group.map(({ stored }) => stored.batchNumber),
        group.map(({ stored }) => stored.checksum),
      ],
    });
    return rows[0]?.count === group.length;
  }

  /** One instrument's batch was there already: only that instrument fails, the others are written one instrument at a time. */
  async #writeApart(group: readonly PendingAppend[], cause: unknown): Promise<void> {
    const [first] = group;
    if (first !== undefined && group.every(({ instrumentId }) => instrumentId === first.instrumentId)) {
      throw existingBatchError(first.instrument, first.stored.batchNumber, cause);
    }
    const byInstrument = new Map<number, PendingAppend[]>();
    for (const append of group) {
      const own = byInstrument.get(append.instrumentId);
      if (own === undefined) byInstrument.set(append.instrumentId, [append]);
      else own.push(append);
    }
    for (const own of byInstrument.values()) {
      try {
        await this.#write(own);
      } catch (error) {
        this.#fail(own, error);
      }
    }
  }

  #fail(group: readonly PendingAppend[], error: unknown): void {
    const failure = toJournalError(error);
    for (const append of group) append.reject(failure);
    if (failure.code === 'FENCED') this.#fenced = failure;
    // What was enqueued behind a lost group builds on it and must not overtake it.
    const isFollowing = (append: PendingAppend): boolean =>
      failure.code === 'FENCED' || group.some(({ instrumentId }) => instrumentId === append.instrumentId);
    const following = this.#queue.filter(isFollowing);
    this.#queue = this.#queue.filter((append) => !isFollowing(append));
    for (const append of following) append.reject(failure);
  }
}

const COLUMN_TYPES = ['int', 'bigint', 'text', 'int', 'bytea'] as const;

const insertTexts = new Map<string, string>();

/** One statement for `rowSlots` rows, of which unused ones are null. Inserts nothing when the claim is no longer the newest. */
function insertText(schema: string, rowSlots: number): string {
  const cacheKey = `${schema}.${rowSlots}`;
  const cached = insertTexts.get(cacheKey);
  if (cached !== undefined) return cached;
  const rows = rowParameters(rowSlots, COLUMN_TYPES, 3);
  const text = `WITH fence AS MATERIALIZED (SELECT epoch FROM ${schema}.shard WHERE id = $1 AND epoch = $2 FOR SHARE)
    INSERT INTO ${schema}.journal (instrument_id, batch_number, epoch, schema_id, checksum, entry)
    SELECT batch.instrument_id, batch.batch_number, fence.epoch, batch.schema_id, batch.checksum, batch.entry
    FROM fence, (VALUES ${rows}) AS batch (instrument_id, batch_number, schema_id, checksum, entry)
    WHERE batch.instrument_id IS NOT NULL`;
  insertTexts.set(cacheKey, text);
  return text;
}
