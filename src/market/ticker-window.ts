/**
 * The 24-hour sliding window of one instrument in event time: at every step exactly what a full recount of the trades in it gives.
 * It ends at the highest time seen, inclusive; it starts 24 hours before the whole second of that time, exclusive.
 * Which trades are duplicates is decided before.
 */
import type { CountedTrade } from './candle-bar.ts';
import { toBar, widenScales } from './candle-bar.ts';
import { TickerMinute } from './ticker-minute.ts';
import type { Ticker, TickerWindowSnapshot } from './ticker.ts';
import type { Scales, Units } from './units.ts';
import { addUnits, subtractUnits } from './units.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
export const TICKER_WINDOW_MS = 24 * 60 * MINUTE_MS;

/**
 * Keeps what the trades come to per second, at most 86,400 of them in 1,441 minutes. Sums are kept as they run, exact because they are
 * integers; high and low are sought again among the minutes when what held them leaves the window.
 */
export class TickerWindow {
  // Grows with the trades seen and never shrinks; everything held is at it.
  #scales: Scales = { price: 0, quantity: 0 };
  #endMs: number | undefined;
  #startMs = Number.NEGATIVE_INFINITY;
  // Ascending, none empty, all inside the window.
  readonly #minutes: TickerMinute[] = [];
  // Sums over #minutes.
  #volume: Units = 0;
  #quoteVolume: Units = 0;
  #tradeCount = 0;
  // Over #minutes; `undefined` until they are asked for again.
  #extremes: { high: Units; low: Units } | undefined;

  static restore(snapshot: TickerWindowSnapshot): TickerWindow {
    const window = new TickerWindow();
    window.#scales = snapshot.scales;
    if (snapshot.endMs !== undefined) window.advanceTo(snapshot.endMs);
    for (const held of snapshot.minutes) {
      const minute = new TickerMinute(held.startMs, held);
      window.#minutes.push(minute);
      minute.forEachSecond((volume, quoteVolume, tradeCount) => {
        window.#volume = addUnits(window.#volume, volume);
        window.#quoteVolume = addUnits(window.#quoteVolume, quoteVolume);
        window.#tradeCount += tradeCount;
      });
    }
    return window;
  }

  /** Returns the state as plain data: equal for equal trades, in whatever order they came. O(seconds with trades). */
  snapshot(): TickerWindowSnapshot {
    return {
      scales: this.#scales,
      endMs: this.#endMs,
      minutes: this.#minutes.map((minute) => minute.snapshot()),
    };
  }

  /** Counts a trade of any age; one that the window has already left behind counts nothing. O(1) in order, O(log minutes) otherwise. */
  addTrade(trade: CountedTrade): void {
    this.advanceTo(trade.eventTimeMs);
    this.#widenScales(trade.scales);
    if (trade.eventTimeMs <= this.#startMs) return;
    const bar = toBar(trade, this.#scales);
    this.#minuteOf(trade.eventTimeMs).add(bar);
    this.#volume = addUnits(this.#volume, bar.volume);
    this.#quoteVolume = addUnits(this.#quoteVolume, bar.quoteVolume);
    this.#tradeCount += bar.tradeCount;
    if (this.#extremes === undefined) return;
    if (bar.high > this.#extremes.high) this.#extremes.high = bar.high;
    if (bar.low < this.#extremes.low) this.#extremes.low = bar.low;
  }

  /** Moves the end of the window; a time before it changes nothing. */
  advanceTo(timeMs: number): void {
    if (this.#endMs !== undefined && timeMs <= this.#endMs) return;
    this.#endMs = timeMs;
    const startMs = Math.floor(timeMs / SECOND_MS) * SECOND_MS - TICKER_WINDOW_MS;
    if (startMs === this.#startMs) return;
    this.#startMs = startMs;
    this.#evict();
  }

  /** Event time of the newest trade inside the window; `undefined` while there is none. */
  get newestTradeMs(): number | undefined {
    return this.#minutes.at(-1)?.lastTimeMs;
  }

  /** Highest time seen; `undefined` before the first. */
  get endMs(): number | undefined {
    return this.#endMs;
  }

  /** Returns the window's values; `undefined` before any time was seen. */
  read(): Ticker | undefined {
    if (this.#endMs === undefined) return undefined;
    const first = this.#minutes[0];
    const last = this.#minutes.at(-1);
    const extremes = first === undefined ? undefined : (this.#extremes ??= this.#findExtremes(first));
    return {
      windowStartMs: this.#startMs,
      windowEndMs: this.#endMs,
      scales: this.#scales,
      open: first?.open,
      high: extremes?.high,
      low: extremes?.low,
      last: last?.last,
      change: first === undefined || last === undefined ? undefined : subtractUnits(last.last, first.open),
      volume: this.#volume,
      quoteVolume: this.#quoteVolume,
      tradeCount: this.#tradeCount,
    };
  }

  #evict(): void {
    let emptyCount = 0;
    for (const minute of this.#minutes) {
      if (minute.startMs >= this.#startMs) break;
      minute.removeThrough(this.#startMs, (second) => {
        this.#volume = subtractUnits(this.#volume, second.volume);
        this.#quoteVolume = subtractUnits(this.#quoteVolume, second.quoteVolume);
        this.#tradeCount -= second.tradeCount;
        const extremes = this.#extremes;
        if (second.high === extremes?.high || second.low === extremes?.low) this.#extremes = undefined;
      });
      if (!minute.isEmpty) break;
      emptyCount++;
    }
    if (emptyCount > 0) this.#minutes.splice(0, emptyCount);
  }

  #minuteOf(timeMs: number): TickerMinute {
    // A minute is half open at its start: (startMs, startMs + 60 s].
    const startMs = (Math.ceil(timeMs / MINUTE_MS) - 1) * MINUTE_MS;
    const minutes = this.#minutes;
    let low = 0;
    let high = minutes.length;
    const newest = minutes.at(-1);
    if (newest !== undefined && newest.startMs <= startMs) {
      if (newest.startMs === startMs) return newest;
      low = high;
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (minutes[middle]!.startMs < startMs) low = middle + 1;
      else high = middle;
    }
    const found = minutes[low];
    if (found?.startMs === startMs) return found;
    const minute = new TickerMinute(startMs);
    minutes.splice(low, 0, minute);
    return minute;
  }

  #widenScales(needed: Scales): void {
    const from = this.#scales;
    const to = widenScales(from, needed);
    if (to === from) return;
    this.#scales = to;
    this.#extremes = undefined;
    for (const minute of this.#minutes) minute.raiseScales(from, to);
    this.#volume = 0;
    this.#quoteVolume = 0;
    for (const minute of this.#minutes) {
      minute.forEachSecond((volume, quoteVolume) => {
        this.#volume = addUnits(this.#volume, volume);
        this.#quoteVolume = addUnits(this.#quoteVolume, quoteVolume);
      });
    }
  }

  #findExtremes(first: TickerMinute): { high: Units; low: Units } {
    let { high, low } = first;
    for (const minute of this.#minutes) {
      if (minute.high > high) high = minute.high;
      if (minute.low < low) low = minute.low;
    }
    return { high, low };
  }
}
