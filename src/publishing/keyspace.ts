/** The keys of the embedded server: values by type, and when they expire. Text is latin1, one character per byte. */
import type { Clock } from '../base/clock.ts';

export type StreamEntry = { readonly id: string; readonly fields: readonly string[] };

export type StoredValue =
  | { readonly type: 'string'; text: string }
  /** The head of a Redis list is the END here, so that LPUSH costs nothing. */
  | { readonly type: 'list'; readonly items: string[] }
  | { readonly type: 'hash'; readonly fields: Map<string, string> }
  | { readonly type: 'stream'; entries: StreamEntry[]; lastMs: number; lastCounter: number };

/** `expiresAtMs`: by the monotonic clock, so that no key dies because the wall clock was set. */
type Entry = { readonly value: StoredValue; expiresAtMs: number | undefined };

export class Keyspace {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Unix milliseconds. */
  get nowMs(): number {
    return this.#clock.nowMs();
  }

  get(key: string): StoredValue | undefined {
    return this.#entry(key)?.value;
  }

  /** Replaces whatever was there, its expiry too. */
  set(key: string, value: StoredValue, ttlMs?: number): void {
    const expiresAtMs = ttlMs === undefined ? undefined : this.#clock.monotonicMs() + ttlMs;
    this.#entries.set(key, { value, expiresAtMs });
  }

  delete(key: string): boolean {
    const isThere = this.#entry(key) !== undefined;
    this.#entries.delete(key);
    return isThere;
  }

  /** Returns whether the key is there; a TTL that is not above 0 removes it. */
  expire(key: string, ttlMs: number): boolean {
    const entry = this.#entry(key);
    if (entry === undefined) return false;
    if (ttlMs <= 0) this.#entries.delete(key);
    else entry.expiresAtMs = this.#clock.monotonicMs() + ttlMs;
    return true;
  }

  /** Returns what is left to live; −1 when it does not expire, −2 when it is not there. */
  ttlMs(key: string): number {
    const entry = this.#entry(key);
    if (entry === undefined) return -2;
    return entry.expiresAtMs === undefined ? -1 : Math.ceil(entry.expiresAtMs - this.#clock.monotonicMs());
  }

  keys(): string[] {
    this.removeExpired();
    return [...this.#entries.keys()];
  }

  removeExpired(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [key, entry] of this.#entries) {
      if (entry.expiresAtMs !== undefined && entry.expiresAtMs <= nowMs) this.#entries.delete(key);
    }
  }

  clear(): void {
    this.#entries.clear();
  }

  #entry(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry?.expiresAtMs === undefined || entry.expiresAtMs > this.#clock.monotonicMs()) return entry;
    this.#entries.delete(key);
    return undefined;
  }
}
