/** What lies in a book up to each of its prices. */
import type { PriceLevel } from 'tampines/client';
import { addDecimals } from '../text/decimal-text.ts';

export type DepthLevel = {
  readonly price: string;
  readonly quantity: string;
  /** Of this level and all better ones. */
  readonly total: string;
};

/** Returns the levels, best first, with exact totals. */
export function depthOf(levels: readonly PriceLevel[]): DepthLevel[] {
  let total = '0';
  return levels.map(([price, quantity]) => {
    total = addDecimals(total, quantity);
    return { price, quantity, total };
  });
}
