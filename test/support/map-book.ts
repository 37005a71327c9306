/** An order book as two maps from price text to quantity text: too plain to be wrong, and quick on books of thousands of levels. */
import { Decimal } from 'decimal.js';
import type { BookDelta, BookSnapshot, Levels } from '../../src/market/events.ts';
import type { Scales } from '../../src/market/units.ts';
import { formatUnits } from '../../src/market/units.ts';

export class MapBook {
  readonly #bids = new Map<string, string>();
  readonly #asks = new Map<string, string>();
  #depth: number | undefined;

  replace(event: BookSnapshot): void {
    this.#bids.clear();
    this.#asks.clear();
    this.#depth = event.depth;
    this.#set(event.bids, event.asks, event.scales);
  }

  apply(event: BookDelta): void {
    this.#set(event.bids, event.asks, event.scales);
  }

  get levelCounts(): { bids: number; asks: number } {
    return { bids: this.#bids.size, asks: this.#asks.size };
  }

  /** The best `count` levels of both sides. */
  top(count: number): { bids: [string, string][]; asks: [string, string][] } {
    return {
      bids: sorted(this.#bids, -1).slice(0, count),
      asks: sorted(this.#asks, 1).slice(0, count),
    };
  }

  #set(bids: Levels, asks: Levels, scales: Scales): void {
    setLevels(this.#bids, bids, scales);
    setLevels(this.#asks, asks, scales);
    if (this.#depth === undefined) return;
    for (const [side, sign] of [[this.#bids, -1] as const, [this.#asks, 1] as const]) {
      if (side.size <= this.#depth) continue;
      for (const [price] of sorted(side, sign).slice(this.#depth)) side.delete(price);
    }
  }
}

function setLevels(side: Map<string, string>, levels: Levels, scales: Scales): void {
  for (let index = 0; index < levels.length; index += 2) {
    const price = formatUnits(levels[index]!, scales.price);
    const quantity = formatUnits(levels[index + 1]!, scales.quantity);
    if (quantity === '0') side.delete(price);
    else side.set(price, quantity);
  }
}

function sorted(side: ReadonlyMap<string, string>, sign: 1 | -1): [string, string][] {
  return [...side]
    .map(([price, quantity]) => ({ value: new Decimal(price), price, quantity }))
    .sort((a, b) => sign * a.value.cmp(b.value))
    .map(({ price, quantity }) => [price, quantity]);
}
