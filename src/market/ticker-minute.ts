/**
 * One minute of the ticker window: what its trades come to, second by second. A second is half open at its start, (s, s + 1000 ms], as
 * the window's left edge is, so that the window always begins between two seconds.
 */
import type { CandleBar } from './candle-bar.ts';
import type { TradeKey } from './trade-order.ts';
import { isTradeBefore } from './trade-order.ts';
import type { Scales, Units } from './units.ts';
import { addUnits, raiseScale } from './units.ts';

export const MINUTE_MS = 60_000;

/** Places in the units of one second. */
export const OPEN = 0;
export const LAST = 1;
export const HIGH = 2;
export const LOW = 3;
export const VOLUME = 4;
export const QUOTE_VOLUME = 5;
export const UNITS_PER_SECOND = 6;

/** Parallel over the seconds of a minute that have trades, ascending in time. */
export type MinuteSeconds = {
  /** Two per second: event times of its first and last trade. */
  readonly times: number[];
  /** Two per second: keys of its first and last trade. */
  readonly keys: TradeKey[];
  /** `UNITS_PER_SECOND` per second: open, last, high, low, volume, quote volume. */
  readonly units: Units[];
  /** One per second: trades. */
  readonly counts: number[];
};

export type RemovedSecond = {
  readonly high: Units;
  readonly low: Units;
  readonly volume: Units;
  readonly quoteVolume: Units;
  readonly tradeCount: number;
};

/** Holds at most 60 seconds. Flat arrays: an object per second would take three times the memory, and a busy symbol has 86,400 of them. */
export class TickerMinute {
  /** Exclusive; the minute holds event times in (`startMs`, `startMs` + 60 s]. */
  readonly startMs: number;
  readonly #times: number[];
  readonly #keys: TradeKey[];
  readonly #units: Units[];
  readonly #counts: number[];
  #high: Units = 0;
  #low: Units = 0;

  /** Takes the arrays of `seconds` for its own. */
  constructor(startMs: number, seconds: MinuteSeconds = { times: [], keys: [], units: [], counts: [] }) {
    this.startMs = startMs;
    this.#times = seconds.times;
    this.#keys = seconds.keys;
    this.#units = seconds.units;
    this.#counts = seconds.counts;
    this.#findExtremes();
  }

  /** The seconds as they are until the minute changes. */
  get seconds(): Readonly<MinuteSeconds> {
    return { times: this.#times, keys: this.#keys, units: this.#units, counts: this.#counts };
  }

  get isEmpty(): boolean {
    return this.#counts.length === 0;
  }

  /** `undefined` while empty. */
  get lastTrade(): { readonly eventTimeMs: number; readonly key: TradeKey } | undefined {
    return this.isEmpty ? undefined : { eventTimeMs: this.#times.at(-1)!, key: this.#keys.at(-1)! };
  }

  /** Meaningless while empty, as are `low`, `firstTradeMs`, `open` and `last`. */
  get high(): Units {
    return this.#high;
  }

  get low(): Units {
    return this.#low;
  }

  get firstTradeMs(): number {
    return this.#times[0]!;
  }

  get open(): Units {
    return this.#units[OPEN]!;
  }

  get last(): Units {
    return this.#units[this.#units.length - UNITS_PER_SECOND + LAST]!;
  }

  /** Adds trades that all lie in one second of this minute. */
  add(bar: CandleBar): void {
    if (this.isEmpty || bar.high > this.#high) this.#high = bar.high;
    if (this.isEmpty || bar.low < this.#low) this.#low = bar.low;
    const secondMs = endOfSecond(bar.openAtMs);
    const times = this.#times;
    let index = this.#counts.length - 1;
    while (index >= 0 && endOfSecond(times[2 * index]!) > secondMs) index--;
    if (index >= 0 && endOfSecond(times[2 * index]!) === secondMs) this.#merge(index, bar);
    else this.#insert(index + 1, bar);
  }

  /** Forgets the seconds that end at or before `edgeMs` and tells each to `onRemoved`. */
  removeThrough(edgeMs: number, onRemoved: (second: RemovedSecond) => void): void {
    let count = 0;
    while (count < this.#counts.length && endOfSecond(this.#times[2 * count]!) <= edgeMs) {
      const at = count * UNITS_PER_SECOND;
      onRemoved({
        high: this.#units[at + HIGH]!,
        low: this.#units[at + LOW]!,
        volume: this.#units[at + VOLUME]!,
        quoteVolume: this.#units[at + QUOTE_VOLUME]!,
        tradeCount: this.#counts[count]!,
      });
      count++;
    }
    if (count === 0) return;
    this.#times.splice(0, 2 * count);
    this.#keys.splice(0, 2 * count);
    this.#units.splice(0, UNITS_PER_SECOND * count);
    this.#counts.splice(0, count);
    this.#findExtremes();
  }

  raiseScales(from: Scales, to: Scales): void {
    const units = this.#units;
    for (let at = 0; at < units.length; at += UNITS_PER_SECOND) {
      for (let field = OPEN; field <= LOW; field++) {
        units[at + field] = raiseScale(units[at + field]!, from.price, to.price);
      }
      units[at + VOLUME] = raiseScale(units[at + VOLUME]!, from.quantity, to.quantity);
      units[at + QUOTE_VOLUME] = raiseScale(
        units[at + QUOTE_VOLUME]!,
        from.price + from.quantity,
        to.price + to.quantity,
      );
    }
    this.#high = raiseScale(this.#high, from.price, to.price);
    this.#low = raiseScale(this.#low, from.price, to.price);
  }

  #merge(index: number, bar: CandleBar): void {
    const first = 2 * index;
    const last = first + 1;
    const at = index * UNITS_PER_SECOND;
    const units = this.#units;
    if (isTradeBefore(bar.openAtMs, bar.openKey, this.#times[first]!, this.#keys[first]!)) {
      this.#times[first] = bar.openAtMs;
      this.#keys[first] = bar.openKey;
      units[at + OPEN] = bar.open;
    }
    if (!isTradeBefore(bar.closeAtMs, bar.closeKey, this.#times[last]!, this.#keys[last]!)) {
      this.#times[last] = bar.closeAtMs;
      this.#keys[last] = bar.closeKey;
      units[at + LAST] = bar.close;
    }
    if (bar.high > units[at + HIGH]!) units[at + HIGH] = bar.high;
    if (bar.low < units[at + LOW]!) units[at + LOW] = bar.low;
    units[at + VOLUME] = addUnits(units[at + VOLUME]!, bar.volume);
    units[at + QUOTE_VOLUME] = addUnits(units[at + QUOTE_VOLUME]!, bar.quoteVolume);
    this.#counts[index] = this.#counts[index]! + bar.tradeCount;
  }

  #insert(index: number, bar: CandleBar): void {
    this.#times.splice(2 * index, 0, bar.openAtMs, bar.closeAtMs);
    this.#keys.splice(2 * index, 0, bar.openKey, bar.closeKey);
    this.#units.splice(
      UNITS_PER_SECOND * index,
      0,
      bar.open,
      bar.close,
      bar.high,
      bar.low,
      bar.volume,
      bar.quoteVolume,
    );
    this.#counts.splice(index, 0, bar.tradeCount);
  }

  #findExtremes(): void {
    const units = this.#units;
    if (units.length === 0) return;
    let high = units[HIGH]!;
    let low = units[LOW]!;
    for (let at = UNITS_PER_SECOND; at < units.length; at += UNITS_PER_SECOND) {
      if (units[at + HIGH]! > high) high = units[at + HIGH]!;
      if (units[at + LOW]! < low) low = units[at + LOW]!;
    }
    this.#high = high;
    this.#low = low;
  }
}

/** Returns the end of the second (s, s + 1000] that holds `timeMs`. */
export function endOfSecond(timeMs: number): number {
  return Math.ceil(timeMs / 1_000) * 1_000;
}
