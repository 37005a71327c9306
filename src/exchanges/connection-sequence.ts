/** The counter that some exchanges put on every frame of a connection: one frame less than it says was lost. */
import type { Sequence } from '../market/events.ts';

export class ConnectionSequence {
  readonly #next: (last: Sequence) => Sequence;
  #last: Sequence | undefined;
  checksOk = 0;
  gapCount = 0;

  /** @param next the sequence expected after one */
  constructor(next: (last: Sequence) => Sequence) {
    this.#next = next;
  }

  /** Returns what is wrong with the sequence of the next frame; `undefined` when nothing is. */
  check(sequence: Sequence): string | undefined {
    const last = this.#last;
    this.#last = sequence;
    if (last === undefined) return undefined;
    const expected = this.#next(last);
    if (sequence === expected) {
      this.checksOk++;
      return undefined;
    }
    this.gapCount++;
    return `connection sequence gap: expected ${expected}, was ${sequence}`;
  }
}
