/**
 * How far an instrument has come in each source it is fed from, so that what is delivered twice is recognised. Only the most recently
 * used sources are remembered: each reconnect makes a new one, and an old one never comes back.
 */

export type SourcePosition = { readonly source: string; readonly lastOrdinal: number };

/** A resend comes from a source that was in use just before; eight leaves room for redundant feeds. */
const SOURCES_MAX = 8;

export class SourcePositions {
  /** In order of use, the most recent last. */
  readonly #lastOrdinals = new Map<string, number>();
  #newest: string | undefined;

  static restore(data: readonly SourcePosition[]): SourcePositions {
    const positions = new SourcePositions();
    for (const { source, lastOrdinal } of data) positions.record(source, lastOrdinal);
    return positions;
  }

  /** Returns the ordinal of the last accepted event of the source; `undefined` when it is new or long unused. */
  lastOrdinal(source: string): number | undefined {
    return this.#lastOrdinals.get(source);
  }

  record(source: string, lastOrdinal: number): void {
    // Nearly always the one before was of the same source, and it is the last already.
    if (source !== this.#newest) this.#lastOrdinals.delete(source);
    this.#newest = source;
    this.#lastOrdinals.set(source, lastOrdinal);
    if (this.#lastOrdinals.size <= SOURCES_MAX) return;
    for (const oldest of this.#lastOrdinals.keys()) {
      this.#lastOrdinals.delete(oldest);
      return;
    }
  }

  /** Returns the sources in order of use, the most recent last. */
  snapshot(): SourcePosition[] {
    return Array.from(this.#lastOrdinals, ([source, lastOrdinal]) => ({ source, lastOrdinal }));
  }
}
