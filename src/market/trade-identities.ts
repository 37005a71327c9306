/**
 * Remembers which trades were counted. Ids of digits alone, of any size, are kept as runs of consecutive ids: an exchange that counts by
 * one needs a single run for ever. All other ids are kept one by one.
 */
import type { Units } from './units.ts';
import { addUnits, toUnits } from './units.ts';

/** Runs kept at once; beyond it the run of the lowest ids is forgotten. */
export const MAX_ID_RUNS = 8_192;
/** Ids kept one by one; beyond it the one added first is forgotten. */
export const MAX_OTHER_IDS = 8_192;

export type TradeIdentitiesSnapshot = {
  /** First and last id of every run, ascending; no two runs touch. */
  readonly runStarts: readonly Units[];
  readonly runEnds: readonly Units[];
  /** In the order they were added. */
  readonly others: readonly string[];
};

const INTEGER_ID = /^(?:0|[1-9]\d{0,38})$/;
const MAX_SAFE_DIGITS = 15;

/** A forgotten id counts as never seen. What is kept depends on the order of the calls alone. */
export class TradeIdentities {
  // Ascending, and #runEnds[i] + 1 < #runStarts[i + 1].
  readonly #runStarts: Units[] = [];
  readonly #runEnds: Units[] = [];
  // A Set iterates in the order of insertion, so its first value is the oldest.
  readonly #others = new Set<string>();

  static restore(snapshot: TradeIdentitiesSnapshot): TradeIdentities {
    const identities = new TradeIdentities();
    identities.#runStarts.push(...snapshot.runStarts);
    identities.#runEnds.push(...snapshot.runEnds);
    for (const id of snapshot.others) identities.#others.add(id);
    return identities;
  }

  snapshot(): TradeIdentitiesSnapshot {
    return {
      runStarts: [...this.#runStarts],
      runEnds: [...this.#runEnds],
      others: [...this.#others],
    };
  }

  /** How many more ids can be added for sure before one is forgotten. */
  get spareCount(): number {
    return Math.min(MAX_ID_RUNS - this.#runStarts.length, MAX_OTHER_IDS - this.#others.size);
  }

  /** The greatest id of digits alone; where there is none, the id that was added last. `undefined` before the first. */
  get newest(): string | undefined {
    const greatest = this.#runEnds.at(-1);
    if (greatest !== undefined) return String(greatest);
    let last: string | undefined;
    for (const id of this.#others) last = id;
    return last;
  }

  has(tradeId: string): boolean {
    const id = parseIntegerId(tradeId);
    if (id === undefined) return this.#others.has(tradeId);
    const index = this.#findRun(id);
    return index >= 0 && id <= this.#runEnds[index]!;
  }

  /** Remembers the id and returns whether it was new. O(1) for the next id of an exchange that counts up, O(log runs) to look up others. */
  add(tradeId: string): boolean {
    const id = parseIntegerId(tradeId);
    return id === undefined ? this.#addOther(tradeId) : this.#addInteger(id);
  }

  #addOther(tradeId: string): boolean {
    if (this.#others.has(tradeId)) return false;
    this.#others.add(tradeId);
    if (this.#others.size > MAX_OTHER_IDS) {
      const [oldest] = this.#others;
      this.#others.delete(oldest!);
    }
    return true;
  }

  #addInteger(id: Units): boolean {
    const starts = this.#runStarts;
    const ends = this.#runEnds;
    const index = this.#findRun(id);
    if (index >= 0 && id <= ends[index]!) return false;
    const extendsRun = index >= 0 && addUnits(ends[index]!, 1) === id;
    const meetsNextRun = index + 1 < starts.length && addUnits(id, 1) === starts[index + 1];
    if (extendsRun && meetsNextRun) {
      ends[index] = ends[index + 1]!;
      starts.splice(index + 1, 1);
      ends.splice(index + 1, 1);
    } else if (extendsRun) {
      ends[index] = id;
    } else if (meetsNextRun) {
      starts[index + 1] = id;
    } else {
      starts.splice(index + 1, 0, id);
      ends.splice(index + 1, 0, id);
      if (starts.length > MAX_ID_RUNS) {
        starts.shift();
        ends.shift();
      }
    }
    return true;
  }

  /** Returns the index of the last run that starts at or before `id`; −1 when there is none. */
  #findRun(id: Units): number {
    const starts = this.#runStarts;
    let high = starts.length - 1;
    // New ids nearly always belong to the newest run.
    if (high < 0 || starts[high]! <= id) return high;
    let low = 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! <= id) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** Returns the id as an integer; `undefined` when its text is not the canonical form of one, so that different texts never meet. */
function parseIntegerId(text: string): Units | undefined {
  if (text.length > MAX_SAFE_DIGITS || text.length === 0) {
    return INTEGER_ID.test(text) ? toUnits(BigInt(text)) : undefined;
  }
  let value = 0;
  for (let index = 0; index < text.length; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return text.length > 1 && text.charCodeAt(0) === 48 ? undefined : value;
}
