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
  const { isNegative, dividend, divisor } = toFraction(numerator, denominator);
  // The quotient times 10^decimals has the wanted number of digits, or one more.
  let decimals = significantDigits - (dividend.toString().length - divisor.toString().length);
  if (divideHalfEven(dividend, divisor, decimals).floor >= 10n ** BigInt(significantDigits)) decimals--;
  return toText(isNegative, divideHalfEven(dividend, divisor, decimals).rounded, decimals);
}

/** Returns `numerator` ÷ `denominator` rounded to `decimals`; `undefined` when the denominator is 0. */
export function divideToDecimals(
  numerator: ScaledUnits,
  denominator: ScaledUnits,
  decimals: number,
): string | undefined {
  if (denominator.units === 0) return undefined;
  const { isNegative, dividend, divisor } = toFraction(numerator, denominator);
  return toText(isNegative, divideHalfEven(dividend, divisor, decimals).rounded, decimals);
}

function toFraction(numerator: ScaledUnits, denominator: ScaledUnits) {
  const dividend = BigInt(numerator.units) * 10n ** BigInt(denominator.scale);
  const divisor = BigInt(denominator.units) * 10n ** BigInt(numerator.scale);
  return {
    isNegative: dividend < 0n !== divisor < 0n,
    dividend: dividend < 0n ? -dividend : dividend,
    divisor: divisor < 0n ? -divisor : divisor,
  };
}

function divideHalfEven(dividend: bigint, divisor: bigint, decimals: number) {
  const shiftedDividend = decimals > 0 ? dividend * 10n ** BigInt(decimals) : dividend;
  const shiftedDivisor = decimals < 0 ? divisor * 10n ** BigInt(-decimals) : divisor;
  const floor = shiftedDividend / shiftedDivisor;
  const twiceRest = (shiftedDividend % shiftedDivisor) * 2n;
  const roundsUp = twiceRest > shiftedDivisor || (twiceRest === shiftedDivisor && floor % 2n === 1n);
  return { floor, rounded: roundsUp ? floor + 1n : floor };
}

function toText(isNegative: boolean, magnitude: bigint, decimals: number): string {
  const text =
    decimals >= 0 ? formatUnits(magnitude, decimals) : formatUnits(magnitude * 10n ** BigInt(-decimals), 0);
  return isNegative && magnitude !== 0n ? `-${text}` : text;
}
