/**
 * One seeded order book that lives by itself: levels near the touch change most, takers eat into a side, makers fill the spread again.
 * Integer units only. Invariants: both sides hold levels, best first; the best bid is below the best ask after every step.
 */
import type { RandomSource } from '../../base/clock.ts';

export type SimulatedSymbol = {
  /** The exchange's name of it, in its own form. */
  readonly nativeSymbol: string;
  readonly base: string;
  readonly quote: string;
  readonly priceDecimals: number;
  readonly quantityDecimals: number;
  /** Smallest price step, in units of `priceDecimals`. */
  readonly tickUnits: number;
  /** Where the walk starts, in units of `priceDecimals`. */
  readonly startPriceUnits: number;
  /** What one level holds, roughly, in units of `quantityDecimals`. */
  readonly levelQuantityUnits: number;
};

export type SimulatedLevel = {
  readonly priceUnits: number;
  readonly quantityUnits: number;
  readonly orderCount: number;
};

export type BookSides = {
  readonly bids: readonly SimulatedLevel[];
  readonly asks: readonly SimulatedLevel[];
};

/** A level as it is after a step; quantity 0: it is gone. */
export type SimulatedChange = SimulatedLevel & { readonly side: 'bid' | 'ask' };

export type Fill = {
  readonly priceUnits: number;
  readonly quantityUnits: number;
  readonly takerSide: 'buy' | 'sell';
};

/** Levels beyond the wanted ones that a side may hold before its far end is cut. */
const SPARE_LEVELS = 20;

export class SimulatedBook {
  readonly #symbol: SimulatedSymbol;
  readonly #random: RandomSource;
  readonly #levelsPerSide: number;
  readonly bids: SimulatedLevel[] = [];
  readonly asks: SimulatedLevel[] = [];
  #changes: SimulatedChange[] = [];

  constructor(symbol: SimulatedSymbol, random: RandomSource, levelsPerSide: number) {
    this.#symbol = symbol;
    this.#random = random;
    this.#levelsPerSide = levelsPerSide;
    this.#fillFarEnd('bid');
    this.#fillFarEnd('ask');
    this.#changes = [];
  }

  /** Moves on by one event: a taker with probability `tradeShare`, else a maker. Returns what changed, in order. */
  step(tradeShare: number): { changes: readonly SimulatedChange[]; fills: readonly Fill[] } {
    this.#changes = [];
    const fills = this.#random() < tradeShare ? this.#take() : [];
    if (fills.length === 0) this.#make();
    for (const side of ['bid', 'ask'] as const) {
      this.#fillFarEnd(side);
      this.#cutFarEnd(side);
    }
    return { changes: this.#changes, fills };
  }

  #make(): void {
    const side = this.#random() < 0.5 ? 'bid' : 'ask';
    const levels = this.#levels(side);
    const best = levels[0]!;
    const spreadTicks = (this.asks[0]!.priceUnits - this.bids[0]!.priceUnits) / this.#symbol.tickUnits;
    const draw = this.#random();
    // The wider the spread, the likelier somebody steps into it.
    if (spreadTicks > 1 && draw < Math.min(0.6, 0.15 * (spreadTicks - 1))) {
      const aheadTicks = 1 + Math.floor(this.#random() * Math.min(3, spreadTicks - 1));
      this.#set(side, best.priceUnits + this.#toward(side) * aheadTicks * this.#symbol.tickUnits);
      return;
    }
    const index = Math.min(levels.length - 1, Math.floor(-5 * Math.log(1 - this.#random())));
    const { priceUnits } = levels[index]!;
    const behind = priceUnits - this.#toward(side) * this.#symbol.tickUnits;
    if (draw > 0.9 && behind > 0) this.#set(side, behind);
    else if (draw > 0.8) this.#set(side, priceUnits, 0);
    else this.#set(side, priceUnits);
  }

  /** A taker eats one or two levels, the last of them seldom whole. */
  #take(): Fill[] {
    const takerSide = this.#random() < 0.5 ? 'buy' : 'sell';
    const side = takerSide === 'buy' ? 'ask' : 'bid';
    const fills: Fill[] = [];
    const levelCount = this.#random() < 0.2 ? 2 : 1;
    for (let count = 1; count <= levelCount; count++) {
      const best = this.#levels(side)[0]!;
      const isWhole = count < levelCount || this.#random() < 0.3;
      const quantityUnits = isWhole
        ? best.quantityUnits
        : Math.max(1, Math.floor(best.quantityUnits * this.#random()));
      fills.push({ priceUnits: best.priceUnits, quantityUnits, takerSide });
      this.#set(side, best.priceUnits, best.quantityUnits - quantityUnits);
      this.#fillFarEnd(side);
    }
    return fills;
  }

  #fillFarEnd(side: 'bid' | 'ask'): void {
    const levels = this.#levels(side);
    const { tickUnits, startPriceUnits } = this.#symbol;
    while (levels.length < this.#levelsPerSide) {
      const from = levels.at(-1)?.priceUnits ?? startPriceUnits;
      const gapTicks = levels.length === 0 ? 1 : 1 + Math.floor(this.#random() * 2);
      const priceUnits = from - this.#toward(side) * gapTicks * tickUnits;
      if (priceUnits <= 0) return;
      this.#set(side, priceUnits);
    }
  }

  #cutFarEnd(side: 'bid' | 'ask'): void {
    const levels = this.#levels(side);
    while (levels.length > this.#levelsPerSide + SPARE_LEVELS) {
      this.#set(side, levels.at(-1)!.priceUnits, 0);
    }
  }

  #levels(side: 'bid' | 'ask'): SimulatedLevel[] {
    return side === 'bid' ? this.bids : this.asks;
  }

  /** Direction of better prices: up for bids, down for asks. */
  #toward(side: 'bid' | 'ask'): 1 | -1 {
    return side === 'bid' ? 1 : -1;
  }

  #set(side: 'bid' | 'ask', priceUnits: number, quantityUnits = this.#drawQuantity()): void {
    const levels = this.#levels(side);
    const isBetter = (level: SimulatedLevel) => (level.priceUnits - priceUnits) * this.#toward(side) > 0;
    // Most changes are near the touch, so the search from the front is short.
    let index = 0;
    if (levels.length > 0 && isBetter(levels.at(-1)!)) index = levels.length;
    else while (index < levels.length && isBetter(levels[index]!)) index++;
    const isHeld = levels[index]?.priceUnits === priceUnits;
    // A side never runs empty: its last level stays.
    if (quantityUnits === 0 && (!isHeld || levels.length === 1)) return;
    const orderCount = quantityUnits === 0 ? 0 : 1 + Math.floor(this.#random() * 5);
    const level = { priceUnits, quantityUnits, orderCount };
    if (quantityUnits === 0) levels.splice(index, 1);
    else levels.splice(index, isHeld ? 1 : 0, level);
    this.#changes.push({ side, ...level });
  }

  #drawQuantity(): number {
    const spread = 0.05 + 2 * this.#random() ** 2;
    return Math.max(1, Math.floor(this.#symbol.levelQuantityUnits * spread));
  }
}
