/**
 * The oldest minutes of a restored ticker window, as they came: columns that nobody has changed. A minute leaves them, and becomes a
 * `TickerMinute`, once a trade falls into it or the window's edge reaches it.
 */
import type { TickerColumns } from './ticker-columns.ts';
import { listStart, tickerMinuteAt } from './ticker-columns.ts';
import {
  LAST,
  HIGH,
  LOW,
  OPEN,
  QUOTE_VOLUME,
  TickerMinute,
  UNITS_PER_SECOND,
  VOLUME,
} from './ticker-minute.ts';
import type { TickerMinuteSnapshot } from './ticker-columns.ts';
import type { Units } from './units.ts';
import { addUnits } from './units.ts';

export class UntouchedMinutes {
  readonly #columns: TickerColumns;
  // Those from #from to before #to are left.
  #from = 0;
  #to: number;

  constructor(columns: TickerColumns) {
    this.#columns = columns;
    this.#to = columns.startsMs.length;
  }

  get isEmpty(): boolean {
    return this.#from === this.#to;
  }

  /** Of the oldest and the newest minute; there must be one, as for all below. */
  get firstStartMs(): number {
    return this.#columns.startsMs[this.#from]!;
  }

  get lastStartMs(): number {
    return this.#columns.startsMs[this.#to - 1]!;
  }

  /** Event time of the newest trade. */
  get lastTimeMs(): number {
    const { times } = this.#columns;
    return times.values[times.ends[this.#to - 1]! - 1]!;
  }

  get open(): Units {
    const { units } = this.#columns;
    return units.values[listStart(units, this.#from) + OPEN]!;
  }

  get last(): Units {
    const { units } = this.#columns;
    return units.values[units.ends[this.#to - 1]! - UNITS_PER_SECOND + LAST]!;
  }

  /** Returns volume, quote volume and trades of all minutes together. O(seconds), as `extremes`. */
  sums(): { volume: Units; quoteVolume: Units; tradeCount: number } {
    const { units, counts } = this.#columns;
    let volume: Units = 0;
    let quoteVolume: Units = 0;
    const end = units.ends[this.#to - 1]!;
    for (let at = listStart(units, this.#from); at < end; at += UNITS_PER_SECOND) {
      volume = addUnits(volume, units.values[at + VOLUME]!);
      quoteVolume = addUnits(quoteVolume, units.values[at + QUOTE_VOLUME]!);
    }
    let tradeCount = 0;
    const countEnd = counts.ends[this.#to - 1]!;
    for (let at = listStart(counts, this.#from); at < countEnd; at++) tradeCount += counts.values[at]!;
    return { volume, quoteVolume, tradeCount };
  }

  extremes(): { high: Units; low: Units } {
    const { ends, values } = this.#columns.units;
    const start = listStart(this.#columns.units, this.#from);
    let high = values[start + HIGH]!;
    let low = values[start + LOW]!;
    for (let at = start; at < ends[this.#to - 1]!; at += UNITS_PER_SECOND) {
      if (values[at + HIGH]! > high) high = values[at + HIGH]!;
      if (values[at + LOW]! < low) low = values[at + LOW]!;
    }
    return { high, low };
  }

  takeFirst(): TickerMinute {
    const minute = tickerMinuteAt(this.#columns, this.#from++);
    return new TickerMinute(minute.startMs, minute);
  }

  /** Takes all minutes that start at `startMs` or later, oldest first. */
  takeFrom(startMs: number): TickerMinute[] {
    const taken: TickerMinute[] = [];
    while (!this.isEmpty && this.lastStartMs >= startMs) {
      const minute = tickerMinuteAt(this.#columns, --this.#to);
      taken.push(new TickerMinute(minute.startMs, minute));
    }
    return taken.reverse();
  }

  snapshot(): TickerMinuteSnapshot[] {
    return Array.from({ length: this.#to - this.#from }, (_, index) =>
      tickerMinuteAt(this.#columns, this.#from + index),
    );
  }
}
