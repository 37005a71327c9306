/**
 * Closed candles that wait for Redis, in the order of their arrival, bounded. A list with a head and not a set: thousands come and go each second,
 * and to look for the first of a set passes over the places of all that have left it.
 */
import type { Publication } from '../actors/ports.ts';
import { closedCandlesKey } from './keys.ts';
import { stampValue } from './value-head.ts';

/** `key` is that of the list. Stamped on arrival, so that one that is sent again is the same text. */
export type WaitingCandle = {
  readonly key: string;
  readonly epoch: number;
  readonly seq: number;
  readonly value: string;
  /** It was sent, or gave way to newer ones. */
  hasLeft: boolean;
};

/** Candles that have left are taken out of the list when they are more than this, and more than those that wait: O(1) for each. */
const LEFT_MIN = 1_024;

export class ClosedCandleQueue {
  readonly #candlesMax: number;
  #candles: WaitingCandle[] = [];
  /** Invariant: all before it have left. */
  #headIndex = 0;
  #count = 0;
  /** That of the candle and of its list: an instrument adds many of one list in a row, and a text that is the same one is found without reading it. */
  #lastKeys = { candle: '', list: '' };

  constructor(candlesMax: number) {
    this.#candlesMax = candlesMax;
  }

  get count(): number {
    return this.#count;
  }

  /** Candles in memory, those that have left but are not yet forgotten among them. */
  get heldCount(): number {
    return this.#candles.length;
  }

  /** Returns whether it took the place of the oldest. */
  add(publication: Publication, nowMs: number): boolean {
    const { epoch, seq } = publication;
    if (this.#lastKeys.candle !== publication.key) {
      this.#lastKeys = { candle: publication.key, list: closedCandlesKey(publication.key) };
    }
    const key = this.#lastKeys.list;
    this.#candles.push({ key, epoch, seq, value: stampValue(publication, nowMs), hasLeft: false });
    this.#count++;
    if (this.#count <= this.#candlesMax) return false;
    this.#passLeft();
    this.#leave(this.#candles[this.#headIndex]!);
    return true;
  }

  /** Returns the oldest candles, one group per list; they stay until removed. */
  first(countMax: number): readonly (readonly WaitingCandle[])[] {
    this.#passLeft();
    const byKey = new Map<string, WaitingCandle[]>();
    let group: WaitingCandle[] = [];
    let count = 0;
    for (let index = this.#headIndex; index < this.#candles.length && count < countMax; index++) {
      const candle = this.#candles[index]!;
      if (candle.hasLeft) continue;
      count++;
      if (group[0]?.key !== candle.key) {
        group = byKey.get(candle.key) ?? [];
        if (group.length === 0) byKey.set(candle.key, group);
      }
      group.push(candle);
    }
    return [...byKey.values()];
  }

  remove(candles: readonly WaitingCandle[]): void {
    for (const candle of candles) this.#leave(candle);
  }

  #leave(candle: WaitingCandle): void {
    if (candle.hasLeft) return;
    candle.hasLeft = true;
    if (--this.#count > 0) return;
    this.#candles = [];
    this.#headIndex = 0;
  }

  #passLeft(): void {
    while (this.#candles[this.#headIndex]?.hasLeft === true) this.#headIndex++;
    // Not those before the head alone: one list that fails may stand there for long.
    const leftCount = this.#candles.length - this.#count;
    if (leftCount <= Math.max(LEFT_MIN, this.#count)) return;
    this.#candles = this.#candles.filter(({ hasLeft }) => !hasLeft);
    this.#headIndex = 0;
  }
}
