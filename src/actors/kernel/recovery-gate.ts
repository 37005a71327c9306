/** Lets a bounded number of recoveries run at once, first come, first served. */
export class RecoveryGate {
  readonly #max: number;
  #runningCount = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  get runningCount(): number {
    return this.#runningCount;
  }

  /** Resolves when it is the caller's turn, with the function that ends it; calling that again does nothing. */
  async enter(): Promise<() => void> {
    if (this.#runningCount < this.#max) this.#runningCount++;
    // Whoever leaves hands its place over, so the count stays as it is.
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#runningCount--;
      else next();
    };
  }
}
