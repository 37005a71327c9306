/** Random minutes of a ticker window, likely and unlikely ones: every kind of trade key, numbers at their bounds and beyond 2^53. */
import fc from 'fast-check';
import { MinutePacker } from '../../src/market/packed-minutes.ts';
import type { PackedMinutes } from '../../src/market/packed-minutes.ts';
import type { MinuteSeconds } from '../../src/market/ticker-minute.ts';
import { HIGH, LOW, MINUTE_MS, TickerMinute, UNITS_PER_SECOND } from '../../src/market/ticker-minute.ts';
import type { TradeKey } from '../../src/market/trade-order.ts';
import type { Units } from '../../src/market/units.ts';
import { toUnits } from '../../src/market/units.ts';

const BOUNDS = [
  0,
  1,
  63,
  64,
  2 ** 31,
  2 ** 32,
  2 ** 52,
  Number.MAX_SAFE_INTEGER - 1,
  Number.MAX_SAFE_INTEGER,
];

/** Integers of both signs around every length that they are written in. */
export const anyUnits: fc.Arbitrary<Units> = fc.oneof(
  { weight: 4, arbitrary: fc.nat({ max: 200 }) },
  { weight: 4, arbitrary: fc.maxSafeInteger() },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...BOUNDS.flatMap((bound) => (bound === 0 ? [0] : [bound, -bound]))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.integer({ min: 50, max: 60 }), fc.bigInt(-2n, 2n), fc.constantFrom(1n, -1n))
      .map(([bits, around, sign]) => toUnits(sign * (2n ** BigInt(bits) + around))),
  },
  { weight: 1, arbitrary: fc.bigInt({ min: -(10n ** 390n), max: 10n ** 390n }).map(toUnits) },
);

const numberKey: fc.Arbitrary<TradeKey> = fc.oneof(
  fc.nat({ max: 500 }),
  fc.nat({ max: 999_999_999_999_999 }),
);
const textKey: fc.Arbitrary<TradeKey> = fc.oneof(
  fc.uuid(),
  fc.bigInt(10n ** 15n, 10n ** 38n).map(String),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  // Any code units, halves of pairs too.
  fc.array(fc.nat({ max: 0xffff }), { maxLength: 4 }).map((codes) => String.fromCharCode(...codes)),
);
const timeMs = fc.oneof(fc.nat({ max: 60_000 }), fc.nat({ max: 8_640_000_000_000_000 }));

function arbitrarySecond(
  key: fc.Arbitrary<TradeKey>,
  units: fc.Arbitrary<Units>,
): fc.Arbitrary<MinuteSeconds> {
  const count = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.nat({ max: Number.MAX_SAFE_INTEGER - 1 }));
  const ofOneTrade = fc
    .tuple(timeMs, key, fc.nat({ max: 1_000_000 }), fc.nat({ max: 1_000_000 }), count)
    .map(([time, id, price, volume, trades]) => ({
      times: [time, time],
      keys: [id, id],
      units: [price, price, price, price, volume, price * volume],
      counts: [trades],
    }));
  const ofAny = fc
    .tuple(
      fc.tuple(timeMs, timeMs),
      fc.tuple(key, key),
      fc.array(units, { minLength: 6, maxLength: 6 }),
      count,
    )
    .map(([times, keys, values, trades]) => ({ times, keys, units: values, counts: [trades] }));
  // All but one value are those of one trade.
  const almostOfOneTrade = fc.tuple(ofOneTrade, ofAny, fc.nat({ max: 9 })).map(([second, other, place]) => ({
    ...second,
    times: second.times.map((time, index) => (place === index ? other.times[index]! : time)),
    keys: second.keys.map((id, index) => (place === 2 + index ? other.keys[index]! : id)),
    units: second.units.map((value, index) => (place === 4 + index ? other.units[index]! : value)),
  }));
  return fc.oneof(ofOneTrade, ofAny, almostOfOneTrade);
}

/** Seconds of any content; more than shape is not asked for. At least one. */
export const anySeconds: fc.Arbitrary<MinuteSeconds> = fc
  .tuple(fc.constantFrom(numberKey, textKey, fc.oneof(numberKey, textKey)), fc.boolean())
  .chain(([key, isWide]) =>
    fc.array(arbitrarySecond(key, isWide ? anyUnits : fc.nat({ max: Number.MAX_SAFE_INTEGER })), {
      minLength: 1,
      maxLength: 5,
    }),
  )
  .map((seconds) => ({
    times: seconds.flatMap(({ times }) => times),
    keys: seconds.flatMap(({ keys }) => keys),
    units: seconds.flatMap(({ units }) => units),
    counts: seconds.flatMap(({ counts }) => counts),
  }));

/** At most four minutes, ascending. */
export const packedMinutes: fc.Arbitrary<PackedMinutes> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 40_000_000 }), anySeconds), { maxLength: 4 })
  .map((minutes) => {
    let startMs = -2 * MINUTE_MS;
    return packAll(
      minutes.map(([steps, seconds]) => {
        startMs += steps * MINUTE_MS;
        return { startMs, seconds: placeIn(startMs, seconds) };
      }),
    );
  });

/** The same seconds as a window could have them: at times of the minute, with trades, their highest price not below their lowest. */
function placeIn(startMs: number, { times, keys, units, counts }: MinuteSeconds): MinuteSeconds {
  const placed: MinuteSeconds = {
    times: [],
    keys,
    units: [...units],
    counts: counts.map((count) => Math.max(count, 1)),
  };
  for (let index = 0; index < counts.length; index++) {
    // Both edges of a second are met: its first millisecond and its end.
    const within = [times[2 * index]!, times[2 * index + 1]!].map((time) => 1 + (time % 1_000));
    const secondMs = startMs + index * 14_750 - ((index * 14_750) % 1_000);
    placed.times.push(...within.toSorted((a, b) => a - b).map((ms) => secondMs + ms));
    const at = index * UNITS_PER_SECOND;
    const [high, low] = [units[at + HIGH]!, units[at + LOW]!];
    placed.units[at + HIGH] = high < low ? low : high;
    placed.units[at + LOW] = high < low ? high : low;
  }
  return placed;
}

/** Packs minutes that are whole. */
export function packAll(
  minutes: readonly { readonly startMs: number; readonly seconds: MinuteSeconds }[],
): PackedMinutes {
  const packer = new MinutePacker();
  for (const { startMs, seconds } of minutes) packer.add(new TickerMinute(startMs, seconds));
  return packer.pack();
}
