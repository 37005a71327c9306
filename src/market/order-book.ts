/** The order book of one instrument: what levels rest at which price, at scales that grow with the decimals seen. */
import { BookSide, raiseLevels } from './book-side.ts';
import type { ChecksumInput } from './checksum-input.ts';
import type { BookDelta, BookSnapshot, Levels } from './events.ts';
import type { Scales, Units } from './units.ts';

/** A book as plain data; levels are best first. */
export type BookData = {
  readonly scales: Scales;
  readonly depth: number | undefined;
  readonly bids: Levels;
  readonly asks: Levels;
};

export class OrderBook implements ChecksumInput {
  #scales: Scales = { price: 0, quantity: 0 };
  #depth: number | undefined;
  readonly #bids = new BookSide('bid');
  readonly #asks = new BookSide('ask');

  static restore(data: BookData): OrderBook {
    const book = new OrderBook();
    book.#replace(data);
    return book;
  }

  get scales(): Scales {
    return this.#scales;
  }

  /** Levels per side that the exchange keeps for us; `undefined`: as many as there are. */
  get depth(): number | undefined {
    return this.#depth;
  }

  get bidCount(): number {
    return this.#bids.count;
  }

  get askCount(): number {
    return this.#asks.count;
  }

  /** Level access by place from the best; `index` must be below the count of the side. */
  bidPrice(index: number): Units {
    return this.#bids.price(index);
  }

  bidQuantity(index: number): Units {
    return this.#bids.quantity(index);
  }

  askPrice(index: number): Units {
    return this.#asks.price(index);
  }

  askQuantity(index: number): Units {
    return this.#asks.quantity(index);
  }

  /** Highest bid price; `undefined` while there is none. */
  get bestBid(): Units | undefined {
    return this.#bids.count === 0 ? undefined : this.#bids.price(0);
  }

  /** Lowest ask price; `undefined` while there is none. */
  get bestAsk(): Units | undefined {
    return this.#asks.count === 0 ? undefined : this.#asks.price(0);
  }

  /** Whether the best bid is at or above the best ask, which no resting book can be. */
  get isCrossed(): boolean {
    const { bestBid, bestAsk } = this;
    return bestBid !== undefined && bestAsk !== undefined && bestBid >= bestAsk;
  }

  /** Returns the best `levelCount` levels of both sides, best first. */
  top(levelCount: number): { readonly bids: Levels; readonly asks: Levels } {
    return { bids: this.#bids.toLevels(levelCount), asks: this.#asks.toLevels(levelCount) };
  }

  /** Groups of one side by `step` units, see `BookSide.group`; `groupLevels` is the whole of it. */
  groupBids(step: number, groupsMax: number): Levels | undefined {
    return this.#bids.group(step, groupsMax);
  }

  groupAsks(step: number, groupsMax: number): Levels | undefined {
    return this.#asks.group(step, groupsMax);
  }

  /** Replaces levels, scales and depth by those of the event; its levels may come in any order. */
  applySnapshot(event: BookSnapshot): void {
    this.#replace(event);
  }

  /**
   * Sets the levels of the event in their order, quantity 0 removes, then cuts both sides to the depth.
   * Returns how many levels to be removed were not there: normal on most exchanges, worth a count.
   */
  applyDelta(event: BookDelta): number {
    let { bids, asks } = event;
    const { scales } = event;
    if (scales.price !== this.#scales.price || scales.quantity !== this.#scales.quantity) {
      this.#raiseTo(scales);
      const priceSteps = this.#scales.price - scales.price;
      const quantitySteps = this.#scales.quantity - scales.quantity;
      bids = raiseLevels(bids, priceSteps, quantitySteps);
      asks = raiseLevels(asks, priceSteps, quantitySteps);
    }
    const unknownCount = this.#bids.apply(bids) + this.#asks.apply(asks);
    this.#cut();
    return unknownCount;
  }

  /** Returns plain data that shares nothing with the book. */
  snapshot(): BookData {
    return {
      scales: this.#scales,
      depth: this.#depth,
      bids: this.#bids.toLevels(),
      asks: this.#asks.toLevels(),
    };
  }

  #replace(data: BookData): void {
    this.#scales = { price: data.scales.price, quantity: data.scales.quantity };
    this.#depth = data.depth;
    this.#bids.replace(data.bids);
    this.#asks.replace(data.asks);
    this.#cut();
  }

  #raiseTo(scales: Scales): void {
    const price = Math.max(this.#scales.price, scales.price);
    const quantity = Math.max(this.#scales.quantity, scales.quantity);
    const priceSteps = price - this.#scales.price;
    const quantitySteps = quantity - this.#scales.quantity;
    if (priceSteps === 0 && quantitySteps === 0) return;
    this.#bids.raiseScales(priceSteps, quantitySteps);
    this.#asks.raiseScales(priceSteps, quantitySteps);
    this.#scales = { price, quantity };
  }

  #cut(): void {
    if (this.#depth === undefined) return;
    this.#bids.cutTo(this.#depth);
    this.#asks.cutTo(this.#depth);
  }
}
