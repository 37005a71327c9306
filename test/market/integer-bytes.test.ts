import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IntegerReader, IntegerWriter } from '../../src/market/integer-bytes.ts';
import type { Units } from '../../src/market/units.ts';
import { anyUnits } from '../support/arbitrary-minutes.ts';

const RUNS = { seed: 20_261_201, numRuns: 1_000 };

function write(...values: readonly Units[]): Uint8Array {
  const writer = new IntegerWriter(0);
  for (const value of values) writer.write(value);
  return writer.take();
}

function readAll(bytes: Uint8Array, start = 0, end = bytes.length): Units[] {
  const reader = new IntegerReader(bytes, start, end);
  const values: Units[] = [];
  while (!reader.isAtEnd) values.push(reader.read());
  return values;
}

describe('integers as bytes', () => {
  test('come back as they were, one after the other, at any size', () => {
    fc.assert(
      fc.property(fc.array(anyUnits, { maxLength: 20 }), (values) => {
        expect(readAll(write(...values))).toStrictEqual(values);
      }),
      RUNS,
    );
  });

  test.each<[Units, number[]]>([
    [0, [0]],
    [-1, [1]],
    [63, [126]],
    [-64, [127]],
    [64, [128, 1]],
    [-65, [129, 1]],
    [8_191, [254, 127]],
    [8_192, [128, 128, 1]],
    [2 ** 31, [128, 128, 128, 128, 16]],
    [Number.MAX_SAFE_INTEGER, [254, 255, 255, 255, 255, 255, 255, 31]],
    [-Number.MAX_SAFE_INTEGER, [253, 255, 255, 255, 255, 255, 255, 31]],
    [2n ** 53n, [128, 128, 128, 128, 128, 128, 128, 32]],
    [-(2n ** 53n), [255, 255, 255, 255, 255, 255, 255, 31]],
    [2n ** 64n, [128, 128, 128, 128, 128, 128, 128, 128, 128, 4]],
  ])('%s is %j', (value, bytes) => {
    expect([...write(value)]).toEqual(bytes);
    expect(readAll(Uint8Array.from(bytes))).toStrictEqual([value]);
  });

  test('that are cut short, or are no integers at all, are refused, and nothing outside of the bytes is looked at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 9 }), (bytes, others) => {
        const surrounded = Uint8Array.from([...others, ...bytes, ...others]);
        const outcomes = [
          outcomeOf(() => readAll(bytes)),
          outcomeOf(() => readAll(surrounded.subarray(others.length, others.length + bytes.length))),
          outcomeOf(() => readAll(surrounded, others.length, others.length + bytes.length)),
        ];
        expect(outcomes[1]).toStrictEqual(outcomes[0]);
        expect(outcomes[2]).toStrictEqual(outcomes[0]);
      }),
      RUNS,
    );
  });

  test('of more than 512 bytes are neither written nor read', () => {
    const longest = 2n ** 3_583n - 1n;
    expect(readAll(write(longest))).toStrictEqual([longest]);
    expect(() => write(longest + 1n)).toThrow(RangeError);
    expect(() => readAll(new Uint8Array(1_000_000).fill(0xff))).toThrow(RangeError);
  });

  test('a number is not read from what is none', () => {
    const bytes = write(Number.MAX_SAFE_INTEGER, 2n ** 53n);
    const reader = new IntegerReader(bytes, 0, bytes.length);
    expect(reader.readNumber()).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => reader.readNumber()).toThrow(RangeError);
  });
});

/** What was read, or `undefined` where it was refused; any other error fails the test. */
function outcomeOf(read: () => Units[]): Units[] | undefined {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    return undefined;
  }
}
