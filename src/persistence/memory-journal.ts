/** The in-memory twin of the Postgres journal, for simulation and tests: same bytes, same errors, same order, no disk. */
import type { Journal, JournalRow, ShardClaim, StateSnapshotRow } from '../actors/ports.ts';
import type { Log } from '../base/log.ts';
import type { LogEntry } from '../market/events.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import type { LogCodec } from './log-codec.ts';
import { fencedError, missingBatchError, notNextBatchError } from './journal-errors.ts';
import type { StoredEntry, StoredState } from './stored-bytes.ts';
import { readStoredEntry, readStoredState, storeEntry, storeState } from './stored-bytes.ts';

type InstrumentRows = {
  entries: (StoredEntry & { readonly epoch: number })[];
  /** Newest last. */
  states: (StoredState & { readonly position: number })[];
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
    const others = rows.states.filter(({ batchNumber }) => batchNumber !== snapshot.batchNumber);
    const before = others.filter(({ batchNumber }) => batchNumber < snapshot.batchNumber).at(-1);
    rows.states = [...others, { ...stored, position: snapshot.position }]
      .filter(({ batchNumber }) => batchNumber >= (before?.batchNumber ?? 0))
      .sort((a, b) => a.batchNumber - b.batchNumber);
    rows.lastBatchNumber = Math.max(rows.lastBatchNumber, snapshot.batchNumber);
    await Promise.resolve();
  }

  async latestSnapshot(instrument: InstrumentKey): Promise<StateSnapshotRow | undefined> {
    await Promise.resolve();
    for (const stored of this.#storage.rowsOf(instrument).states.toReversed()) {
      try {
        const state = readStoredState(this.#codec, instrument, stored);
        return { instrument, batchNumber: stored.batchNumber, position: stored.position, state };
      } catch (error) {
        this.#log.warn({ err: error, instrument }, 'state snapshot skipped, using the one before');
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
    const older = rows.states.at(-2);
    if (older !== undefined) {
      rows.entries = rows.entries.filter(({ batchNumber }) => batchNumber > older.batchNumber);
    }
    await Promise.resolve();
  }

  async flush(): Promise<void> {
    await Promise.resolve();
  }

  #requireNewest(claim: ShardClaim): void {
    if (this.#storage.epochByShard.get(claim.shard) !== claim.epoch) throw fencedError(claim);
  }
}
