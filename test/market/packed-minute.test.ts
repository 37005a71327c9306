import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IntegerWriter } from '../../src/market/integer-bytes.ts';
import { packMinute, unpackMinute } from '../../src/market/packed-minute.ts';
import type { MinuteSeconds } from '../../src/market/ticker-minute.ts';
import { anySeconds } from '../support/arbitrary-minutes.ts';

const RUNS = { seed: 20_261_202, numRuns: 1_000 };
const START_MS = Date.UTC(2026, 0, 1);
const anyStartMs = fc.oneof(
  fc.constantFrom(-60_000, 0, START_MS),
  fc.nat({ max: 144_000_000_000 }).map((minutes) => minutes * 60_000),
);

function pack(startMs: number, seconds: MinuteSeconds): Uint8Array {
  const writer = new IntegerWriter(0);
  packMinute(startMs, seconds, writer);
  return writer.take();
}

function unpack(startMs: number, bytes: Uint8Array): MinuteSeconds {
  return unpackMinute(startMs, bytes, 0, bytes.length);
}

/** Whether the bytes are refused; any other error than the one for that fails the test. */
function isRefused(startMs: number, bytes: Uint8Array): boolean {
  try {
    unpack(startMs, bytes);
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    return true;
  }
}

describe('a packed minute', () => {
  test('comes back as it was, with keys of every kind and numbers of any size', () => {
    fc.assert(
      fc.property(anyStartMs, anySeconds, (startMs, seconds) => {
        expect(unpack(startMs, pack(startMs, seconds))).toStrictEqual(seconds);
      }),
      RUNS,
    );
  });

  test('is the same for the same minute, whatever was written before it', () => {
    fc.assert(
      fc.property(anyStartMs, anySeconds, anySeconds, (startMs, seconds, before) => {
        const bytes = pack(startMs, seconds);
        expect(pack(startMs, unpack(startMs, bytes))).toEqual(bytes);
        const writer = new IntegerWriter(0);
        packMinute(startMs - 60_000, before, writer);
        const start = writer.take().length;
        packMinute(startMs - 60_000, before, writer);
        packMinute(startMs, structuredClone(seconds), writer);
        const both = writer.take();
        expect(both.subarray(start)).toEqual(bytes);
        expect(unpackMinute(startMs, both, start, both.length)).toStrictEqual(seconds);
      }),
      RUNS,
    );
  });

  test('has bytes for nothing else: two minutes that differ have different ones', () => {
    fc.assert(
      fc.property(anySeconds, anySeconds, fc.nat(), (one, other, place) => {
        const changed = structuredClone(one);
        const index = place % changed.units.length;
        changed.units[index] = changed.units[index] === 1 ? 2 : 1;
        for (const different of [changed, other]) {
          const isSame = JSON.stringify(toText(different)) === JSON.stringify(toText(one));
          const isSameBytes = Buffer.compare(pack(START_MS, different), pack(START_MS, one)) === 0;
          expect(isSameBytes).toBe(isSame);
        }
      }),
      RUNS,
    );
  });

  test('cut short or made of anything is refused or is some minute, and takes no time', () => {
    const likely = fc.oneof(fc.constantFrom(0, 0, 1, 1, 2, 0xfe, 0xff), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(fc.array(likely, { maxLength: 120 }), anySeconds, fc.nat(), (random, seconds, cut) => {
        isRefused(START_MS, Uint8Array.from(random));
        const bytes = pack(START_MS, seconds);
        isRefused(START_MS, bytes.subarray(0, cut % bytes.length));
      }),
      { ...RUNS, numRuns: 5_000 },
    );
  });

  test.each([
    ['nothing', []],
    ['a form that is not known', [4]],
    ['a form that is negative', [1]],
    ['a text longer than what is left', [2, 2, 0, 255, 255, 255, 255, 15]],
    ['a second that ends early', [0, 2, 0]],
    ['an integer that goes on for ever', [0, ...Array.from({ length: 600 }, () => 255)]],
  ])('that is %s is refused', (_what, bytes) => {
    expect(isRefused(START_MS, Uint8Array.from(bytes))).toBe(true);
  });

  test('takes some ten bytes for a second of one trade, and some 25 for one of many', () => {
    const usual = (index: number) => ({
      timeMs: START_MS + index * 1_000 + 321,
      key: 1_500_000_000 + index * 7,
      price: 5_000_000 + ((index * 7_919) % 500),
      volume: 1_000_000 + index * 104_729,
    });
    const seconds = Array.from({ length: 60 }, (_, index) => usual(index));
    const ofOne: MinuteSeconds = {
      times: seconds.flatMap(({ timeMs }) => [timeMs, timeMs]),
      keys: seconds.flatMap(({ key }) => [key, key]),
      units: seconds.flatMap(({ price, volume }) => [price, price, price, price, volume, price * volume]),
      counts: seconds.map(() => 1),
    };
    const ofMany: MinuteSeconds = {
      times: seconds.flatMap(({ timeMs }) => [timeMs, timeMs + 600]),
      keys: seconds.flatMap(({ key }) => [key, key + 6]),
      units: seconds.flatMap(({ price, volume }) => [
        ...[price, price + 3, price + 90, price - 70, volume, price * volume + 12 * volume],
      ]),
      counts: seconds.map(() => 7),
    };
    expect(pack(START_MS, ofOne).length / 60).toBeLessThan(12);
    expect(pack(START_MS, ofMany).length / 60).toBeLessThan(25);
  });
});

function toText({ times, keys, units, counts }: MinuteSeconds): unknown {
  return [times, keys, units.map(String), counts];
}
