/**
 * How far a shard has come in its log: whoever takes it over reads from the first record on that is in no state snapshot. Each instrument is saved by
 * itself, under its own place, so no barrier is needed: what another one has already when the log is read again, it leaves out.
 */
import type { InstrumentKey } from '../../market/symbols.ts';

type Unsaved = {
  /** Offset at or before that of its first record that is in no snapshot. */
  from: number;
  lastOffset: number;
  /** Since when, by the monotonic clock. */
  sinceMs: number;
};

export class ShardProgress {
  readonly #unsaved = new Map<InstrumentKey, Unsaved>();
  /** By instrument, the place (offset + 1) up to which its newest snapshot has the log. */
  readonly #savedTo = new Map<InstrumentKey, number>();
  #readTo: number;

  /** @param nextOffset from which on the log is read */
  constructor(nextOffset: number) {
    this.#readTo = nextOffset;
  }

  /** The offset behind the last record that was ever read. */
  get readTo(): number {
    return this.#readTo;
  }

  /** A record of the instrument was read, perhaps again. */
  noteRead(instrument: InstrumentKey, offset: number, nowMs: number): void {
    this.noteReadTo(offset + 1);
    if (offset < (this.#savedTo.get(instrument) ?? 0)) return;
    const unsaved = this.#unsaved.get(instrument);
    if (unsaved === undefined) {
      this.#unsaved.set(instrument, { from: offset, lastOffset: offset, sinceMs: nowMs });
      return;
    }
    unsaved.from = Math.min(unsaved.from, offset);
    unsaved.lastOffset = Math.max(unsaved.lastOffset, offset);
  }

  /** Up to here nothing was left out that somebody needs. */
  noteReadTo(place: number): void {
    if (place > this.#readTo) this.#readTo = place;
  }

  /** A snapshot has all of the instrument's log before `place`. */
  noteSaved(instrument: InstrumentKey, place: number, nowMs: number): void {
    this.#savedTo.set(instrument, Math.max(place, this.#savedTo.get(instrument) ?? 0));
    const unsaved = this.#unsaved.get(instrument);
    if (unsaved === undefined || place <= unsaved.from) return;
    if (unsaved.lastOffset < place) this.#unsaved.delete(instrument);
    else {
      unsaved.from = place;
      unsaved.sinceMs = nowMs;
    }
  }

  /** Its newer snapshots can not be read: it has only what lies before `place`, whatever was said to be saved. */
  noteFellBack(instrument: InstrumentKey, place: number, nowMs: number): void {
    this.#savedTo.set(instrument, place);
    const unsaved = this.#unsaved.get(instrument);
    if (unsaved === undefined)
      this.#unsaved.set(instrument, { from: place, lastOffset: place, sinceMs: nowMs });
    else unsaved.from = Math.min(unsaved.from, place);
  }

  /** The log begins here: nobody can wait for what lay before. */
  noteLostBefore(place: number): void {
    for (const [instrument, unsaved] of this.#unsaved) {
      if (unsaved.lastOffset < place) this.#unsaved.delete(instrument);
      else unsaved.from = Math.max(unsaved.from, place);
    }
  }

  /** Nobody wants the instrument any more. */
  forget(instrument: InstrumentKey): void {
    this.#unsaved.delete(instrument);
    this.#savedTo.delete(instrument);
  }

  /** Offset from which on the log is needed. O(instruments). */
  get neededFrom(): number {
    let from = this.#readTo;
    for (const unsaved of this.#unsaved.values()) from = Math.min(from, unsaved.from);
    return from;
  }

  /**
   * Since when, by the monotonic clock, the instrument that was not saved for longest has waited for a snapshot; `undefined` where all is saved. The log
   * must be kept for longer than that: one that is parked is not saved. A shard that moves begins to count anew. O(instruments).
   */
  get unsavedSinceMs(): number | undefined {
    let sinceMs = Infinity;
    for (const unsaved of this.#unsaved.values()) sinceMs = Math.min(sinceMs, unsaved.sinceMs);
    return sinceMs === Infinity ? undefined : sinceMs;
  }

  /** Instruments with records that have been in no snapshot for longer than `ageMs`. O(instruments). */
  unsavedLongerThan(ageMs: number, nowMs: number): InstrumentKey[] {
    return [...this.#unsaved].filter(([, { sinceMs }]) => nowMs - sinceMs > ageMs).map(([key]) => key);
  }
}
