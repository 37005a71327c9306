/**
 * The minutes of a ticker window as columns: the window's state as plain data, and the form in which a restored window keeps what it has not
 * touched yet. A window has up to 86,400 seconds in 1,441 minutes; with objects and arrays for each of them, a recovery of many instruments
 * would spend most of its time in the garbage collector.
 */
import type { TradeKey } from './trade-order.ts';
import type { Units } from './units.ts';

/** One minute of the window, as parallel arrays over its seconds that have trades, oldest first. */
export type TickerMinuteSnapshot = {
  /** Exclusive; the minute holds event times in (`startMs`, `startMs` + 60 s]. */
  readonly startMs: number;
  /** Two per second: event times of its first and last trade. */
  readonly times: readonly number[];
  /** Two per second: keys of its first and last trade. */
  readonly keys: readonly TradeKey[];
  /** Six per second: open, last, high, low, volume, quote volume. */
  readonly units: readonly Units[];
  /** One per second: trades. */
  readonly counts: readonly number[];
};

/** Lists one after the other. `ends[i]` is where list i ends in `values` and list i + 1 begins. Values are flat while all are numbers. */
export type Lists<Value> = {
  readonly ends: Uint32Array;
  readonly values: Float64Array | readonly Value[];
};

/** The fields of `TickerMinuteSnapshot`, a list in each for every minute; nobody changes them. */
export type TickerColumns = {
  readonly startsMs: Float64Array;
  readonly times: Lists<number>;
  readonly keys: Lists<TradeKey>;
  readonly units: Lists<Units>;
  readonly counts: Lists<number>;
};

export function toTickerColumns(minutes: readonly TickerMinuteSnapshot[]): TickerColumns {
  return {
    startsMs: Float64Array.from(minutes, ({ startMs }) => startMs),
    times: toLists(minutes.map(({ times }) => times)),
    keys: toLists(minutes.map(({ keys }) => keys)),
    units: toLists(minutes.map(({ units }) => units)),
    counts: toLists(minutes.map(({ counts }) => counts)),
  };
}

export function toTickerMinutes(columns: TickerColumns): TickerMinuteSnapshot[] {
  return Array.from(columns.startsMs, (_, index) => tickerMinuteAt(columns, index));
}

export function tickerMinuteAt(columns: TickerColumns, index: number): TickerMinuteSnapshot {
  return {
    startMs: columns.startsMs[index]!,
    times: listAt(columns.times, index),
    keys: listAt(columns.keys, index),
    units: listAt(columns.units, index),
    counts: listAt(columns.counts, index),
  };
}

/** Place in `values` at which list `index` begins. */
export function listStart({ ends }: Lists<unknown>, index: number): number {
  return index === 0 ? 0 : ends[index - 1]!;
}

function listAt<Value>(lists: Lists<Value>, index: number): (Value | number)[] {
  const { values, ends } = lists;
  const from = listStart(lists, index);
  return values instanceof Float64Array
    ? Array.from(values.subarray(from, ends[index]))
    : values.slice(from, ends[index]);
}

function toLists<Value>(lists: readonly (readonly Value[])[]): Lists<Value> {
  const ends = new Uint32Array(lists.length);
  let end = 0;
  lists.forEach((list, index) => {
    end += list.length;
    ends[index] = end;
  });
  const flat = new Float64Array(end);
  let at = 0;
  for (const list of lists) {
    for (const value of list) {
      if (typeof value !== 'number') return { ends, values: lists.flatMap((list) => list) };
      flat[at++] = value;
    }
  }
  return { ends, values: flat };
}
