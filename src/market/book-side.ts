/**
 * One side of an order book: blocks of sorted levels, nearly always one. Numbers beyond 2^53 − 1 move the side to `WideLevels`, so it is never
 * wrong, only slower, until it is next emptied.
 */
import type { Levels } from './events.ts';
import { BLOCK_LEVELS_MAX, LevelBlock } from './level-block.ts';
import type { Units } from './units.ts';
import { raiseScale } from './units.ts';
import { WideLevels } from './wide-levels.ts';

/** Levels of a block that was just divided, or filled: room to grow, and to shrink. */
const BLOCK_LEVELS = BLOCK_LEVELS_MAX / 2;
/** A block with fewer takes levels from the next worse one, so that the blocks are never more than levels by so many. */
const BLOCK_LEVELS_MIN = BLOCK_LEVELS_MAX / 8;

export class BookSide {
  readonly #side: 'bid' | 'ask';
  /** Keys of asks are negated prices, so that one ascending order puts the best of either side last. */
  readonly #sign: 1 | -1;
  /** Invariants: all keys rise strictly, from block to block too; only the first, which holds the worst, may be small. Unused while `#wide` is there. */
  #blocks = [new LevelBlock()];
  /** The last block, which holds the best level. */
  #near = this.#blocks[0]!;
  /** Of all blocks. */
  #count = 0;
  #wide: WideLevels | undefined;

  constructor(side: 'bid' | 'ask') {
    this.#side = side;
    this.#sign = side === 'bid' ? 1 : -1;
  }

  get count(): number {
    return this.#wide === undefined ? this.#count : this.#wide.count;
  }

  /** Returns the price of the level `index` places from the best; `index` < `count`. O(blocks). */
  price(index: number): Units {
    if (this.#wide !== undefined) return this.#wide.price(index);
    const place = this.#near.count - 1 - index;
    const key = place >= 0 ? this.#near.key(place) : this.#find(index).key;
    return key * this.#sign;
  }

  /** Returns the quantity of the level `index` places from the best; `index` < `count`. O(blocks). */
  quantity(index: number): Units {
    if (this.#wide !== undefined) return this.#wide.quantity(index);
    const place = this.#near.count - 1 - index;
    return place >= 0 ? this.#near.quantity(place) : this.#find(index).quantity;
  }

  /** Returns the best `maxCount` levels, best first. */
  toLevels(maxCount = this.count): Levels {
    const levels: Units[] = [];
    if (this.#wide !== undefined) {
      const levelCount = Math.min(maxCount, this.count);
      for (let index = 0; index < levelCount; index++) levels.push(this.price(index), this.quantity(index));
      return levels;
    }
    let wanted = maxCount;
    for (let at = this.#blocks.length - 1; at >= 0 && wanted > 0; at--) {
      const block = this.#blocks[at]!;
      const last = Math.max(0, block.count - wanted);
      for (let place = block.count - 1; place >= last; place--) {
        levels.push(block.key(place) * this.#sign, block.quantity(place));
      }
      wanted -= block.count;
    }
    return levels;
  }

  /**
   * Returns the best `groupsMax` groups of `step` units, best first: bids round down, asks up, quantities add. `undefined` when a number
   * would pass 2^53 − 1, so that levels must be grouped one by one. A loop over the flat arrays, ten times as quick as that.
   */
  group(step: number, groupsMax: number): Levels | undefined {
    if (this.#wide !== undefined) return undefined;
    const sign = this.#sign;
    const groups: number[] = [];
    let groupKey = Infinity;
    let quantity = 0;
    for (let at = this.#blocks.length - 1; at >= 0; at--) {
      const block = this.#blocks[at]!;
      const { levels } = block;
      for (let index = 2 * block.count - 2; index >= 0; index -= 2) {
        const key = levels[index]!;
        if (key < groupKey) {
          if (quantity > 0) groups.push(groupKey * sign + 0, quantity);
          if (groups.length >= groupsMax * 2) return groups;
          // Keys of asks are negative, so that rounding a key down rounds the price of an ask up.
          const rest = key % step;
          groupKey = key - (rest < 0 ? rest + step : rest);
          if (groupKey < -Number.MAX_SAFE_INTEGER) return undefined;
          quantity = 0;
        }
        quantity += levels[index + 1]!;
        if (quantity > Number.MAX_SAFE_INTEGER) return undefined;
      }
    }
    if (quantity > 0) groups.push(groupKey * sign + 0, quantity);
    return groups;
  }

  /** Replaces all levels by these, in any order; of two at one price the later counts. */
  replace(levels: Levels): void {
    this.#clear();
    if (!this.#fillFromBestFirst(levels)) {
      this.#clear();
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
    let excess = this.#count - depth;
    if (excess <= 0) return;
    this.#count = depth;
    while (this.#blocks.length > 1 && this.#blocks[0]!.count <= excess) {
      excess -= this.#blocks[0]!.count;
      this.#blocks.shift();
    }
    this.#blocks[0]!.dropWorst(excess);
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
    const blocks = this.#blocks;
    let at = blocks.length - 1;
    if (at > 0 && key < this.#near.worstKey) at = this.#findBlock(key);
    const block = blocks[at]!;
    const countBefore = block.count;
    const isKnown = block.set(key, quantity);
    this.#count += block.count - countBefore;
    if (block.count >= BLOCK_LEVELS_MAX) this.#divide(at);
    else if (at > 0 && block.count < BLOCK_LEVELS_MIN) this.#refill(at);
    return isKnown;
  }

  /** Index of the block that a level belongs to which is worse than all of the last one. */
  #findBlock(key: number): number {
    const blocks = this.#blocks;
    let low = 0;
    let high = blocks.length - 2;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (blocks[middle]!.worstKey <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Level `index` places from the best. */
  #find(index: number): { readonly key: number; readonly quantity: number } {
    let at = this.#blocks.length - 1;
    let place = index;
    while (place >= this.#blocks[at]!.count) place -= this.#blocks[at--]!.count;
    const block = this.#blocks[at]!;
    const fromWorst = block.count - 1 - place;
    return { key: block.key(fromWorst), quantity: block.quantity(fromWorst) };
  }

  #divide(at: number): void {
    const better = new LevelBlock(BLOCK_LEVELS_MAX);
    this.#blocks[at]!.moveBestTo(better, BLOCK_LEVELS);
    this.#blocks.splice(at + 1, 0, better);
    this.#near = this.#blocks.at(-1)!;
  }

  #refill(at: number): void {
    const worse = this.#blocks[at - 1]!;
    worse.moveBestTo(this.#blocks[at]!, Math.min(worse.count, BLOCK_LEVELS));
    if (worse.count === 0) this.#blocks.splice(at - 1, 1);
    else if (at > 1 && worse.count < BLOCK_LEVELS_MIN) this.#refill(at - 1);
  }

  #clear(): void {
    this.#wide = undefined;
    this.#count = 0;
    this.#near.clear();
    this.#blocks = [this.#near];
  }

  /** Snapshots nearly always come best first: copying them backwards saves moving every level. False when they don't. */
  #fillFromBestFirst(levels: Levels): boolean {
    const count = levels.length >>> 1;
    const sign = this.#sign;
    let block = this.#near;
    block.reserve(Math.min(count, BLOCK_LEVELS));
    let betterThan = -Infinity;
    for (let index = count - 1; index >= 0; index--) {
      const price = levels[index * 2]!;
      const quantity = levels[index * 2 + 1]!;
      if (typeof price !== 'number' || typeof quantity !== 'number' || quantity === 0) return false;
      const key = price * sign;
      if (key <= betterThan) return false;
      betterThan = key;
      // The last block gets what is left over, as long as that fits.
      if (block.count === BLOCK_LEVELS && index >= BLOCK_LEVELS - 1) {
        block = new LevelBlock(BLOCK_LEVELS_MAX);
        this.#blocks.push(block);
      }
      block.push(key, quantity);
    }
    this.#near = block;
    this.#count = count;
    return true;
  }

  #widen(): WideLevels {
    const wide = new WideLevels(this.#side);
    const levels = this.toLevels();
    for (let at = levels.length - 2; at >= 0; at -= 2) wide.set(levels[at]!, levels[at + 1]!);
    this.#wide = wide;
    return wide;
  }
}

/** Returns the same levels with prices and quantities multiplied by 10^`priceSteps` and 10^`quantitySteps`. */
export function raiseLevels(levels: Levels, priceSteps: number, quantitySteps: number): Levels {
  return levels.map((units, at) => raiseScale(units, 0, at % 2 === 0 ? priceSteps : quantitySteps));
}
