/**
 * A budget of so much weight within a sliding window (requests per minute, connects per 5 minutes, frames per second).
 * Times are of a clock that nobody sets: by one that was set back an hour, it would give nothing for an hour.
 */
export class SlidingBudget {
  readonly #maxWeight: number;
  readonly #windowMs: number;
  readonly #spent: { atMs: number; weight: number }[] = [];
  #spentWeight = 0;
  #closedUntilMs = 0;
  #evenUntilMs = 0;
  #nextEvenMs = 0;

  constructor(options: { maxWeight: number; windowMs: number }) {
    this.#maxWeight = options.maxWeight;
    this.#windowMs = options.windowMs;
  }

  /** Takes the weight now and returns 0, or takes nothing and returns how long to wait before asking again. */
  take(weight: number, nowMs: number): number {
    if (nowMs < this.#closedUntilMs) return this.#closedUntilMs - nowMs;
    this.#forget(nowMs);
    const isEven = nowMs < this.#evenUntilMs;
    if (isEven && nowMs < this.#nextEvenMs) return this.#nextEvenMs - nowMs;
    // What is heavier than the whole budget may pass alone, else it would wait for ever.
    if (this.#spentWeight + weight <= this.#maxWeight || this.#spent.length === 0) {
      this.spend(weight, nowMs);
      if (isEven) this.#nextEvenMs = nowMs + Math.ceil((weight / this.#maxWeight) * this.#windowMs);
      return 0;
    }
    return Math.max(1, this.#spent[0]!.atMs + this.#windowMs - nowMs);
  }

  /** Counts what went out in any case. */
  spend(weight: number, nowMs: number): void {
    this.#spent.push({ atMs: nowMs, weight });
    this.#spentWeight += weight;
  }

  /**
   * Gives nothing before `untilMs`: the other side said so (`Retry-After`). In the window after it the budget is given out evenly, not at
   * once: that we were refused shows that our count of what is left is not the other side's.
   */
  closeUntil(untilMs: number): void {
    if (untilMs <= this.#closedUntilMs) return;
    this.#closedUntilMs = untilMs;
    this.#evenUntilMs = untilMs + this.#windowMs;
    this.#nextEvenMs = untilMs;
  }

  /** When it gives again after it was closed; in the past when it is open. */
  get closedUntilMs(): number {
    return this.#closedUntilMs;
  }

  /** Weight spent within the window. */
  spent(nowMs: number): number {
    this.#forget(nowMs);
    return this.#spentWeight;
  }

  #forget(nowMs: number): void {
    while (this.#spent.length > 0 && this.#spent[0]!.atMs + this.#windowMs <= nowMs) {
      this.#spentWeight -= this.#spent.shift()!.weight;
    }
  }
}
