/**
 * The 24-hour sliding window of one instrument in event time: at every step exactly what a full recount of the trades in it gives.
 * It ends at the highest time seen, inclusive; it starts 24 hours before the whole second of that time, exclusive.
 * Which trades are duplicates is decided before.
 */
import type { CountedTrade } from './candle-bar.ts';
import { toBar, widenScales } from './candle-bar.ts';
import { toTickerColumns } from './ticker-columns.ts';
import { TickerMinute } from './ticker-minute.ts';
import type { Ticker, TickerWindowSnapshot } from './ticker.ts';
import type { Scales, Units } from './units.ts';
import { addUnits, subtractUnits } from './units.ts';
import { UntouchedMinutes } from './untouched-minutes.ts';

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
  // All ascending, none empty, inside the window: what a restored window has not touched yet; before it, the minute that the window's left edge is
  // in, while there is anything untouched; after it, all others.
  #edge: TickerMinute | undefined;
  #untouched: UntouchedMinutes | undefined;
  readonly #minutes: TickerMinute[] = [];
  // Sums over all minutes.
  #volume: Units = 0;
  #quoteVolume: Units = 0;
  #tradeCount = 0;
  // Over all minutes; `undefined` until they are asked for again.
  #extremes: { high: Units; low: Units } | undefined;

  static restore(snapshot: TickerWindowSnapshot): TickerWindow {
    const window = new TickerWindow();
    window.#scales = snapshot.scales;
    if (snapshot.endMs !== undefined) window.advanceTo(snapshot.endMs);
    const untouched = new UntouchedMinutes(snapshot.minutes);
    if (untouched.isEmpty) return window;
    window.#untouched = untouched;
    const { volume, quoteVolume, tradeCount } = untouched.sums();
    window.#volume = volume;
    window.#quoteVolume = quoteVolume;
    window.#tradeCount = tradeCount;
    return window;
  }

  /** Returns the state as plain data: equal for equal trades, in whatever order they came. O(seconds with trades). */
  snapshot(): TickerWindowSnapshot {
    return {
      scales: this.#scales,
      endMs: this.#endMs,
      minutes: toTickerColumns([
        ...(this.#edge === undefined ? [] : [this.#edge.snapshot()]),
        ...(this.#untouched?.snapshot() ?? []),
        ...this.#minutes.map((minute) => minute.snapshot()),
      ]),
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
    return (this.#minutes.at(-1) ?? this.#untouched)?.lastTimeMs;
  }

  /** Highest time seen; `undefined` before the first. */
  get endMs(): number | undefined {
    return this.#endMs;
  }

  /** Returns the window's values; `undefined` before any time was seen. */
  read(): Ticker | undefined {
    if (this.#endMs === undefined) return undefined;
    const first = this.#edge ?? this.#untouched ?? this.#minutes[0];
    const last = this.#minutes.at(-1) ?? this.#untouched;
    const extremes = first === undefined ? undefined : (this.#extremes ??= this.#findExtremes());
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
    for (;;) {
      const minute = this.#minuteAtEdge();
      if (minute === undefined || minute.startMs >= this.#startMs) return;
      minute.removeThrough(this.#startMs, (second) => {
        this.#volume = subtractUnits(this.#volume, second.volume);
        this.#quoteVolume = subtractUnits(this.#quoteVolume, second.quoteVolume);
        this.#tradeCount -= second.tradeCount;
        const extremes = this.#extremes;
        if (second.high === extremes?.high || second.low === extremes?.low) this.#extremes = undefined;
      });
      if (!minute.isEmpty) return;
      if (this.#edge === undefined) this.#minutes.shift();
      else this.#edge = undefined;
    }
  }

  /** Returns the oldest minute when the edge may have reached it. */
  #minuteAtEdge(): TickerMinute | undefined {
    if (this.#edge !== undefined) return this.#edge;
    const untouched = this.#untouched;
    if (untouched === undefined) return this.#minutes[0];
    if (untouched.firstStartMs >= this.#startMs) return undefined;
    const minute = untouched.takeFirst();
    if (!untouched.isEmpty) return (this.#edge = minute);
    this.#untouched = undefined;
    this.#minutes.unshift(minute);
    return minute;
  }

  /** Makes the minutes that start at `startMs` or later changeable. */
  #touchFrom(startMs: number): void {
    const untouched = this.#untouched;
    if (untouched === undefined || untouched.lastStartMs < startMs) return;
    this.#minutes.unshift(...untouched.takeFrom(startMs));
    if (!untouched.isEmpty) return;
    this.#untouched = undefined;
    if (this.#edge !== undefined) this.#minutes.unshift(this.#edge);
    this.#edge = undefined;
  }

  #minuteOf(timeMs: number): TickerMinute {
    // A minute is half open at its start: (startMs, startMs + 60 s].
    const startMs = (Math.ceil(timeMs / MINUTE_MS) - 1) * MINUTE_MS;
    this.#touchFrom(startMs);
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
    this.#touchFrom(Number.NEGATIVE_INFINITY);
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

  /** There must be a trade in the window. */
  #findExtremes(): { high: Units; low: Units } {
    const parts = this.#edge === undefined ? this.#minutes : [this.#edge, ...this.#minutes];
    let { high, low } = this.#untouched?.extremes() ?? parts[0]!;
    for (const part of parts) {
      if (part.high > high) high = part.high;
      if (part.low < low) low = part.low;
    }
    return { high, low };
  }
}
