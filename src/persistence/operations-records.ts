/**
 * Supervision events, dead letters, feed gaps and the audit of changes for operators. Recording never waits and never fails its caller: records queue up to a limit, the
 * oldest give way when the database can't keep up, and the log says how many did. Counts of dead letters lose nothing, and
 * count twice only what was under way when a connection broke at commit.
 */
import type { OutputRecord } from '../actors/outputs.ts';
import type {
  AuditEntry,
  DeadLetter,
  FeedGap,
  OperationsRecords,
  SupervisionEvent,
  SupervisionQuery,
} from '../actors/ports.ts';
import type { FeedGapCount } from '../market/feed-gap-cause.ts';
import type { Database } from './database.ts';
import { FeedGapCounts } from './feed-gap-counts.ts';
import type { DeadLetterCount } from './operations-records-sql.ts';
import {
  addDeadLetterCounts,
  dropOldRecords,
  insertAudit,
  insertDeadLetters,
  insertFeedGaps,
  insertSupervisionEvents,
} from './operations-records-sql.ts';
import { deadLetterOutput, supervisionOutput } from './output-documents.ts';
import type { WantedOutputs } from './output-outbox.ts';
import { insertOutputs } from './output-outbox.ts';
import type { WriterContext } from './retry.ts';
import { retryTransient } from './retry.ts';
import { OutageLog } from '../base/outage-log.ts';

/** Records of each kind that wait to be written. */
export const QUEUE_MAX_RECORDS = 1_000;
/** Records of each kind that stay in the database, about: older ones are dropped now and then. */
export const STORED_MAX_RECORDS = 10_000;
/** Characters of raw text that a dead letter keeps. */
export const DEAD_LETTER_TEXT_MAX_CHARACTERS = 2_000;

/** After a write, so that what many instruments record at once goes in few transactions; a reader ends it. */
const WRITE_PAUSE_MS = 100;

/** How long a reader waits for what is being written. */
const READER_WAIT_MAX_MS = 1_000;

/** Records written between two times of dropping old ones. */
const TRIM_EVERY_RECORDS = 1_000;

type Waiting = {
  readonly events: SupervisionEvent[];
  readonly letters: DeadLetter[];
  readonly gaps: FeedGap[];
  readonly audit: AuditEntry[];
  readonly letterCounts: Map<string, DeadLetterCount>;
  /** Of the supervision events and dead letters, for Kafka. */
  readonly outputs: OutputRecord[];
};

export class PostgresOperationsRecords implements OperationsRecords {
  readonly #database: Database;
  readonly #context: WriterContext;
  readonly #outage: OutageLog;
  readonly #outputs: WantedOutputs | undefined;
  readonly #stop = new AbortController();
  readonly #followers = new Set<(event: SupervisionEvent) => void>();
  readonly #gapCounts = new FeedGapCounts();
  readonly #supervisionCounts = new Map<string, number>();
  #waiting = nothingWaiting();
  /** Records that were given an id. */
  #outputCount = 0;
  /** Since the log told. */
  #droppedCount = 0;
  #droppedTotal = 0;
  #writtenSinceTrim = 0;
  #writing: Promise<void> | undefined;
  #pause: Promise<void> | undefined;
  #endPause: () => void = () => undefined;

  constructor(options: { database: Database; context: WriterContext; outputs?: WantedOutputs | undefined }) {
    this.#database = options.database;
    this.#outputs = options.outputs;
    this.#context = options.context;
    this.#outage = new OutageLog(options.context);
  }

  /** Records that wait, of the kind of which most do. */
  get waitingMax(): number {
    const { events, letters, gaps, audit, outputs } = this.#waiting;
    return Math.max(events.length, letters.length, gaps.length, audit.length, outputs.length);
  }

  get droppedTotal(): number {
    return this.#droppedTotal + this.#droppedCount;
  }

  recordSupervisionEvent(event: SupervisionEvent): void {
    this.#supervisionCounts.set(event.kind, (this.#supervisionCounts.get(event.kind) ?? 0) + 1);
    if (this.#outputs?.topics.has('supervision') === true) {
      this.#add(this.#waiting.outputs, supervisionOutput(event, this.#nextOutputId()));
    }
    this.#add(this.#waiting.events, event);
    for (const listener of this.#followers) listener(event);
  }

  recordDeadLetter(letter: DeadLetter): void {
    addCount(this.#waiting.letterCounts, letter);
    const text = letter.text.slice(0, DEAD_LETTER_TEXT_MAX_CHARACTERS);
    const kept = { ...letter, text };
    if (this.#outputs?.topics.has('deadLetters') === true) {
      this.#add(this.#waiting.outputs, deadLetterOutput(kept, this.#nextOutputId()));
    }
    this.#add(this.#waiting.letters, kept);
  }

  recordFeedGap(gap: FeedGap): void {
    this.#gapCounts.add(gap);
    this.#add(this.#waiting.gaps, gap);
  }

  recordAudit(entry: AuditEntry): void {
    this.#add(this.#waiting.audit, entry);
  }

  async readSupervisionEvents(query: SupervisionQuery): Promise<SupervisionEvent[]> {
    await this.#untilWritten();
    const { rows } = await this.#database.read<
      Omit<SupervisionEvent, 'recoveredPosition'> & { recoveredPosition: number | null }
    >({
      text: `SELECT time_ms AS "timeMs", path, kind, cause, decision, attempt, delay_ms AS "delayMs",
          recovered_position AS "recoveredPosition"
        FROM ${this.#database.schema}.supervision_event
        WHERE ($1::text IS NULL OR path = $1) AND ($2::text[] IS NULL OR kind = ANY($2))
          AND ($3::bigint IS NULL OR time_ms >= $3)
        ORDER BY id DESC LIMIT $4`,
      values: [query.path ?? null, query.kinds ?? null, query.sinceMs ?? null, query.limit],
    });
    return rows.map((row) => ({ ...row, recoveredPosition: row.recoveredPosition ?? undefined }));
  }

  followSupervisionEvents(listener: (event: SupervisionEvent) => void): () => void {
    this.#followers.add(listener);
    return () => void this.#followers.delete(listener);
  }

  async readDeadLetters(query: { exchange: string | undefined; limit: number }): Promise<DeadLetter[]> {
    await this.#untilWritten();
    const { rows } = await this.#database.read<Omit<DeadLetter, 'symbol'> & { symbol: string | null }>({
      text: `SELECT time_ms AS "timeMs", exchange, symbol, reason, detail, text
        FROM ${this.#database.schema}.dead_letter
        WHERE $1::text IS NULL OR exchange = $1 ORDER BY id DESC LIMIT $2`,
      values: [query.exchange ?? null, query.limit],
    });
    return rows.map((row) => ({ ...row, symbol: row.symbol ?? undefined }));
  }

  async countDeadLetters(): Promise<{ exchange: string; reason: string; count: number }[]> {
    await this.#untilWritten();
    const { rows } = await this.#database.read<{ exchange: string; reason: string; count: number }>({
      text: `SELECT exchange, reason, count FROM ${this.#database.schema}.dead_letter_count ORDER BY exchange, reason`,
    });
    return rows;
  }

  async readFeedGaps(query: {
    exchange?: string | undefined;
    instrument: string | undefined;
    limit: number;
  }): Promise<FeedGap[]> {
    await this.#untilWritten();
    const { rows } = await this.#database.read<FeedGap>({
      text: `SELECT exchange, instrument, channel, from_ms AS "fromMs", to_ms AS "toMs", reason, repair,
          trades_refetched AS "tradesRefetched"
        FROM ${this.#database.schema}.feed_gap
        WHERE ($1::text IS NULL OR exchange = $1) AND ($2::text IS NULL OR instrument = $2)
        ORDER BY id DESC LIMIT $3`,
      values: [query.exchange ?? null, query.instrument ?? null, query.limit],
    });
    return rows;
  }

  async readAudit(query: {
    who: string | undefined;
    sinceMs: number | undefined;
    limit: number;
  }): Promise<AuditEntry[]> {
    await this.#untilWritten();
    const { rows } = await this.#database.read<AuditEntry>({
      text: `SELECT time_ms AS "timeMs", who, address, method, path, body, status
        FROM ${this.#database.schema}.audit
        WHERE ($1::text IS NULL OR who = $1) AND ($2::bigint IS NULL OR time_ms >= $2)
        ORDER BY id DESC LIMIT $3`,
      values: [query.who ?? null, query.sinceMs ?? null, query.limit],
    });
    return rows;
  }

  countFeedGaps(): FeedGapCount[] {
    return this.#gapCounts.all();
  }

  countSupervisionEvents(): ReadonlyMap<string, number> {
    return this.#supervisionCounts;
  }

  /** Writes what waits, without waiting any longer for a database that is away. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#endPause();
    await this.#writing;
    this.#endPause();
  }

  /** Readers see what was recorded before, but don't wait for a database that is away. */
  async #untilWritten(): Promise<void> {
    if (this.#writing === undefined) return;
    this.#endPause();
    await Promise.race([this.#writing, this.#context.timers.sleep(READER_WAIT_MAX_MS)]);
  }

  #nextOutputId(): string {
    return `${this.#outputs?.source ?? ''}/${++this.#outputCount}`;
  }

  #add<Item>(queue: Item[], record: Item): void {
    queue.push(record);
    if (queue.length > QUEUE_MAX_RECORDS) {
      queue.shift();
      this.#droppedCount++;
    }
    if (queue.length >= QUEUE_MAX_RECORDS / 2) this.#endPause();
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    await (this.#pause ?? Promise.resolve());
    while (recordsOf(this.#waiting) > 0) {
      this.#reportDropped();
      const waiting = this.#waiting;
      this.#waiting = nothingWaiting();
      try {
        await retryTransient(() => this.#write(waiting), {
          context: this.#context,
          what: 'writing operations records',
          fields: { records: recordsOf(waiting) },
          outage: this.#outage,
          deadlineMs: Infinity,
          stop: this.#stop.signal,
        });
      } catch (error) {
        this.#context.log.error({ err: error }, 'operations records could not be written');
        this.#droppedCount += recordsOf(waiting);
        if (this.#stop.signal.aborted) this.#dropQueue();
      }
    }
    this.#reportDropped();
    this.#writing = undefined;
    this.#beginPause();
  }

  #beginPause(): void {
    this.#pause = new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        this.#pause = undefined;
        resolve();
      };
      const timer = this.#context.timers.after(WRITE_PAUSE_MS, end);
      this.#endPause = end;
    });
  }

  #dropQueue(): void {
    this.#droppedCount += recordsOf(this.#waiting);
    this.#waiting = nothingWaiting();
  }

  #reportDropped(): void {
    if (this.#droppedCount === 0) return;
    this.#droppedTotal += this.#droppedCount;
    this.#context.log.warn({ droppedCount: this.#droppedCount }, 'operations records dropped');
    this.#droppedCount = 0;
  }

  async #write(waiting: Waiting): Promise<void> {
    const { schema } = this.#database;
    this.#writtenSinceTrim += recordsOf(waiting);
    const isTrimDue = this.#writtenSinceTrim >= TRIM_EVERY_RECORDS;
    await this.#database.transaction(async (run) => {
      await insertSupervisionEvents(run, schema, waiting.events);
      const repeated = await insertDeadLetters(run, schema, waiting.letters);
      const counts = new Map(waiting.letterCounts);
      for (const letter of repeated) addCount(counts, letter, -1);
      await addDeadLetterCounts(run, schema, [...counts.values()]);
      await insertFeedGaps(run, schema, waiting.gaps);
      await insertAudit(run, schema, waiting.audit);
      await insertOutputs(run, schema, waiting.outputs);
      if (isTrimDue) await dropOldRecords(run, schema, STORED_MAX_RECORDS);
    });
    if (isTrimDue) this.#writtenSinceTrim = 0;
  }
}

function nothingWaiting(): Waiting {
  return { events: [], letters: [], gaps: [], audit: [], letterCounts: new Map(), outputs: [] };
}

function recordsOf({ events, letters, gaps, audit, outputs }: Waiting): number {
  return events.length + letters.length + gaps.length + audit.length + outputs.length;
}

function addCount(counts: Waiting['letterCounts'], { exchange, reason }: DeadLetter, change = 1): void {
  const key = `${exchange} ${reason}`;
  const known = counts.get(key) ?? { exchange, reason, count: 0 };
  counts.set(key, { ...known, count: known.count + change });
}
