/**
 * Exact integers of any size as bytes, small ones in one: the least significant digits first, seven to a byte whose highest bit says whether more
 * follow, the sign in the lowest bit of the first. A stored format: bytes once written must stay readable.
 */
import type { Units } from './units.ts';
import { toUnits } from './units.ts';

/** A number of at most 2^53 − 1 takes no more than this. */
const NUMBER_MAX_BYTES = 8;
/** An integer longer than this is none that was written: events have decimals of at most 160 digits, and products of two of them. */
const WIDE_MAX_BYTES = 512;
const MORE = 0x80;

export class IntegerWriter {
  #bytes: Uint8Array;
  #size = 0;

  /** Grows beyond `expectedSizeBytes` where that is too little. */
  constructor(expectedSizeBytes: number) {
    this.#bytes = new Uint8Array(expectedSizeBytes + NUMBER_MAX_BYTES);
  }

  /** @throws RangeError when the integer has more digits than any that is made of events */
  write(value: Units): void {
    if (typeof value === 'bigint') {
      this.#writeWide(value);
      return;
    }
    this.#reserve(NUMBER_MAX_BYTES);
    const bytes = this.#bytes;
    let at = this.#size;
    const sign = value < 0 ? 1 : 0;
    const magnitude = value < 0 ? -1 - value : value;
    let low = magnitude % 0x40;
    let rest = (magnitude - low) / 0x40;
    bytes[at++] = (low << 1) | sign | (rest > 0 ? MORE : 0);
    while (rest > 0) {
      low = rest % 0x80;
      rest = (rest - low) / 0x80;
      bytes[at++] = low | (rest > 0 ? MORE : 0);
    }
    this.#size = at;
  }

  /** Returns what was written since the last call, in an array of its own. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#size);
    this.#size = 0;
    return taken;
  }

  #writeWide(value: bigint): void {
    this.#reserve(WIDE_MAX_BYTES);
    const bytes = this.#bytes;
    const end = this.#size + WIDE_MAX_BYTES;
    let at = this.#size;
    const magnitude = value < 0n ? -1n - value : value;
    let rest = magnitude >> 6n;
    bytes[at++] = (lowBits(magnitude, 6) << 1) | (value < 0n ? 1 : 0) | (rest > 0n ? MORE : 0);
    while (rest > 0n) {
      if (at === end) throw new RangeError(`Cannot write an integer of more than ${WIDE_MAX_BYTES} bytes`);
      const low = lowBits(rest, 7);
      rest >>= 7n;
      bytes[at++] = low | (rest > 0n ? MORE : 0);
    }
    this.#size = at;
  }

  #reserve(sizeBytes: number): void {
    const needed = this.#size + sizeBytes;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/** Every read checks that it stays before `end`. */
export class IntegerReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  /** Reads from `start` to before `end`. */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = Math.min(end, bytes.length);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** @throws RangeError when the bytes end before the integer does */
  read(): Units {
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start;
    let byte = this.#byteAt(at++);
    const sign = byte & 1;
    let magnitude = (byte & 0x7f) >> 1;
    // Sums of doubles are exact up to 2^53, and one that is not comes out no smaller.
    for (let factor = 0x40; byte >= MORE; factor *= 0x80) {
      if (at - start === NUMBER_MAX_BYTES) return this.#readWide();
      if (at >= this.#end) throw beyond(this.#end);
      byte = bytes[at++]!;
      magnitude += (byte & 0x7f) * factor;
    }
    if (magnitude >= Number.MAX_SAFE_INTEGER) return this.#readWide();
    this.#at = at;
    return sign === 1 ? -1 - magnitude : magnitude;
  }

  /** @throws RangeError when the next integer is none, or not a safe one */
  readNumber(): number {
    return toNumber(this.read());
  }

  #readWide(): Units {
    let at = this.#at;
    const end = Math.min(this.#end, at + WIDE_MAX_BYTES);
    let byte = this.#byteAt(at++);
    const sign = byte & 1;
    let magnitude = BigInt((byte & 0x7f) >> 1);
    for (let shift = 6n; byte >= MORE; shift += 7n) {
      if (at >= end) throw beyond(end);
      byte = this.#bytes[at++]!;
      magnitude |= BigInt(byte & 0x7f) << shift;
    }
    this.#at = at;
    return toUnits(sign === 1 ? -1n - magnitude : magnitude);
  }

  #byteAt(at: number): number {
    if (at >= this.#end) throw beyond(this.#end);
    return this.#bytes[at]!;
  }
}

/** Returns the value when it is a `number`. @throws RangeError when it is not */
export function toNumber(value: Units): number {
  if (typeof value === 'number') return value;
  throw new RangeError(`Cannot read a number: expected at most 2^53 − 1, was ${value}`);
}

function lowBits(value: bigint, bits: number): number {
  return Number(BigInt.asUintN(bits, value));
}

function beyond(end: number): RangeError {
  return new RangeError(`Cannot read an integer beyond byte ${end}`);
}
