/**
 * Supervision events and dead letters for operators. Recording never waits and never fails its caller: records queue up to a limit, the
 * oldest give way when the database can't keep up, and the log says how many did. Counts of dead letters lose nothing, and
 * count twice only what was under way when a connection broke at commit.
 */
import type { DeadLetter, OperationsRecords, SupervisionEvent } from '../actors/ports.ts';
import type { Database } from './database.ts';
import type { WriterContext } from './retry.ts';
import { retryTransient } from './retry.ts';

/** Records of each kind that wait to be written. */
export const QUEUE_MAX_RECORDS = 1_000;
/** Records of each kind that stay in the database, about: older ones are dropped now and then. */
export const STORED_MAX_RECORDS = 10_000;
/** Characters of raw text that a dead letter keeps. */
export const DEAD_LETTER_TEXT_MAX_CHARACTERS = 2_000;

/** Records written between two times of dropping old ones. */
const TRIM_EVERY_RECORDS = 1_000;

type Counts = Map<string, { exchange: string; reason: string; count: number }>;

export class PostgresOperationsRecords implements OperationsRecords {
  readonly #database: Database;
  readonly #context: WriterContext;
  readonly #stop = new AbortController();
  #events: SupervisionEvent[] = [];
  #letters: DeadLetter[] = [];
  #counts: Counts = new Map();
  #droppedCount = 0;
  #writtenSinceTrim = 0;
  #writing: Promise<void> | undefined;

  constructor(options: { database: Database; context: WriterContext }) {
    this.#database = options.database;
    this.#context = options.context;
  }

  recordSupervisionEvent(event: SupervisionEvent): void {
    this.#events.push(event);
    this.#bound();
  }

  recordDeadLetter(letter: DeadLetter): void {
    this.#letters.push({ ...letter, text: letter.text.slice(0, DEAD_LETTER_TEXT_MAX_CHARACTERS) });
    addCount(this.#counts, letter.exchange, letter.reason, 1);
    this.#bound();
  }

  async readSupervisionEvents(query: {
    path: string | undefined;
    limit: number;
  }): Promise<SupervisionEvent[]> {
    await this.#writing;
    const { rows } = await this.#database.read<
      Omit<SupervisionEvent, 'recoveredPosition'> & { recoveredPosition: number | null }
    >({
      text: `SELECT time_ms AS "timeMs", path, kind, cause, decision, attempt, delay_ms AS "delayMs",
          recovered_position AS "recoveredPosition"
        FROM ${this.#database.schema}.supervision_event
        WHERE $1::text IS NULL OR path = $1 ORDER BY id DESC LIMIT $2`,
      values: [query.path ?? null, query.limit],
    });
    return rows.map((row) => ({ ...row, recoveredPosition: row.recoveredPosition ?? undefined }));
  }

  async readDeadLetters(query: { exchange: string | undefined; limit: number }): Promise<DeadLetter[]> {
    await this.#writing;
    const { rows } = await this.#database.read<Omit<DeadLetter, 'symbol'> & { symbol: string | null }>({
      text: `SELECT time_ms AS "timeMs", exchange, symbol, reason, detail, text
        FROM ${this.#database.schema}.dead_letter
        WHERE $1::text IS NULL OR exchange = $1 ORDER BY id DESC LIMIT $2`,
      values: [query.exchange ?? null, query.limit],
    });
    return rows.map((row) => ({ ...row, symbol: row.symbol ?? undefined }));
  }

  async countDeadLetters(): Promise<{ exchange: string; reason: string; count: number }[]> {
    await this.#writing;
    const { rows } = await this.#database.read<{ exchange: string; reason: string; count: number }>({
      text: `SELECT exchange, reason, count FROM ${this.#database.schema}.dead_letter_count ORDER BY exchange, reason`,
    });
    return rows;
  }

  /** Writes what waits, without waiting any longer for a database that is away. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#writing;
  }

  #bound(): void {
    if (this.#events.length > QUEUE_MAX_RECORDS) {
      this.#events.shift();
      this.#droppedCount++;
    }
    if (this.#letters.length > QUEUE_MAX_RECORDS) {
      this.#letters.shift();
      this.#droppedCount++;
    }
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    await Promise.resolve();
    while (this.#events.length + this.#letters.length > 0) {
      this.#reportDropped();
      const events = this.#events;
      const letters = this.#letters;
      const counts = this.#counts;
      this.#events = [];
      this.#letters = [];
      this.#counts = new Map();
      try {
        await retryTransient(() => this.#write(events, letters, counts), {
          context: this.#context,
          what: `writing ${events.length + letters.length} operations records`,
          deadlineMs: Infinity,
          stop: this.#stop.signal,
        });
      } catch (error) {
        this.#context.log.error({ err: error }, 'operations records could not be written');
        this.#droppedCount += events.length + letters.length;
        if (this.#stop.signal.aborted) this.#dropQueue();
      }
    }
    this.#reportDropped();
    this.#writing = undefined;
  }

  #dropQueue(): void {
    this.#droppedCount += this.#events.length + this.#letters.length;
    this.#events = [];
    this.#letters = [];
  }

  #reportDropped(): void {
    if (this.#droppedCount === 0) return;
    this.#context.log.warn({ droppedCount: this.#droppedCount }, 'operations records dropped');
    this.#droppedCount = 0;
  }

  async #write(
    events: readonly SupervisionEvent[],
    letters: readonly DeadLetter[],
    counts: Counts,
  ): Promise<void> {
    const { schema } = this.#database;
    this.#writtenSinceTrim += events.length + letters.length;
    const isTrimDue = this.#writtenSinceTrim >= TRIM_EVERY_RECORDS;
    await this.#database.transaction(async (run) => {
      if (events.length > 0) {
        await run({
          text: `INSERT INTO ${schema}.supervision_event
            (time_ms, path, kind, cause, decision, attempt, delay_ms, recovered_position)
            SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[])`,
          values: [
            events.map(({ timeMs }) => timeMs),
            events.map(({ path }) => storableText(path)),
            events.map(({ kind }) => storableText(kind)),
            events.map(({ cause }) => storableText(cause)),
            events.map(({ decision }) => storableText(decision)),
            events.map(({ attempt }) => attempt),
            events.map(({ delayMs }) => Math.round(delayMs)),
            events.map(({ recoveredPosition }) => recoveredPosition ?? null),
          ],
        });
      }
      if (letters.length > 0) {
        await run({
          text: `INSERT INTO ${schema}.dead_letter (time_ms, exchange, symbol, reason, detail, text)
            SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])`,
          values: [
            letters.map(({ timeMs }) => timeMs),
            letters.map(({ exchange }) => storableText(exchange)),
            letters.map(({ symbol }) => (symbol === undefined ? null : storableText(symbol))),
            letters.map(({ reason }) => storableText(reason)),
            letters.map(({ detail }) => storableText(detail)),
            letters.map(({ text }) => storableText(text)),
          ],
        });
        const sums = [...counts.values()];
        await run({
          text: `INSERT INTO ${schema}.dead_letter_count AS stored (exchange, reason, count)
            SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
            ON CONFLICT (exchange, reason) DO UPDATE SET count = stored.count + excluded.count`,
          values: [
            sums.map(({ exchange }) => storableText(exchange)),
            sums.map(({ reason }) => storableText(reason)),
            sums.map(({ count }) => count),
          ],
        });
      }
      if (isTrimDue) {
        for (const table of ['supervision_event', 'dead_letter']) {
          await run({
            text: `DELETE FROM ${schema}.${table} WHERE id <= (SELECT max(id) FROM ${schema}.${table}) - $1`,
            values: [STORED_MAX_RECORDS],
          });
        }
      }
    });
    if (isTrimDue) this.#writtenSinceTrim = 0;
  }
}

/** Postgres text holds no NUL, and a hostile frame may. */
function storableText(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}

function addCount(counts: Counts, exchange: string, reason: string, by: number): void {
  const key = `${exchange} ${reason}`;
  const known = counts.get(key);
  if (known === undefined) counts.set(key, { exchange, reason, count: by });
  else known.count += by;
}
