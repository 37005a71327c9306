/**
 * ASCII text that is mostly numbers, as bytes: what a checksum of levels is over, levels as they are published. Written from its end to its beginning,
 * because that is how the digits of a number come; strings of digits would take several times as long.
 */
import { extendCrc32 } from './crc32.ts';
import type { Units } from './units.ts';
import { formatUnits, wholeQuotient } from './units.ts';

/** What one number takes at most: the longest has 161 digits (`readDecimal`), a point and a sign. */
export const NUMBER_MAX_BYTES = 164;
/** Without a `reserve`: some levels. */
const INITIAL_CAPACITY = 1_024;

const ZERO = 48;
const POINT = 46;
/** Numbers of so many digits are done in 32-bit integers. */
const CHUNK_DIGITS = 8;
const CHUNK = 10 ** CHUNK_DIGITS;
const POWERS_OF_TEN = Array.from({ length: CHUNK_DIGITS + 1 }, (_, exponent) => 10 ** exponent);

export class BackwardText {
  #bytes = new Uint8Array(INITIAL_CAPACITY);
  /** Index of the first byte; what is written next goes before it. */
  #start = INITIAL_CAPACITY;

  get length(): number {
    return this.#bytes.length - this.#start;
  }

  /** The text, until it changes. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(this.#start);
  }

  clear(): void {
    this.#start = this.#bytes.length;
  }

  /** Clears, and makes room for so many bytes; nothing that is written looks whether there is any. */
  reserve(sizeBytes: number): void {
    if (this.#bytes.length < sizeBytes) this.#bytes = new Uint8Array(2 * sizeBytes);
    this.clear();
  }

  /** Returns the running sum after the text. */
  extendCrc32(sum: number): number {
    let after = sum;
    for (let at = this.#start; at < this.#bytes.length; at++) after = extendCrc32(after, this.#bytes[at]!);
    return after;
  }

  /** Writes one ASCII character before the text. */
  prependCode(code: number): void {
    this.#bytes[--this.#start] = code;
  }

  /** Writes the plain digits of units ≥ 0 before the text. */
  prependDigits(units: Units): void {
    if (typeof units !== 'number') {
      this.#prependText(units.toString());
      return;
    }
    let rest = units;
    if (rest >= CHUNK) {
      const whole = wholeQuotient(rest, CHUNK);
      this.#prependPadded(rest - whole * CHUNK, CHUNK_DIGITS);
      rest = whole;
    }
    // At most 90,071,992, so 32-bit arithmetic.
    this.#prependInteger(rest);
  }

  /** Writes what `formatUnits` gives before the text. */
  prependDecimal(units: Units, scale: number): void {
    const power = POWERS_OF_TEN[scale];
    if (typeof units !== 'number' || units < 0 || power === undefined) {
      this.#prependText(formatUnits(units, scale));
      return;
    }
    const whole = wholeQuotient(units, power);
    let fraction = (units - whole * power) | 0;
    if (fraction !== 0) {
      let decimals = scale;
      for (let next = (fraction / 10) | 0; next * 10 === fraction; next = (fraction / 10) | 0) {
        fraction = next;
        decimals--;
      }
      this.#prependPadded(fraction, decimals);
      this.prependCode(POINT);
    }
    this.prependDigits(whole);
  }

  /** `value` < 2^31. */
  #prependInteger(value: number): void {
    const bytes = this.#bytes;
    let at = this.#start;
    let rest = value | 0;
    do {
      const next = (rest / 10) | 0;
      bytes[--at] = ZERO + rest - next * 10;
      rest = next;
    } while (rest > 0);
    this.#start = at;
  }

  /** `value` < 10^`digitCount` ≤ 10^8; leading zeros are written. */
  #prependPadded(value: number, digitCount: number): void {
    const bytes = this.#bytes;
    let at = this.#start;
    let rest = value | 0;
    for (let count = digitCount; count > 0; count--) {
      const next = (rest / 10) | 0;
      bytes[--at] = ZERO + rest - next * 10;
      rest = next;
    }
    this.#start = at;
  }

  #prependText(text: string): void {
    for (let index = text.length - 1; index >= 0; index--) this.prependCode(text.charCodeAt(index));
  }
}
