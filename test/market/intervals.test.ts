import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CandleInterval } from '../../src/market/intervals.ts';
import {
  CANDLE_INTERVALS,
  countIntervals,
  isCandleInterval,
  nextOpenTime,
  openTimeBefore,
  openTimeOf,
} from '../../src/market/intervals.ts';

const RUNS = { seed: 20_261_120, numRuns: 300 };
const anyTimeMs = fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) });
const anyInterval = fc.constantFrom(...CANDLE_INTERVALS);

/** The start of the interval by the fields of a calendar date. */
function openTimeByCalendar(interval: CandleInterval, timeMs: number): number {
  const date = new Date(timeMs);
  const count = Number.parseInt(interval, 10);
  date.setUTCMilliseconds(0);
  if (interval === '1s') return date.getTime();
  date.setUTCSeconds(0);
  if (interval.endsWith('m'))
    return date.setUTCMinutes(date.getUTCMinutes() - (date.getUTCMinutes() % count));
  date.setUTCMinutes(0);
  if (interval.endsWith('h')) return date.setUTCHours(date.getUTCHours() - (date.getUTCHours() % count));
  date.setUTCHours(0);
  if (interval === '1w') date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7));
  if (interval === '1M') date.setUTCDate(1);
  return date.getTime();
}

describe('intervals', () => {
  test('every interval starts where the UTC calendar says', () => {
    fc.assert(
      fc.property(anyInterval, anyTimeMs, (interval, timeMs) => {
        expect(openTimeOf(interval, timeMs)).toBe(openTimeByCalendar(interval, timeMs));
      }),
      RUNS,
    );
  });

  test('the next interval starts right where this one ends', () => {
    fc.assert(
      fc.property(anyInterval, anyTimeMs, (interval, timeMs) => {
        const nextMs = nextOpenTime(interval, timeMs);
        expect(nextMs).toBeGreaterThan(timeMs);
        expect(openTimeOf(interval, nextMs)).toBe(nextMs);
        expect(openTimeOf(interval, nextMs - 1)).toBe(openTimeOf(interval, timeMs));
      }),
      RUNS,
    );
  });

  test('counting intervals and going back over them agree with walking', () => {
    fc.assert(
      fc.property(anyInterval, anyTimeMs, fc.integer({ min: 0, max: 40 }), (interval, timeMs, count) => {
        const fromMs = openTimeOf(interval, timeMs);
        let toMs = fromMs;
        for (let step = 0; step < count; step++) toMs = nextOpenTime(interval, toMs);
        expect(countIntervals(interval, fromMs, toMs)).toBe(count);
        expect(countIntervals(interval, toMs, fromMs)).toBe(0);
        expect(openTimeBefore(interval, toMs, count)).toBe(fromMs);
      }),
      RUNS,
    );
  });

  test('weeks start on Monday and months on the first, over leap days and year ends', () => {
    const time = Date.parse('2024-03-03T23:59:59.999Z');
    expect(new Date(openTimeOf('1w', time)).toISOString()).toBe('2024-02-26T00:00:00.000Z');
    expect(new Date(nextOpenTime('1w', time)).toISOString()).toBe('2024-03-04T00:00:00.000Z');
    expect(new Date(nextOpenTime('1M', Date.parse('2024-02-01T00:00:00Z'))).toISOString()).toBe(
      '2024-03-01T00:00:00.000Z',
    );
    expect(new Date(nextOpenTime('1M', Date.parse('2024-12-31T23:00:00Z'))).toISOString()).toBe(
      '2025-01-01T00:00:00.000Z',
    );
  });

  test('only the listed names are intervals', () => {
    expect(CANDLE_INTERVALS).toHaveLength(14);
    expect(isCandleInterval('1M')).toBe(true);
    expect(isCandleInterval('2M')).toBe(false);
  });
});
