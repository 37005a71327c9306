/**
 * Reads the forms of Avro's binary encoding that the schemas here use (Avro specification 1.11, "Binary encoding"), one value after the other.
 * Every read checks that it stays inside the bytes.
 */

export class AvroReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** A zigzag varint of at most 2^53 − 1 in magnitude. */
  long(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    let byte = bytes[at++]!;
    if (byte < 0x80) {
      this.#at = at;
      return byte & 1 ? -(byte >> 1) - 1 : byte >> 1;
    }
    // 28 bits by shifting, what is beyond by multiplying: sums of doubles are exact up to 2^53.
    let low = byte & 0x7f;
    byte = bytes[at++]!;
    low |= (byte & 0x7f) << 7;
    if (byte >= 0x80) {
      byte = bytes[at++]!;
      low |= (byte & 0x7f) << 14;
      if (byte >= 0x80) {
        byte = bytes[at++]!;
        low |= (byte & 0x7f) << 21;
        if (byte >= 0x80) return this.#wideLong(low, at);
      }
    }
    if (at > bytes.length) throw outside(at, bytes.length);
    this.#at = at;
    return low & 1 ? -(low >> 1) - 1 : low >> 1;
  }

  /** Shares the memory of what is read where it is most of it; else a copy, so that what keeps it does not keep all the rest. */
  bytes(): Uint8Array {
    const { from, to } = this.#takeSized();
    const { buffer, byteOffset, length } = this.#bytes;
    const bytes = new Uint8Array(buffer, byteOffset + from, to - from);
    return 2 * bytes.length >= length ? bytes : bytes.slice();
  }

  text(): string {
    const { from, to } = this.#takeSized();
    return this.#bytes.toString('utf8', from, to);
  }

  /** Index of a union's branch or of an enum's symbol, below `count`. */
  branch(count: number): number {
    const index = this.long();
    if (index < 0 || index >= count) {
      throw new RangeError(`Cannot read a branch: expected 0 to ${count - 1}, was ${index}`);
    }
    return index;
  }

  /** A union of null and one type. */
  optional<Value>(read: () => Value): Value | undefined {
    return this.branch(2) === 0 ? undefined : read();
  }

  /** Items in the next block of an array; 0 ends it. */
  blockCount(): number {
    const count = this.long();
    if (count >= 0) return count;
    // A negative count is followed by the size of the block in bytes.
    this.long();
    return -count;
  }

  array<Item>(read: () => Item): Item[] {
    const items: Item[] = [];
    for (let count = this.blockCount(); count > 0; count = this.blockCount()) {
      for (let index = 0; index < count; index++) items.push(read());
    }
    return items;
  }

  /** An array of longs, in one list of its size: most of what a state holds is in such arrays. */
  longs(): number[] {
    let count = this.blockCount();
    // Each takes a byte at least, so that no count asks for more memory than there are bytes.
    if (count > this.#bytes.length - this.#at) throw outside(this.#at + count, this.#bytes.length);
    const values = new Array<number>(count);
    for (let at = 0; count > 0; count = this.blockCount()) {
      for (const end = at + count; at < end; at++) values[at] = this.long();
    }
    return values;
  }

  expectEnd(): void {
    if (this.#at !== this.#bytes.length) {
      throw new RangeError(`Cannot read a record: it ends at byte ${this.#at} of ${this.#bytes.length}`);
    }
  }

  /** Passes over a length and as many bytes, and says where they are. */
  #takeSized(): { from: number; to: number } {
    const length = this.long();
    const from = this.#at;
    const to = from + length;
    if (length < 0 || to > this.#bytes.length) throw outside(to, this.#bytes.length);
    this.#at = to;
    return { from, to };
  }

  #wideLong(low: number, start: number): number {
    const bytes = this.#bytes;
    let at = start;
    let value = low;
    let factor = 2 ** 28;
    for (;;) {
      if (at >= bytes.length) throw outside(at + 1, bytes.length);
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      factor *= 128;
      if (factor > 2 ** 56) throw new RangeError('Cannot read a long of more than 63 bits');
    }
    this.#at = at;
    if (value > 2 * Number.MAX_SAFE_INTEGER) throw new RangeError('Cannot read a long beyond 2^53 exactly');
    // The lowest bit, the sign, is still exact: the encoder writes no long beyond 2^52.
    return low & 1 ? -((value - 1) / 2) - 1 : value / 2;
  }
}

function outside(end: number, length: number): RangeError {
  return new RangeError(`Cannot read beyond the end: expected at least ${end} bytes, was ${length}`);
}
