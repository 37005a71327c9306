/**
 * The levels next to the best price of one side of a book, addressed by price: a slot for each step of the price, so that a change is one write and
 * moves nothing. Meant for dense books: what lies below the window is kept elsewhere, and so is a whole book whose levels are too far apart.
 */

import { LevelBlock } from './level-block.ts';
import type { Units } from './units.ts';

/** Prices that a window spans; 8 bytes each. */
const WINDOW_SLOTS = 1_024;
/** Where the best level is put when the window is placed: the slots above are for better ones to come. */
export const BEST_SLOT = 768;

export type Outcome = typeof KNOWN | typeof UNKNOWN | typeof OUTSIDE;
/** Set, or removed. */
export const KNOWN = 1;
/** To be removed, and not there. */
export const UNKNOWN = 0;
/** Not for the window, which is as it was: below or above its span, or between two steps. */
export const OUTSIDE = -1;

/** Of levels that a window gives up, worst first. */
export type OnLeft = (key: number, quantity: number) => void;

export class NearWindow {
  /** By slot; 0 where there is no level. */
  readonly #quantities = new Float64Array(WINDOW_SLOTS);
  readonly #step: number;
  /** Key of slot 0. */
  #base = 0;
  #count = 0;
  /** That of the best level; below 0 while empty. */
  #best = -1;
  /** The level that was asked for last, by its place from the best, and its slot: those who read go from one to the next. */
  #readPlace = 0;
  #readSlot = -1;

  /** @param step between two neighbouring keys */
  constructor(step: number) {
    this.#step = step;
  }

  get count(): number {
    return this.#count;
  }

  /** Worse levels are not for the window. */
  get base(): number {
    return this.#base;
  }

  /** Meaningless while empty. */
  get bestKey(): number {
    return this.#base + this.#best * this.#step;
  }

  /** Sets or (quantity 0) removes a level. */
  set(key: number, quantity: number): Outcome {
    const offset = this.#step === 1 ? key - this.#base : (key - this.#base) / this.#step;
    const slot = offset | 0;
    if (slot !== offset || slot < 0 || slot >= WINDOW_SLOTS) return OUTSIDE;
    const quantities = this.#quantities;
    const before = quantities[slot]!;
    quantities[slot] = quantity;
    if (before !== 0) {
      if (quantity === 0) this.#removed(slot);
      return KNOWN;
    }
    if (quantity === 0) return UNKNOWN;
    this.#count++;
    this.#readSlot = -1;
    if (slot > this.#best) this.#best = slot;
    return KNOWN;
  }

  /** `place` counts from the best level. */
  key(place: number): number {
    return this.#base + this.#slotAt(place) * this.#step;
  }

  quantity(place: number): number {
    return this.#quantities[this.#slotAt(place)]!;
  }

  /** Whether its levels and this one lie on the same steps, and slot 0 of a window that is placed for it has a key that is a safe integer. */
  canMoveTo(bestKey: number): boolean {
    if (bestKey - BEST_SLOT * this.#step < -Number.MAX_SAFE_INTEGER) return false;
    return this.#count === 0 || (bestKey - this.#base) % this.#step === 0;
  }

  /** Places it anew, for this level as the best, which no other level of it may be better than. Levels that are then below it are told to `onLeft`. */
  moveTo(bestKey: number, onLeft: OnLeft): void {
    const base = bestKey - BEST_SLOT * this.#step;
    if (this.#count > 0) this.#shift((base - this.#base) / this.#step, onLeft);
    this.#base = base;
  }

  /** Drops the worst `count` levels, and tells them to `onLeft`. */
  dropWorst(count: number, onLeft: OnLeft): void {
    const left = this.#count - count;
    for (let slot = 0; this.#count > left; slot++) this.#leave(slot, onLeft);
    if (left === 0) this.#best = -1;
    this.#readSlot = -1;
  }

  /** Adds price and quantity of the best `maxCount` levels to a list, best first; `sign` turns keys into prices. */
  addTo(levels: Units[], maxCount: number, sign: 1 | -1): void {
    let wanted = Math.min(maxCount, this.#count);
    for (let slot = this.#best; wanted > 0; slot--) {
      const quantity = this.#quantities[slot]!;
      if (quantity === 0) continue;
      // Adding 0 turns −0 into 0.
      levels.push((this.#base + slot * this.#step) * sign + 0, quantity);
      wanted--;
    }
  }

  /** Returns its levels as a block, for loops over all of them. */
  toBlock(): LevelBlock {
    const block = new LevelBlock(this.#count);
    for (let slot = 0; block.count < this.#count; slot++) {
      const quantity = this.#quantities[slot]!;
      if (quantity !== 0) block.push(this.#base + slot * this.#step, quantity);
    }
    return block;
  }

  /** By so many slots down, or up where negative. */
  #shift(slots: number, onLeft: OnLeft): void {
    const quantities = this.#quantities;
    // Farther than its span nothing stays.
    const shift = Math.max(-WINDOW_SLOTS, Math.min(WINDOW_SLOTS, slots));
    for (let slot = 0; slot < shift; slot++) this.#leave(slot, onLeft);
    if (shift >= 0) {
      quantities.copyWithin(0, shift);
      quantities.fill(0, WINDOW_SLOTS - shift);
    } else {
      quantities.copyWithin(-shift, 0);
      quantities.fill(0, 0, -shift);
    }
    this.#best -= shift;
    this.#readSlot = -1;
  }

  #leave(slot: number, onLeft: OnLeft): void {
    const quantity = this.#quantities[slot]!;
    if (quantity === 0) return;
    this.#quantities[slot] = 0;
    this.#count--;
    onLeft(this.#base + slot * this.#step, quantity);
  }

  #removed(slot: number): void {
    this.#count--;
    this.#readSlot = -1;
    if (slot !== this.#best) return;
    const quantities = this.#quantities;
    let best = slot - 1;
    while (best >= 0 && quantities[best] === 0) best--;
    this.#best = best;
  }

  #slotAt(place: number): number {
    const quantities = this.#quantities;
    let slot = this.#readSlot;
    let at = this.#readPlace;
    if (slot < 0 || place < at) {
      slot = this.#best;
      at = 0;
    }
    for (; at < place; at++) {
      do slot--;
      while (quantities[slot] === 0);
    }
    this.#readSlot = slot;
    this.#readPlace = place;
    return slot;
  }
}
