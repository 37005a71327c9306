import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeState, encodeState, STATE_SCHEMA_ID } from '../../src/codec/state-codec.ts';
import type { CountedTrade } from '../../src/market/candle-bar.ts';
import { createInstrumentState, snapshotInstrument } from '../../src/market/instrument-state.ts';
import type { TickerText, TickerWindowSnapshot } from '../../src/market/ticker.ts';
import { formatTicker } from '../../src/market/ticker.ts';
import { unpackMinuteAt } from '../../src/market/packed-minutes.ts';
import { TICKER_WINDOW_MS, TickerWindow } from '../../src/market/ticker-window.ts';
import { TEST_POLICY } from '../support/instrument-runs.ts';
import { arbitraryTrades, ORIGIN_MS, recount } from '../support/arbitrary-trades.ts';

const RUNS = { seed: 20_261_120, numRuns: 250 };
const DAY_MS = TICKER_WINDOW_MS;

const nearbyOffsetMs = fc.integer({ min: -3_000, max: 3_000 });
const anyOffsetMs = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 130_000 }) },
  { weight: 3, arbitrary: nearbyOffsetMs.map((offsetMs) => DAY_MS + offsetMs) },
  { weight: 2, arbitrary: fc.nat({ max: 200 }).map((seconds) => DAY_MS + seconds * 1_000) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 2 * DAY_MS }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 4 * DAY_MS }) },
);
const anyTrades = arbitraryTrades({ offsetMs: anyOffsetMs, maxLength: 40 });
/** Steps of a run: trades, and heartbeats between them. */
const anySteps = fc
  .tuple(anyTrades, fc.array(anyOffsetMs, { maxLength: 8 }), fc.infiniteStream(fc.nat()))
  .map(([trades, heartbeats, positions]) => {
    const steps: (CountedTrade | number)[] = [...trades];
    for (const offsetMs of heartbeats) {
      steps.splice(positions.next().value % (steps.length + 1), 0, ORIGIN_MS + offsetMs);
    }
    return steps;
  });

function take(window: TickerWindow, step: CountedTrade | number): void {
  if (typeof step === 'number') window.advanceTo(step);
  else window.addTrade(step);
}

function throughBytes(ticker: TickerWindowSnapshot): TickerWindowSnapshot {
  const empty = snapshotInstrument(createInstrumentState(TEST_POLICY));
  return decodeState(STATE_SCHEMA_ID, encodeState({ ...empty, ticker })).ticker;
}

/** What subscribers read of it, without the times that pass by themselves. */
function readNumbers(window: TickerWindow) {
  const text = readText(window);
  return { ...text, tradeCount: text?.tradeCount ?? 0, windowStartMs: undefined, windowEndMs: undefined };
}

function readText(window: TickerWindow): TickerText | undefined {
  const ticker = window.read();
  return ticker && formatTicker(ticker);
}

/** The ticker by a full recount of all trades given so far. */
function tickerByRecount(steps: readonly (CountedTrade | number)[]): TickerText {
  const windowEndMs = Math.max(...steps.map((step) => (typeof step === 'number' ? step : step.eventTimeMs)));
  const windowStartMs = windowEndMs - (windowEndMs % 1_000) - DAY_MS;
  const sums = recount(
    steps.filter((step) => typeof step !== 'number').filter((trade) => trade.eventTimeMs > windowStartMs),
  );
  const change = sums?.last.minus(sums.open);
  return {
    windowStartMs,
    windowEndMs,
    open: sums?.open.toFixed(),
    high: sums?.high.toFixed(),
    low: sums?.low.toFixed(),
    last: sums?.last.toFixed(),
    change: change?.toFixed(),
    changePercent:
      sums === undefined || sums.open.isZero()
        ? undefined
        : change?.mul(100).div(sums.open).toDecimalPlaces(8, Decimal.ROUND_HALF_EVEN).abs().isZero()
          ? '0'
          : change?.mul(100).div(sums.open).toDecimalPlaces(8, Decimal.ROUND_HALF_EVEN).toFixed(),
    volume: sums?.volume.toFixed() ?? '0',
    quoteVolume: sums?.quoteVolume.toFixed() ?? '0',
    vwap:
      sums === undefined || sums.volume.isZero()
        ? undefined
        : sums.quoteVolume.div(sums.volume).toSignificantDigits(20, Decimal.ROUND_HALF_EVEN).toFixed(),
    tradeCount: sums?.tradeCount ?? 0,
  };
}

describe('ticker window', () => {
  test('no time before the one that is wanted changes a number, and all is gone when none is wanted any more', () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        const window = new TickerWindow();
        for (const step of steps) take(window, step);
        for (;;) {
          const before = readNumbers(window);
          const { tradesLeaveAtMs } = window;
          if (tradesLeaveAtMs === Infinity) {
            expect(before.tradeCount).toBe(0);
            return;
          }
          window.advanceTo(tradesLeaveAtMs - 1);
          expect(readNumbers(window)).toEqual(before);
          window.advanceTo(tradesLeaveAtMs);
          expect(window.tradesLeaveAtMs).toBeGreaterThan(tradesLeaveAtMs);
        }
      }),
      RUNS,
    );
  });

  test('after every step it gives what a full recount of the trades in the window gives', () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        const window = new TickerWindow();
        for (const [index, step] of steps.entries()) {
          take(window, step);
          expect(readText(window)).toEqual(tickerByRecount(steps.slice(0, index + 1)));
        }
      }),
      RUNS,
    );
  });

  test('it gives the same when it is read only at the end, and when restored from a snapshot anywhere', () => {
    fc.assert(
      fc.property(anySteps, fc.nat(), (steps, cut) => {
        let window = new TickerWindow();
        for (const [index, step] of steps.entries()) {
          if (index === cut % steps.length) window = TickerWindow.restore(window.snapshot());
          take(window, step);
        }
        if (steps.length > 0) expect(readText(window)).toEqual(tickerByRecount(steps));
        const restored = TickerWindow.restore(window.snapshot());
        expect(restored.snapshot()).toEqual(window.snapshot());
        expect(restored.read()).toEqual(window.read());
      }),
      RUNS,
    );
  });

  test('restored anywhere, it goes on as one that never stopped, step by step', () => {
    fc.assert(
      fc.property(anySteps, fc.nat(), (steps, cut) => {
        const undisturbed = new TickerWindow();
        let restored = new TickerWindow();
        for (const [index, step] of steps.entries()) {
          if (index === cut % steps.length) restored = TickerWindow.restore(restored.snapshot());
          take(undisturbed, step);
          take(restored, step);
          expect(restored.read()).toEqual(undisturbed.read());
          expect(restored.newestTrade).toEqual(undisturbed.newestTrade);
          expect(restored.snapshot()).toEqual(undisturbed.snapshot());
        }
      }),
      RUNS,
    );
  });

  test('through bytes and back anywhere and often, it gives what a full recount gives, whatever comes late', () => {
    // Most trades fall into minutes that were packed long before, some at scales that nothing was at, some push the edge over the oldest.
    const offsetMs = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 90 * 60_000 }) },
      { weight: 2, arbitrary: fc.integer({ min: DAY_MS, max: DAY_MS + 45 * 60_000 }) },
      { weight: 1, arbitrary: nearbyOffsetMs.map((offset) => DAY_MS + offset) },
    );
    const trades = arbitraryTrades({ offsetMs, maxLength: 90, size: 'max' });
    fc.assert(
      fc.property(trades, fc.array(fc.nat({ max: 5 }), { minLength: 1 }), (steps, restarts) => {
        const undisturbed = new TickerWindow();
        let restarted = new TickerWindow();
        for (const [index, step] of steps.entries()) {
          take(undisturbed, step);
          take(restarted, step);
          if (restarts[index % restarts.length] !== 0) continue;
          restarted = TickerWindow.restore(throughBytes(restarted.snapshot()));
          expect(readText(restarted)).toEqual(tickerByRecount(steps.slice(0, index + 1)));
        }
        if (steps.length > 0) expect(readText(restarted)).toEqual(tickerByRecount(steps));
        expect(restarted.newestTrade).toEqual(undisturbed.newestTrade);
        expect(restarted.snapshot()).toStrictEqual(undisturbed.snapshot());
      }),
      RUNS,
    );
  });

  test('the same trades give the same snapshot in whatever order they arrive', () => {
    fc.assert(
      fc.property(
        anySteps.chain((steps) =>
          fc.tuple(
            fc.constant(steps),
            fc.shuffledSubarray(steps, { minLength: steps.length, maxLength: steps.length }),
          ),
        ),
        ([steps, shuffled]) => {
          const one = new TickerWindow();
          const other = new TickerWindow();
          for (const step of steps) take(one, step);
          for (const step of shuffled) take(other, step);
          expect(other.snapshot()).toEqual(one.snapshot());
        },
      ),
      RUNS,
    );
  });

  test('a snapshot does not change when the window goes on', () => {
    const window = new TickerWindow();
    window.addTrade(tradeAt(ORIGIN_MS, '1'));
    const snapshot = window.snapshot();
    const before = structuredClone(snapshot);
    window.addTrade(tradeAt(ORIGIN_MS, '2'));
    window.addTrade({ ...tradeAt(ORIGIN_MS, '3'), scales: { price: 4, quantity: 4 } });
    expect(snapshot).toEqual(before);
  });

  test('a trade exactly 24 hours before the whole second of the end is outside, one a millisecond later inside', () => {
    const window = new TickerWindow();
    window.addTrade(tradeAt(ORIGIN_MS, '1'));
    window.addTrade(tradeAt(ORIGIN_MS + 1, '2'));
    window.advanceTo(ORIGIN_MS + DAY_MS - 1);
    expect(window.read()?.tradeCount).toBe(2);
    window.advanceTo(ORIGIN_MS + DAY_MS);
    expect(window.read()?.tradeCount).toBe(1);
    window.advanceTo(ORIGIN_MS + DAY_MS + 999);
    expect(window.read()?.tradeCount).toBe(1);
    window.advanceTo(ORIGIN_MS + DAY_MS + 1_000);
    expect(window.read()?.tradeCount).toBe(0);
  });

  test('an empty window has no prices and zero volume; before any time there is no ticker', () => {
    const window = new TickerWindow();
    expect(window.read()).toBeUndefined();
    window.addTrade(tradeAt(ORIGIN_MS, '1'));
    window.advanceTo(ORIGIN_MS + 3 * DAY_MS);
    expect(readText(window)).toEqual({
      windowStartMs: ORIGIN_MS + 2 * DAY_MS,
      windowEndMs: ORIGIN_MS + 3 * DAY_MS,
      open: undefined,
      high: undefined,
      low: undefined,
      last: undefined,
      change: undefined,
      changePercent: undefined,
      volume: '0',
      quoteVolume: '0',
      vwap: undefined,
      tradeCount: 0,
    });
    expect(window.snapshot().minutes.startsMs).toEqual([]);
  });

  test('the clock never goes back', () => {
    const window = new TickerWindow();
    window.advanceTo(ORIGIN_MS + DAY_MS);
    window.advanceTo(ORIGIN_MS);
    window.addTrade(tradeAt(ORIGIN_MS, '1'));
    expect(window.read()).toMatchObject({ windowEndMs: ORIGIN_MS + DAY_MS, tradeCount: 0 });
  });

  test('a symbol with a trade in every second of a day keeps 86,400 seconds and no more', () => {
    const window = new TickerWindow();
    const secondCount = 86_400 + 4_000;
    for (let second = 1; second <= secondCount; second++) {
      window.addTrade({
        ...tradeAt(ORIGIN_MS + second * 1_000, String(second)),
        price: secondCount - second,
      });
    }
    const { minutes } = window.snapshot();
    const secondCounts = minutes.startsMs.map(
      (_, index) => unpackMinuteAt(minutes, index).seconds.counts.length,
    );
    expect(secondCounts.reduce((sum, count) => sum + count)).toBe(86_400);
    expect(window.read()).toMatchObject({ tradeCount: 86_400, high: 86_399, low: 0, open: 86_399, last: 0 });
  });
});

function tradeAt(eventTimeMs: number, tradeId: string): CountedTrade {
  return {
    eventTimeMs,
    tradeId,
    price: 100,
    quantity: 5,
    scales: { price: 2, quantity: 0 },
    takerSide: 'buy',
  };
}
