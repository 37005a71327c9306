/** Any number of sorted levels in blocks, nearly always one, so that no change moves many of them. */
import type { Levels } from './events.ts';
import { BLOCK_LEVELS_MAX, LevelBlock } from './level-block.ts';
import type { LevelSink } from './level-sink.ts';

/** Levels of a block that was just divided, or filled: room to grow, and to shrink. */
const BLOCK_LEVELS = BLOCK_LEVELS_MAX / 2;
/** A block with fewer takes levels from the next worse one, so that the blocks are never more than levels by so many. */
const BLOCK_LEVELS_MIN = BLOCK_LEVELS_MAX / 8;

export class LevelBlocks {
  /** Invariants: all keys rise strictly, from block to block too; only the first, which holds the worst, may be small. */
  #blocks = [new LevelBlock()];
  /** The last block, which holds the best level. */
  #near = this.#blocks[0]!;
  /** Of all blocks. */
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Returns the key of the level `index` places from the best; `index` < `count`. O(blocks). */
  key(index: number): number {
    const place = this.#near.count - 1 - index;
    return place >= 0 ? this.#near.key(place) : this.#find(index).key;
  }

  /** Returns the quantity of the level `index` places from the best; `index` < `count`. O(blocks). */
  quantity(index: number): number {
    const place = this.#near.count - 1 - index;
    return place >= 0 ? this.#near.quantity(place) : this.#find(index).quantity;
  }

  /** Tells the levels from the best on to the sink, as long as it wants them. */
  tell(sink: LevelSink): void {
    for (let at = this.#blocks.length - 1; at >= 0; at--) {
      const { levels, count } = this.#blocks[at]!;
      if (!sink.add(levels, 0, 2 * count)) return;
    }
  }

  /** Sets or (quantity 0) removes a level; returns false when the level to remove was not there. */
  set(key: number, quantity: number): boolean {
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

  clear(): void {
    this.#count = 0;
    this.#near.clear();
    this.#blocks = [this.#near];
  }

  /** Drops the worst levels until at most `depth` are left. */
  cutTo(depth: number): void {
    let excess = this.#count - depth;
    if (excess <= 0) return;
    this.#count = depth;
    while (this.#blocks.length > 1 && this.#blocks[0]!.count <= excess) {
      excess -= this.#blocks[0]!.count;
      this.#blocks.shift();
    }
    this.#blocks[0]!.dropWorst(excess);
  }

  /**
   * Fills the empty blocks; false, with any levels in them, when they do not come best first. Snapshots nearly always do: copying them backwards saves
   * moving every level.
   */
  fillFromBestFirst(levels: Levels, sign: 1 | -1): boolean {
    const count = levels.length >>> 1;
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
}
