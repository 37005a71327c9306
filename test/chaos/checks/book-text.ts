/** Books as text by which they can be compared, whoever tells them: best levels as `price quantity`, bids, then asks. Pure. */

/** Levels of a side that are compared. */
export const COMPARED_LEVELS = 10;

type Levels = readonly (readonly [price: string, quantity: string])[];

export function bookText(bids: Levels, asks: Levels): string {
  return `${sideText(bids)} | ${sideText(asks)}`;
}

function sideText(levels: Levels): string {
  return levels
    .slice(0, COMPARED_LEVELS)
    .map(([price, quantity]) => `${withoutZeros(price)} ${withoutZeros(quantity)}`)
    .join(',');
}

/** `0.10000000` and `0.1` are the same number. */
function withoutZeros(text: string): string {
  if (!text.includes('.')) return text;
  let end = text.length;
  while (text.charAt(end - 1) === '0') end--;
  return text.slice(0, text.charAt(end - 1) === '.' ? end - 1 : end);
}
