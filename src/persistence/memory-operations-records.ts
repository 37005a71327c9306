import type {
  AuditEntry,
  DeadLetter,
  FeedGap,
  OperationsRecords,
  SupervisionEvent,
  SupervisionQuery,
} from '../actors/ports.ts';
import type { FeedGapCount } from '../market/feed-gap-cause.ts';
import { FeedGapCounts } from './feed-gap-counts.ts';
import { DEAD_LETTER_TEXT_MAX_CHARACTERS, STORED_MAX_RECORDS } from './operations-records.ts';

/** The in-memory twin of the operations records. */
export class MemoryOperationsRecords implements OperationsRecords {
  readonly #events: SupervisionEvent[] = [];
  readonly #letters: DeadLetter[] = [];
  readonly #gaps: FeedGap[] = [];
  readonly #audit: AuditEntry[] = [];
  readonly #followers = new Set<(event: SupervisionEvent) => void>();
  readonly #gapCounts = new FeedGapCounts();
  readonly #supervisionCounts = new Map<string, number>();
  readonly #counts = new Map<string, { exchange: string; reason: string; count: number }>();

  recordSupervisionEvent(event: SupervisionEvent): void {
    this.#supervisionCounts.set(event.kind, (this.#supervisionCounts.get(event.kind) ?? 0) + 1);
    this.#events.push(event);
    if (this.#events.length > STORED_MAX_RECORDS) this.#events.shift();
    for (const listener of this.#followers) listener(event);
  }

  recordDeadLetter(letter: DeadLetter): void {
    this.#letters.push({ ...letter, text: letter.text.slice(0, DEAD_LETTER_TEXT_MAX_CHARACTERS) });
    if (this.#letters.length > STORED_MAX_RECORDS) this.#letters.shift();
    const key = `${letter.exchange} ${letter.reason}`;
    const known = this.#counts.get(key) ?? { exchange: letter.exchange, reason: letter.reason, count: 0 };
    this.#counts.set(key, { ...known, count: known.count + 1 });
  }

  recordFeedGap(gap: FeedGap): void {
    this.#gapCounts.add(gap);
    this.#gaps.push(gap);
    if (this.#gaps.length > STORED_MAX_RECORDS) this.#gaps.shift();
  }

  recordAudit(entry: AuditEntry): void {
    this.#audit.push(entry);
    if (this.#audit.length > STORED_MAX_RECORDS) this.#audit.shift();
  }

  readSupervisionEvents({ path, kinds, sinceMs, limit }: SupervisionQuery): Promise<SupervisionEvent[]> {
    const rows = this.#events.filter(
      (event) =>
        (path === undefined || event.path === path) &&
        (kinds === undefined || kinds.includes(event.kind)) &&
        (sinceMs === undefined || event.timeMs >= sinceMs),
    );
    return Promise.resolve(rows.toReversed().slice(0, limit));
  }

  followSupervisionEvents(listener: (event: SupervisionEvent) => void): () => void {
    this.#followers.add(listener);
    return () => void this.#followers.delete(listener);
  }

  readDeadLetters(query: { exchange: string | undefined; limit: number }): Promise<DeadLetter[]> {
    const rows = this.#letters.filter(
      ({ exchange }) => query.exchange === undefined || exchange === query.exchange,
    );
    return Promise.resolve(rows.toReversed().slice(0, query.limit));
  }

  countDeadLetters(): Promise<{ exchange: string; reason: string; count: number }[]> {
    const rows = [...this.#counts.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, count]) => count);
    return Promise.resolve(rows);
  }

  readFeedGaps(query: {
    exchange?: string | undefined;
    instrument: string | undefined;
    limit: number;
  }): Promise<FeedGap[]> {
    const rows = this.#gaps.filter(
      ({ exchange, instrument }) =>
        (query.exchange === undefined || exchange === query.exchange) &&
        (query.instrument === undefined || instrument === query.instrument),
    );
    return Promise.resolve(rows.toReversed().slice(0, query.limit));
  }

  readAudit(query: {
    who: string | undefined;
    sinceMs: number | undefined;
    limit: number;
  }): Promise<AuditEntry[]> {
    const rows = this.#audit.filter(
      ({ who, timeMs }) =>
        (query.who === undefined || who === query.who) &&
        (query.sinceMs === undefined || timeMs >= query.sinceMs),
    );
    return Promise.resolve(rows.toReversed().slice(0, query.limit));
  }

  countFeedGaps(): FeedGapCount[] {
    return this.#gapCounts.all();
  }

  countSupervisionEvents(): ReadonlyMap<string, number> {
    return this.#supervisionCounts;
  }
}
