/** Quotients as decimal text, rounded once, half to even, from exact integers. */
import type { Units } from './units.ts';
import { formatUnits } from './units.ts';

/** An exact decimal: `units` × 10^−`scale`. */
export type ScaledUnits = { readonly units: Units; readonly scale: number };

/** Returns `numerator` ÷ `denominator` rounded to `significantDigits`; `undefined` when the denominator is 0. */
export function divideToText(
  numerator: ScaledUnits,
  denominator: ScaledUnits,
  significantDigits: number,
): string | undefined {
  if (denominator.units === 0) return undefined;
  if (numerator.units === 0) return '0';
  // The quotient times 10^decimals has the wanted number of digits, or one more.
  const decimals = significantDigits - (magnitudeOf(numerator) - magnitudeOf(denominator));
  const quotient = divideHalfEven(numerator, denominator, decimals);
  if (quotient.floor < powerOfTen(significantDigits)) return toText(quotient, decimals);
  return toText(divideHalfEven(numerator, denominator, decimals - 1), decimals - 1);
}

/** Returns `numerator` ÷ `denominator` rounded to `decimals`; `undefined` when the denominator is 0. */
export function divideToDecimals(
  numerator: ScaledUnits,
  denominator: ScaledUnits,
  decimals: number,
): string | undefined {
  if (denominator.units === 0) return undefined;
  return toText(divideHalfEven(numerator, denominator, decimals), decimals);
}

/** Returns how many digits stand before the point, where they are none a number below 1. */
function magnitudeOf({ units, scale }: ScaledUnits): number {
  return String(units).length - (units < 0 ? 1 : 0) - scale;
}

type Quotient = {
  readonly isNegative: boolean;
  readonly floor: bigint;
  readonly rounded: bigint;
};

/** Returns the magnitude of the quotient × 10^`decimals`. */
function divideHalfEven(numerator: ScaledUnits, denominator: ScaledUnits, decimals: number): Quotient {
  // Powers of ten on both sides are one on one of them.
  const exponent = decimals + denominator.scale - numerator.scale;
  const units = BigInt(numerator.units);
  const divisorUnits = BigInt(denominator.units);
  const isNegative = units < 0n !== divisorUnits < 0n;
  const dividend = (units < 0n ? -units : units) * powerOfTen(exponent);
  const divisor = (divisorUnits < 0n ? -divisorUnits : divisorUnits) * powerOfTen(-exponent);
  const floor = dividend / divisor;
  const twiceRest = (dividend - floor * divisor) * 2n;
  const roundsUp = twiceRest > divisor || (twiceRest === divisor && floor % 2n === 1n);
  return { isNegative, floor, rounded: roundsUp ? floor + 1n : floor };
}

/** To raise ten to a power takes longer than the division; 64 are enough for all but absurd scales. */
const POWERS_OF_TEN = Array.from({ length: 64 }, (_, exponent) => 10n ** BigInt(exponent));

/** Returns 10^`exponent`; 1 where that is negative. */
function powerOfTen(exponent: number): bigint {
  if (exponent <= 0) return 1n;
  return POWERS_OF_TEN[exponent] ?? 10n ** BigInt(exponent);
}

function toText({ isNegative, rounded }: Quotient, decimals: number): string {
  const text =
    decimals >= 0 ? formatUnits(rounded, decimals) : formatUnits(rounded * powerOfTen(-decimals), 0);
  return isNegative && rounded !== 0n ? `-${text}` : text;
}
