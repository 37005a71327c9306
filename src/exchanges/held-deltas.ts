/** The deltas of one book that wait for its snapshot, in order: bounded by their number, and in bytes by what all books of the connection hold. */
import { estimateEventBytes } from '../market/event-bytes.ts';
import type { BookDelta } from '../market/events.ts';
import type { SequenceRange } from './adapter.ts';

/** Deltas held while a snapshot is fetched. Beyond it the oldest go: a snapshot that needed them is found too old and fetched again. */
export const BUFFERED_DELTAS_MAX = 4096;
/** Bytes that all books of one connection may hold; beyond it the book that holds another delta lets its oldest go. */
export const HELD_DELTAS_MAX_BYTES = 32 * 1024 * 1024;

export type HeldDelta = { readonly event: BookDelta; readonly range: SequenceRange };

/** What all books of one connection hold, about. */
export type HeldTally = { bytes: number };

export class HeldDeltas {
  readonly #tally: HeldTally;
  #deltas: HeldDelta[] = [];

  constructor(tally: HeldTally) {
    this.#tally = tally;
  }

  get count(): number {
    return this.#deltas.length;
  }

  get first(): HeldDelta | undefined {
    return this.#deltas[0];
  }

  /** Adds a delta and returns how many of the oldest had to go. */
  add(delta: HeldDelta): number {
    this.#deltas.push(delta);
    this.#tally.bytes += estimateEventBytes(delta.event);
    if (this.#deltas.length <= BUFFERED_DELTAS_MAX && this.#tally.bytes <= HELD_DELTAS_MAX_BYTES) return 0;
    // Half at once, so that a book that waits for long moves its array rarely.
    const dropped = this.#deltas.splice(0, (this.#deltas.length + 1) >> 1);
    this.#discount(dropped);
    return dropped.length;
  }

  /** Returns all of them, and holds none any more. */
  takeAll(): readonly HeldDelta[] {
    const deltas = this.#deltas;
    this.#deltas = [];
    this.#discount(deltas);
    return deltas;
  }

  #discount(deltas: readonly HeldDelta[]): void {
    for (const { event } of deltas) this.#tally.bytes -= estimateEventBytes(event);
  }
}
