/**
 * What an exchange shows of a book: the best levels of each side, and how that window changed since it was last shown. A level that left
 * the window is either gone from the book or only pushed out by better ones; Crypto.com deletes both, Kraken only the first.
 */
import type { BookSides, SimulatedLevel } from './simulated-book.ts';

export type WindowChange = {
  /** Levels with their new quantity; 0 for those that are gone or were pushed out. */
  readonly bids: readonly SimulatedLevel[];
  readonly asks: readonly SimulatedLevel[];
};

export class BookWindow {
  readonly #depth: number;
  bids: readonly SimulatedLevel[];
  asks: readonly SimulatedLevel[];

  constructor(sides: BookSides, depth: number) {
    this.#depth = depth;
    this.bids = sides.bids.slice(0, depth);
    this.asks = sides.asks.slice(0, depth);
  }

  /** Moves the window to the book as it is now. Returns what changed; pushed-out levels are told only when asked for. */
  moveTo(sides: BookSides, options: { tellPushedOut: boolean }): WindowChange {
    const bids = sides.bids.slice(0, this.#depth);
    const asks = sides.asks.slice(0, this.#depth);
    const change = {
      bids: changesOf(this.bids, bids, sides.bids, options.tellPushedOut),
      asks: changesOf(this.asks, asks, sides.asks, options.tellPushedOut),
    };
    this.bids = bids;
    this.asks = asks;
    return change;
  }
}

function changesOf(
  before: readonly SimulatedLevel[],
  after: readonly SimulatedLevel[],
  whole: readonly SimulatedLevel[],
  tellPushedOut: boolean,
): SimulatedLevel[] {
  const held = new Map(before.map((level) => [level.priceUnits, level]));
  const shown = new Set(after.map((level) => level.priceUnits));
  const standing = tellPushedOut ? undefined : new Set(whole.map((level) => level.priceUnits));
  const changes: SimulatedLevel[] = [];
  for (const level of before) {
    if (shown.has(level.priceUnits) || standing?.has(level.priceUnits) === true) continue;
    changes.push({ priceUnits: level.priceUnits, quantityUnits: 0, orderCount: 0 });
  }
  for (const level of after) {
    const old = held.get(level.priceUnits);
    if (old?.quantityUnits === level.quantityUnits && old.orderCount === level.orderCount) continue;
    changes.push(level);
  }
  return changes;
}
