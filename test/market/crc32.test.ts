import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CRC32_START, crc32, extendCrc32, finishCrc32 } from '../../src/market/crc32.ts';

const asciiText = fc.string({ unit: 'binary-ascii', maxLength: 200 });

describe('crc32', () => {
  it('gives the check value of the IEEE polynomial', () => {
    expect(crc32('123456789')).toBe(3421780262);
    expect(crc32('')).toBe(0);
  });

  it('gives what zlib gives for any ASCII text', () => {
    fc.assert(
      fc.property(asciiText, (text) => {
        expect(crc32(text)).toBe(zlibCrc32(text));
      }),
      { seed: 1 },
    );
  });

  it('gives the same sum for a text in pieces as for the whole', () => {
    fc.assert(
      fc.property(fc.array(asciiText, { maxLength: 6 }), (pieces) => {
        const running = pieces.reduce(extendCrc32, CRC32_START);
        expect(finishCrc32(running)).toBe(crc32(pieces.join('')));
      }),
      { seed: 2 },
    );
  });
});
