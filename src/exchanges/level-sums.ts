/**
 * CRC-32 of the text of levels, one after the other. The sum of a book is taken of nearly every frame of some exchanges, and nearly all its levels are
 * those of the frame before: what their text adds is remembered, so that text is written of a changed level alone.
 */
import { extendCrc32ByZeros } from '../market/crc32.ts';
import type { Scales, Units } from '../market/units.ts';
import { BackwardText } from '../market/backward-text.ts';

/** Levels remembered, of all books together, each at the one place that its numbers lead to: of two that meet the later is remembered. */
const PLACES = 4_096;

/** Writes the text of one level, ASCII, from its end to its beginning; nothing else may decide on it. */
export type WriteLevel = (text: BackwardText, price: Units, quantity: Units, scales: Scales) => void;

export class LevelSums {
  readonly #write: WriteLevel;
  readonly #text = new BackwardText();
  readonly #prices = new Float64Array(PLACES).fill(NaN);
  readonly #quantities = new Float64Array(PLACES);
  readonly #scales = new Int32Array(PLACES);
  /** Of the text, from 0. */
  readonly #sums = new Int32Array(PLACES);
  readonly #lengths = new Int32Array(PLACES);

  constructor(write: WriteLevel) {
    this.#write = write;
  }

  /** Returns the running sum after the text of the level. */
  extend(sum: number, price: Units, quantity: Units, scales: Scales): number {
    if (typeof price !== 'number' || typeof quantity !== 'number') {
      return this.#rewrite(price, quantity, scales).extendCrc32(sum);
    }
    const mixed = Math.imul(price | 0, 0x9e3779b1) ^ Math.imul(quantity | 0, 0x85ebca6b);
    const at = (mixed ^ (mixed >>> 15)) & (PLACES - 1);
    const scaleKey = scales.price * 64 + scales.quantity;
    if (this.#prices[at] !== price || this.#quantities[at] !== quantity || this.#scales[at] !== scaleKey) {
      const text = this.#rewrite(price, quantity, scales);
      this.#prices[at] = price;
      this.#quantities[at] = quantity;
      this.#scales[at] = scaleKey;
      this.#sums[at] = text.extendCrc32(0);
      this.#lengths[at] = text.length;
    }
    return extendCrc32ByZeros(sum, this.#lengths[at]!) ^ this.#sums[at]!;
  }

  #rewrite(price: Units, quantity: Units, scales: Scales): BackwardText {
    this.#text.clear();
    this.#write(this.#text, price, quantity, scales);
    return this.#text;
  }
}
