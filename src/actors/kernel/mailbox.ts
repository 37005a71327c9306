/**
 * The messages that wait for one actor. nact's own mailbox is unbounded, can't be looked into and dies with its actor, so it holds only
 * turns; what a turn takes up lies here, is counted, and outlives the nact actor.
 */

export type Envelope = {
  readonly message: unknown;
  /** Tells whoever asked that the message failed, or that nobody will handle it. */
  readonly reject?: (error: unknown) => void;
  /** Set when something outside of a handler failed (a timer's action): the actor fails with it when it comes to it. */
  readonly fault?: { readonly error: unknown; readonly incarnation: number };
};

const COMPACT_AT = 1024;

export class Mailbox {
  #envelopes: (Envelope | undefined)[] = [];
  #headIndex = 0;

  get length(): number {
    return this.#envelopes.length - this.#headIndex;
  }

  push(envelope: Envelope): void {
    this.#envelopes.push(envelope);
  }

  /** Puts it before all others. */
  pushFirst(envelope: Envelope): void {
    if (this.#headIndex === 0) this.#envelopes.unshift(envelope);
    else this.#envelopes[--this.#headIndex] = envelope;
  }

  take(): Envelope | undefined {
    if (this.#headIndex === this.#envelopes.length) return undefined;
    const envelope = this.#envelopes[this.#headIndex];
    this.#envelopes[this.#headIndex++] = undefined;
    if (this.#headIndex === this.#envelopes.length) {
      // Not a new list: one that waited empty until it is old holds what is put into it until a whole collection.
      this.#envelopes.length = 0;
      this.#headIndex = 0;
    } else if (this.#headIndex >= COMPACT_AT && this.#headIndex * 2 >= this.#envelopes.length) {
      // At least half of the array is used up, so copying the rest costs O(1) per message taken.
      this.#envelopes = this.#envelopes.slice(this.#headIndex);
      this.#headIndex = 0;
    }
    return envelope;
  }

  /** Empties it and returns what was in it, in order. */
  takeAll(): readonly Envelope[] {
    const rest = this.#envelopes.slice(this.#headIndex).filter((envelope) => envelope !== undefined);
    this.#envelopes = [];
    this.#headIndex = 0;
    return rest;
  }
}
