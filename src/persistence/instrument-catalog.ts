import type { DesiredInstrument, InstrumentCatalog } from '../actors/ports.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import { toExchangeId, toNativeSymbol, toUnifiedSymbol } from '../market/symbols.ts';
import type { Database } from './database.ts';
import type { InstrumentIds } from './instrument-ids.ts';

/** The desired set of instruments as rows; one that is removed keeps its row, and with it its id. */
export class PostgresInstrumentCatalog implements InstrumentCatalog {
  readonly #database: Database;
  readonly #ids: InstrumentIds;

  constructor(database: Database, ids: InstrumentIds) {
    this.#database = database;
    this.#ids = ids;
  }

  async list(): Promise<DesiredInstrument[]> {
    const { rows } = await this.#database.read<{ id: number; key: InstrumentKey; native_symbol: string }>({
      text: `SELECT id, key, native_symbol FROM ${this.#database.schema}.instrument WHERE is_desired ORDER BY id`,
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
      };
    });
  }

  async add(instrument: Omit<DesiredInstrument, 'instrumentId'>): Promise<DesiredInstrument> {
    const { rows } = await this.#database.query<{ id: number }>({
      text: `INSERT INTO ${this.#database.schema}.instrument (key, native_symbol, is_desired) VALUES ($1, $2, true)
        ON CONFLICT (key) DO UPDATE SET native_symbol = excluded.native_symbol, is_desired = true RETURNING id`,
      values: [instrument.instrument, instrument.nativeSymbol],
    });
    return { ...instrument, instrumentId: rows[0]!.id };
  }

  async remove(instrument: InstrumentKey): Promise<void> {
    await this.#database.query({
      text: `UPDATE ${this.#database.schema}.instrument SET is_desired = false WHERE key = $1`,
      values: [instrument],
    });
  }
}

/** A key is `<exchange>:<symbol>`, and an exchange's name has no colon. */
function splitInstrumentKey(key: InstrumentKey): [exchange: string, symbol: string] {
  const colon = key.indexOf(':');
  return [key.slice(0, colon), key.slice(colon + 1)];
}
