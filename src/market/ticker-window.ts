/**
 * The 24-hour sliding window of one instrument in event time: at every step exactly what a full recount of the trades in it gives.
 * It ends at the highest time seen, inclusive; it starts 24 hours before the whole second of that time, exclusive.
 * Which trades are duplicates is decided before.
 */
import type { CountedTrade } from './candle-bar.ts';
import { toBar, widenScales } from './candle-bar.ts';
import type { TickerMinute } from './ticker-minute.ts';
import { MINUTE_MS, endOfSecond } from './ticker-minute.ts';
import type { Ticker, TickerWindowSnapshot } from './ticker.ts';
import type { TradeKey } from './trade-order.ts';
import type { Scales, Units } from './units.ts';
import { addUnits, raiseScale, subtractUnits } from './units.ts';
import { WindowMinutes } from './window-minutes.ts';

const SECOND_MS = 1_000;
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
  #minutes = new WindowMinutes();
  // Sums over all minutes.
  #volume: Units = 0;
  #quoteVolume: Units = 0;
  #tradeCount = 0;
  // Over all minutes; `undefined` until they are asked for again.
  #extremes: { high: Units; low: Units } | undefined;

  /** O(minutes). */
  static restore(snapshot: TickerWindowSnapshot): TickerWindow {
    const window = new TickerWindow();
    window.#scales = snapshot.scales;
    if (snapshot.endMs !== undefined) window.advanceTo(snapshot.endMs);
    window.#minutes = new WindowMinutes(snapshot.minutes);
    window.#volume = snapshot.volume;
    window.#quoteVolume = snapshot.quoteVolume;
    window.#tradeCount = snapshot.tradeCount;
    return window;
  }

  /** Returns the state as plain data: equal for equal trades, in whatever order they came. O(bytes of all minutes), almost all of it one copy. */
  snapshot(): TickerWindowSnapshot {
    return {
      scales: this.#scales,
      endMs: this.#endMs,
      volume: this.#volume,
      quoteVolume: this.#quoteVolume,
      tradeCount: this.#tradeCount,
      minutes: this.#minutes.pack(),
    };
  }

  /** Counts a trade of any age; one that the window has already left behind counts nothing. O(1) in order, otherwise as `WindowMinutes.at`. */
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

  /** The newest trade inside the window; `undefined` while there is none. */
  get newestTrade(): { readonly eventTimeMs: number; readonly key: TradeKey } | undefined {
    return this.#minutes.last?.lastTrade;
  }

  /** Highest time seen; `undefined` before the first. */
  get endMs(): number | undefined {
    return this.#endMs;
  }

  /** Returns the event time at which the next trades leave the window, or one before it; Infinity while there are none. */
  get tradesLeaveAtMs(): number {
    const { firstStartMs } = this.#minutes;
    if (firstStartMs === undefined) return Number.POSITIVE_INFINITY;
    // A minute is opened when the edge has reached it, not to look at it.
    if (firstStartMs >= this.#startMs) return firstStartMs + SECOND_MS + TICKER_WINDOW_MS;
    return endOfSecond(this.#minutes.first!.firstTradeMs) + TICKER_WINDOW_MS;
  }

  /** Returns the window's values; `undefined` before any time was seen. */
  read(): Ticker | undefined {
    if (this.#endMs === undefined) return undefined;
    const extremes = (this.#extremes ??= this.#minutes.extremes());
    const open = this.#minutes.first?.open;
    const last = this.#minutes.last?.last;
    return {
      windowStartMs: this.#startMs,
      windowEndMs: this.#endMs,
      scales: this.#scales,
      open,
      high: extremes?.high,
      low: extremes?.low,
      last,
      change: open === undefined || last === undefined ? undefined : subtractUnits(last, open),
      volume: this.#volume,
      quoteVolume: this.#quoteVolume,
      tradeCount: this.#tradeCount,
    };
  }

  #evict(): void {
    while ((this.#minutes.firstStartMs ?? Number.POSITIVE_INFINITY) < this.#startMs) {
      const minute = this.#minutes.first!;
      minute.removeThrough(this.#startMs, (second) => {
        this.#volume = subtractUnits(this.#volume, second.volume);
        this.#quoteVolume = subtractUnits(this.#quoteVolume, second.quoteVolume);
        this.#tradeCount -= second.tradeCount;
        const extremes = this.#extremes;
        if (second.high === extremes?.high || second.low === extremes?.low) this.#extremes = undefined;
      });
      if (!minute.isEmpty) return;
      this.#minutes.removeFirst();
    }
  }

  #minuteOf(timeMs: number): TickerMinute {
    // A minute is half open at its start: (startMs, startMs + 60 s].
    return this.#minutes.at((Math.ceil(timeMs / MINUTE_MS) - 1) * MINUTE_MS);
  }

  #widenScales(needed: Scales): void {
    const from = this.#scales;
    const to = widenScales(from, needed);
    if (to === from) return;
    this.#scales = to;
    this.#extremes = undefined;
    this.#minutes.raiseScales(from, to);
    this.#volume = raiseScale(this.#volume, from.quantity, to.quantity);
    this.#quoteVolume = raiseScale(this.#quoteVolume, from.price + from.quantity, to.price + to.quantity);
  }
}
