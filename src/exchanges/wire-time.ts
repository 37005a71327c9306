/**
 * Times as exchanges write them, read into whole Unix milliseconds. Finer digits are cut, never rounded: two times stay in their order.
 */

/**
 * Returns Unix milliseconds of `2026-08-24T22:21:58.343688Z` (RFC 3339 in UTC, any number of second decimals); `undefined` for any other
 * text, for impossible dates, and for times before 1970 (`0001-01-01…` stands for "no time" on some feeds). Arithmetic on digits, no `Date`.
 */
export function parseIsoMs(text: unknown): number | undefined {
  if (typeof text !== 'string' || text.length < 20 || text.length > 40) return undefined;
  if (
    text.charCodeAt(4) !== DASH ||
    text.charCodeAt(7) !== DASH ||
    text.charCodeAt(10) !== T ||
    text.charCodeAt(13) !== COLON ||
    text.charCodeAt(16) !== COLON ||
    text.charCodeAt(text.length - 1) !== Z
  ) {
    return undefined;
  }
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 7);
  const day = digits(text, 8, 10);
  const hour = digits(text, 11, 13);
  const minute = digits(text, 14, 16);
  const second = digits(text, 17, 19);
  const milliseconds = fractionMs(text, 19, text.length - 1);
  // NaN fails every comparison, so a part that is not all digits ends here too.
  if (!(year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) {
    return undefined;
  }
  if (!(hour <= 23 && minute <= 59 && second <= 59 && milliseconds >= 0)) return undefined;
  return (
    daysSinceEpoch(year, month, day) * 86_400_000 +
    hour * 3_600_000 +
    minute * 60_000 +
    second * 1000 +
    milliseconds
  );
}

/** Returns Unix milliseconds of decimal seconds (`1617666423.606671`); `undefined` for any other text. */
export function parseSecondsMs(text: unknown): number | undefined {
  if (typeof text !== 'string' || text.length > 40) return undefined;
  const point = text.indexOf('.');
  const end = point === -1 ? text.length : point;
  // Eleven digits of seconds reach the year 5138.
  if (end === 0 || end > 11) return undefined;
  const milliseconds = digits(text, 0, end) * 1000 + fractionMs(text, end, text.length);
  return milliseconds >= 0 ? milliseconds : undefined;
}

const ZERO = 48;
const DASH = 45;
const POINT = 46;
const COLON = 58;
const T = 84;
const Z = 90;

function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let index = from; index < to; index++) {
    const digit = text.charCodeAt(index) - ZERO;
    if (!(digit >= 0 && digit <= 9)) return NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** Milliseconds of `.343688` between `from` and `to`; 0 when nothing is there, NaN when it is not a fraction. */
function fractionMs(text: string, from: number, to: number): number {
  if (from === to) return 0;
  if (text.charCodeAt(from) !== POINT || to - from < 2) return NaN;
  if (Number.isNaN(digits(text, from + 1, to))) return NaN;
  const kept = Math.min(to, from + 4);
  return digits(text, from + 1, kept) * [1, 100, 10, 1][kept - from - 1]!;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01, counting years from March so that the leap day comes last (Hinnant, `days_from_civil`). */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const monthFromMarch = month > 2 ? month - 3 : month + 9;
  const dayOfYear = Math.floor((153 * monthFromMarch + 2) / 5) + day - 1;
  return (
    marchYear * 365 +
    Math.floor(marchYear / 4) -
    Math.floor(marchYear / 100) +
    Math.floor(marchYear / 400) +
    dayOfYear -
    719_468
  );
}
