/** CRC-32 (IEEE 802.3, reflected, the one of zlib) of ASCII text: what exchanges sum their books with. */

const POLYNOMIAL = 0xedb88320;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) {
    remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
  }
  return remainder;
});

/** Where a running sum starts. */
export const CRC32_START = 0xffffffff | 0;

/** Returns the running sum after `text`, so that a long text need never be joined: finish it with `finishCrc32`. ASCII only. O(length). */
export function extendCrc32(running: number, text: string): number {
  for (let index = 0; index < text.length; index++) {
    running = (running >>> 8) ^ TABLE[(running ^ text.charCodeAt(index)) & 0xff]!;
  }
  return running;
}

/** Returns the checksum of a running sum, as an unsigned 32-bit integer. */
export function finishCrc32(running: number): number {
  return ~running >>> 0;
}

/** Returns the checksum of ASCII text, as an unsigned 32-bit integer; `| 0` makes it the signed one. O(length). */
export function crc32(text: string): number {
  return finishCrc32(extendCrc32(CRC32_START, text));
}
