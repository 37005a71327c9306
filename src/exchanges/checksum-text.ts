/**
 * The text of a level that a checksum is over, as bytes. Written from its end to its beginning, because that is how the digits of a number come;
 * strings of digits would take several times as long.
 */
import { extendCrc32 } from '../market/crc32.ts';
import type { Units } from '../market/units.ts';
import { formatUnits, wholeQuotient } from '../market/units.ts';

/** Beyond any level: the longest number has 161 digits (`readDecimal`). */
const CAPACITY = 1_024;

const ZERO = 48;
const POINT = 46;
/** Numbers of so many digits are done in 32-bit integers. */
const CHUNK_DIGITS = 8;
const CHUNK = 10 ** CHUNK_DIGITS;
const POWERS_OF_TEN = Array.from({ length: CHUNK_DIGITS + 1 }, (_, exponent) => 10 ** exponent);

export class ChecksumText {
  readonly #bytes = new Uint8Array(CAPACITY);
  /** Index of the first byte; what is written next goes before it. */
  #start = CAPACITY;

  get length(): number {
    return CAPACITY - this.#start;
  }

  clear(): void {
    this.#start = CAPACITY;
  }

  /** Returns the running sum after the text. */
  extendCrc32(sum: number): number {
    let after = sum;
    for (let at = this.#start; at < CAPACITY; at++) after = extendCrc32(after, this.#bytes[at]!);
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

  /** Writes what `formatUnits` gives for units ≥ 0 before the text. */
  prependDecimal(units: Units, scale: number): void {
    const power = POWERS_OF_TEN[scale];
    if (typeof units !== 'number' || power === undefined) {
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
