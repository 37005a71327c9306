/** Readers of a side's levels from the best on, of whatever they are kept in. A key is the price, negated for asks. */
import type { Levels } from './events.ts';
import type { Units } from './units.ts';
import { wholeQuotient } from './units.ts';

export interface LevelSink {
  /**
   * Takes a run of levels: key and quantity in turn from `start` to before `end`, the best one last, all worse than those it was told before. The array
   * may hold others when it returns. Returns whether worse levels are wanted too.
   */
  add(levels: Readonly<Float64Array>, start: number, end: number): boolean;
}

/** The best levels as pairs of price and quantity. */
export class LevelList implements LevelSink {
  readonly levels: Units[] = [];
  readonly #sign: 1 | -1;
  #wantedCount: number;

  /** @param sign turns keys into prices @param maxCount at least 1 */
  constructor(sign: 1 | -1, maxCount: number) {
    this.#sign = sign;
    this.#wantedCount = maxCount;
  }

  add(levels: Readonly<Float64Array>, start: number, end: number): boolean {
    const sign = this.#sign;
    const list = this.levels;
    const last = Math.max(start, end - 2 * this.#wantedCount);
    // Adding 0 turns −0 into 0.
    for (let at = end - 2; at >= last; at -= 2) list.push(levels[at]! * sign + 0, levels[at + 1]!);
    this.#wantedCount -= (end - last) / 2;
    return this.#wantedCount > 0;
  }
}

/** The best groups of `step` units: bids round down, asks up, quantities add. */
export class LevelGroups implements LevelSink {
  readonly #groups: number[] = [];
  readonly #sign: 1 | -1;
  readonly #step: number;
  readonly #groupsMax: number;
  /** Of the group that levels are added to: all keys from this one on up to the group before it. */
  #groupKey = Infinity;
  #quantity = 0;
  #isTooLarge = false;

  constructor(sign: 1 | -1, step: number, groupsMax: number) {
    this.#sign = sign;
    this.#step = step;
    this.#groupsMax = groupsMax;
  }

  add(levels: Readonly<Float64Array>, start: number, end: number): boolean {
    for (let at = end - 2; at >= start;) {
      if (levels[at]! < this.#groupKey && !this.#begin(levels[at]!)) return false;
      const groupKey = this.#groupKey;
      let quantity = this.#quantity;
      for (; at >= start && levels[at]! >= groupKey; at -= 2) quantity += levels[at + 1]!;
      this.#quantity = quantity;
    }
    return true;
  }

  /**
   * As `add`, for levels that lie in slots, with a key each `slotStep` from `base` on, the best one at slot `best`. An empty slot holds 0: to add that costs
   * less than to tell it apart.
   */
  addSlots(quantities: Readonly<Float64Array>, best: number, base: number, slotStep: number): boolean {
    let slot = best;
    for (;;) {
      while (slot >= 0 && quantities[slot] === 0) slot--;
      if (slot < 0) return true;
      const key = base + slot * slotStep;
      if (key < this.#groupKey && !this.#begin(key)) return false;
      const last = Math.max(0, slot - wholeQuotient(key - this.#groupKey, slotStep));
      let quantity = this.#quantity;
      for (; slot >= last; slot--) quantity += quantities[slot]!;
      this.#quantity = quantity;
    }
  }

  /** Returns pairs of price and quantity, best first; `undefined` when a number passed 2^53 − 1, so that levels must be grouped one by one. */
  take(): Levels | undefined {
    this.#end();
    return this.#isTooLarge ? undefined : this.#groups;
  }

  /** Begins the group that the key belongs to; returns false when there are enough. */
  #begin(key: number): boolean {
    this.#end();
    if (this.#isTooLarge || this.#groups.length >= 2 * this.#groupsMax) return false;
    // Keys of asks are negative, so that rounding a key down rounds the price of an ask up.
    const rest = key % this.#step;
    this.#groupKey = key - (rest < 0 ? rest + this.#step : rest);
    return true;
  }

  #end(): void {
    if (this.#quantity === 0) return;
    // A sum of levels only grows: one that was rounded is still beyond.
    if (this.#quantity > Number.MAX_SAFE_INTEGER || this.#groupKey < -Number.MAX_SAFE_INTEGER)
      this.#isTooLarge = true;
    this.#groups.push(this.#groupKey * this.#sign + 0, this.#quantity);
    this.#quantity = 0;
  }
}
