/**
 * Reads frames that come all the time straight from their text, in the order in which the exchange writes its keys: what it reads is JSON, and means
 * what the parser would have found, but not all that is JSON is read. Whatever else stands there fails the reading, and the frame is then parsed like
 * any other, which decides alone what is wrong with it. Most of the cost of a level is otherwise the array and the texts that are thrown away at once.
 */
import type { Levels } from '../market/events.ts';
import type { Scales, Units } from '../market/units.ts';

const ZERO = 48;
const MINUS = 45;
const POINT = 46;
const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const OPENING_BRACKET = 91;
const CLOSING_BRACKET = 93;
/** A whole number of so many digits is exact. */
const DIGITS_MAX = 15;
const POWERS_OF_TEN = Array.from({ length: DIGITS_MAX + 1 }, (_, exponent) => 10 ** exponent);

export class FrameCursor {
  readonly #text: string;
  #at: number;

  constructor(text: string, at = 0) {
    this.#text = text;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  /** Steps over exactly this text; where it does not stand, returns false and stays. */
  take(literal: string): boolean {
    if (!this.#text.startsWith(literal, this.#at)) return false;
    this.#at += literal.length;
    return true;
  }

  /** Reads an integer of at most 15 digits; NaN when there is none. */
  integer(): number {
    const isNegative = this.#takeCode(MINUS);
    const value = this.wholeNumber();
    if (!isNegative) return value;
    // The parser would make a negative zero.
    return value > 0 ? -value : NaN;
  }

  /** Reads an integer ≥ 0 of at most 15 digits; NaN when there is none. */
  wholeNumber(): number {
    const text = this.#text;
    const start = this.#at;
    let at = start;
    let value = 0;
    for (let digit = text.charCodeAt(at) - ZERO; digit >= 0 && digit <= 9;) {
      value = value * 10 + digit;
      digit = text.charCodeAt(++at) - ZERO;
    }
    const digitCount = at - start;
    if (digitCount === 0 || digitCount > DIGITS_MAX) return NaN;
    if (digitCount > 1 && text.charCodeAt(start) === ZERO) return NaN;
    this.#at = at;
    return value;
  }

  /** Reads the rest of a text, its closing quote too: visible ASCII without escapes, not empty; `undefined` when it is anything else. */
  text(): string | undefined {
    const start = this.#at;
    return this.#skipText() && this.#at - 1 > start ? this.#text.slice(start, this.#at - 1) : undefined;
  }

  /**
   * Reads the rest of a decimal in quotes as units, as `parseUnits` does, with its closing quote; NaN when it is anything else, has more than
   * `decimalsMax` decimals, or needs more than `scale`.
   */
  decimal(scale: number, decimalsMax: number): number {
    const units = this.#units(scale, decimalsMax);
    return this.#takeCode(QUOTE) ? units : NaN;
  }

  /** Reads a decimal that is a JSON number, as `decimal` does; whatever follows it has to be taken next. */
  number(scale: number, decimalsMax: number): number {
    const start = this.#at;
    const units = this.#units(scale, decimalsMax);
    // JSON has no leading zeros.
    if (
      this.#text.charCodeAt(start) === ZERO &&
      this.#at > start + 1 &&
      this.#text.charCodeAt(start + 1) !== POINT
    )
      return NaN;
    return units;
  }

  #units(scale: number, decimalsMax: number): number {
    const text = this.#text;
    const start = this.#at;
    let at = start;
    let units = 0;
    let digit = text.charCodeAt(at) - ZERO;
    while (digit >= 0 && digit <= 9) {
      units = units * 10 + digit;
      digit = text.charCodeAt(++at) - ZERO;
    }
    if (at === start) return NaN;
    let missing = scale;
    if (digit === POINT - ZERO) {
      const point = at;
      digit = text.charCodeAt(++at) - ZERO;
      while (digit >= 0 && digit <= 9) {
        if (missing > 0) {
          units = units * 10 + digit;
          missing--;
        } else if (digit !== 0) {
          return NaN;
        }
        digit = text.charCodeAt(++at) - ZERO;
      }
      const decimals = at - point - 1;
      if (decimals === 0 || decimals > decimalsMax) return NaN;
    }
    if (missing > DIGITS_MAX) return NaN;
    this.#at = at;
    if (missing > 0) units *= POWERS_OF_TEN[missing]!;
    return units <= Number.MAX_SAFE_INTEGER ? units : NaN;
  }

  /** Reads `[["price","quantity",…],…]`, where only texts may follow in a level; `undefined` when it is anything else, or needs larger scales. */
  levels(scales: Scales): Levels | undefined {
    if (!this.#takeCode(OPENING_BRACKET)) return undefined;
    const units: Units[] = [];
    if (this.#takeCode(CLOSING_BRACKET)) return units;
    do {
      if (!this.#takeCode(OPENING_BRACKET) || !this.#takeCode(QUOTE)) return undefined;
      const price = this.decimal(scales.price, Infinity);
      if (!this.#takeCode(COMMA) || !this.#takeCode(QUOTE)) return undefined;
      const quantity = this.decimal(scales.quantity, Infinity);
      if (!(price >= 0 && quantity >= 0)) return undefined;
      while (this.#takeCode(COMMA)) if (!this.#takeCode(QUOTE) || !this.#skipText()) return undefined;
      if (!this.#takeCode(CLOSING_BRACKET)) return undefined;
      units.push(price, quantity);
    } while (this.#takeCode(COMMA));
    return this.#takeCode(CLOSING_BRACKET) ? units : undefined;
  }

  #skipText(): boolean {
    const text = this.#text;
    for (let at = this.#at; ; at++) {
      const code = text.charCodeAt(at);
      // NaN past the end of the text fails both comparisons.
      if (!(code >= 32 && code <= 126) || code === BACKSLASH) return false;
      if (code === QUOTE) {
        this.#at = at + 1;
        return true;
      }
    }
  }

  #takeCode(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }
}
