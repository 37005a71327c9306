/**
 * One side of a book whose numbers pass 2^53: same shape as `BookSide`'s flat arrays, but of `Units`, so that bigints stay exact.
 * Rare (tokens worth 10^-12 by the quadrillion), so plain and slower.
 */
import type { Units } from './units.ts';

export class WideLevels {
  /** Invariants: keys rise strictly, the best level is last, no quantity is 0. A key is the price, negated for asks. */
  readonly #keys: Units[] = [];
  readonly #quantities: Units[] = [];
  readonly #isNegated: boolean;

  constructor(side: 'bid' | 'ask') {
    this.#isNegated = side === 'ask';
  }

  get count(): number {
    return this.#keys.length;
  }

  /** Returns the price of the level `index` places from the best. */
  price(index: number): Units {
    const key = this.#keys[this.#keys.length - 1 - index]!;
    return this.#isNegated ? -key : key;
  }

  quantity(index: number): Units {
    return this.#quantities[this.#quantities.length - 1 - index]!;
  }

  /** Sets or (quantity 0) removes a level; returns false when the level to remove was not there. */
  set(price: Units, quantity: Units): boolean {
    const key = this.#isNegated ? -price : price;
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    const isThere = this.#keys[low] === key;
    if (quantity === 0) {
      if (!isThere) return false;
      this.#keys.splice(low, 1);
      this.#quantities.splice(low, 1);
    } else if (isThere) {
      this.#quantities[low] = quantity;
    } else {
      this.#keys.splice(low, 0, key);
      this.#quantities.splice(low, 0, quantity);
    }
    return true;
  }

  /** Drops the worst levels until at most `depth` are left. */
  cutTo(depth: number): void {
    const excess = this.#keys.length - depth;
    if (excess <= 0) return;
    this.#keys.splice(0, excess);
    this.#quantities.splice(0, excess);
  }
}
