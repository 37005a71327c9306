import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Candle } from '../../src/market/candle.ts';
import { formatCandle } from '../../src/market/candle-text.ts';
import type { Trade } from '../../src/market/events.ts';
import type { InstrumentSnapshot, InstrumentState } from '../../src/market/instrument-state.ts';
import { RebuiltState } from '../../src/market/rebuilt-state.ts';
import { formatTicker } from '../../src/market/ticker.ts';
import { compareTradeKeys, toTradeKey } from '../../src/market/trade-order.ts';
import { InstrumentRun, TEST_POLICY } from '../support/instrument-runs.ts';
import { NOON_MS, bookDelta, bookSnapshot, heartbeat, timesAt, trade } from '../support/market-events.ts';

const RUNS = { seed: 20_261_129, numRuns: 300 };
const { outOfOrdernessMs, intervals } = TEST_POLICY.candles;

/** Each a little later than the one before, and told at most as late as candles wait for. */
const someTrades = fc
  .array(
    fc.record({
      stepMs: fc.oneof(fc.nat({ max: 900 }), fc.nat({ max: 200_000 })),
      lateMs: fc.nat({ max: outOfOrdernessMs }),
      price: fc.integer({ min: 9_900, max: 10_100 }),
      quantity: fc.integer({ min: 1, max: 50 }),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .chain((steps) => fc.record({ steps: fc.constant(steps), textIds: fc.boolean() }))
  .map(({ steps, textIds }): Trade[] => {
    let nowMs = NOON_MS;
    return steps.map(({ stepMs, lateMs, price, quantity }, index) => {
      nowMs += stepMs;
      const tradeId = textIds ? `t-${index}` : String(1_000 + index);
      return trade({ ...timesAt(Math.max(NOON_MS, nowMs - lateMs), nowMs), price, quantity, tradeId });
    });
  });

/** As the table of trades gives them. */
function stored(trades: readonly Trade[], fromMs: number): Trade[] {
  return trades
    .filter(({ eventTimeMs }) => eventTimeMs >= fromMs)
    .toSorted(
      (a, b) =>
        a.eventTimeMs - b.eventTimeMs || compareTradeKeys(toTradeKey(a.tradeId), toTradeKey(b.tradeId)),
    );
}

function rebuild(
  savepoint: InstrumentSnapshot,
  present: InstrumentState,
  trades: readonly Trade[],
): { state: InstrumentState; closed: Candle[] } {
  const closed: Candle[] = [];
  const rebuilt = new RebuiltState(savepoint, present, {
    policy: TEST_POLICY,
    outputs: {
      onCandleClosed: (candle) => closed.push(candle),
      onLateTrade: () => undefined,
      onCandlesSkipped: () => undefined,
    },
  });
  for (const each of stored(trades, rebuilt.tradesFromMs)) rebuilt.add(each);
  return { state: rebuilt.finish(), closed };
}

/** What subscribers see of it. A revision counts how often late trades came, which a rebuilt state does not repeat. */
function shown({ ticker, candles }: InstrumentState): unknown {
  return {
    ticker: ticker.read() && formatTicker(ticker.read()!),
    unclosed: intervals.map((interval) =>
      candles
        .readUnclosed(interval)
        .map((candle) => ({ ...formatCandle(candle, { isClosed: false }), revision: 0 })),
    ),
    watermarkMs: candles.watermarkMs,
  };
}

describe('a state that is rebuilt from an older one and the trades since', () => {
  test('is what it would be had nothing happened, wherever the savepoint was taken', () => {
    fc.assert(
      fc.property(someTrades, fc.nat(), fc.nat({ max: 400_000 }), (trades, at, quietMs) => {
        const run = new InstrumentRun();
        const cut = at % (trades.length + 1);
        const deliver = (events: readonly Trade[], firstOrdinal: number) =>
          run.deliver({ source: 's', firstOrdinal, events });
        deliver(trades.slice(0, cut), 1);
        const savepoint = run.snapshot;
        deliver(trades.slice(cut), cut + 1);
        const lastMs = Math.max(...trades.map(({ receiveTimeMs }) => receiveTimeMs));
        run.deliver({ source: 's', firstOrdinal: trades.length + 1, events: [heartbeat(lastMs + quietMs)] });
        const before = shown(run.state);
        const { state } = rebuild(savepoint, run.state, trades);
        expect(shown(state)).toEqual(before);
        expect(state.counters).toEqual(run.state.counters);
        expect(trades.every(({ tradeId }) => state.trades.has(tradeId))).toBe(true);
        expect(shown(run.state)).toEqual(before);
      }),
      RUNS,
    );
  });

  test('has lost what was wrong, and closes each candle again as the trades say', () => {
    const run = new InstrumentRun();
    const first = trade({ tradeId: '1', ...timesAt(NOON_MS + 1_000) });
    run.deliver({ source: 's', firstOrdinal: 1, events: [first] });
    const savepoint = run.snapshot;
    const second = trade({ tradeId: '2', ...timesAt(NOON_MS + 70_000), price: 11_000 });
    const wrong = trade({ tradeId: '3', ...timesAt(NOON_MS + 71_000), price: 99_999 });
    run.deliver({ source: 's', firstOrdinal: 2, events: [second, wrong, heartbeat(NOON_MS + 130_000)] });
    const { state, closed } = rebuild(savepoint, run.state, [first, second]);
    expect(state.ticker.read()).toMatchObject({ tradeCount: 2 });
    const minutes = closed.filter(({ interval }) => interval === '1m');
    expect(minutes.map((candle) => formatCandle(candle, { isClosed: true }).high)).toEqual(['100.05', '110']);
    expect(state.trades.has('3')).toBe(false);
  });

  test('keeps the book, its sources and the place in the log, and is newer than what it replaces', () => {
    const run = new InstrumentRun();
    run.deliver({ source: 's', firstOrdinal: 1, events: [bookSnapshot(), trade()] });
    const savepoint = run.snapshot;
    run.deliver({ source: 's', firstOrdinal: 3, events: [bookDelta({ bids: [10_001, 9] })] });
    const before = run.snapshot;
    const { state } = rebuild(savepoint, run.state, [trade()]);
    expect(state.position).toBe(before.position + 1);
    expect(state.book.snapshot()).toEqual(before.book);
    expect(state.bookStatus).toEqual(before.bookStatus);
    expect(state.sources.lastOrdinal('s')).toBe(3);
  });
});
