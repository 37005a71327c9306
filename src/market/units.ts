/**
 * Exact numbers: a price or quantity is an integer count of units at a scale (number of decimals), never a binary float.
 * A value is a `number` while it is a safe integer and a `bigint` beyond, always in that canonical form.
 */

/**
 * An integer at some scale: `number` when |value| ≤ 2^53 − 1, `bigint` beyond.
 * `<`, `>` and `===` work on any two of them (canonical form makes equal values identical); add and multiply with the functions here.
 */
export type Units = number | bigint;

/** Decimals of prices and quantities: 12.34 at price scale 2 is 1234 units. */
export type Scales = { readonly price: number; readonly quantity: number };

/** More decimals than this are refused as malformed. */
export const MAX_SCALE = 30;

const ZERO = 48;
const NINE = 57;
const POINT = 46;

/** Powers of ten that are exact in a double: 10^0 … 10^15. */
const POWERS_OF_TEN = Array.from({ length: 16 }, (_, exponent) => 10 ** exponent);

/**
 * Returns the units of plain decimal text (`12.3400`) at `scale`, or `NaN` when the text is not plain unsigned decimal, needs more
 * decimals than `scale`, or passes 2^53 − 1 on the way: then `parseUnitsExact` says what it is. One pass, no allocation.
 */
export function parseUnits(text: string, scale: number): number {
  const length = text.length;
  let units = 0;
  let index = 0;
  let digitCount = 0;
  for (; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code < ZERO || code > NINE) break;
    units = units * 10 + (code - ZERO);
    digitCount++;
  }
  let missing = scale;
  if (index < length) {
    if (text.charCodeAt(index) !== POINT || digitCount === 0) return NaN;
    index++;
    if (index === length) return NaN;
    for (; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code < ZERO || code > NINE) return NaN;
      if (missing > 0) {
        units = units * 10 + (code - ZERO);
        missing--;
      } else if (code !== ZERO) {
        return NaN;
      }
    }
  } else if (digitCount === 0) {
    return NaN;
  }
  if (missing > 0) {
    if (missing > 15) return NaN;
    units *= POWERS_OF_TEN[missing]!;
  }
  return units <= Number.MAX_SAFE_INTEGER ? units : NaN;
}

const DECIMAL_TEXT = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;

/** A decimal number taken apart: value = `digits` × 10^−`decimals`. */
export type DecimalParts = { readonly digits: bigint; readonly decimals: number };

/**
 * Returns the value of decimal text, exponents allowed, with every decimal as written (`0.10` has two); `undefined` when it is not a
 * decimal number or has more than `MAX_SCALE` decimals or 100 digits.
 */
export function readDecimal(text: string): DecimalParts | undefined {
  if (text.length > 100) return undefined;
  const match = DECIMAL_TEXT.exec(text);
  if (match === null) return undefined;
  const [, sign, whole, fraction = '', exponentText = '0'] = match;
  const exponent = Number.parseInt(exponentText, 10);
  let digits = BigInt(`${whole}${fraction}`);
  let decimals = fraction.length - exponent;
  if (decimals < 0) {
    if (decimals < -60) return undefined;
    digits *= 10n ** BigInt(-decimals);
    decimals = 0;
  }
  if (decimals > MAX_SCALE) return undefined;
  return { digits: sign === '-' ? -digits : digits, decimals };
}

/** Returns the decimals that the value of `parts` needs: trailing zeros don't count. */
export function significantDecimals(parts: DecimalParts): number {
  let { digits, decimals } = parts;
  while (decimals > 0 && digits % 10n === 0n) {
    digits /= 10n;
    decimals--;
  }
  return decimals;
}

/** Returns the units of `text` at `scale`, exact at any size; `undefined` when the text is malformed or needs more decimals than `scale`. */
export function parseUnitsExact(text: string, scale: number): Units | undefined {
  const parts = readDecimal(text);
  if (parts === undefined) return undefined;
  if (parts.decimals <= scale) return toUnits(parts.digits * 10n ** BigInt(scale - parts.decimals));
  const divisor = 10n ** BigInt(parts.decimals - scale);
  return parts.digits % divisor === 0n ? toUnits(parts.digits / divisor) : undefined;
}

/** Returns the canonical form of an integer: a `number` when it is safe, else the `bigint`. */
export function toUnits(value: bigint): Units {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(-Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value;
}

export function addUnits(a: Units, b: Units): Units {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (sum <= Number.MAX_SAFE_INTEGER && sum >= -Number.MAX_SAFE_INTEGER) return sum;
  }
  return toUnits(BigInt(a) + BigInt(b));
}

export function subtractUnits(a: Units, b: Units): Units {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b;
    if (difference <= Number.MAX_SAFE_INTEGER && difference >= -Number.MAX_SAFE_INTEGER) return difference;
  }
  return toUnits(BigInt(a) - BigInt(b));
}

/** Returns the product; its scale is the sum of both scales. */
export function multiplyUnits(a: Units, b: Units): Units {
  if (typeof a === 'number' && typeof b === 'number') {
    // A double product is exact while it is a safe integer, and rounding can't bring an unsafe one below 2^53. Adding 0 turns −0 into 0.
    const product = a * b + 0;
    if (product <= Number.MAX_SAFE_INTEGER && product >= -Number.MAX_SAFE_INTEGER) return product;
  }
  return toUnits(BigInt(a) * BigInt(b));
}

/**
 * Returns how many times `divisor` goes into `units`; both are safe integers, `units` ≥ 0, `divisor` > 0. Exact: a quotient that is no integer lies at
 * least 1 ÷ `divisor` below the next one, and is rounded by less than that, because `units` < 2^53.
 */
export function wholeQuotient(units: number, divisor: number): number {
  return Math.floor(units / divisor);
}

/** Returns the same value at a larger or equal scale. */
export function raiseScale(units: Units, fromScale: number, toScale: number): Units {
  const steps = toScale - fromScale;
  if (steps === 0 || units === 0) return units;
  if (typeof units === 'number' && steps <= 15) {
    const raised = units * POWERS_OF_TEN[steps]!;
    if (raised <= Number.MAX_SAFE_INTEGER && raised >= -Number.MAX_SAFE_INTEGER) return raised;
  }
  return toUnits(BigInt(units) * 10n ** BigInt(steps));
}

/** Returns canonical decimal text: no exponent, no trailing zeros, `0` for zero. */
export function formatUnits(units: Units, scale: number): string {
  if (units === 0) return '0';
  if (units < 0) return `-${formatUnits(typeof units === 'bigint' ? -units : -units, scale)}`;
  if (typeof units === 'number' && scale < POWERS_OF_TEN.length) return formatSafeUnits(units, scale);
  const digits = units.toString();
  if (scale === 0) return digits;
  const padded = digits.length > scale ? digits : digits.padStart(scale + 1, '0');
  const point = padded.length - scale;
  let end = padded.length;
  while (end > point && padded.charCodeAt(end - 1) === ZERO) end--;
  return end === point ? padded.slice(0, point) : `${padded.slice(0, point)}.${padded.slice(point, end)}`;
}

/** As `formatUnits`, of a safe integer above 0: two small integers are text sooner than a large one is cut in two. */
function formatSafeUnits(units: number, scale: number): string {
  const power = POWERS_OF_TEN[scale]!;
  const whole = wholeQuotient(units, power);
  let rest = units - whole * power;
  if (rest === 0) return String(whole);
  let decimals = scale;
  for (; rest % 10 === 0; rest /= 10) decimals--;
  return `${whole}.${String(rest).padStart(decimals, '0')}`;
}
