/** Groups a book's levels to a coarser price step, as subscribers see it. */
import type { Levels } from './events.ts';
import type { OrderBook } from './order-book.ts';
import type { Scales, Units } from './units.ts';
import {
  addUnits,
  multiplyUnits,
  parseUnitsExact,
  raiseScale,
  readDecimal,
  significantDecimals,
  subtractUnits,
  toUnits,
} from './units.ts';

export type GroupingOptions = {
  /** Smallest price step as decimal text. When it is unknown or no positive number, one unit at the book's price scale stands for it. */
  readonly tickSize: string | undefined;
  /** Tick sizes per group: a positive integer. */
  readonly resolution: number;
  /** Groups per side. */
  readonly groupsMax: number;
};

/** Pairs of group price and quantity, best first. The price scale is above the book's when the tick size has more decimals. */
export type GroupedLevels = { readonly scales: Scales; readonly bids: Levels; readonly asks: Levels };

/**
 * Returns both sides grouped to `resolution` tick sizes. Bids round down and asks round up, so that a group never promises a better price
 * than its levels hold; quantities add exactly. O(levels visited).
 */
export function groupLevels(book: OrderBook, options: GroupingOptions): GroupedLevels {
  const { tickSize, resolution, groupsMax } = options;
  const priceScale = Math.max(book.scales.price, tickDecimals(tickSize));
  const step = multiplyUnits(tickUnits(tickSize, priceScale), resolution);
  const isPlain = priceScale === book.scales.price && typeof step === 'number';
  const bids = isPlain ? book.groupBids(step, groupsMax) : undefined;
  const asks = isPlain ? book.groupAsks(step, groupsMax) : undefined;
  return {
    scales: { price: priceScale, quantity: book.scales.quantity },
    bids: bids ?? groupBids(book, step, priceScale, groupsMax),
    asks: asks ?? groupAsks(book, step, priceScale, groupsMax),
  };
}

function groupBids(book: OrderBook, step: Units, priceScale: number, groupsMax: number): Levels {
  const groups: Units[] = [];
  let groupPrice: Units = 0;
  let groupQuantity: Units = 0;
  for (let index = 0; index < book.bidCount; index++) {
    const price = raiseScale(book.bidPrice(index), book.scales.price, priceScale);
    if (groupQuantity === 0 || price < groupPrice) {
      if (groupQuantity !== 0) groups.push(groupPrice, groupQuantity);
      if (groups.length === groupsMax * 2) return groups;
      groupPrice = subtractUnits(price, remainder(price, step));
      groupQuantity = 0;
    }
    groupQuantity = addUnits(groupQuantity, book.bidQuantity(index));
  }
  if (groupQuantity !== 0) groups.push(groupPrice, groupQuantity);
  return groups;
}

function groupAsks(book: OrderBook, step: Units, priceScale: number, groupsMax: number): Levels {
  const groups: Units[] = [];
  let groupPrice: Units = 0;
  let groupQuantity: Units = 0;
  for (let index = 0; index < book.askCount; index++) {
    const price = raiseScale(book.askPrice(index), book.scales.price, priceScale);
    if (groupQuantity === 0 || price > groupPrice) {
      if (groupQuantity !== 0) groups.push(groupPrice, groupQuantity);
      if (groups.length === groupsMax * 2) return groups;
      const excess = remainder(price, step);
      groupPrice = excess === 0 ? price : addUnits(price, subtractUnits(step, excess));
      groupQuantity = 0;
    }
    groupQuantity = addUnits(groupQuantity, book.askQuantity(index));
  }
  if (groupQuantity !== 0) groups.push(groupPrice, groupQuantity);
  return groups;
}

/** Returns how far `units` lies above the multiple of `step` at or below it; prices in a book are never negative. */
function remainder(units: Units, step: Units): Units {
  if (typeof units === 'number' && typeof step === 'number') return units % step;
  return toUnits(BigInt(units) % BigInt(step));
}

function tickDecimals(tickSize: string | undefined): number {
  const parts = tickSize === undefined ? undefined : readDecimal(tickSize);
  return parts === undefined || parts.digits <= 0n ? 0 : significantDecimals(parts);
}

function tickUnits(tickSize: string | undefined, priceScale: number): Units {
  const units = tickSize === undefined ? undefined : parseUnitsExact(tickSize, priceScale);
  return units !== undefined && units > 0 ? units : 1;
}
