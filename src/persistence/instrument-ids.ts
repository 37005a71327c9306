import type { InstrumentKey } from '../market/symbols.ts';
import type { Database } from './database.ts';

/** The integer that stands for an instrument in every other table; assigned once, never reused, so a found one is kept for good. */
export class InstrumentIds {
  readonly #database: Database;
  readonly #idByKey = new Map<InstrumentKey, number>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Returns the id, `undefined` when the instrument never had one. */
  async find(instrument: InstrumentKey): Promise<number | undefined> {
    const known = this.#idByKey.get(instrument);
    if (known !== undefined) return known;
    const { rows } = await this.#database.query<{ id: number }>({
      text: `SELECT id FROM ${this.#database.schema}.instrument WHERE key = $1`,
      values: [instrument],
    });
    const id = rows[0]?.id;
    if (id !== undefined) this.#idByKey.set(instrument, id);
    return id;
  }

  /** Returns the id; the first call for an instrument assigns it. */
  async assign(instrument: InstrumentKey): Promise<number> {
    const known = await this.find(instrument);
    if (known !== undefined) return known;
    await this.#database.query({
      text: `INSERT INTO ${this.#database.schema}.instrument (key) VALUES ($1) ON CONFLICT (key) DO NOTHING`,
      values: [instrument],
    });
    const assigned = await this.find(instrument);
    if (assigned === undefined) throw new Error(`Instrument ${instrument} has no id right after it got one`);
    return assigned;
  }
}
