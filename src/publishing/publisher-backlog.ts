/** What waits to be sent: the latest value per key, closed candles in a bounded queue, keys to refresh, keys to let expire. */
import type { Publication } from '../actors/ports.ts';
import { closedCandlesKey } from './keys.ts';
import type { PublisherMetrics } from './publisher-metrics.ts';
import { compareVersions, isStampable, stampValue } from './value-head.ts';

export const DEFAULT_CLOSED_QUEUE_MAX = 50_000;

/** `sinceMs`: since when a subscriber has waited for a value of this key. */
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

  constructor(metrics: PublisherMetrics, closedMax: number) {
    this.#metrics = metrics;
    this.#closedMax = closedMax;
  }

  get isEmpty(): boolean {
    return this.valueCount + this.#refreshes.size + this.#expiries.size === 0;
  }

  get valueCount(): number {
    return this.#latest.size + this.#closed.size;
  }

  hasLatest(key: string): boolean {
    return this.#latest.has(key);
  }

  add(publication: Publication, nowMs: number): void {
    if (!isStampable(publication)) {
      this.countDropped(`the value of ${publication.key} is no JSON object`);
      return;
    }
    if (publication.kind === 'closedCandle') this.#addClosed(publication, nowMs);
    else this.#addLatest({ publication, sinceMs: nowMs });
  }

  addRefresh(key: string): void {
    this.#expiries.delete(key);
    this.#refreshes.add(key);
  }

  addExpiry(key: string): void {
    this.#refreshes.delete(key);
    this.#expiries.add(key);
  }

  takeLatest(countMax: number): WaitingValue[] {
    return takeFirst(this.#latest, countMax).map(([, waiting]) => waiting);
  }

  /** Returns a value that was not sent, unless a newer one has come meanwhile. */
  putBack(waiting: WaitingValue): void {
    const { key } = waiting.publication;
    const newer = this.#latest.get(key);
    if (newer !== undefined) this.#metrics.conflated++;
    this.#latest.set(key, newer === undefined ? waiting : { ...newer, sinceMs: waiting.sinceMs });
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
