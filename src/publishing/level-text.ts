/**
 * Levels as JSON text. A book is published many times a second and is mostly numbers: their digits are written into one buffer, which becomes
 * one flat string at the end.
 */
import type { Levels } from '../market/events.ts';
import type { Scales, Units } from '../market/units.ts';
import { formatUnits, wholeQuotient } from '../market/units.ts';

/** What one level takes at most: two safe integers of 16 digits with the zeros of the largest scale before them, points and punctuation. */
const LEVEL_MAX_BYTES = 2 * 40 + 8;
const DIGITS_MAX = 64;
const ZERO = 48;
const QUOTE = 34;
const COMMA = 44;
const POINT = 46;
const OPENING_BRACKET = 91;
const CLOSING_BRACKET = 93;

const digits = new Uint8Array(DIGITS_MAX);
let buffer = Buffer.allocUnsafe(8 * 1024);

/** Returns flat levels as `[["price","quantity"],…]`, the same decimal text as `formatUnits` gives. */
export function formatLevels(levels: Levels, scales: Scales): string {
  const count = levels.length / 2;
  if (buffer.length < count * LEVEL_MAX_BYTES + 2) buffer = Buffer.allocUnsafe(count * LEVEL_MAX_BYTES * 2);
  let at = 0;
  buffer[at++] = OPENING_BRACKET;
  for (let index = 0; index < count; index++) {
    const price = levels[2 * index]!;
    const quantity = levels[2 * index + 1]!;
    if (!isPlain(price) || !isPlain(quantity)) return formatWideLevels(levels, scales);
    if (index > 0) buffer[at++] = COMMA;
    buffer[at++] = OPENING_BRACKET;
    at = putUnits(price, scales.price, at);
    buffer[at++] = COMMA;
    at = putUnits(quantity, scales.quantity, at);
    buffer[at++] = CLOSING_BRACKET;
  }
  buffer[at++] = CLOSING_BRACKET;
  return buffer.toString('latin1', 0, at);
}

function isPlain(units: Units): units is number {
  return typeof units === 'number' && units >= 0;
}

/** Writes the quoted decimal text of non-negative units at `at`, and returns where it ends. */
function putUnits(units: number, scale: number, at: number): number {
  // From the last digit to the first; eight at a time are integers of 32 bits, which divide quickly.
  let first = DIGITS_MAX;
  let rest = units;
  while (rest >= 1e8) {
    const upper = wholeQuotient(rest, 1e8);
    let lower = (rest - upper * 1e8) | 0;
    for (let place = 0; place < 8; place++) {
      const tenth = (lower / 10) | 0;
      digits[--first] = ZERO + lower - tenth * 10;
      lower = tenth;
    }
    rest = upper;
  }
  for (let lower = rest | 0; lower > 0 || first === DIGITS_MAX;) {
    const tenth = (lower / 10) | 0;
    digits[--first] = ZERO + lower - tenth * 10;
    lower = tenth;
  }
  const point = DIGITS_MAX - scale;
  while (first >= point) digits[--first] = ZERO;
  let end = DIGITS_MAX;
  while (end > point && digits[end - 1] === ZERO) end--;
  let to = at;
  buffer[to++] = QUOTE;
  for (let from = first; from < point; from++) buffer[to++] = digits[from]!;
  if (end > point) {
    buffer[to++] = POINT;
    for (let from = point; from < end; from++) buffer[to++] = digits[from]!;
  }
  buffer[to++] = QUOTE;
  return to;
}

/** Some are beyond 2^53. */
function formatWideLevels(levels: Levels, scales: Scales): string {
  const texts: string[] = [];
  for (let index = 0; index < levels.length; index += 2) {
    const price = formatUnits(levels[index]!, scales.price);
    texts.push(`["${price}","${formatUnits(levels[index + 1]!, scales.quantity)}"]`);
  }
  return `[${texts.join(',')}]`;
}
