import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PackedMinutes } from '../../src/market/packed-minutes.ts';
import {
  MinutePacker,
  NO_MINUTES,
  expectSoundMinutes,
  unpackMinuteAt,
} from '../../src/market/packed-minutes.ts';
import { MINUTE_MS } from '../../src/market/ticker-minute.ts';
import { TICKER_WINDOW_MS, TickerWindow } from '../../src/market/ticker-window.ts';
import { packAll, packedMinutes } from '../support/arbitrary-minutes.ts';
import { ORIGIN_MS } from '../support/arbitrary-trades.ts';

const RUNS = { seed: 20_261_203, numRuns: 300 };

test('minutes that are taken over packed are those that were packed alone', () => {
  fc.assert(
    fc.property(packedMinutes, fc.nat(), fc.nat(), (minutes, one, other) => {
      const count = minutes.startsMs.length;
      const [from = 0, to = 0] = [one % (count + 1), other % (count + 1)].sort((a, b) => a - b);
      const taken = new MinutePacker();
      taken.addPacked(minutes, from, to);
      const alone = new MinutePacker();
      for (let index = from; index < to; index++) alone.add(unpackMinuteAt(minutes, index));
      expect(taken.pack()).toStrictEqual(alone.pack());
    }),
    RUNS,
  );
});

test('minutes that are packed anew, some of them taken over, are the same', () => {
  fc.assert(
    fc.property(packedMinutes, fc.array(fc.boolean(), { minLength: 4 }), (minutes, isOpened) => {
      const packer = new MinutePacker();
      for (let index = 0; index < minutes.startsMs.length; index++) {
        if (isOpened[index] === true) packer.add(unpackMinuteAt(minutes, index));
        else packer.addPacked(minutes, index, index + 1);
      }
      expect(packer.pack()).toStrictEqual(minutes);
    }),
    RUNS,
  );
});

describe('minutes of a state that was stored', () => {
  const START_MS = ORIGIN_MS;
  /** Four minutes of three seconds each, of one and of two trades. */
  const sound = packAll(
    [0, 1, 2, 5].map((minute) => {
      const startMs = START_MS + minute * MINUTE_MS;
      return {
        startMs,
        seconds: {
          times: [
            startMs + 1,
            startMs + 900,
            startMs + 2_000,
            startMs + 2_000,
            startMs + 59_001,
            startMs + 60_000,
          ],
          keys: [10, 11, 12, 12, 13, 19],
          units: [...[50, 52, 60, 40, 5, 255], ...[52, 52, 52, 52, 3, 156], ...[50, 51, 55, 45, 4, 201]],
          counts: [2, 1, 7],
        },
      };
    }),
  );
  const last = sound.startsMs.length - 1;

  /** A copy with one value of one of its arrays replaced. */
  function withAt(name: 'startsMs' | 'highs' | 'lows' | 'ends', index: number, value: number): PackedMinutes {
    return { ...sound, [name]: sound[name].with(index, value) };
  }
  function withByte(index: number, value: number): PackedMinutes {
    return { ...sound, bytes: sound.bytes.with(index, value) };
  }

  test('are taken as any window packs them', () => {
    expectSoundMinutes(sound);
    expectSoundMinutes(NO_MINUTES);
    fc.assert(
      fc.property(packedMinutes, (minutes) => {
        expectSoundMinutes(minutes);
      }),
      RUNS,
    );
  });

  test.each([
    ['one begins where the one before does', withAt('startsMs', 2, sound.startsMs[1]!)],
    ['one begins before the one before', withAt('startsMs', 2, sound.startsMs[0]! - MINUTE_MS)],
    ['one has no bytes', withAt('ends', 1, sound.ends[0]!)],
    ['one ends before it begins', withAt('ends', 1, sound.ends[0]! - 1)],
    ['one ends beyond all bytes', withAt('ends', 1, sound.bytes.length + 1)],
    ['a form in the middle is not known', withByte(sound.ends[0]!, 4)],
    ['a form in the middle is negative', withByte(sound.ends[1]!, 1)],
    ['one has its highest price below its lowest', withAt('highs', 1, 39)],
    ['the first has another highest price', withAt('highs', 0, 61)],
    ['the last has another lowest price', withAt('lows', last, 39)],
    [
      'the last ends early',
      { ...withAt('ends', last, sound.bytes.length - 3), bytes: sound.bytes.slice(0, -3) },
    ],
  ])('are refused where %s', (_what, minutes) => {
    expect(() => {
      expectSoundMinutes(minutes);
    }).toThrow(RangeError);
  });

  // Bytes of the second minute; the first and the last are as they were.
  test.each([
    ['of another time', withAt('startsMs', 1, sound.startsMs[1]! + 1)],
    ['of other prices', withAt('highs', 1, 61)],
    ['without a trade', withByte(sound.ends[0]! + 1, 0)],
    ['whose trades go back in time', withByte(sound.ends[0]! + 2, 1)],
    ['cut off', withAt('ends', 1, sound.ends[1]! - 1)],
  ])('that are %s, but for a few bytes, are refused by the window that opens them', (_what, minutes) => {
    expect(() => unpackMinuteAt(minutes, 1)).toThrow(/^Cannot (unpack|read) /);
    const window = TickerWindow.restore({
      scales: { price: 0, quantity: 0 },
      endMs: START_MS + 6 * MINUTE_MS,
      volume: 48,
      quoteVolume: 2_448,
      tradeCount: 40,
      minutes,
    });
    // Its left edge reaches the damaged minute a day later; no ticker without its trades is ever read.
    expect(() => {
      window.advanceTo(START_MS + TICKER_WINDOW_MS + 90_000);
    }).toThrow(RangeError);
  });
});
