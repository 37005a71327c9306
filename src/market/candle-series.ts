/**
 * The candles of one interval: open ones, and closed ones while they may be revised. When an interval is closed and which trades are too
 * late is told from outside (`candles.ts`).
 */
import type { CandleBar } from './candle-bar.ts';
import { mergeBar, raiseBarScales } from './candle-bar.ts';
import type {
  Candle,
  CandleOutputs,
  CandlePolicy,
  CandleSeriesSnapshot,
  EmptyIntervals,
  KeptCandle,
  RevisableCandles,
} from './candle.ts';
import { MAX_EMPTY_CANDLES_PER_RUN } from './candle.ts';
import type { CandleInterval } from './intervals.ts';
import { countIntervals, nextOpenTime, openTimeBefore, openTimeOf } from './intervals.ts';
import type { Scales, Units } from './units.ts';
import { raiseScale } from './units.ts';

export class CandleSeries {
  readonly interval: CandleInterval;
  readonly #emptyIntervals: EmptyIntervals;
  readonly #allowedLatenessMs: number;
  // Everything kept is at these.
  #scales: Scales;
  // Ascending in open time. Those that open before #closedBeforeMs were given (revision ≥ 0), the others never were (−1).
  readonly #kept: KeptCandle[];
  #carriedClose: Units | undefined;
  #closedBeforeMs: number;
  // The first of the empty candles, given once each, that reach from behind all in #kept up to #closedBeforeMs; `undefined` when there is none. Of
  // many instruments nearly all are quiet, and a minute of empty seconds in each would be most of what they hold.
  #emptyFromMs: number | undefined;
  #nextCloseMs: number;

  constructor(options: {
    interval: CandleInterval;
    policy: CandlePolicy;
    scales: Scales;
    watermarkMs: number;
    snapshot: CandleSeriesSnapshot | undefined;
  }) {
    const { interval, policy, snapshot, watermarkMs } = options;
    this.interval = interval;
    this.#emptyIntervals = policy.emptyIntervals;
    this.#allowedLatenessMs = policy.allowedLatenessMs;
    this.#scales = options.scales;
    this.#kept = snapshot === undefined ? [] : snapshot.kept.map((candle) => ({ ...candle }));
    this.#carriedClose = snapshot?.carriedClose;
    const hasTime = Number.isFinite(watermarkMs);
    this.#closedBeforeMs = hasTime ? openTimeOf(interval, watermarkMs + 1) : watermarkMs;
    this.#nextCloseMs = hasTime ? nextOpenTime(interval, watermarkMs + 1) : watermarkMs;
  }

  snapshot(): CandleSeriesSnapshot {
    return {
      interval: this.interval,
      carriedClose: this.#carriedClose,
      kept: [...this.#kept.map((candle) => ({ ...candle })), ...this.#emptyAtEnd()],
    };
  }

  /** Exclusive end of the earliest interval that isn't closed. */
  get nextCloseMs(): number {
    return this.#nextCloseMs;
  }

  /** Whether a candle with trades waits for its close. */
  get hasOpenTrades(): boolean {
    const newest = this.#kept.at(-1);
    return newest !== undefined && newest.openTimeMs >= this.#closedBeforeMs;
  }

  /** Whether an empty candle follows on what there is. */
  get hasEmptyAhead(): boolean {
    return this.#emptyIntervals !== 'skip' && this.#closeBefore(this.#kept.length) !== undefined;
  }

  /** Adds trades of one second; changes to a closed candle, and to empty ones that carry its close, are given at once. */
  add(bar: CandleBar, outputs: CandleOutputs): void {
    this.#spellOutEmpty();
    const openTimeMs = openTimeOf(this.interval, bar.openAtMs);
    const index = this.#findIndex(openTimeMs);
    const held = this.#kept[index];
    const isNew = held?.openTimeMs !== openTimeMs;
    if (isNew) this.#kept.splice(index, 0, toKeptCandle(bar, openTimeMs, -1));
    else if (held.tradeCount === 0) this.#kept[index] = toKeptCandle(bar, openTimeMs, held.revision);
    else mergeBar(held, bar);
    if (openTimeMs >= this.#closedBeforeMs) return;
    this.#give(this.#kept[index]!, outputs);
    // The first trade of all turns out to be earlier than was known: what lies between was not given as empty yet.
    if (isNew && this.#closeBefore(index) === undefined) {
      const untilMs = Math.min(this.#kept[index + 1]?.openTimeMs ?? Infinity, this.#closedBeforeMs);
      this.#giveEmpty(index + 1, nextOpenTime(this.interval, openTimeMs), untilMs, outputs);
    }
    this.#carryClose(index, outputs);
  }

  /** Gives every candle whose interval the watermark has passed, and forgets those that can't change any more. */
  closeDue(watermarkMs: number, outputs: CandleOutputs): void {
    if (watermarkMs + 1 < this.#nextCloseMs) return;
    const untilMs = openTimeOf(this.interval, watermarkMs + 1);
    let openTimeMs = this.#closedBeforeMs;
    let index = this.#findIndex(openTimeMs);
    for (;;) {
      const candle = this.#kept[index];
      if (candle === undefined || candle.openTimeMs >= untilMs) break;
      index += this.#giveEmpty(index, openTimeMs, candle.openTimeMs, outputs);
      this.#give(candle, outputs);
      openTimeMs = nextOpenTime(this.interval, candle.openTimeMs);
      index++;
    }
    if (index < this.#kept.length) this.#giveEmpty(index, openTimeMs, untilMs, outputs);
    else this.#giveEmptyAtEnd(openTimeMs, untilMs, outputs);
    this.#closedBeforeMs = untilMs;
    this.#nextCloseMs = nextOpenTime(this.interval, watermarkMs + 1);
    this.#forget(watermarkMs);
  }

  /** Returns the candle of the interval that holds `timeMs`; `undefined` when it is empty and the policy gives none. */
  readAt(timeMs: number): Candle | undefined {
    const openTimeMs = openTimeOf(this.interval, timeMs);
    const index = this.#findIndex(openTimeMs);
    const held = this.#kept[index];
    if (held?.openTimeMs === openTimeMs) return this.#toCandle(held, Math.max(held.revision, 0));
    const close = this.#closeBefore(index);
    if (close === undefined || this.#emptyIntervals === 'skip') return undefined;
    return this.#toCandle(toEmptyCandle(close, openTimeMs), 0);
  }

  /** Returns the closed candles that may still be revised, and from which open time on a candle is not final. */
  readRevisable(watermarkMs: number): RevisableCandles {
    const { interval } = this;
    if (!Number.isFinite(watermarkMs)) return { interval, fromMs: undefined, closed: [] };
    const fromMs = openTimeOf(interval, watermarkMs - this.#allowedLatenessMs + 1);
    const closed = [...this.#kept, ...this.#emptyAtEnd()]
      .filter(({ openTimeMs }) => openTimeMs >= fromMs && openTimeMs < this.#closedBeforeMs)
      .map((candle) => this.#toCandle(candle, candle.revision));
    return { interval, fromMs, closed };
  }

  raiseScales(to: Scales): void {
    for (const candle of this.#kept) raiseBarScales(candle, this.#scales, to);
    if (this.#carriedClose !== undefined) {
      this.#carriedClose = raiseScale(this.#carriedClose, this.#scales.price, to.price);
    }
    this.#scales = to;
  }

  #give(candle: KeptCandle, outputs: CandleOutputs): void {
    candle.revision++;
    outputs.onCandleClosed(this.#toCandle(candle, candle.revision));
  }

  /** Gives an empty candle for each interval in [`fromMs`, `untilMs`), keeps them from `index` on, and returns how many they are. */
  #giveEmpty(index: number, fromMs: number, untilMs: number, outputs: CandleOutputs): number {
    const close = this.#closeBefore(index);
    if (this.#emptyIntervals === 'skip' || close === undefined) return 0;
    let nextIndex = index;
    let openTimeMs = this.#skipLongRun(fromMs, untilMs, outputs);
    for (; openTimeMs < untilMs; openTimeMs = nextOpenTime(this.interval, openTimeMs)) {
      const candle = toEmptyCandle(close, openTimeMs);
      this.#kept.splice(nextIndex++, 0, candle);
      this.#give(candle, outputs);
    }
    return nextIndex - index;
  }

  /** Gives an empty candle for each interval in [`fromMs`, `untilMs`), where `fromMs` is the end of all that is kept. */
  #giveEmptyAtEnd(fromMs: number, untilMs: number, outputs: CandleOutputs): void {
    const close = this.#closeBefore(this.#kept.length);
    if (this.#emptyIntervals === 'skip' || close === undefined || fromMs >= untilMs) return;
    let openTimeMs = this.#skipLongRun(fromMs, untilMs, outputs);
    // What is kept as a start and an end has no hole.
    if (openTimeMs > fromMs) this.#spellOutEmpty();
    this.#emptyFromMs ??= openTimeMs;
    for (; openTimeMs < untilMs; openTimeMs = nextOpenTime(this.interval, openTimeMs)) {
      outputs.onCandleClosed(this.#toCandle(toEmptyCandle(close, openTimeMs), 0));
    }
  }

  /** Returns the start of the first interval in [`fromMs`, `untilMs`) that an empty candle is given for, and tells which are skipped. */
  #skipLongRun(fromMs: number, untilMs: number, outputs: CandleOutputs): number {
    const count = countIntervals(this.interval, fromMs, untilMs);
    if (count <= MAX_EMPTY_CANDLES_PER_RUN) return fromMs;
    const toMs = openTimeBefore(this.interval, untilMs, MAX_EMPTY_CANDLES_PER_RUN);
    outputs.onCandlesSkipped({
      interval: this.interval,
      fromMs,
      toMs,
      count: count - MAX_EMPTY_CANDLES_PER_RUN,
    });
    return toMs;
  }

  /** Returns the empty candles at the end, those that are kept as a start and an end only. */
  #emptyAtEnd(): KeptCandle[] {
    const candles: KeptCandle[] = [];
    if (this.#emptyFromMs === undefined) return candles;
    const close = this.#closeBefore(this.#kept.length)!;
    let openTimeMs = this.#emptyFromMs;
    for (; openTimeMs < this.#closedBeforeMs; openTimeMs = nextOpenTime(this.interval, openTimeMs)) {
      candles.push({ ...toEmptyCandle(close, openTimeMs), revision: 0 });
    }
    return candles;
  }

  /** Keeps each of the empty candles at the end by itself: trades may change one of them, or follow on them. */
  #spellOutEmpty(): void {
    if (this.#emptyFromMs === undefined) return;
    this.#kept.push(...this.#emptyAtEnd());
    this.#emptyFromMs = undefined;
  }

  /** Restates the empty candles that follow on the one at `index` at its close. */
  #carryClose(index: number, outputs: CandleOutputs): void {
    const { close } = this.#kept[index]!;
    for (let next = index + 1; next < this.#kept.length; next++) {
      const candle = this.#kept[next]!;
      if (candle.tradeCount > 0 || candle.close === close) return;
      candle.open = close;
      candle.high = close;
      candle.low = close;
      candle.close = close;
      if (this.#emptyIntervals === 'carry') this.#give(candle, outputs);
    }
  }

  #forget(watermarkMs: number): void {
    let count = 0;
    for (const candle of this.#kept) {
      if (!this.#isFinal(candle.openTimeMs, watermarkMs)) break;
      this.#carriedClose = candle.close;
      count++;
    }
    if (count > 0) this.#kept.splice(0, count);
    if (this.#kept.length > 0 || this.#emptyFromMs === undefined) return;
    let fromMs = this.#emptyFromMs;
    while (fromMs < this.#closedBeforeMs && this.#isFinal(fromMs, watermarkMs)) {
      fromMs = nextOpenTime(this.interval, fromMs);
    }
    this.#emptyFromMs = fromMs < this.#closedBeforeMs ? fromMs : undefined;
  }

  /** Whether no trade can change the candle any more: all that could are late. */
  #isFinal(openTimeMs: number, watermarkMs: number): boolean {
    return watermarkMs >= nextOpenTime(this.interval, openTimeMs) - 1 + this.#allowedLatenessMs;
  }

  /** Returns the close that an empty interval before the candle at `index` carries; `undefined` when there was no trade before. */
  #closeBefore(index: number): Units | undefined {
    return index > 0 ? this.#kept[index - 1]!.close : this.#carriedClose;
  }

  /** Returns the index of the first kept candle that opens at `openTimeMs` or later. Looks from the end, where nearly all is found. */
  #findIndex(openTimeMs: number): number {
    let index = this.#kept.length;
    while (index > 0 && this.#kept[index - 1]!.openTimeMs >= openTimeMs) index--;
    return index;
  }

  #toCandle(candle: KeptCandle, revision: number): Candle {
    const isEmpty = candle.tradeCount === 0;
    const hasPrices = !isEmpty || this.#emptyIntervals === 'carry';
    return {
      interval: this.interval,
      openTimeMs: candle.openTimeMs,
      closeTimeMs: nextOpenTime(this.interval, candle.openTimeMs) - 1,
      scales: this.#scales,
      open: hasPrices ? candle.open : undefined,
      high: hasPrices ? candle.high : undefined,
      low: hasPrices ? candle.low : undefined,
      close: hasPrices ? candle.close : undefined,
      volume: candle.volume,
      quoteVolume: candle.quoteVolume,
      takerBuyVolume: candle.takerBuyVolume,
      tradeCount: candle.tradeCount,
      revision,
      isEmpty,
    };
  }
}

// Spelled out: a spread would cost more than all the rest of adding a trade.
function toKeptCandle(bar: CandleBar, openTimeMs: number, revision: number): KeptCandle {
  return {
    open: bar.open,
    openAtMs: bar.openAtMs,
    openKey: bar.openKey,
    high: bar.high,
    low: bar.low,
    close: bar.close,
    closeAtMs: bar.closeAtMs,
    closeKey: bar.closeKey,
    volume: bar.volume,
    quoteVolume: bar.quoteVolume,
    takerBuyVolume: bar.takerBuyVolume,
    tradeCount: bar.tradeCount,
    openTimeMs,
    revision,
  };
}

function toEmptyCandle(price: Units, openTimeMs: number): KeptCandle {
  return {
    open: price,
    openAtMs: openTimeMs,
    openKey: 0,
    high: price,
    low: price,
    close: price,
    closeAtMs: openTimeMs,
    closeKey: 0,
    volume: 0,
    quoteVolume: 0,
    takerBuyVolume: 0,
    tradeCount: 0,
    openTimeMs,
    revision: -1,
  };
}
