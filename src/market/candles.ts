/**
 * Candles of all intervals of one instrument, in event time:
 * 1. The watermark is the highest time seen − out-of-orderness bound − 1 ms; it never falls.
 * 2. A candle over [s, e) closes when the watermark reaches e − 1.
 * 3. A trade is late when the watermark has reached the end of its second − 1 ms + allowed lateness. It then counts in no interval, so
 *    that a longer candle always equals the fold of the shorter ones it spans.
 * 4. A trade that is not late but falls into a closed candle revises it at once.
 * Which trades are duplicates is decided before.
 */
import type { CandleBar, CountedTrade } from './candle-bar.ts';
import { mergeBar, raiseBarScales, toBar, widenScales } from './candle-bar.ts';
import { CandleSeries } from './candle-series.ts';
import type { Candle, CandleOutputs, CandlePolicy, CandlesSnapshot, RevisableCandles } from './candle.ts';
import type { CandleInterval } from './intervals.ts';
import { nextOpenTime, openTimeOf } from './intervals.ts';
import type { Scales } from './units.ts';

const SECOND_MS = 1_000;

export class Candles {
  readonly #policy: CandlePolicy;
  readonly #series: readonly CandleSeries[];
  // Grows with the trades counted and never shrinks; everything held is at it.
  #scales: Scales;
  #highestTimeMs: number;
  #watermarkMs: number;
  // Earliest close of any series.
  #nextCloseMs: number;
  // Trades of one open second that no series has yet: a busy second costs each series one addition instead of one per trade.
  #pending: CandleBar | undefined;
  #pendingSecondMs = 0;

  constructor(policy: CandlePolicy, snapshot?: CandlesSnapshot) {
    this.#policy = policy;
    this.#scales = snapshot?.scales ?? { price: 0, quantity: 0 };
    this.#highestTimeMs = snapshot?.highestTimeMs ?? Number.NEGATIVE_INFINITY;
    this.#watermarkMs = this.#highestTimeMs - policy.outOfOrdernessMs - 1;
    this.#series = policy.intervals.map(
      (interval) =>
        new CandleSeries({
          interval,
          policy,
          scales: this.#scales,
          watermarkMs: this.#watermarkMs,
          snapshot: snapshot?.series.find((held) => held.interval === interval),
        }),
    );
    this.#nextCloseMs = this.#findNextClose();
  }

  /** Goes on from `snapshot`; an interval that it doesn't hold starts with the next trade, one that the policy lacks is dropped. */
  static restore(snapshot: CandlesSnapshot, policy: CandlePolicy): Candles {
    return new Candles(policy, snapshot);
  }

  snapshot(): CandlesSnapshot {
    this.#addPending();
    return {
      scales: this.#scales,
      highestTimeMs: Number.isFinite(this.#highestTimeMs) ? this.#highestTimeMs : undefined,
      series: this.#series.map((series) => series.snapshot()),
    };
  }

  /** −Infinity before any time was seen. */
  get highestTimeMs(): number {
    return this.#highestTimeMs;
  }

  /** Event time believed complete; −Infinity before any time was seen. */
  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  /** Counts the trade, or tells that it is late, and closes what its time makes due. */
  addTrade(trade: CountedTrade, outputs: CandleOutputs): void {
    const timeMs = trade.eventTimeMs;
    const secondMs = Math.floor(timeMs / SECOND_MS) * SECOND_MS;
    const lastMs = secondMs + SECOND_MS - 1;
    if (this.#watermarkMs >= lastMs + this.#policy.allowedLatenessMs) {
      outputs.onLateTrade(trade);
      return;
    }
    this.#widenScales(trade.scales);
    const bar = toBar(trade, this.#scales);
    if (this.#watermarkMs >= lastMs) {
      this.#addPending();
      for (const series of this.#series) series.add(bar, outputs);
      return;
    }
    if (this.#pending !== undefined && this.#pendingSecondMs === secondMs) {
      mergeBar(this.#pending, bar);
    } else {
      this.#addPending();
      this.#pending = bar;
      this.#pendingSecondMs = secondMs;
    }
    this.advanceTo(timeMs, outputs);
  }

  /** Moves event time on and closes what is due; a time before the highest one seen changes nothing. */
  advanceTo(timeMs: number, outputs: CandleOutputs): void {
    if (timeMs <= this.#highestTimeMs) return;
    this.#highestTimeMs = timeMs;
    this.#watermarkMs = timeMs - this.#policy.outOfOrdernessMs - 1;
    if (this.#watermarkMs + 1 < this.#nextCloseMs) return;
    this.#addPending();
    for (const series of this.#series) series.closeDue(this.#watermarkMs, outputs);
    this.#nextCloseMs = this.#findNextClose();
  }

  /** Returns the event time that closes the earliest candle with trades; Infinity while none is open. O(intervals). */
  get tradesCloseAtMs(): number {
    if (this.#pending !== undefined) return this.#nextCloseMs + this.#policy.outOfOrdernessMs;
    let closeMs = Number.POSITIVE_INFINITY;
    for (const series of this.#series) {
      if (series.hasOpenTrades) closeMs = Math.min(closeMs, series.nextCloseMs);
    }
    return closeMs + this.#policy.outOfOrdernessMs;
  }

  /** Returns an event time before which no empty candle begins or closes; Infinity while none can follow. */
  get emptyAtMs(): number {
    const isAhead = this.#pending !== undefined || this.#series[0]?.hasEmptyAhead === true;
    return isAhead && this.#policy.emptyIntervals !== 'skip' ? this.#nextCloseMs : Number.POSITIVE_INFINITY;
  }

  /**
   * Returns the newest candle of `interval`, the one that holds the highest time seen; `undefined` when it has no trade and the policy
   * gives none for that, before the first trade, and for an interval that the policy lacks.
   */
  readOpen(interval: CandleInterval): Candle | undefined {
    if (!Number.isFinite(this.#highestTimeMs)) return undefined;
    this.#addPending();
    return this.#series.find((series) => series.interval === interval)?.readAt(this.#highestTimeMs);
  }

  /**
   * Returns the candles of `interval` that have not closed yet, oldest first: the newest, which `readOpen` gives too, and those before it
   * that the watermark has not passed. O(out-of-orderness bound ÷ interval).
   */
  readUnclosed(interval: CandleInterval): Candle[] {
    const series = this.#series.find((one) => one.interval === interval);
    if (series === undefined || !Number.isFinite(this.#highestTimeMs)) return [];
    this.#addPending();
    const candles: Candle[] = [];
    let openTimeMs = openTimeOf(interval, this.#watermarkMs + 1);
    for (; openTimeMs <= this.#highestTimeMs; openTimeMs = nextOpenTime(interval, openTimeMs)) {
      const candle = series.readAt(openTimeMs);
      if (candle !== undefined) candles.push(candle);
    }
    return candles;
  }

  /** Returns of each interval what later trades may still change of what has closed. O(candles kept). */
  readRevisable(): RevisableCandles[] {
    this.#addPending();
    return this.#series.map((series) => series.readRevisable(this.#watermarkMs));
  }

  #addPending(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    // The second is open, so every longer interval that spans it is, and nothing is given.
    for (const series of this.#series) series.add(pending, NO_OUTPUTS);
  }

  #widenScales(needed: Scales): void {
    const from = this.#scales;
    const to = widenScales(from, needed);
    if (to === from) return;
    this.#scales = to;
    if (this.#pending !== undefined) raiseBarScales(this.#pending, from, to);
    for (const series of this.#series) series.raiseScales(to);
  }

  #findNextClose(): number {
    let nextCloseMs = Number.POSITIVE_INFINITY;
    for (const series of this.#series) nextCloseMs = Math.min(nextCloseMs, series.nextCloseMs);
    return nextCloseMs;
  }
}

const NO_OUTPUTS: CandleOutputs = {
  onCandleClosed: refuse,
  onLateTrade: refuse,
  onCandlesSkipped: refuse,
};

function refuse(): never {
  throw new Error('A trade of an open second must not reach a closed candle');
}
