/** Returns units ≥ 0 as decimal text with exactly `decimals` decimals: 10 units at 8 decimals are `0.00000010`. */
export function fixedText(units: number, decimals: number): string {
  const digits = units.toString().padStart(decimals + 1, '0');
  if (decimals === 0) return digits;
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** Returns text with more decimals than it has: `fixedText` at a wider scale, as exchanges pad it. */
export function paddedText(units: number, decimals: number, shownDecimals: number): string {
  const text = fixedText(units, decimals);
  const padding = '0'.repeat(Math.max(0, shownDecimals - decimals));
  return decimals === 0 && padding !== '' ? `${text}.${padding}` : text + padding;
}
