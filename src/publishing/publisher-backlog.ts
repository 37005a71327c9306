/** What waits to be sent: the latest value per key, closed candles in a bounded queue, marks, keys to refresh, keys to let expire. */
import type { Publication, StaleMark } from '../actors/ports.ts';
import type { Clock } from '../base/clock.ts';
import { ClosedCandleQueue } from './closed-candle-queue.ts';
import type { PublisherMetrics } from './publisher-metrics.ts';
import { toStaleText } from './stale-text.ts';
import { compareVersions, isStampable } from './value-head.ts';

export const DEFAULT_CLOSED_QUEUE_MAX = 50_000;

/** `sinceMs`: since when a subscriber has waited for a value of this key, by the monotonic clock. */
export type WaitingValue = { readonly publication: Publication; readonly sinceMs: number };

export class PublisherBacklog {
  readonly closed: ClosedCandleQueue;
  readonly #metrics: PublisherMetrics;
  /** One value per key, so bounded by the number of keys. */
  #latest = new Map<string, WaitingValue>();
  /** A key is in at most one of these. */
  #refreshes = new Set<string>();
  readonly #expiries = new Set<string>();
  /** In force until a newer value comes: a value that comes back unsent is not to undo them. */
  readonly #marks = new Map<string, StaleMark>();
  readonly #unsentMarks = new Map<string, StaleMark>();

  constructor(metrics: PublisherMetrics, closedMax: number) {
    this.#metrics = metrics;
    this.closed = new ClosedCandleQueue(closedMax);
  }

  get isEmpty(): boolean {
    return this.valueCount + this.#refreshes.size + this.#expiries.size + this.#unsentMarks.size === 0;
  }

  get hasMarks(): boolean {
    return this.#unsentMarks.size > 0;
  }

  get valueCount(): number {
    return this.#latest.size + this.closed.count;
  }

  get refreshCount(): number {
    return this.#refreshes.size;
  }

  hasLatest(key: string): boolean {
    return this.#latest.has(key);
  }

  add(publication: Publication, clock: Clock): void {
    if (!isStampable(publication)) {
      this.countDropped(`the value of ${publication.key} is no JSON object`);
      return;
    }
    if (publication.kind === 'closedCandle') {
      if (this.closed.add(publication, clock.nowMs()))
        this.countDropped('too many closed candles wait for Redis');
    } else this.#addLatest({ publication, sinceMs: clock.monotonicMs() });
  }

  addRefresh(key: string): void {
    this.#expiries.delete(key);
    this.#refreshes.add(key);
  }

  addExpiry(key: string): void {
    this.#refreshes.delete(key);
    this.#expiries.add(key);
  }

  addMark(mark: StaleMark): void {
    this.#marks.set(mark.key, mark);
    this.#unsentMarks.set(mark.key, mark);
    const waiting = this.#latest.get(mark.key);
    if (waiting !== undefined) this.#latest.set(mark.key, marked(waiting, mark));
  }

  /** Redis may have lost what it was told: all marks in force are sent again. */
  repeatMarks(): void {
    for (const [key, mark] of this.#marks) this.#unsentMarks.set(key, mark);
  }

  /**
   * Returns marks to send; with `inForce` only those that no newer value has made pointless, the others are forgotten. A value that still waits, perhaps
   * for a lease that is lost, has made nothing pointless yet.
   */
  takeMarks(countMax: number, options: { inForce: boolean }): StaleMark[] {
    const taken = takeFirst(this.#unsentMarks, countMax).map(([, mark]) => mark);
    if (!options.inForce) return taken;
    return taken.filter((mark) => this.#marks.get(mark.key) === mark || this.#latest.has(mark.key));
  }

  /** Returns a mark that was not sent, unless another has come meanwhile. */
  putBackMark(mark: StaleMark): void {
    if (!this.#unsentMarks.has(mark.key)) this.#unsentMarks.set(mark.key, mark);
  }

  /** The key is gone, or somebody else's. */
  forgetMark(key: string): void {
    this.#marks.delete(key);
    this.#unsentMarks.delete(key);
  }

  takeLatest(countMax: number): WaitingValue[] {
    if (this.#latest.size <= countMax) {
      // A map that is filled and emptied for ever holds, by the tables that it has outgrown, what was in it long ago.
      const all = [...this.#latest.values()];
      this.#latest = new Map();
      return all;
    }
    return takeFirst(this.#latest, countMax).map(([, waiting]) => waiting);
  }

  /** Returns a value that was not sent, unless a newer one has come meanwhile. */
  putBack(waiting: WaitingValue): void {
    const { key } = waiting.publication;
    const newer = this.#latest.get(key);
    if (newer !== undefined) {
      this.#metrics.conflated++;
      this.#latest.set(key, { ...newer, sinceMs: waiting.sinceMs });
      return;
    }
    const mark = this.#marks.get(key);
    this.#latest.set(key, mark === undefined ? waiting : marked(waiting, mark));
  }

  takeRefreshes(countMax: number): string[] {
    if (this.#refreshes.size <= countMax) {
      const all = [...this.#refreshes];
      this.#refreshes = new Set();
      return all;
    }
    return takeFirst(this.#refreshes, countMax).map(([key]) => key);
  }

  takeExpiries(countMax: number): string[] {
    return takeFirst(this.#expiries, countMax).map(([key]) => key);
  }

  countDropped(why: string): void {
    this.#metrics.dropped++;
    this.#metrics.lastErrorText = why;
  }

  #addLatest(waiting: WaitingValue): void {
    const { key } = waiting.publication;
    this.#expiries.delete(key);
    this.#marks.delete(key);
    const held = this.#latest.get(key);
    if (held === undefined) {
      this.#latest.set(key, waiting);
      return;
    }
    this.#metrics.conflated++;
    if (compareVersions(waiting.publication, held.publication) < 0) return;
    this.#latest.set(key, { ...waiting, sinceMs: held.sinceMs });
  }
}

function marked(waiting: WaitingValue, { reason }: StaleMark): WaitingValue {
  const { publication, sinceMs } = waiting;
  return {
    sinceMs,
    publication: { ...publication, value: toStaleText(publication.value, JSON.stringify(reason)) },
  };
}

/** Removes and returns the first entries of a map or set. */
function takeFirst<Key, Value>(
  from: { entries(): IterableIterator<[Key, Value]>; delete(key: Key): boolean },
  countMax: number,
): [Key, Value][] {
  const taken: [Key, Value][] = [];
  for (const entry of from.entries()) {
    if (taken.length === countMax) break;
    taken.push(entry);
  }
  for (const [key] of taken) from.delete(key);
  return taken;
}
