/**
 * Makes the time partitions that rows need, once each. What lies outside of all reason (a broken clock, a wrong unit) goes to the
 * default partition instead of making one of its own.
 */
import type { Database } from './database.ts';
import { SQL_CHECK_VIOLATION, isSqlError } from './database.ts';

export type PartitionPeriod = 'day' | 'month';

/** Times outside get no partition of their own. */
const PARTITIONS_FROM_MS = Date.UTC(2009, 0, 1);
const PARTITIONS_TO_MS = Date.UTC(2100, 0, 1);

const DAY_MS = 86_400_000;

/** Key of the advisory lock that lets one session make partitions at a time. */
const PARTITION_LOCK = 82_674_638;

export class Partitions {
  readonly #database: Database;
  readonly #table: string;
  readonly #period: PartitionPeriod;
  readonly #made = new Set<string>();

  constructor(options: { database: Database; table: string; period: PartitionPeriod }) {
    this.#database = options.database;
    this.#table = options.table;
    this.#period = options.period;
  }

  /** Resolves when rows of these times can be written. */
  async ensure(timesMs: Iterable<number>): Promise<void> {
    const missing = new Map<string, number>();
    const days = new Set<number>();
    for (const timeMs of timesMs) days.add(Math.floor(timeMs / DAY_MS));
    for (const day of days) {
      const timeMs = day * DAY_MS;
      if (timeMs < PARTITIONS_FROM_MS || timeMs >= PARTITIONS_TO_MS) continue;
      const name = partitionSuffix(timeMs, this.#period);
      if (!this.#made.has(name)) missing.set(name, timeMs);
    }
    for (const [suffix, timeMs] of missing) {
      await this.#create(suffix, timeMs);
      this.#made.add(suffix);
    }
  }

  async #create(suffix: string, timeMs: number): Promise<void> {
    const { schema } = this.#database;
    const { fromMs, toMs } = partitionBounds(timeMs, this.#period);
    try {
      await this.#database.transaction(async (run) => {
        await run({ text: 'SELECT pg_advisory_xact_lock($1)', values: [PARTITION_LOCK] });
        await run({
          text: `CREATE TABLE IF NOT EXISTS ${schema}.${this.#table}_${suffix}
            PARTITION OF ${schema}.${this.#table} FOR VALUES FROM (${fromMs}) TO (${toMs})`,
        });
      });
    } catch (error) {
      // Rows of this period are in the default partition already; there the others go as well.
      if (!isSqlError(error, SQL_CHECK_VIOLATION)) throw error;
    }
  }
}

function partitionSuffix(timeMs: number, period: PartitionPeriod): string {
  return new Date(timeMs)
    .toISOString()
    .slice(0, period === 'day' ? 10 : 7)
    .replaceAll('-', '');
}

function partitionBounds(timeMs: number, period: PartitionPeriod): { fromMs: number; toMs: number } {
  const time = new Date(timeMs);
  const year = time.getUTCFullYear();
  const month = time.getUTCMonth();
  if (period === 'month') return { fromMs: Date.UTC(year, month), toMs: Date.UTC(year, month + 1) };
  const day = time.getUTCDate();
  return { fromMs: Date.UTC(year, month, day), toMs: Date.UTC(year, month, day + 1) };
}
