/** An order book so plain that it is obviously right: each side a sorted list that is searched from the best level on. */
import type { ChecksumInput } from '../../src/market/checksum-input.ts';
import type { BookDelta, BookSnapshot, Levels } from '../../src/market/events.ts';
import type { Scales, Units } from '../../src/market/units.ts';
import { formatUnits, raiseScale } from '../../src/market/units.ts';

type Level = { price: Units; quantity: Units };

export class NaiveBook implements ChecksumInput {
  scales: Scales = { price: 0, quantity: 0 };
  #depth: number | undefined;
  #bids: Level[] = [];
  #asks: Level[] = [];
  deletesOfUnknownLevel = 0;

  get bidCount(): number {
    return this.#bids.length;
  }
  get askCount(): number {
    return this.#asks.length;
  }
  bidPrice(index: number): Units {
    return this.#bids[index]!.price;
  }
  bidQuantity(index: number): Units {
    return this.#bids[index]!.quantity;
  }
  askPrice(index: number): Units {
    return this.#asks[index]!.price;
  }
  askQuantity(index: number): Units {
    return this.#asks[index]!.quantity;
  }

  get isCrossed(): boolean {
    const [bid, ask] = [this.#bids[0], this.#asks[0]];
    return bid !== undefined && ask !== undefined && bid.price >= ask.price;
  }

  replace(event: BookSnapshot): void {
    this.scales = event.scales;
    this.#depth = event.depth;
    this.#bids = sortedLevels(event.bids, 'descending');
    this.#asks = sortedLevels(event.asks, 'ascending');
    this.#cut();
  }

  apply(event: BookDelta): void {
    if (event.scales.price !== this.scales.price || event.scales.quantity !== this.scales.quantity) {
      for (const level of [...this.#bids, ...this.#asks]) {
        level.price = raiseScale(level.price, this.scales.price, event.scales.price);
        level.quantity = raiseScale(level.quantity, this.scales.quantity, event.scales.quantity);
      }
      this.scales = event.scales;
    }
    this.#set(this.#bids, event.bids, (price, than) => price > than);
    this.#set(this.#asks, event.asks, (price, than) => price < than);
    this.#cut();
  }

  /** The best `count` levels as `[price, quantity]` in canonical decimal text. */
  top(side: 'bids' | 'asks', count: number): [string, string][] {
    return (side === 'bids' ? this.#bids : this.#asks)
      .slice(0, count)
      .map(({ price, quantity }) => [
        formatUnits(price, this.scales.price),
        formatUnits(quantity, this.scales.quantity),
      ]);
  }

  #set(side: Level[], levels: Levels, isBetter: (price: Units, than: Units) => boolean): void {
    for (let index = 0; index < levels.length; index += 2) {
      const [price, quantity] = [levels[index]!, levels[index + 1]!];
      let place = 0;
      while (place < side.length && isBetter(side[place]!.price, price)) place++;
      const isHeld = side[place]?.price === price;
      if (quantity === 0) {
        if (isHeld) side.splice(place, 1);
        else this.deletesOfUnknownLevel++;
      } else {
        side.splice(place, isHeld ? 1 : 0, { price, quantity });
      }
    }
  }

  #cut(): void {
    if (this.#depth === undefined) return;
    this.#bids.length = Math.min(this.#bids.length, this.#depth);
    this.#asks.length = Math.min(this.#asks.length, this.#depth);
  }
}

function sortedLevels(levels: Levels, order: 'ascending' | 'descending'): Level[] {
  const held = new Map<Units, Units>();
  for (let index = 0; index < levels.length; index += 2) held.set(levels[index]!, levels[index + 1]!);
  const sign = order === 'ascending' ? 1 : -1;
  return [...held]
    .filter(([, quantity]) => quantity !== 0)
    .sort(([a], [b]) => (a < b ? -sign : a > b ? sign : 0))
    .map(([price, quantity]) => ({ price, quantity }));
}
