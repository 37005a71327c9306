/**
 * One side of an order book: flat sorted arrays with the best level at the end, because most changes happen near the best price and then
 * move few elements. Numbers beyond 2^53 − 1 move the side to `WideLevels`, so it is never wrong, only slower, until it is next emptied.
 */
import type { Levels } from './events.ts';
import type { Units } from './units.ts';
import { raiseScale } from './units.ts';
import { WideLevels } from './wide-levels.ts';

const INITIAL_CAPACITY = 32;

export class BookSide {
  readonly #side: 'bid' | 'ask';
  /** Keys of asks are negated prices, so that one ascending order puts the best of either side last. */
  readonly #sign: 1 | -1;
  /** Invariants: the first `#count` keys rise strictly and no quantity among them is 0; unused while `#wide` is there. */
  #keys = new Float64Array(INITIAL_CAPACITY);
  #quantities = new Float64Array(INITIAL_CAPACITY);
  #count = 0;
  #wide: WideLevels | undefined;

  constructor(side: 'bid' | 'ask') {
    this.#side = side;
    this.#sign = side === 'bid' ? 1 : -1;
  }

  get count(): number {
    return this.#wide === undefined ? this.#count : this.#wide.count;
  }

  /** Returns the price of the level `index` places from the best; `index` < `count`. */
  price(index: number): Units {
    if (this.#wide !== undefined) return this.#wide.price(index);
    return this.#keys[this.#count - 1 - index]! * this.#sign;
  }

  /** Returns the quantity of the level `index` places from the best; `index` < `count`. */
  quantity(index: number): Units {
    if (this.#wide !== undefined) return this.#wide.quantity(index);
    return this.#quantities[this.#count - 1 - index]!;
  }

  /** Returns the best `maxCount` levels, best first. */
  toLevels(maxCount = this.count): Levels {
    const levels: Units[] = [];
    const levelCount = Math.min(maxCount, this.count);
    for (let index = 0; index < levelCount; index++) levels.push(this.price(index), this.quantity(index));
    return levels;
  }

  /**
   * Returns the best `groupsMax` groups of `step` units, best first: bids round down, asks up, quantities add. `undefined` when a number
   * would pass 2^53 − 1, so that levels must be grouped one by one. A loop over the flat arrays, ten times as quick as that.
   */
  group(step: number, groupsMax: number): Levels | undefined {
    if (this.#wide !== undefined) return undefined;
    const keys = this.#keys;
    const quantities = this.#quantities;
    const sign = this.#sign;
    const groups: number[] = [];
    let at = this.#count - 1;
    while (at >= 0 && groups.length < groupsMax * 2) {
      const key = keys[at]!;
      // Keys of asks are negative, so that rounding a key down rounds the price of an ask up.
      const rest = key % step;
      const groupKey = key - (rest < 0 ? rest + step : rest);
      let quantity = 0;
      for (; at >= 0 && keys[at]! >= groupKey; at--) quantity += quantities[at]!;
      if (quantity > Number.MAX_SAFE_INTEGER || groupKey < -Number.MAX_SAFE_INTEGER) return undefined;
      groups.push(groupKey * sign + 0, quantity);
    }
    return groups;
  }

  /** Replaces all levels by these, in any order; of two at one price the later counts. */
  replace(levels: Levels): void {
    this.#wide = undefined;
    this.#count = 0;
    if (!this.#fillFromBestFirst(levels)) {
      this.#count = 0;
      this.apply(levels);
    }
  }

  /** Sets the levels in their order, quantity 0 removes; returns how many to be removed were not there. */
  apply(levels: Levels): number {
    let unknownCount = 0;
    for (let at = 0; at + 1 < levels.length; at += 2) {
      if (!this.#set(levels[at]!, levels[at + 1]!)) unknownCount++;
    }
    return unknownCount;
  }

  /** Drops the worst levels until at most `depth` are left. */
  cutTo(depth: number): void {
    if (this.#wide !== undefined) {
      this.#wide.cutTo(depth);
      return;
    }
    const excess = this.#count - depth;
    if (excess <= 0) return;
    this.#keys.copyWithin(0, excess, this.#count);
    this.#quantities.copyWithin(0, excess, this.#count);
    this.#count = depth;
  }

  /** Multiplies all prices and quantities by powers of ten. O(levels); happens when more decimals appear than ever before. */
  raiseScales(priceSteps: number, quantitySteps: number): void {
    this.replace(raiseLevels(this.toLevels(), priceSteps, quantitySteps));
  }

  #set(price: Units, quantity: Units): boolean {
    if (this.#wide !== undefined) return this.#wide.set(price, quantity);
    if (typeof price !== 'number' || typeof quantity !== 'number') {
      // A level beyond 2^53 can't be here, so that removing one needs no wide side.
      return quantity === 0 ? false : this.#widen().set(price, quantity);
    }
    const keys = this.#keys;
    const count = this.#count;
    const key = price * this.#sign;
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    const isThere = low < count && keys[low] === key;
    if (quantity === 0) {
      if (!isThere) return false;
      keys.copyWithin(low, low + 1, count);
      this.#quantities.copyWithin(low, low + 1, count);
      this.#count = count - 1;
    } else if (isThere) {
      this.#quantities[low] = quantity;
    } else {
      this.#insert(low, key, quantity);
    }
    return true;
  }

  #insert(at: number, key: number, quantity: number): void {
    const count = this.#count;
    this.#reserve(count + 1);
    this.#keys.copyWithin(at + 1, at, count);
    this.#quantities.copyWithin(at + 1, at, count);
    this.#keys[at] = key;
    this.#quantities[at] = quantity;
    this.#count = count + 1;
  }

  /** Snapshots nearly always come best first: copying them backwards saves moving every level. False when they don't. */
  #fillFromBestFirst(levels: Levels): boolean {
    const count = levels.length >>> 1;
    this.#reserve(count);
    const sign = this.#sign;
    let worseThan = Infinity;
    for (let index = 0; index < count; index++) {
      const price = levels[index * 2]!;
      const quantity = levels[index * 2 + 1]!;
      if (typeof price !== 'number' || typeof quantity !== 'number' || quantity === 0) return false;
      const key = price * sign;
      if (key >= worseThan) return false;
      worseThan = key;
      this.#keys[count - 1 - index] = key;
      this.#quantities[count - 1 - index] = quantity;
    }
    this.#count = count;
    return true;
  }

  #reserve(count: number): void {
    let capacity = this.#keys.length;
    if (count <= capacity) return;
    while (capacity < count) capacity *= 2;
    const keys = new Float64Array(capacity);
    const quantities = new Float64Array(capacity);
    keys.set(this.#keys);
    quantities.set(this.#quantities);
    this.#keys = keys;
    this.#quantities = quantities;
  }

  #widen(): WideLevels {
    const wide = new WideLevels(this.#side);
    for (let index = this.#count - 1; index >= 0; index--) wide.set(this.price(index), this.quantity(index));
    this.#wide = wide;
    return wide;
  }
}

/** Returns the same levels with prices and quantities multiplied by 10^`priceSteps` and 10^`quantitySteps`. */
export function raiseLevels(levels: Levels, priceSteps: number, quantitySteps: number): Levels {
  return levels.map((units, at) => raiseScale(units, 0, at % 2 === 0 ? priceSteps : quantitySteps));
}
