/**
 * CRC-32 (IEEE 802.3, reflected, the one of zlib) of bytes: what exchanges sum their books with. A running sum starts at `CRC32_START` and ends with
 * `finishCrc32`. It is linear: the sum after some bytes is what they give from 0, XOR what as many zeros make of the sum before them. So the part of
 * bytes that come again and again need be worked out once.
 */

const POLYNOMIAL = 0xedb88320;

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) {
    remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
  }
  return remainder;
});

/** What zeros make of each byte of a sum, by the number of zeros; made when first asked for. */
const ZEROS: Int32Array[] = [];

export const CRC32_START = -1;

/** Returns the running sum after one more byte. */
export function extendCrc32(sum: number, byte: number): number {
  return (sum >>> 8) ^ TABLE[(sum ^ byte) & 0xff]!;
}

/** Returns the running sum after `count` zeros. O(1); each count that is asked for takes 4 KB for ever. */
export function extendCrc32ByZeros(sum: number, count: number): number {
  const table = (ZEROS[count] ??= createZeros(count));
  return (
    table[sum & 0xff]! ^
    table[256 + ((sum >>> 8) & 0xff)]! ^
    table[512 + ((sum >>> 16) & 0xff)]! ^
    table[768 + (sum >>> 24)]!
  );
}

/** Returns the checksum of a running sum, as an unsigned 32-bit integer; `| 0` makes it the signed one. */
export function finishCrc32(sum: number): number {
  return ~sum >>> 0;
}

function createZeros(count: number): Int32Array {
  return Int32Array.from({ length: 4 * 256 }, (_, at) => {
    let sum = (at & 0xff) << (8 * (at >> 8));
    for (let zeros = count; zeros > 0; zeros--) sum = extendCrc32(sum, 0);
    return sum;
  });
}
