/** The candles of one interval as they come from the REST and the stream: of several words on one candle the last one counts. */
import type { Candle } from 'tampines/client';

export class CandleHistory {
  readonly #byOpenTime = new Map<number, Candle>();
  #newestOpenMs = -Infinity;

  /** Returns whether the candle is news. */
  take(candle: Candle): boolean {
    const held = this.#byOpenTime.get(candle.openTimeMs);
    if (held !== undefined && !isLaterWord(candle, held)) return false;
    this.#byOpenTime.set(candle.openTimeMs, candle);
    this.#newestOpenMs = Math.max(this.#newestOpenMs, candle.openTimeMs);
    return true;
  }

  /** `undefined` while there is none. */
  get newest(): Candle | undefined {
    return this.#byOpenTime.get(this.#newestOpenMs);
  }

  at(openTimeMs: number): Candle | undefined {
    return this.#byOpenTime.get(openTimeMs);
  }

  /** Oldest first. */
  list(): Candle[] {
    return [...this.#byOpenTime.values()].sort((a, b) => a.openTimeMs - b.openTimeMs);
  }
}

/** A closed candle is final but for its revisions; an open one grows with the log. */
function isLaterWord(candle: Candle, held: Candle): boolean {
  if (candle.isClosed !== held.isClosed) return candle.isClosed;
  if (candle.isClosed) return candle.revision >= held.revision;
  return candle.epoch === held.epoch ? candle.seq >= held.seq : candle.epoch > held.epoch;
}
