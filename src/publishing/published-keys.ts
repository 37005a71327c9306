/** What Redis was given: the version last published per key, which of the keys it holds newer values of, and which it was told to let expire. */
import type { Publication } from '../actors/ports.ts';
import type { ValueVersion } from './value-head.ts';

export class PublishedKeys {
  readonly #keyTtlMs: number;
  /** An older one that Redis holds is not what it took, a newer one is not ours to keep alive or to let expire. */
  readonly #versions = new Map<string, ValueVersion>();
  /** Those of stopped instruments and since when, oldest first. A Redis that comes back with older values has them again, for as long as those live. */
  readonly #ended = new Map<string, number>();
  /** Keys that hold a newer value than ours: of another writer, or of a history that Postgres no longer has. */
  readonly #refused = new Set<string>();

  constructor(keyTtlMs: number) {
    this.#keyTtlMs = keyTtlMs;
  }

  versionOf(key: string): ValueVersion | undefined {
    return this.#versions.get(key);
  }

  epochOf(key: string): number {
    return this.#versions.get(key)?.epoch ?? 0;
  }

  /** Keys of running instruments. */
  running(): string[] {
    return [...this.#versions.keys()].filter((key) => !this.#ended.has(key));
  }

  /** Keys that were let expire within the life of a value before `nowMs`, by the monotonic clock. */
  ended(nowMs: number): string[] {
    this.#forgetEnded(nowMs);
    return [...this.#ended.keys()];
  }

  noteSent({ key, epoch, seq }: Publication): void {
    this.#versions.set(key, { epoch, seq });
    this.#ended.delete(key);
  }

  /** Returns whether it is refused, as the first of those that are now. */
  noteRefused(key: string, isRefused: boolean): boolean {
    if (!isRefused) {
      this.#refused.delete(key);
      return false;
    }
    const isFirst = this.#refused.size === 0;
    this.#refused.add(key);
    return isFirst;
  }

  /** The key was let expire. */
  noteEnded(key: string, nowMs: number): void {
    this.#refused.delete(key);
    this.#ended.delete(key);
    if (this.#versions.has(key)) this.#ended.set(key, nowMs);
    this.#forgetEnded(nowMs);
  }

  #forgetEnded(nowMs: number): void {
    for (const [key, sinceMs] of this.#ended) {
      if (nowMs - sinceMs <= this.#keyTtlMs) break;
      this.#ended.delete(key);
      this.#versions.delete(key);
    }
  }
}
