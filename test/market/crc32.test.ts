import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CRC32_START, extendCrc32, extendCrc32ByZeros, finishCrc32 } from '../../src/market/crc32.ts';

const extend = (sum: number, bytes: Uint8Array): number => bytes.reduce(extendCrc32, sum);
const bytes = fc.uint8Array({ maxLength: 200 });

describe('crc32', () => {
  it('gives the check value of the IEEE polynomial', () => {
    expect(finishCrc32(extend(CRC32_START, Buffer.from('123456789')))).toBe(3421780262);
    expect(finishCrc32(CRC32_START)).toBe(0);
  });

  it('gives what zlib gives for any bytes', () => {
    fc.assert(
      fc.property(bytes, (all) => {
        expect(finishCrc32(extend(CRC32_START, all))).toBe(zlibCrc32(all));
      }),
      { seed: 1 },
    );
  });

  it('of bytes after others is what zeros make of the others, and what the bytes add from 0', () => {
    fc.assert(
      fc.property(bytes, bytes, (before, after) => {
        const joined = extendCrc32ByZeros(extend(CRC32_START, before), after.length) ^ extend(0, after);
        expect(finishCrc32(joined)).toBe(zlibCrc32(Buffer.concat([before, after])));
      }),
      { seed: 2 },
    );
  });
});
