/** CRC-32 (IEEE 802.3, reflected, the one of zlib) of bytes: what exchanges sum their books with. */

const POLYNOMIAL = 0xedb88320;

/**
 * Eight tables of 256: what a byte adds when 0 to 7 more follow it. Eight bytes at once don't wait for one another, which takes a third of the
 * time ("slicing by 8").
 */
const TABLES = createTables();

/** Returns the checksum of the bytes from `start` to the end, as an unsigned 32-bit integer; `| 0` makes it the signed one. O(bytes). */
export function crc32(bytes: Uint8Array, start = 0): number {
  const end = bytes.length;
  let sum = -1;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    sum ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    sum =
      TABLES[1792 + (sum & 0xff)]! ^
      TABLES[1536 + ((sum >>> 8) & 0xff)]! ^
      TABLES[1280 + ((sum >>> 16) & 0xff)]! ^
      TABLES[1024 + (sum >>> 24)]! ^
      TABLES[768 + bytes[at + 4]!]! ^
      TABLES[512 + bytes[at + 5]!]! ^
      TABLES[256 + bytes[at + 6]!]! ^
      TABLES[bytes[at + 7]!]!;
  }
  for (; at < end; at++) sum = (sum >>> 8) ^ TABLES[(sum ^ bytes[at]!) & 0xff]!;
  return ~sum >>> 0;
}

function createTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) {
      remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
    }
    tables[byte] = remainder;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256]!;
    tables[at] = (before >>> 8) ^ tables[before & 0xff]!;
  }
  return tables;
}
