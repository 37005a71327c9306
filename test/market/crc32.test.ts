import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32 } from '../../src/market/crc32.ts';

describe('crc32', () => {
  it('gives the check value of the IEEE polynomial', () => {
    expect(crc32(Buffer.from('123456789'))).toBe(3421780262);
    expect(crc32(new Uint8Array())).toBe(0);
  });

  it('gives what zlib gives for any bytes, from any place on', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, from) => {
        const start = Math.min(from, bytes.length);
        expect(crc32(bytes, start)).toBe(zlibCrc32(bytes.subarray(start)));
      }),
      { seed: 1, numRuns: 1_000 },
    );
  });
});
