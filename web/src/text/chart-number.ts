/**
 * The one place where a price or quantity becomes a binary float: where on the screen something is drawn. A pixel is coarser than any float, so nothing
 * is lost that could be seen. Nothing that comes out of here is ever shown as the text of a value; texts are those of the node.
 */

export function chartNumber(decimal: string): number {
  return Number(decimal);
}

/** Names a line of the grid: a place between prices, not a price that anybody told. */
export function gridText(place: number, decimals: number): string {
  return place.toFixed(decimals);
}

/** Returns how much of a bar is filled, between 0 and 1. */
export function barShare(part: string, whole: string): number {
  const full = chartNumber(whole);
  return full > 0 ? Math.min(1, chartNumber(part) / full) : 0;
}
