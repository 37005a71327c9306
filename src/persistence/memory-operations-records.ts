import type { DeadLetter, OperationsRecords, SupervisionEvent } from '../actors/ports.ts';
import { DEAD_LETTER_TEXT_MAX_CHARACTERS, STORED_MAX_RECORDS } from './operations-records.ts';

/** The in-memory twin of the operations records. */
export class MemoryOperationsRecords implements OperationsRecords {
  readonly #events: SupervisionEvent[] = [];
  readonly #letters: DeadLetter[] = [];
  readonly #counts = new Map<string, { exchange: string; reason: string; count: number }>();

  recordSupervisionEvent(event: SupervisionEvent): void {
    this.#events.push(event);
    if (this.#events.length > STORED_MAX_RECORDS) this.#events.shift();
  }

  recordDeadLetter(letter: DeadLetter): void {
    this.#letters.push({ ...letter, text: letter.text.slice(0, DEAD_LETTER_TEXT_MAX_CHARACTERS) });
    if (this.#letters.length > STORED_MAX_RECORDS) this.#letters.shift();
    const key = `${letter.exchange} ${letter.reason}`;
    const known = this.#counts.get(key) ?? { exchange: letter.exchange, reason: letter.reason, count: 0 };
    this.#counts.set(key, { ...known, count: known.count + 1 });
  }

  readSupervisionEvents(query: { path: string | undefined; limit: number }): Promise<SupervisionEvent[]> {
    const rows = this.#events.filter(({ path }) => query.path === undefined || path === query.path);
    return Promise.resolve(rows.toReversed().slice(0, query.limit));
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
}
