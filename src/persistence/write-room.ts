/** Room for what waits to be written: who comes while it is full waits, first come, first served, and holds nothing but his own input meanwhile. */

type Waiting = { readonly weight: number; readonly enter: () => void };

export class WriteRoom {
  readonly max: number;
  #held = 0;
  #fullCount = 0;
  #waiting: Waiting[] = [];

  /** @param max in whatever unit the weights are */
  constructor(max: number) {
    this.max = max;
  }

  /** Weight of those inside. */
  get held(): number {
    return this.#held;
  }

  /** Times that somebody had to wait. */
  get fullCount(): number {
    return this.#fullCount;
  }

  /** Resolves when there is room; at once, without a turn of the loop, as `undefined`. What is heavier than the whole room enters when it is empty. */
  enter(weight: number): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#hasRoom(weight)) {
      this.#held += weight;
      return undefined;
    }
    this.#fullCount++;
    return new Promise((enter) => this.#waiting.push({ weight, enter }));
  }

  leave(weight: number): void {
    this.#held -= weight;
    let enteredCount = 0;
    for (const { weight: next, enter } of this.#waiting) {
      if (!this.#hasRoom(next)) break;
      this.#held += next;
      enteredCount++;
      enter();
    }
    if (enteredCount > 0) this.#waiting = this.#waiting.slice(enteredCount);
  }

  #hasRoom(weight: number): boolean {
    return this.#held === 0 || this.#held + weight <= this.max;
  }
}
