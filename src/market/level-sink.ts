/** Readers of a side's levels from the best on, of whatever they are kept in. A key is the price, negated for asks. */
import type { Levels } from './events.ts';
import type { Units } from './units.ts';

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
  #groupKey = Infinity;
  #quantity = 0;
  #isTooLarge = false;

  constructor(sign: 1 | -1, step: number, groupsMax: number) {
    this.#sign = sign;
    this.#step = step;
    this.#groupsMax = groupsMax;
  }

  add(levels: Readonly<Float64Array>, start: number, end: number): boolean {
    const sign = this.#sign;
    const step = this.#step;
    const groups = this.#groups;
    const lengthMax = 2 * this.#groupsMax;
    let groupKey = this.#groupKey;
    let quantity = this.#quantity;
    for (let at = end - 2; at >= start; at -= 2) {
      const key = levels[at]!;
      if (key < groupKey) {
        if (quantity > 0) groups.push(groupKey * sign + 0, quantity);
        quantity = 0;
        if (groups.length >= lengthMax) break;
        // Keys of asks are negative, so that rounding a key down rounds the price of an ask up.
        const rest = key % step;
        groupKey = key - (rest < 0 ? rest + step : rest);
      }
      quantity += levels[at + 1]!;
      if (quantity > Number.MAX_SAFE_INTEGER || groupKey < -Number.MAX_SAFE_INTEGER) {
        this.#isTooLarge = true;
        return false;
      }
    }
    this.#groupKey = groupKey;
    this.#quantity = quantity;
    return groups.length < lengthMax;
  }

  /** Returns pairs of price and quantity, best first; `undefined` when a number passed 2^53 − 1, so that levels must be grouped one by one. */
  take(): Levels | undefined {
    if (this.#isTooLarge) return undefined;
    if (this.#quantity > 0) this.#groups.push(this.#groupKey * this.#sign + 0, this.#quantity);
    return this.#groups;
  }
}
