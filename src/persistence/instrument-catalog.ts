import type { DesiredInstrument, InstrumentCatalog, InstrumentSettings } from '../actors/ports.ts';
import { TampinesError } from '../base/errors.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import { splitInstrumentKey, toExchangeId, toNativeSymbol, toUnifiedSymbol } from '../market/symbols.ts';
import type { Database } from './database.ts';
import type { InstrumentIds } from './instrument-ids.ts';

type InstrumentRow = {
  readonly id: number;
  readonly key: InstrumentKey;
  readonly native_symbol: string;
  readonly settings: InstrumentSettings;
};

/** The desired set of instruments as rows; one that is removed keeps its row, and with it its id. */
export class PostgresInstrumentCatalog implements InstrumentCatalog {
  readonly #database: Database;
  readonly #ids: InstrumentIds;

  constructor(database: Database, ids: InstrumentIds) {
    this.#database = database;
    this.#ids = ids;
  }

  async list(): Promise<DesiredInstrument[]> {
    const { rows } = await this.#database.read<InstrumentRow>({
      text: `SELECT id, key, native_symbol, settings FROM ${this.#database.schema}.instrument WHERE is_desired ORDER BY id`,
    });
    return rows.map((row) => {
      const [exchange, symbol] = splitInstrumentKey(row.key);
      // Recovery asks for the ids of all of these next.
      this.#ids.note(row.key, row.id);
      return {
        instrument: row.key,
        instrumentId: row.id,
        exchange: toExchangeId(exchange),
        symbol: toUnifiedSymbol(symbol),
        nativeSymbol: toNativeSymbol(row.native_symbol),
        settings: row.settings,
      };
    });
  }

  async add(instrument: Omit<DesiredInstrument, 'instrumentId' | 'settings'>): Promise<DesiredInstrument> {
    const { rows } = await this.#database.query<Pick<InstrumentRow, 'id' | 'settings'>>({
      text: `INSERT INTO ${this.#database.schema}.instrument (key, native_symbol, is_desired) VALUES ($1, $2, true)
        ON CONFLICT (key) DO UPDATE SET native_symbol = excluded.native_symbol, is_desired = true RETURNING id, settings`,
      values: [instrument.instrument, instrument.nativeSymbol],
    });
    const { id, settings } = rows[0]!;
    return { ...instrument, instrumentId: id, settings };
  }

  async configure(instrument: InstrumentKey, settings: InstrumentSettings): Promise<void> {
    const { rows } = await this.#database.query<{ id: number }>({
      text: `UPDATE ${this.#database.schema}.instrument SET settings = $2::jsonb WHERE key = $1 RETURNING id`,
      values: [instrument, JSON.stringify(settings)],
    });
    if (rows.length === 0) throw neverAdded(instrument);
  }

  async remove(instrument: InstrumentKey): Promise<void> {
    await this.#database.query({
      text: `UPDATE ${this.#database.schema}.instrument SET is_desired = false WHERE key = $1`,
      values: [instrument],
    });
  }
}

export function neverAdded(instrument: InstrumentKey): TampinesError {
  return new TampinesError('INSTRUMENT_UNKNOWN', `${instrument} was never wanted here`, {
    fields: { instrument },
  });
}
