/**
 * The levels next to the best price of one side of a book, addressed by price: a slot for each step of the price, so that a change is one write and
 * moves nothing. Meant for dense books: what lies below the window is kept elsewhere, and so is a whole book whose levels are too far apart.
 */
import type { LevelGroups, LevelSink } from './level-sink.ts';

/** Prices that a window spans; 8 bytes each. */
const WINDOW_SLOTS = 1_024;
/** Where the best level is put when the window is placed: the slots above are for better ones to come. */
export const BEST_SLOT = 768;

/**
 * Keys in reach of a window are less than 2^12 steps apart, so with this one exactly. Of a much larger one distances might be rounded, and a price between
 * two steps taken for one of them.
 */
export const STEP_MAX = 2 ** 41;

/** Slots that are remembered: no checksum is over more levels. */
const READ_SLOTS = 32;
/** Levels that are told at once. */
const RUN_LEVELS = 64;
const run = new Float64Array(2 * RUN_LEVELS);

/** Set, or removed. */
export const KNOWN = 1;
/** To be removed, and not there. */
export const UNKNOWN = 0;
/** Not for the window, which is as it was: below or above its span, or between two steps. */
export const OUTSIDE = -1;

type Outcome = typeof KNOWN | typeof UNKNOWN | typeof OUTSIDE;

/** Of levels that a window gives up, worst first. */
type OnLeft = (key: number, quantity: number) => void;

export class NearWindow {
  /** By slot; 0 where there is no level. */
  readonly #quantities = new Float64Array(WINDOW_SLOTS);
  readonly #step: number;
  /** Key of slot 0. */
  #base = 0;
  #count = 0;
  /** That of the best level; below 0 while empty. */
  #best = -1;
  /** Slots of the best levels, as far as they were asked for since the last change: whoever reads checks sums of the same ones again and again. */
  readonly #readSlots = new Uint16Array(READ_SLOTS);
  #readCount = 0;

  /** @param step between two neighbouring keys, at most STEP_MAX */
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
    this.#readCount = 0;
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
    this.#readCount = 0;
  }

  /** Tells the levels from the best on to the sink; returns whether it wants worse ones too. */
  tell(sink: LevelSink): boolean {
    const quantities = this.#quantities;
    const base = this.#base;
    const step = this.#step;
    let slot = this.#best;
    for (let left = this.#count; left > 0;) {
      let start = 2 * RUN_LEVELS;
      for (; left > 0 && start > 0; slot--) {
        const quantity = quantities[slot]!;
        if (quantity === 0) continue;
        run[--start] = quantity;
        run[--start] = base + slot * step;
        left--;
      }
      if (!sink.add(run, start, 2 * RUN_LEVELS)) return false;
    }
    return true;
  }

  /** As `tell`, with the slots as they are. */
  addTo(groups: LevelGroups): boolean {
    return groups.addSlots(this.#quantities, this.#best, this.#base, this.#step);
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
    this.#readCount = 0;
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
    this.#readCount = 0;
    if (slot !== this.#best) return;
    const quantities = this.#quantities;
    let best = slot - 1;
    while (best >= 0 && quantities[best] === 0) best--;
    this.#best = best;
  }

  #slotAt(place: number): number {
    return place < this.#readCount ? this.#readSlots[place]! : this.#findSlot(place);
  }

  #findSlot(place: number): number {
    const quantities = this.#quantities;
    const slots = this.#readSlots;
    if (this.#readCount === 0) slots[this.#readCount++] = this.#best;
    let at = this.#readCount - 1;
    let slot = slots[at]!;
    while (at < place) {
      do slot--;
      while (quantities[slot] === 0);
      at++;
      if (at < READ_SLOTS) slots[this.#readCount++] = slot;
    }
    return slot;
  }
}
