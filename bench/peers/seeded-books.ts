/** Seeded changes of an order book, in integer units of the same scales for everyone; who measures writes them in the form it takes. */
import { createSeededRandom } from '../../src/base/clock.ts';

export type LevelChange = {
  readonly isBid: boolean;
  /** Integer units at `PRICE_DECIMALS` and `QUANTITY_DECIMALS`; quantity 0 removes the level. */
  readonly price: number;
  readonly quantity: number;
};

export type BookWorkload = {
  readonly name: string;
  /** Best first, bids and asks one after the other. */
  readonly snapshot: readonly LevelChange[];
  readonly deltas: readonly (readonly LevelChange[])[];
  readonly changeCount: number;
};

export const PRICE_DECIMALS = 2;
export const QUANTITY_DECIMALS = 8;
/** About what a depth event of a busy market holds. */
const CHANGES_PER_DELTA = 10;
/** The best levels of both sides are read each 100 changes. */
export const DELTAS_PER_READ = 10;
export const LEVELS_PER_READ = 20;

const BEST_BID = 6_000_000;
const QUANTITY_MAX = 500_000_000;

/** 1,000 levels a side, 80 % of the changes within 20 levels of the best and the others anywhere, 35 % deletes. */
export function nearTouchWorkload(): BookWorkload {
  const levelsPerSide = 1_000;
  const nearLevels = 20;
  const random = createSeededRandom(7);
  const pick = (count: number): number => Math.floor(random() * count);
  const change = (): LevelChange => {
    const distance = pick(random() < 0.8 ? nearLevels : levelsPerSide);
    const quantity = random() < 0.35 ? 0 : 1 + pick(QUANTITY_MAX);
    return levelAt(random() < 0.5, distance, quantity);
  };
  const snapshot = ladder(levelsPerSide, 1, () => 1 + pick(QUANTITY_MAX));
  return toWorkload('near the touch', snapshot, 200_000, change);
}

/** 20,000 levels a side; each change inserts a level that is not there or deletes one that is, anywhere in the book alike. */
export function deepWorkload(): BookWorkload {
  const levelsPerSide = 20_000;
  const random = createSeededRandom(8);
  const pick = (count: number): number => Math.floor(random() * count);
  const snapshot = ladder(levelsPerSide, 2, () => 1 + pick(QUANTITY_MAX));
  const present = new Set(snapshot.map(({ price }) => price));
  const change = (): LevelChange => {
    const isBid = random() < 0.5;
    const { price } = levelAt(isBid, pick(levelsPerSide * 2), 0);
    if (present.delete(price)) return { isBid, price, quantity: 0 };
    present.add(price);
    return { isBid, price, quantity: 1 + pick(QUANTITY_MAX) };
  };
  return toWorkload('deep', snapshot, 40_000, change);
}

function levelAt(isBid: boolean, distance: number, quantity: number): LevelChange {
  return { isBid, price: isBid ? BEST_BID - distance : BEST_BID + 1 + distance, quantity };
}

function ladder(levelsPerSide: number, step: number, quantity: () => number): LevelChange[] {
  return [true, false].flatMap((isBid) =>
    Array.from({ length: levelsPerSide }, (_, index) => levelAt(isBid, index * step, quantity())),
  );
}

function toWorkload(
  name: string,
  snapshot: readonly LevelChange[],
  changeCount: number,
  change: () => LevelChange,
): BookWorkload {
  const deltas = Array.from({ length: changeCount / CHANGES_PER_DELTA }, () =>
    Array.from({ length: CHANGES_PER_DELTA }, change),
  );
  return { name, snapshot, deltas, changeCount };
}
