/** What waits to be sent: the latest value per key, closed candles in a bounded queue, marks, keys to refresh, keys to let expire. */
import type { Publication, StaleMark } from '../actors/ports.ts';
import type { Clock } from '../base/clock.ts';
import { closedCandlesKey } from './keys.ts';
import type { PublisherMetrics } from './publisher-metrics.ts';
import { toStaleText } from './stale-text.ts';
import { compareVersions, isStampable, stampValue } from './value-head.ts';

export const DEFAULT_CLOSED_QUEUE_MAX = 50_000;

/** `sinceMs`: since when a subscriber has waited for a value of this key, by the monotonic clock. */
export type WaitingValue = { readonly publication: Publication; readonly sinceMs: number };
/** `key` is that of the list. Stamped on arrival, so that one that is sent again is the same text. */
export type WaitingCandle = {
  readonly key: string;
  readonly publication: Publication;
  readonly value: string;
};

export class PublisherBacklog {
  readonly #metrics: PublisherMetrics;
  readonly #closedMax: number;
  /** One value per key, so bounded by the number of keys. */
  readonly #latest = new Map<string, WaitingValue>();
  /** In order of arrival. */
  readonly #closed = new Set<WaitingCandle>();
  /** A key is in at most one of these. */
  readonly #refreshes = new Set<string>();
  readonly #expiries = new Set<string>();
  /** In force until a newer value comes: a value that comes back unsent is not to undo them. */
  readonly #marks = new Map<string, StaleMark>();
  readonly #unsentMarks = new Map<string, StaleMark>();

  constructor(metrics: PublisherMetrics, closedMax: number) {
    this.#metrics = metrics;
    this.#closedMax = closedMax;
  }

  get isEmpty(): boolean {
    return this.valueCount + this.#refreshes.size + this.#expiries.size + this.#unsentMarks.size === 0;
  }

  get hasMarks(): boolean {
    return this.#unsentMarks.size > 0;
  }

  get valueCount(): number {
    return this.#latest.size + this.#closed.size;
  }

  get closedCount(): number {
    return this.#closed.size;
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
    if (publication.kind === 'closedCandle') this.#addClosed(publication, clock.nowMs());
    else this.#addLatest({ publication, sinceMs: clock.monotonicMs() });
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

  /** Returns the oldest candles, one group per list; they stay until removed. */
  firstClosed(countMax: number): readonly (readonly WaitingCandle[])[] {
    const byKey = new Map<string, WaitingCandle[]>();
    let count = 0;
    for (const candle of this.#closed) {
      if (count++ >= countMax) break;
      const group = byKey.get(candle.key);
      if (group === undefined) byKey.set(candle.key, [candle]);
      else group.push(candle);
    }
    return [...byKey.values()];
  }

  removeClosed(candles: readonly WaitingCandle[]): void {
    for (const candle of candles) this.#closed.delete(candle);
  }

  takeRefreshes(countMax: number): string[] {
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

  #addClosed(publication: Publication, nowMs: number): void {
    const value = stampValue(publication, nowMs);
    this.#closed.add({ key: closedCandlesKey(publication.key), publication, value });
    if (this.#closed.size <= this.#closedMax) return;
    for (const oldest of this.#closed) {
      this.#closed.delete(oldest);
      this.countDropped('too many closed candles wait for Redis');
      break;
    }
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
