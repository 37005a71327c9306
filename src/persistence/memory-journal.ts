/** The in-memory twin of the Postgres journal, for simulation and tests: same bytes, same errors, same order, no disk. */
import type { Journal, JournalRow, Savepoint, ShardClaim, StateSnapshotRow } from '../actors/ports.ts';
import { SAVEPOINTS_MAX } from '../actors/ports.ts';
import type { Log } from '../base/log.ts';
import type { LogEntry } from '../market/events.ts';
import type { InstrumentSnapshot } from '../market/instrument-state.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import type { LogCodec } from './log-codec.ts';
import {
  fencedError,
  missingBatchError,
  notNextBatchError,
  savepointsFullError,
  savepointUnknownError,
} from './journal-errors.ts';
import type { StoredEntry, StoredState } from './stored-bytes.ts';
import { readStoredEntry, readStoredState, storeEntry, storeState } from './stored-bytes.ts';

type InstrumentRows = {
  entries: (StoredEntry & { readonly epoch: number })[];
  /** Newest last. */
  states: (StoredState & {
    readonly position: number;
    readonly isSavepoint: boolean;
  })[];
  lastBatchNumber: number;
};

/** What outlives a journal that is thrown away: hand it to the next one to simulate a restart. */
export class MemoryJournalStorage {
  readonly epochByShard = new Map<number, number>();
  readonly rowsByInstrument = new Map<InstrumentKey, InstrumentRows>();

  rowsOf(instrument: InstrumentKey): InstrumentRows {
    let rows = this.rowsByInstrument.get(instrument);
    if (rows === undefined) {
      rows = { entries: [], states: [], lastBatchNumber: 0 };
      this.rowsByInstrument.set(instrument, rows);
    }
    return rows;
  }

  /** Changes stored bytes as a bad disk would; `lost` removes the row. For tests of what reading does about it. */
  damage(
    what: 'entry' | 'state',
    instrument: InstrumentKey,
    batchNumber: number,
    kind: 'bit flip' | 'torn' | 'unknown schema' | 'lost',
  ): void {
    const rows = this.rowsOf(instrument);
    const damaged = (bytes: Uint8Array): Uint8Array => {
      if (kind === 'torn') return bytes.slice(0, bytes.length >> 1);
      return kind === 'bit flip' ? bytes.map((byte, index) => (index === 5 ? byte ^ 1 : byte)) : bytes;
    };
    const damageRow = <Row extends { batchNumber: number; schemaId: string }>(
      row: Row,
      change: (row: Row) => Row,
    ): Row[] => {
      if (row.batchNumber !== batchNumber) return [row];
      if (kind === 'lost') return [];
      return [change(kind === 'unknown schema' ? { ...row, schemaId: 'unknown' } : row)];
    };
    if (what === 'entry') {
      rows.entries = rows.entries.flatMap((row) =>
        damageRow(row, (found) => ({ ...found, entry: damaged(found.entry) })),
      );
    } else {
      rows.states = rows.states.flatMap((row) =>
        damageRow(row, (found) => ({ ...found, state: damaged(found.state) })),
      );
    }
  }
}

export class MemoryJournal implements Journal {
  readonly #storage: MemoryJournalStorage;
  readonly #codec: LogCodec;
  readonly #log: Log;

  constructor(options: { storage: MemoryJournalStorage; codec: LogCodec; log: Log }) {
    this.#storage = options.storage;
    this.#codec = options.codec;
    this.#log = options.log;
  }

  async claim(shard: number, _owner: string): Promise<ShardClaim> {
    const epoch = (this.#storage.epochByShard.get(shard) ?? 0) + 1;
    this.#storage.epochByShard.set(shard, epoch);
    return Promise.resolve({ shard, epoch });
  }

  async append(
    claim: ShardClaim,
    instrument: InstrumentKey,
    batchNumber: number,
    entry: LogEntry,
  ): Promise<void> {
    const stored = storeEntry(this.#codec, { instrument, batchNumber, epoch: claim.epoch }, entry);
    this.#requireNewest(claim);
    const rows = this.#storage.rowsOf(instrument);
    const expected = rows.lastBatchNumber + 1;
    if (batchNumber !== expected) throw notNextBatchError(instrument, expected, batchNumber);
    rows.lastBatchNumber = batchNumber;
    rows.entries.push({ ...stored, epoch: claim.epoch });
    await Promise.resolve();
  }

  async saveSnapshot(claim: ShardClaim, snapshot: StateSnapshotRow, after?: Promise<void>): Promise<void> {
    const stored = storeState(this.#codec, snapshot, snapshot.state);
    await after;
    this.#requireNewest(claim);
    const rows = this.#storage.rowsOf(snapshot.instrument);
    const isSavepoint = rows.states.some(
      (row) => row.batchNumber === snapshot.batchNumber && row.isSavepoint,
    );
    const before = rows.states
      .filter((row) => !row.isSavepoint && row.batchNumber < snapshot.batchNumber)
      .at(-1);
    rows.states = rows.states.filter(
      (row) => row.isSavepoint || row.batchNumber >= (before?.batchNumber ?? 0),
    );
    this.#keep(rows, stored, snapshot, isSavepoint);
    await Promise.resolve();
  }

  async saveSavepoint(claim: ShardClaim, snapshot: StateSnapshotRow): Promise<void> {
    const stored = storeState(this.#codec, snapshot, snapshot.state);
    this.#requireNewest(claim);
    const rows = this.#storage.rowsOf(snapshot.instrument);
    const others = rows.states.filter((row) => row.isSavepoint && row.batchNumber !== snapshot.batchNumber);
    if (others.length >= SAVEPOINTS_MAX) throw savepointsFullError(snapshot.instrument);
    this.#keep(rows, stored, snapshot, true);
    await Promise.resolve();
  }

  async listSavepoints(instrument: InstrumentKey): Promise<Savepoint[]> {
    await Promise.resolve();
    return this.#storage
      .rowsOf(instrument)
      .states.filter(({ isSavepoint }) => isSavepoint)
      .toReversed()
      .map(({ batchNumber, position, state }) => ({
        batchNumber,
        position,
        // It has no clock; when a test saved it means nothing.
        savedAtMs: 0,
        sizeBytes: state.length,
      }));
  }

  async readSavepoint(instrument: InstrumentKey, batchNumber: number): Promise<InstrumentSnapshot> {
    await Promise.resolve();
    const stored = this.#storage
      .rowsOf(instrument)
      .states.find((row) => row.isSavepoint && row.batchNumber === batchNumber);
    if (stored === undefined) throw savepointUnknownError(instrument, batchNumber);
    return readStoredState(this.#codec, instrument, stored);
  }

  async deleteSavepoint(claim: ShardClaim, instrument: InstrumentKey, batchNumber: number): Promise<void> {
    this.#requireNewest(claim);
    const rows = this.#storage.rowsOf(instrument);
    const left = rows.states.filter((row) => !(row.isSavepoint && row.batchNumber === batchNumber));
    if (left.length === rows.states.length) throw savepointUnknownError(instrument, batchNumber);
    rows.states = left;
    await Promise.resolve();
  }

  async latestSnapshot(
    instrument: InstrumentKey,
    onSkipped?: () => void,
  ): Promise<StateSnapshotRow | undefined> {
    await Promise.resolve();
    for (const stored of this.#storage.rowsOf(instrument).states.toReversed()) {
      try {
        const state = readStoredState(this.#codec, instrument, stored);
        return { instrument, batchNumber: stored.batchNumber, position: stored.position, state };
      } catch (error) {
        this.#log.warn({ err: error, instrument }, 'state snapshot skipped, using the one before');
        onSkipped?.();
      }
    }
    return undefined;
  }

  async readBatches(
    instrument: InstrumentKey,
    afterBatchNumber: number,
    visit: (row: JournalRow) => void | Promise<void>,
  ): Promise<void> {
    let last = afterBatchNumber;
    const stored = this.#storage.rowsOf(instrument).entries;
    for (const row of stored.filter(({ batchNumber }) => batchNumber > afterBatchNumber)) {
      if (row.batchNumber !== last + 1) throw missingBatchError(instrument, last + 1, row.batchNumber);
      const entry = readStoredEntry(this.#codec, instrument, row);
      await visit({ instrument, batchNumber: row.batchNumber, epoch: row.epoch, entry });
      last = row.batchNumber;
    }
  }

  async prune(instrument: InstrumentKey): Promise<void> {
    const rows = this.#storage.rowsOf(instrument);
    const older = rows.states.filter(({ isSavepoint }) => !isSavepoint).at(-2);
    if (older !== undefined) {
      rows.entries = rows.entries.filter(({ batchNumber }) => batchNumber > older.batchNumber);
    }
    await Promise.resolve();
  }

  async flush(): Promise<void> {
    await Promise.resolve();
  }

  #keep(
    rows: InstrumentRows,
    stored: StoredState,
    { batchNumber, position }: StateSnapshotRow,
    isSavepoint: boolean,
  ): void {
    rows.states = [
      ...rows.states.filter((row) => row.batchNumber !== batchNumber),
      { ...stored, position, isSavepoint },
    ].sort((a, b) => a.batchNumber - b.batchNumber);
    rows.lastBatchNumber = Math.max(rows.lastBatchNumber, batchNumber);
  }

  #requireNewest(claim: ShardClaim): void {
    if (this.#storage.epochByShard.get(claim.shard) !== claim.epoch) throw fencedError(claim);
  }
}
