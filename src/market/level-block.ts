/**
 * A run of neighbouring levels of one side of a book in one flat sorted array, the best one at the end, because most changes happen near the best
 * price and then move few elements. A book of a few hundred levels is one block; `BookSide` divides deeper ones, so that no change moves many.
 */

/** A block that reaches this is divided. */
export const BLOCK_LEVELS_MAX = 512;

const INITIAL_LEVELS = 32;
/** Levels looked at one by one before the rest is halved: most changes are nearer to the best price than this, and halving guesses wrong half the time. */
const LOOKED_AT_MAX = 16;
/** A move of fewer elements is quicker as a loop than as a call. */
const COPIED_BY_LOOP_MAX = 48;

export class LevelBlock {
  /** Invariants: key and quantity in turn; the keys of the first `#count` levels rise strictly, and no quantity among them is 0. */
  #levels: Float64Array;
  #count = 0;

  constructor(capacity = INITIAL_LEVELS) {
    this.#levels = new Float64Array(2 * capacity);
  }

  get count(): number {
    return this.#count;
  }

  /** Key and quantity in turn, worst first, of the first `count` levels; as they are until the block changes. For loops over all of them. */
  get levels(): Readonly<Float64Array> {
    return this.#levels;
  }

  /** Meaningless while empty, like anything asked for beyond `count`. */
  get worstKey(): number {
    return this.#levels[0]!;
  }

  /** `place` counts from the worst level. */
  key(place: number): number {
    return this.#levels[2 * place]!;
  }

  quantity(place: number): number {
    return this.#levels[2 * place + 1]!;
  }

  clear(): void {
    this.#count = 0;
  }

  /** Sets or (quantity 0) removes a level; returns false when the level to remove was not there. */
  set(key: number, quantity: number): boolean {
    const levels = this.#levels;
    const end = 2 * this.#count;
    const at = this.#find(key, end);
    const isThere = at < end && levels[at] === key;
    if (quantity === 0) {
      if (isThere) this.#remove(at, end);
      return isThere;
    }
    if (isThere) levels[at + 1] = quantity;
    else this.#insert(at, end, key, quantity);
    return true;
  }

  /** Adds a level that is better than all of them. */
  push(key: number, quantity: number): void {
    this.#insert(2 * this.#count, 2 * this.#count, key, quantity);
  }

  /** Makes room for so many levels in all: whoever knows how many come spares their copies on the way. */
  reserve(count: number): void {
    let capacity = this.#levels.length;
    if (2 * count <= capacity) return;
    while (capacity < 2 * count) capacity *= 2;
    const levels = new Float64Array(capacity);
    levels.set(this.#levels);
    this.#levels = levels;
  }

  dropWorst(count: number): void {
    this.#levels.copyWithin(0, 2 * count, 2 * this.#count);
    this.#count -= count;
  }

  /** Takes the best `count` levels out of it into `better`, where they become the worst ones. */
  moveBestTo(better: LevelBlock, count: number): void {
    better.reserve(better.#count + count);
    better.#levels.copyWithin(2 * count, 0, 2 * better.#count);
    better.#levels.set(this.#levels.subarray(2 * (this.#count - count), 2 * this.#count));
    better.#count += count;
    this.#count -= count;
  }

  /** Index in #levels of the first key that is not below `key`; `end` when there is none. */
  #find(key: number, end: number): number {
    const levels = this.#levels;
    let at = end;
    const lookedAtUntil = Math.max(0, end - 2 * LOOKED_AT_MAX);
    while (at > lookedAtUntil && levels[at - 2]! >= key) at -= 2;
    if (at > lookedAtUntil || at === 0 || levels[at - 2]! < key) return at;
    let low = 0;
    let high = at >> 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (levels[2 * middle]! < key) low = middle + 1;
      else high = middle;
    }
    return 2 * low;
  }

  #insert(at: number, end: number, key: number, quantity: number): void {
    if (end === this.#levels.length) this.reserve(this.#count + 1);
    const levels = this.#levels;
    if (end - at > COPIED_BY_LOOP_MAX) levels.copyWithin(at + 2, at, end);
    else for (let from = end - 1; from >= at; from--) levels[from + 2] = levels[from]!;
    levels[at] = key;
    levels[at + 1] = quantity;
    this.#count++;
  }

  #remove(at: number, end: number): void {
    const levels = this.#levels;
    if (end - at > COPIED_BY_LOOP_MAX) levels.copyWithin(at, at + 2, end);
    else for (let from = at + 2; from < end; from++) levels[from - 2] = levels[from]!;
    this.#count--;
  }
}
