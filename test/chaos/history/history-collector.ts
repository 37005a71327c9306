/**
 * Takes the rows of the history out of Postgres in slices while the run goes on, so that neither side grows without bound. It asks Postgres
 * directly, past the proxies, and tries again when Postgres is away: a row is deleted only after it was taken in.
 */
import pg from 'pg';
import { decodeLogEntry } from '../../../src/codec/log-entry-codec.ts';
import type { HistoryRow } from '../checks/journal-check.ts';
import { HISTORY_SCHEMA } from './history-schema.ts';

const SLICE_ROWS = 2_000;
const STATEMENT_TIMEOUT_MS = 10_000;

type StoredRow = {
  readonly id: string;
  readonly time_ms: number;
  readonly kind: HistoryRow['kind'];
  readonly instrument_id: number | null;
  readonly batch_number: string | null;
  readonly epoch: number | null;
  readonly position: string | null;
  readonly owner: string | null;
  readonly schema_id: string | null;
  readonly entry: Buffer | null;
};

export class HistoryCollector {
  readonly #url: string;
  readonly #schema: string;
  readonly #onRow: (row: HistoryRow) => void;
  readonly #instruments = new Map<number, string>();
  #client: pg.Client | undefined;
  /** Taken in, but perhaps not deleted yet. */
  #taken = new Set<string>();

  constructor(options: { url: string; schema: string; onRow: (row: HistoryRow) => void }) {
    this.#url = options.url;
    this.#schema = options.schema;
    this.#onRow = options.onRow;
  }

  /** Takes in all rows that are committed by now. Returns whether it got to the end of them; `false`: Postgres is away. */
  async sweep(): Promise<boolean> {
    try {
      const client = await this.#connect();
      for (;;) {
        const { rows } = await client.query<StoredRow>(
          `SELECT * FROM ${HISTORY_SCHEMA}.event ORDER BY id LIMIT ${SLICE_ROWS}`,
        );
        await this.#learnInstruments(client, rows);
        for (const row of rows) {
          if (this.#taken.has(row.id)) continue;
          this.#taken.add(row.id);
          this.#onRow(this.#read(row));
        }
        if (rows.length === 0) return true;
        const ids = rows.map(({ id }) => id);
        await client.query(`DELETE FROM ${HISTORY_SCHEMA}.event WHERE id = ANY($1::bigint[])`, [ids]);
        for (const id of ids) this.#taken.delete(id);
        if (rows.length < SLICE_ROWS) return true;
      }
    } catch (error) {
      this.#disconnect();
      if (error instanceof pg.DatabaseError && (error.code ?? '').startsWith('42')) throw error;
      return false;
    }
  }

  close(): void {
    this.#disconnect();
  }

  async #connect(): Promise<pg.Client> {
    if (this.#client !== undefined) return this.#client;
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: 2_000,
      query_timeout: STATEMENT_TIMEOUT_MS,
    });
    client.on('error', () => undefined);
    await client.connect();
    return (this.#client = client);
  }

  #disconnect(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.end().catch(() => undefined);
  }

  async #learnInstruments(client: pg.Client, rows: readonly StoredRow[]): Promise<void> {
    if (rows.every(({ instrument_id: id }) => id === null || this.#instruments.has(id))) return;
    const found = await client.query<{ id: number; key: string }>(
      `SELECT id, key FROM ${this.#schema}.instrument`,
    );
    for (const { id, key } of found.rows) this.#instruments.set(id, key);
  }

  #read(row: StoredRow): HistoryRow {
    const head = { id: Number(row.id), timeMs: row.time_ms };
    const instrument = this.#instruments.get(row.instrument_id ?? -1) ?? `instrument ${row.instrument_id}`;
    const batchNumber = Number(row.batch_number);
    const epoch = Number(row.epoch);
    switch (row.kind) {
      case 'claim':
        return { ...head, kind: 'claim', shard: Number(row.position), epoch, owner: row.owner ?? '' };
      case 'journal': {
        const eventCount = decodeLogEntry(row.schema_id ?? '', row.entry ?? Buffer.alloc(0)).events.length;
        return { ...head, kind: 'journal', instrument, batchNumber, epoch, eventCount };
      }
      case 'snapshot':
        return { ...head, kind: 'snapshot', instrument, batchNumber, position: Number(row.position), epoch };
      case 'pruned':
      case 'rewritten':
        return { ...head, kind: row.kind, instrument, batchNumber };
    }
  }
}
