/**
 * One side of an order book: the levels next to the best price in a window addressed by price, where they lie densely enough and change much, the others
 * in sorted blocks. Numbers beyond 2^53 − 1 move the side to `WideLevels`, so it is never wrong, only slower, until it is next emptied.
 */
import type { Levels } from './events.ts';
import { LevelBlocks } from './level-blocks.ts';
import { LevelGroups, LevelList } from './level-sink.ts';
import { BEST_SLOT, KNOWN, NearWindow, OUTSIDE, STEP_MAX } from './near-window.ts';
import type { Units } from './units.ts';
import { raiseScale } from './units.ts';
import { WideLevels } from './wide-levels.ts';

/** Without a window it is looked after so many changes whether one pays, so that none is made for a book that soon ends or is replaced. */
const CHANGES_PER_LOOK = 1_024;
/** A window is opened where the best levels, so many, lie within it. */
const OPEN_LEVELS_MIN = 64;
/** With fewer levels it is placed anew, and closed where it then has not twice as many. */
const KEPT_LEVELS_MIN = 16;
/** Levels that a new window may take out of the blocks in advance of the changes that pay for them, one each. */
const TAKEN_LEVELS_MAX = 2 * CHANGES_PER_LOOK;

export class BookSide {
  readonly #side: 'bid' | 'ask';
  /** Keys of asks are negated prices, so that one ascending order puts the best of either side last. */
  readonly #sign: 1 | -1;
  /** All levels that are worse than those of the window. Unused while `#wide` is there, like the window. */
  readonly #blocks = new LevelBlocks();
  readonly #toBlocks = (key: number, quantity: number): void => {
    this.#blocks.set(key, quantity);
  };
  #window: NearWindow | undefined;
  #changesUntilLook = CHANGES_PER_LOOK;
  /** Levels that the window may still take out of the blocks: else one level far above all others that comes and goes would move hundreds each time. */
  #takesLeft = 0;
  #wide: WideLevels | undefined;

  constructor(side: 'bid' | 'ask') {
    this.#side = side;
    this.#sign = side === 'bid' ? 1 : -1;
  }

  get count(): number {
    if (this.#wide !== undefined) return this.#wide.count;
    return this.#blocks.count + (this.#window?.count ?? 0);
  }

  /** Returns the price of the level `index` places from the best; `index` < `count`. O(blocks). */
  price(index: number): Units {
    if (this.#wide !== undefined) return this.#wide.price(index);
    const inWindow = this.#window?.count ?? 0;
    const key = index < inWindow ? this.#window!.key(index) : this.#blocks.key(index - inWindow);
    // Adding 0 turns −0 into 0.
    return key * this.#sign + 0;
  }

  /** Returns the quantity of the level `index` places from the best; `index` < `count`. O(blocks). */
  quantity(index: number): Units {
    if (this.#wide !== undefined) return this.#wide.quantity(index);
    const inWindow = this.#window?.count ?? 0;
    return index < inWindow ? this.#window!.quantity(index) : this.#blocks.quantity(index - inWindow);
  }

  /** Returns the best `maxCount` levels, best first. */
  toLevels(maxCount = this.count): Levels {
    const levels: Units[] = [];
    if (this.#wide !== undefined) {
      const levelCount = Math.min(maxCount, this.count);
      for (let index = 0; index < levelCount; index++) levels.push(this.price(index), this.quantity(index));
      return levels;
    }
    if (maxCount < 1) return levels;
    const list = new LevelList(this.#sign, maxCount);
    if (this.#window?.tell(list) ?? true) this.#blocks.tell(list);
    return list.levels;
  }

  /**
   * Returns the best `groupsMax` groups of `step` units, best first: bids round down, asks up, quantities add. `undefined` when a number
   * would pass 2^53 − 1, so that levels must be grouped one by one. Ten times as quick as that.
   */
  group(step: number, groupsMax: number): Levels | undefined {
    if (this.#wide !== undefined) return undefined;
    const groups = new LevelGroups(this.#sign, step, groupsMax);
    if (this.#window?.addTo(groups) ?? true) this.#blocks.tell(groups);
    return groups.take();
  }

  /** Replaces all levels by these, in any order; of two at one price the later counts. */
  replace(levels: Levels): void {
    this.#clear();
    if (this.#blocks.fillFromBestFirst(levels, this.#sign)) return;
    this.#clear();
    this.apply(levels);
  }

  /** Sets the levels in their order, quantity 0 removes; returns how many to be removed were not there. */
  apply(levels: Levels): number {
    let unknownCount = 0;
    for (let at = 0; at + 1 < levels.length; at += 2) {
      if (!this.#set(levels[at]!, levels[at + 1]!)) unknownCount++;
    }
    if (this.#window !== undefined) {
      this.#takesLeft = Math.min(TAKEN_LEVELS_MAX, this.#takesLeft + levels.length / 2);
    } else if (this.#wide === undefined) {
      this.#changesUntilLook -= levels.length / 2;
      if (this.#changesUntilLook <= 0) this.#look();
    }
    return unknownCount;
  }

  /** Drops the worst levels until at most `depth` are left. */
  cutTo(depth: number): void {
    if (this.#wide !== undefined) {
      this.#wide.cutTo(depth);
      return;
    }
    const window = this.#window;
    if (window === undefined) {
      this.#blocks.cutTo(depth);
      return;
    }
    this.#blocks.cutTo(Math.max(0, depth - window.count));
    if (window.count <= depth) return;
    window.dropWorst(window.count - depth, () => undefined);
    if (depth < KEPT_LEVELS_MIN) this.#placeAnew(window);
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
    const key = price * this.#sign;
    const window = this.#window;
    if (window === undefined) return this.#blocks.set(key, quantity);
    const outcome = window.set(key, quantity);
    if (outcome === OUTSIDE) return this.#setOutside(window, key, quantity);
    if (quantity === 0 && window.count < KEPT_LEVELS_MIN) this.#placeAnew(window);
    return outcome === KNOWN;
  }

  #setOutside(window: NearWindow, key: number, quantity: number): boolean {
    if (key < window.base) return this.#blocks.set(key, quantity);
    // Better than anything there, or between two steps.
    if (quantity === 0) return false;
    if (!window.canMoveTo(key)) {
      this.#close(window);
      return this.#blocks.set(key, quantity);
    }
    window.moveTo(key, this.#toBlocks);
    window.set(key, quantity);
    return true;
  }

  /** Opens a window where one pays. */
  #look(): void {
    this.#changesUntilLook = CHANGES_PER_LOOK;
    const blocks = this.#blocks;
    if (blocks.count < OPEN_LEVELS_MIN) return;
    const bestKey = blocks.key(0);
    let step = 0;
    for (let index = 1; index < OPEN_LEVELS_MIN; index++) step = divisorOf(bestKey - blocks.key(index), step);
    if (step > STEP_MAX || bestKey - blocks.key(OPEN_LEVELS_MIN - 1) > BEST_SLOT * step) return;
    const window = new NearWindow(step);
    this.#window = window;
    this.#takesLeft = TAKEN_LEVELS_MAX;
    this.#placeAnew(window);
  }

  /** Moves the window to where the best level is now, and closes it where it does not pay. */
  #placeAnew(window: NearWindow): void {
    if (!this.#fillFromBest(window)) this.#close(window);
  }

  /** Returns whether it pays: the levels beside the best one are many, none lies between two steps, and changes have paid for those it takes. */
  #fillFromBest(window: NearWindow): boolean {
    const blocks = this.#blocks;
    if (window.count === 0 && blocks.count === 0) return false;
    const bestKey = window.count === 0 ? blocks.key(0) : window.bestKey;
    if (!window.canMoveTo(bestKey)) return false;
    window.moveTo(bestKey, this.#toBlocks);
    while (blocks.count > 0) {
      const key = blocks.key(0);
      if (key < window.base) break;
      if (this.#takesLeft-- <= 0) return false;
      if (window.set(key, blocks.quantity(0)) === OUTSIDE) return false;
      blocks.set(key, 0);
    }
    return window.count >= 2 * KEPT_LEVELS_MIN;
  }

  #close(window: NearWindow): void {
    window.dropWorst(window.count, this.#toBlocks);
    this.#window = undefined;
    this.#changesUntilLook = CHANGES_PER_LOOK;
  }

  #clear(): void {
    this.#wide = undefined;
    this.#window = undefined;
    this.#blocks.clear();
  }

  #widen(): WideLevels {
    const wide = new WideLevels(this.#side);
    const levels = this.toLevels();
    for (let at = levels.length - 2; at >= 0; at -= 2) wide.set(levels[at]!, levels[at + 1]!);
    this.#wide = wide;
    this.#window = undefined;
    return wide;
  }
}

/** Greatest common divisor; `b` may be 0. */
function divisorOf(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/** Returns the same levels with prices and quantities multiplied by 10^`priceSteps` and 10^`quantitySteps`. */
export function raiseLevels(levels: Levels, priceSteps: number, quantitySteps: number): Levels {
  return levels.map((units, at) => raiseScale(units, 0, at % 2 === 0 ? priceSteps : quantitySteps));
}
