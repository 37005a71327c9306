/**
 * Reads decimal text of one symbol into units, at scales that grow with the decimals seen and never shrink.
 * An event carries the scales it was read at, so nothing else has to know them in advance.
 */
import type { Levels } from './events.ts';
import type { Scales, Units } from './units.ts';
import { parseUnits, parseUnitsExact, readDecimal, significantDecimals } from './units.ts';

/** A level as exchanges write it: price, quantity, then whatever else. */
export type WireLevel = readonly [price: unknown, quantity: unknown, ...rest: unknown[]];

export type LevelsReading = { readonly scales: Scales; readonly bids: Levels; readonly asks: Levels };

/**
 * `keepTrailingZeros`: `0.10` counts two decimals, not one. For exchanges whose checksum is over the digits as written (Kraken): at
 * that scale the units are those digits.
 */
export class ScaleMemory {
  readonly #keepTrailingZeros: boolean;
  #price = 0;
  #quantity = 0;
  #scales: Scales = { price: 0, quantity: 0 };

  constructor(options: { keepTrailingZeros: boolean }) {
    this.#keepTrailingZeros = options.keepTrailingZeros;
  }

  get scales(): Scales {
    return this.#scales;
  }

  /**
   * Returns both sides at one pair of scales, in wire order. A level that is not two decimal numbers ≥ 0 is left out and told to `onRejected`.
   */
  readLevels(
    bids: readonly WireLevel[],
    asks: readonly WireLevel[],
    onRejected: (reason: string) => void,
  ): LevelsReading {
    for (;;) {
      const scales = this.#scales;
      const rejections: string[] = [];
      const bidUnits = this.#readSide(bids, scales, rejections);
      const askUnits = bidUnits && this.#readSide(asks, scales, rejections);
      if (bidUnits === undefined || askUnits === undefined) continue;
      for (const reason of rejections) onRejected(reason);
      return { scales, bids: bidUnits, asks: askUnits };
    }
  }

  /** Returns price and quantity of a trade; `undefined` when either is not a decimal number ≥ 0. */
  readTrade(
    price: unknown,
    quantity: unknown,
  ): { scales: Scales; price: Units; quantity: Units } | undefined {
    for (;;) {
      const before = this.#scales;
      const priceUnits = this.#readPrice(price);
      const quantityUnits = this.#readQuantity(quantity);
      if (priceUnits === undefined || quantityUnits === undefined) return undefined;
      if (before === this.#scales) return { scales: before, price: priceUnits, quantity: quantityUnits };
    }
  }

  /**
   * `undefined` as soon as the scales are no longer these: what was read before is at the old ones, and it starts again. The first book of a symbol
   * nearly always grows them at its first level, so that little is read twice.
   */
  #readSide(levels: readonly WireLevel[], scales: Scales, rejections: string[]): Levels | undefined {
    const units: Units[] = [];
    for (const level of levels) {
      const price = Array.isArray(level) ? this.#readPrice(level[0]) : undefined;
      const quantity = Array.isArray(level) ? this.#readQuantity(level[1]) : undefined;
      if (this.#scales !== scales) return undefined;
      if (price === undefined || quantity === undefined) {
        rejections.push(`level is not a pair of decimal numbers: ${JSON.stringify(level)}`.slice(0, 120));
        continue;
      }
      units.push(price, quantity);
    }
    return units;
  }

  #readPrice(text: unknown): Units | undefined {
    if (typeof text !== 'string') return undefined;
    const units = this.#readFast(text, this.#price);
    return units >= 0 ? units : this.#readWithGrowth(text, 'price');
  }

  #readQuantity(text: unknown): Units | undefined {
    if (typeof text !== 'string') return undefined;
    const units = this.#readFast(text, this.#quantity);
    return units >= 0 ? units : this.#readWithGrowth(text, 'quantity');
  }

  /** Returns `NaN` for what needs the slow way: a larger scale, a bigint, an exponent, or no number at all. */
  #readFast(text: string, scale: number): number {
    return this.#keepTrailingZeros && writtenDecimals(text) > scale ? NaN : parseUnits(text, scale);
  }

  #readWithGrowth(text: string, what: 'price' | 'quantity'): Units | undefined {
    const parts = readDecimal(text);
    if (parts === undefined || parts.digits < 0n) return undefined;
    const needed = this.#keepTrailingZeros ? parts.decimals : significantDecimals(parts);
    const scale = what === 'price' ? this.#price : this.#quantity;
    if (needed > scale) {
      if (what === 'price') this.#price = needed;
      else this.#quantity = needed;
      this.#scales = { price: this.#price, quantity: this.#quantity };
    }
    return parseUnitsExact(text, Math.max(needed, scale));
  }
}

/** Counts the characters after the point; only for text that `parseUnits` then accepts are they decimals. */
function writtenDecimals(text: string): number {
  const point = text.indexOf('.');
  return point === -1 ? 0 : text.length - point - 1;
}
