/**
 * The journal on Postgres: claims, the order of batch numbers, reading. Group commit lives in `journal-lane.ts`, snapshots in
 * `state-snapshots.ts`; which bytes an entry or a state becomes is the codec's business.
 */
import type { Journal, JournalRow, Savepoint, ShardClaim, StateSnapshotRow } from '../actors/ports.ts';
import { estimateBytes } from '../market/event-bytes.ts';
import type { LogEntry } from '../market/events.ts';
import type { InstrumentSnapshot } from '../market/instrument-state.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import { OldestWait } from '../base/oldest-wait.ts';
import type { Database } from './database.ts';
import { GroupedStatements } from './grouped-statements.ts';
import type { InstrumentIds } from './instrument-ids.ts';
import { missingBatchError, notNextBatchError, toJournalError } from './journal-errors.ts';
import { JournalReads, READ_PAGE_ROWS } from './journal-reads.ts';
import { JournalLane, OUTCOME_DEADLINE_MS } from './journal-lane.ts';
import type { LogCodec } from './log-codec.ts';
import type { WriterContext } from './retry.ts';
import { Savepoints } from './savepoints.ts';
import { StateSnapshots } from './state-snapshots.ts';
import type { StoredEntry } from './stored-bytes.ts';
import { readStoredEntry, readStoredState, storeEntry } from './stored-bytes.ts';
import { WriteRoom } from './write-room.ts';

/** Bytes of entries, as events, that may be on their way into the journal; further appends wait before they are encoded. */
export const JOURNAL_QUEUE_MAX_BYTES = 64 * 1024 * 1024;

/** Where an instrument's journal ends, as far as appends under one claim have come. */
type Tail = { readonly instrumentId: number; lastBatchNumber: number };
/** `batchNumber`: of the newest batch or state snapshot; good for use once the journal was read to its end (`isRead`). */
type RecoveredEnd = { readonly batchNumber: number; readonly isRead: boolean };

/** Instruments whose journals are pruned by one statement. */
const PRUNES_MAX = 64;

export class PostgresJournal implements Journal {
  /** Of appends that are not durable yet. */
  readonly appends: OldestWait;
  /** State snapshots that are on their way, from their bytes on. */
  readonly checkpoints: OldestWait;
  /** What is on its way. */
  readonly room = new WriteRoom(JOURNAL_QUEUE_MAX_BYTES);
  readonly #database: Database;
  readonly #ids: InstrumentIds;
  readonly #codec: LogCodec;
  readonly #context: WriterContext;
  readonly #stop = new AbortController();
  readonly #outcomeDeadlineMs: number;
  readonly #snapshots: StateSnapshots;
  readonly #savepoints: Savepoints;
  readonly #reads: JournalReads;
  readonly #prunes: GroupedStatements<number, undefined>;
  readonly #lanes = new Map<string, JournalLane>();
  /** By lane, then instrument. A tail is forgotten when an append fails: only the database knows it then. */
  readonly #tails = new WeakMap<JournalLane, Map<InstrumentKey, Promise<Tail> | Tail>>();
  /**
   * Ends of journals that recoveries came to: the first append after one need not ask again. Only a hint: who may write is decided by the fence,
   * and (instrument, batch number) is unique.
   */
  readonly #recoveredEnds = new Map<InstrumentKey, RecoveredEnd>();
  readonly #underway = new Set<Promise<unknown>>();

  constructor(options: {
    database: Database;
    ids: InstrumentIds;
    codec: LogCodec;
    context: WriterContext;
    outcomeDeadlineMs?: number;
  }) {
    this.appends = new OldestWait(options.context.clock);
    this.checkpoints = new OldestWait(options.context.clock);
    this.#database = options.database;
    this.#ids = options.ids;
    this.#codec = options.codec;
    this.#context = options.context;
    this.#outcomeDeadlineMs = options.outcomeDeadlineMs ?? OUTCOME_DEADLINE_MS;
    this.#reads = new JournalReads(options.database);
    this.#prunes = new GroupedStatements({ questionsMax: PRUNES_MAX, run: (ids) => this.#pruneAll(ids) });
    this.#savepoints = new Savepoints(options);
    this.#snapshots = new StateSnapshots({
      ...options,
      reads: this.#reads,
      outcomeDeadlineMs: this.#outcomeDeadlineMs,
      stop: this.#stop.signal,
    });
  }

  async claim(shard: number, owner: string): Promise<ShardClaim> {
    const { rows } = await this.#database.query<{ epoch: number }>({
      text: `INSERT INTO ${this.#database.schema}.shard AS held (id, epoch, owner) VALUES ($1, 1, $2)
        ON CONFLICT (id) DO UPDATE SET epoch = held.epoch + 1, owner = excluded.owner, claimed_at = now()
        RETURNING epoch`,
      values: [shard, owner],
    });
    return { shard, epoch: rows[0]!.epoch };
  }

  async append(
    claim: ShardClaim,
    instrument: InstrumentKey,
    batchNumber: number,
    entry: LogEntry,
  ): Promise<void> {
    const bytes = estimateBytes(entry.events);
    const end = this.appends.begin();
    const entered = this.room.enter(bytes);
    if (entered !== undefined) await this.#track(entered);
    try {
      await this.#append(claim, instrument, batchNumber, entry);
    } finally {
      end();
      this.room.leave(bytes);
    }
  }

  async #append(
    claim: ShardClaim,
    instrument: InstrumentKey,
    batchNumber: number,
    entry: LogEntry,
  ): Promise<void> {
    const stored = storeEntry(this.#codec, { instrument, batchNumber, epoch: claim.epoch }, entry);
    const lane = this.#lane(claim);
    const tails = this.#tails.get(lane)!;
    const tail = tails.get(instrument);
    if (tail !== undefined && !(tail instanceof Promise)) {
      await this.#track(this.#enqueue(lane, instrument, tail, stored));
      return;
    }
    // The first appends of an instrument wait for its tail; they go on in the order they came.
    const loading = tail ?? this.#loadTail(instrument);
    tails.set(instrument, loading);
    const appended = loading.then(
      (loaded) => {
        if (tails.get(instrument) === loading) tails.set(instrument, loaded);
        return this.#enqueue(lane, instrument, loaded, stored);
      },
      (error: unknown) => {
        tails.delete(instrument);
        throw toJournalError(error);
      },
    );
    await this.#track(appended);
  }

  async saveSnapshot(claim: ShardClaim, snapshot: StateSnapshotRow, after?: Promise<void>): Promise<void> {
    const end = this.checkpoints.begin();
    await this.#track(this.#snapshots.save(claim, snapshot, after)).finally(end);
  }

  async saveSavepoint(claim: ShardClaim, snapshot: StateSnapshotRow): Promise<void> {
    await this.#track(this.#snapshots.saveSavepoint(claim, snapshot));
  }

  listSavepoints(instrument: InstrumentKey): Promise<Savepoint[]> {
    return this.#savepoints.list(instrument);
  }

  async readSavepoint(instrument: InstrumentKey, batchNumber: number): Promise<InstrumentSnapshot> {
    return readStoredState(this.#codec, instrument, await this.#savepoints.read(instrument, batchNumber));
  }

  async deleteSavepoint(claim: ShardClaim, instrument: InstrumentKey, batchNumber: number): Promise<void> {
    await this.#track(this.#savepoints.delete(claim, instrument, batchNumber));
  }

  async latestSnapshot(
    instrument: InstrumentKey,
    onSkipped?: () => void,
  ): Promise<StateSnapshotRow | undefined> {
    const { snapshot, newestBatchNumber } = await this.#snapshots.readLatest(instrument, onSkipped);
    this.#recoveredEnds.set(instrument, { batchNumber: newestBatchNumber, isRead: false });
    return snapshot;
  }

  async readBatches(
    instrument: InstrumentKey,
    afterBatchNumber: number,
    visit: (row: JournalRow) => void | Promise<void>,
  ): Promise<void> {
    const instrumentId = await this.#ids.find(instrument);
    if (instrumentId === undefined) return;
    let last = afterBatchNumber;
    for (;;) {
      const rows = await this.#reads.readPage(instrumentId, last);
      for (const row of rows) {
        if (row.batchNumber !== last + 1) throw missingBatchError(instrument, last + 1, row.batchNumber);
        const entry = readStoredEntry(this.#codec, instrument, row);
        const visited = visit({ instrument, batchNumber: row.batchNumber, epoch: row.epoch, entry });
        if (visited !== undefined) await visited;
        last = row.batchNumber;
      }
      if (rows.length < READ_PAGE_ROWS) break;
    }
    const end = this.#recoveredEnds.get(instrument);
    if (end === undefined) return;
    // A newest state snapshot that could not be read says all the same how far the journal once went.
    this.#recoveredEnds.set(instrument, { batchNumber: Math.max(end.batchNumber, last), isRead: true });
  }

  async prune(instrument: InstrumentKey): Promise<void> {
    const instrumentId = await this.#ids.find(instrument);
    if (instrumentId === undefined) return;
    await this.#prunes.ask(instrumentId);
  }

  async #pruneAll(instrumentIds: readonly number[]): Promise<undefined[]> {
    const { schema } = this.#database;
    await this.#database.query({
      name: `${schema}.prune`,
      text: `DELETE FROM ${schema}.journal AS batch USING (
          SELECT wanted.id, (
            SELECT batch_number FROM ${schema}.state_snapshot
            WHERE instrument_id = wanted.id AND NOT is_savepoint ORDER BY batch_number DESC OFFSET 1 LIMIT 1) AS needless
          FROM unnest($1::int[]) AS wanted (id)) AS pruned
        WHERE batch.instrument_id = pruned.id AND batch.batch_number <= pruned.needless`,
      values: [[...instrumentIds]],
    });
    return instrumentIds.map(() => undefined);
  }

  async flush(): Promise<void> {
    await Promise.allSettled(this.#underway);
  }

  /** Waits for what is under way, without waiting any longer for a database that is away. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.flush();
  }

  #lane(claim: ShardClaim): JournalLane {
    const key = `${claim.shard}.${claim.epoch}`;
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const lane = new JournalLane({
      claim,
      database: this.#database,
      context: this.#context,
      outcomeDeadlineMs: this.#outcomeDeadlineMs,
      stop: this.#stop.signal,
    });
    this.#lanes.set(key, lane);
    this.#tails.set(lane, new Map());
    return lane;
  }

  async #loadTail(instrument: InstrumentKey): Promise<Tail> {
    const instrumentId = await this.#ids.assign(instrument);
    const end = this.#recoveredEnds.get(instrument);
    this.#recoveredEnds.delete(instrument);
    const lastBatchNumber = end?.isRead === true ? end.batchNumber : await this.#reads.readEnd(instrumentId);
    return { instrumentId, lastBatchNumber };
  }

  #enqueue(lane: JournalLane, instrument: InstrumentKey, tail: Tail, stored: StoredEntry): Promise<void> {
    const expected = tail.lastBatchNumber + 1;
    if (stored.batchNumber !== expected) {
      return Promise.reject(notNextBatchError(instrument, expected, stored.batchNumber));
    }
    tail.lastBatchNumber = expected;
    return new Promise((resolve, reject) => {
      lane.enqueue({
        instrument,
        instrumentId: tail.instrumentId,
        stored,
        resolve,
        reject: (error) => {
          this.#tails.get(lane)?.delete(instrument);
          reject(error);
        },
      });
    });
  }

  #track<Value>(promise: Promise<Value>): Promise<Value> {
    this.#underway.add(promise);
    const forget = (): void => {
      this.#underway.delete(promise);
    };
    promise.then(forget, forget);
    return promise;
  }
}
