import type { InstrumentKey } from '../market/symbols.ts';
import type { Database } from './database.ts';

/** The integer that stands for an instrument in every other table; assigned once, never reused, so a found one is kept for good. */
export class InstrumentIds {
  readonly #database: Database;
  readonly #idByKey = new Map<InstrumentKey, number>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Takes the id from whoever has read it. */
  note(instrument: InstrumentKey, id: number): void {
    this.#idByKey.set(instrument, id);
  }

  /** Returns the id, `undefined` when the instrument never had one. */
  async find(instrument: InstrumentKey): Promise<number | undefined> {
    const known = this.#idByKey.get(instrument);
    if (known !== undefined) return known;
    const { rows } = await this.#database.read<{ id: number }>({
      text: `SELECT id FROM ${this.#database.schema}.instrument WHERE key = $1`,
      values: [instrument],
    });
    const id = rows[0]?.id;
    if (id !== undefined) this.#idByKey.set(instrument, id);
    return id;
  }

  /** Returns the id; the first call for an instrument assigns it. */
  async assign(instrument: InstrumentKey): Promise<number> {
    const known = this.#idByKey.get(instrument);
    if (known !== undefined) return known;
    const { schema } = this.#database;
    const { rows } = await this.#database.query<{ id: number }>({
      name: `${schema}.assign-id`,
      text: `WITH added AS (INSERT INTO ${schema}.instrument (key) SELECT $1
          WHERE NOT EXISTS (SELECT FROM ${schema}.instrument WHERE key = $1)
          ON CONFLICT (key) DO NOTHING RETURNING id)
        SELECT id FROM added UNION ALL SELECT id FROM ${schema}.instrument WHERE key = $1`,
      values: [instrument],
    });
    const [row] = rows;
    if (row !== undefined) {
      this.#idByKey.set(instrument, row.id);
      return row.id;
    }
    // Another session added it while this statement ran and did not see it yet.
    const assigned = await this.find(instrument);
    if (assigned === undefined) throw new Error(`Instrument ${instrument} has no id right after it got one`);
    return assigned;
  }
}
