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

const COMPACT_AT = 1_024;

export class ClosedCandleQueue {
  readonly #candlesMax: number;
  #candles: WaitingCandle[] = [];
  #headIndex = 0;
  #count = 0;

  constructor(candlesMax: number) {
    this.#candlesMax = candlesMax;
  }

  get count(): number {
    return this.#count;
  }

  /** Returns whether it took the place of the oldest. */
  add(publication: Publication, nowMs: number): boolean {
    const { epoch, seq } = publication;
    const key = closedCandlesKey(publication.key);
    this.#candles.push({ key, epoch, seq, value: stampValue(publication, nowMs), hasLeft: false });
    this.#count++;
    if (this.#count <= this.#candlesMax) return false;
    this.#leave(this.#candles[this.#headIndex]!);
    this.#moveHead();
    return true;
  }

  /** Returns the oldest candles, one group per list; they stay until removed. */
  first(countMax: number): readonly (readonly WaitingCandle[])[] {
    const byKey = new Map<string, WaitingCandle[]>();
    let count = 0;
    for (let index = this.#headIndex; index < this.#candles.length && count < countMax; index++) {
      const candle = this.#candles[index]!;
      if (candle.hasLeft) continue;
      count++;
      const group = byKey.get(candle.key);
      if (group === undefined) byKey.set(candle.key, [candle]);
      else group.push(candle);
    }
    return [...byKey.values()];
  }

  remove(candles: readonly WaitingCandle[]): void {
    for (const candle of candles) this.#leave(candle);
    this.#moveHead();
  }

  #leave(candle: WaitingCandle): void {
    if (candle.hasLeft) return;
    candle.hasLeft = true;
    this.#count--;
  }

  /** Invariant: what the head is at still waits. */
  #moveHead(): void {
    while (this.#candles[this.#headIndex]?.hasLeft === true) this.#headIndex++;
    // At least half of the list has left, so copying the rest costs O(1) for each.
    if (this.#headIndex < COMPACT_AT || this.#headIndex * 2 < this.#candles.length) return;
    this.#candles = this.#candles.slice(this.#headIndex);
    this.#headIndex = 0;
  }
}
