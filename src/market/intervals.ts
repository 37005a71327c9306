/** Candle intervals, aligned to UTC: days from midnight, weeks from Monday, months from the first. */

export const CANDLE_INTERVALS = [
  '1s',
  '1m',
  '3m',
  '5m',
  '15m',
  '30m',
  '1h',
  '2h',
  '4h',
  '6h',
  '12h',
  '1d',
  '1w',
  '1M',
] as const;

export type CandleInterval = (typeof CANDLE_INTERVALS)[number];

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
/** 1970-01-05, the first Monday of Unix time. */
const FIRST_MONDAY_MS = 4 * DAY_MS;

/** Length of every interval but the month, which has none of its own. */
const LENGTHS_MS: Readonly<Record<Exclude<CandleInterval, '1M'>, number>> = {
  '1s': SECOND_MS,
  '1m': MINUTE_MS,
  '3m': 3 * MINUTE_MS,
  '5m': 5 * MINUTE_MS,
  '15m': 15 * MINUTE_MS,
  '30m': 30 * MINUTE_MS,
  '1h': HOUR_MS,
  '2h': 2 * HOUR_MS,
  '4h': 4 * HOUR_MS,
  '6h': 6 * HOUR_MS,
  '12h': 12 * HOUR_MS,
  '1d': DAY_MS,
  '1w': WEEK_MS,
};

/** Whether `text` names an interval. */
export function isCandleInterval(text: string): text is CandleInterval {
  return (CANDLE_INTERVALS as readonly string[]).includes(text);
}

/** Returns the start of the interval that holds `timeMs`. */
export function openTimeOf(interval: CandleInterval, timeMs: number): number {
  if (interval === '1M') {
    const date = new Date(timeMs);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
  }
  const originMs = interval === '1w' ? FIRST_MONDAY_MS : 0;
  const lengthMs = LENGTHS_MS[interval];
  return Math.floor((timeMs - originMs) / lengthMs) * lengthMs + originMs;
}

/** Returns the start of the interval after the one that holds `timeMs`: the exclusive end of that one. */
export function nextOpenTime(interval: CandleInterval, timeMs: number): number {
  if (interval === '1M') {
    const date = new Date(timeMs);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
  }
  return openTimeOf(interval, timeMs) + LENGTHS_MS[interval];
}

/** Returns how many intervals start in [`fromMs`, `toMs`), both being starts of intervals; 0 when `toMs` is not after `fromMs`. */
export function countIntervals(interval: CandleInterval, fromMs: number, toMs: number): number {
  if (toMs <= fromMs) return 0;
  if (interval === '1M') return toMonthIndex(toMs) - toMonthIndex(fromMs);
  return (toMs - fromMs) / LENGTHS_MS[interval];
}

/** Returns the start of the interval that is `count` before the one that starts at `openTimeMs`. */
export function openTimeBefore(interval: CandleInterval, openTimeMs: number, count: number): number {
  if (interval === '1M') {
    const monthIndex = toMonthIndex(openTimeMs) - count;
    return Date.UTC(Math.floor(monthIndex / 12), monthIndex - 12 * Math.floor(monthIndex / 12));
  }
  return openTimeMs - count * LENGTHS_MS[interval];
}

function toMonthIndex(timeMs: number): number {
  const date = new Date(timeMs);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
