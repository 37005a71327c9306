import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CountedTrade } from '../../src/market/candle-bar.ts';
import type { Candle, CandlePolicy, SkippedCandles } from '../../src/market/candle.ts';
import { MAX_EMPTY_CANDLES_PER_RUN } from '../../src/market/candle.ts';
import { Candles } from '../../src/market/candles.ts';
import type { CandleInterval } from '../../src/market/intervals.ts';
import { CANDLE_INTERVALS, nextOpenTime, openTimeOf } from '../../src/market/intervals.ts';
import { formatUnits } from '../../src/market/units.ts';
import { arbitraryTrades, ORIGIN_MS, recount } from '../support/arbitrary-trades.ts';

const SEED = 20_261_120;
/** Later than any step, and than what is left open by it. */
const AFTER_ALL_MS = ORIGIN_MS + 150 * 86_400_000;
type Step = CountedTrade | number;
type Output =
  | { readonly type: 'closed'; readonly candle: Candle }
  | { readonly type: 'late'; readonly tradeId: string }
  | { readonly type: 'skipped'; readonly skipped: SkippedCandles };

const anyEmptyIntervals = fc.constantFrom('carry' as const, 'skip' as const, 'mark' as const);
/** Seconds to minutes with every interval; the times run ahead with disorder that often passes the bounds. */
const minutesRun = fc.record({
  policy: fc.record({
    intervals: fc.constantFrom<readonly CandleInterval[]>(CANDLE_INTERVALS, ['1m', '5m'], ['1s']),
    outOfOrdernessMs: fc.constantFrom(0, 500, 5_000),
    allowedLatenessMs: fc.constantFrom(0, 1_500, 60_000),
    emptyIntervals: anyEmptyIntervals,
  }),
  steps: anySteps(
    fc.oneof(
      fc.integer({ min: 0, max: 200_000 }),
      fc.nat({ max: 200 }).map((seconds) => seconds * 1_000),
      fc.nat({ max: 200 }).map((seconds) => seconds * 1_000 + 999),
      fc.nat({ max: 90_000 }),
    ),
  ),
});
/** Days to months, over a leap day and the ends of two months. */
const monthsRun = fc.record({
  policy: fc.record({
    intervals: fc.constant<readonly CandleInterval[]>(['4h', '12h', '1d', '1w', '1M']),
    outOfOrdernessMs: fc.constantFrom(5_000, 86_400_000),
    allowedLatenessMs: fc.constantFrom(60_000, 5 * 86_400_000, 40 * 86_400_000),
    emptyIntervals: anyEmptyIntervals,
  }),
  steps: anySteps(fc.nat({ max: 70 * 24 }).map((hours) => hours * 3_600_000)),
});
const anyRun = fc.oneof({ weight: 2, arbitrary: minutesRun }, { weight: 1, arbitrary: monthsRun });

describe('candles', () => {
  test('time changes none before it is wanted, and nothing but empty ones before it is wanted at once', () => {
    fc.assert(
      fc.property(anyRun, ({ policy, steps }) => {
        const candles = new Candles(policy);
        for (const step of steps) take(candles, step, []);
        const outputs: Output[] = [];
        const open = new Map(policy.intervals.map((interval) => [interval, candles.readOpen(interval)]));
        const { tradesCloseAtMs } = candles;
        const isSaid = (ms: number): boolean => ms < Infinity;
        const unwantedMs = Math.min(tradesCloseAtMs, candles.emptyAtMs);
        candles.advanceTo(isSaid(unwantedMs) ? unwantedMs - 1 : AFTER_ALL_MS, collect(outputs));
        expect(outputs).toEqual([]);
        for (const interval of policy.intervals) {
          // One of the interval that follows is another candle, and none follows before the time that is wanted.
          const now = candles.readOpen(interval);
          if (now !== undefined) expect(now).toEqual(open.get(interval));
        }
        candles.advanceTo(isSaid(tradesCloseAtMs) ? tradesCloseAtMs - 1 : AFTER_ALL_MS, collect(outputs));
        const closed = outputs.flatMap((output) => (output.type === 'closed' ? [output.candle] : []));
        expect(closed.filter(({ isEmpty }) => !isEmpty)).toEqual([]);
        if (!isSaid(tradesCloseAtMs)) return;
        candles.advanceTo(tradesCloseAtMs, collect(outputs));
        expect(candles.tradesCloseAtMs).toBeGreaterThan(tradesCloseAtMs);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  test('after every step the newest revisions are what a full recount gives, and the late ones are those of the rule', () => {
    fc.assert(
      fc.property(anyRun, ({ policy, steps }) => {
        const candles = new Candles(policy);
        const outputs: Output[] = [];
        const given = new Map<string, Candle>();
        const oracle = new Recount(policy);
        for (const step of steps) {
          outputs.length = 0;
          take(candles, step, outputs);
          const isLate = oracle.take(step);
          expect(outputs.some(({ type }) => type === 'late')).toBe(isLate);
          expect(outputs.some(({ type }) => type === 'skipped')).toBe(false);
          for (const output of outputs) {
            if (output.type === 'closed') remember(given, output.candle);
          }
          expect(differences(given, oracle.closedCandles())).toEqual([]);
        }
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  test('an open candle reads as the recount of its trades so far', () => {
    fc.assert(
      fc.property(anyRun, ({ policy, steps }) => {
        const candles = new Candles(policy);
        const oracle = new Recount(policy);
        for (const step of steps) {
          take(candles, step, []);
          oracle.take(step);
          for (const interval of policy.intervals) {
            const open = candles.readOpen(interval);
            expect(open && describeCandle(open)).toEqual(oracle.candleAt(interval, oracle.highestTimeMs));
          }
        }
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  test('reading and restoring from a snapshot anywhere change no output and no state', () => {
    fc.assert(
      fc.property(anyRun, fc.array(fc.nat({ max: 3 }), { minLength: 40 }), ({ policy, steps }, choices) => {
        const plain = new Candles(policy);
        let disturbed = new Candles(policy);
        const plainOutputs: Output[] = [];
        const disturbedOutputs: Output[] = [];
        for (const [index, step] of steps.entries()) {
          take(plain, step, plainOutputs);
          const choice = choices[index];
          if (choice === 1) disturbed = Candles.restore(structuredClone(disturbed.snapshot()), policy);
          if (choice === 2) policy.intervals.forEach((interval) => disturbed.readOpen(interval));
          take(disturbed, step, disturbedOutputs);
        }
        expect(disturbedOutputs).toEqual(plainOutputs);
        expect(disturbed.snapshot()).toEqual(plain.snapshot());
      }),
      { seed: SEED, numRuns: 100 },
    );
  });

  test('a longer candle equals the fold of the shorter ones it spans', () => {
    fc.assert(
      fc.property(minutesRun, ({ policy, steps }) => {
        const candles = new Candles({ ...policy, intervals: CANDLE_INTERVALS, emptyIntervals: 'skip' });
        const given = new Map<string, Candle>();
        const outputs: Output[] = [];
        for (const step of steps) take(candles, step, outputs);
        candles.advanceTo(ORIGIN_MS + 40 * 86_400_000, collect(outputs));
        for (const output of outputs) if (output.type === 'closed') remember(given, output.candle);
        const newest = [...given.values()].sort((a, b) => a.openTimeMs - b.openTimeMs);
        for (const longer of newest) {
          const parts = newest.filter(
            ({ interval, openTimeMs }) =>
              interval === '1s' && openTimeMs >= longer.openTimeMs && openTimeMs <= longer.closeTimeMs,
          );
          expect(describeCandle(longer)).toMatchObject({
            open: describeCandle(parts[0]!).open,
            close: describeCandle(parts.at(-1)!).close,
            tradeCount: parts.reduce((count, part) => count + part.tradeCount, 0),
          });
        }
        expect(newest.some(({ interval }) => interval === '1M')).toBe(newest.length > 0);
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  test('a candle closes when the watermark reaches its last millisecond, not before', () => {
    const candles = new Candles(policyOf({ intervals: ['1m'], outOfOrdernessMs: 5_000 }));
    const outputs: Output[] = [];
    take(candles, tradeAt(1_000, '1', 100), outputs);
    candles.advanceTo(ORIGIN_MS + 64_999, collect(outputs));
    expect(outputs).toEqual([]);
    candles.advanceTo(ORIGIN_MS + 65_000, collect(outputs));
    expect(outputs).toMatchObject([
      { type: 'closed', candle: { openTimeMs: ORIGIN_MS, closeTimeMs: ORIGIN_MS + 59_999, revision: 0 } },
    ]);
  });

  test('a trade within the allowed lateness revises at once, one after it goes to the late output', () => {
    const policy = policyOf({ intervals: ['1m'], outOfOrdernessMs: 0, allowedLatenessMs: 60_000 });
    const candles = new Candles(policy);
    const outputs: Output[] = [];
    take(candles, tradeAt(59_500, '5', 100), outputs);
    candles.advanceTo(ORIGIN_MS + 119_999, collect(outputs));
    take(candles, tradeAt(59_000, '4', 90), outputs);
    take(candles, tradeAt(59_999, '6', 110), outputs);
    candles.advanceTo(ORIGIN_MS + 120_000, collect(outputs));
    take(candles, tradeAt(59_999, '7', 120), outputs);
    const [first, second, third, next, late] = outputs;
    expect(outputs).toHaveLength(5);
    expect(first).toMatchObject({ candle: { revision: 0, open: 100, close: 100, tradeCount: 1 } });
    expect(second).toMatchObject({ candle: { revision: 1, open: 90, close: 100, tradeCount: 2 } });
    expect(third).toMatchObject({ candle: { revision: 2, open: 90, close: 110, high: 110, tradeCount: 3 } });
    expect(next).toMatchObject({ candle: { openTimeMs: ORIGIN_MS + 60_000, revision: 0, isEmpty: true } });
    expect(late).toEqual({ type: 'late', tradeId: '7' });
  });

  test('a trade of a second that closed this very millisecond revises it, one of a second still open waits', () => {
    const candles = new Candles(policyOf({ intervals: ['1s'], outOfOrdernessMs: 0 }));
    const outputs: Output[] = [];
    take(candles, tradeAt(500, '1', 100), outputs);
    candles.advanceTo(ORIGIN_MS + 999, collect(outputs));
    take(candles, tradeAt(501, '2', 101), outputs);
    expect(outputs).toEqual([]);
    candles.advanceTo(ORIGIN_MS + 1_000, collect(outputs));
    take(candles, tradeAt(502, '3', 102), outputs);
    expect(outputs).toMatchObject([
      { candle: { revision: 0, close: 101 } },
      { candle: { revision: 1, close: 102 } },
    ]);
  });

  test('a close that is carried over forgotten candles keeps its value when a trade brings more decimals', () => {
    const candles = new Candles(policyOf({ intervals: ['1s'], outOfOrdernessMs: 0, allowedLatenessMs: 0 }));
    const outputs: Output[] = [];
    take(candles, tradeAt(0, '1', 100), outputs);
    candles.advanceTo(ORIGIN_MS + 1_000, collect(outputs));
    expect(candles.snapshot().series[0]?.kept).toEqual([]);
    take(candles, { ...tradeAt(2_000, '2', 5), scales: { price: 2, quantity: 1 } }, outputs);
    const closes = outputs.map((output) => output.type === 'closed' && describeCandle(output.candle).close);
    expect(closes).toEqual(['100', '100']);
  });

  test('a revised close is carried on into the empty candles after it', () => {
    const candles = new Candles(policyOf({ intervals: ['1s'], outOfOrdernessMs: 0 }));
    const outputs: Output[] = [];
    take(candles, tradeAt(0, '1', 100), outputs);
    candles.advanceTo(ORIGIN_MS + 3_000, collect(outputs));
    outputs.length = 0;
    take(candles, tradeAt(900, '2', 70), outputs);
    expect(outputs.map((output) => output.type === 'closed' && describeCandle(output.candle))).toMatchObject([
      { openTimeMs: ORIGIN_MS, low: '70', close: '70', isEmpty: false },
      { openTimeMs: ORIGIN_MS + 1_000, open: '70', high: '70', close: '70', isEmpty: true },
      { openTimeMs: ORIGIN_MS + 2_000, open: '70', high: '70', close: '70', isEmpty: true },
    ]);
    expect(outputs).toMatchObject(Array.from({ length: 3 }, () => ({ candle: { revision: 1 } })));
  });

  test('of a long run of empty intervals only the newest candles are given, and the others are told as skipped', () => {
    for (const emptyIntervals of ['carry', 'mark'] as const) {
      const candles = new Candles(policyOf({ intervals: ['1s', '1M'], outOfOrdernessMs: 0, emptyIntervals }));
      const outputs: Output[] = [];
      take(candles, tradeAt(0, '1', 100), outputs);
      candles.advanceTo(ORIGIN_MS + 3 * 86_400_000, collect(outputs));
      const skippedCount = 3 * 86_400 - 1 - MAX_EMPTY_CANDLES_PER_RUN;
      const toMs = ORIGIN_MS + 1_000 + skippedCount * 1_000;
      expect(outputs.filter(({ type }) => type === 'skipped')).toEqual([
        {
          type: 'skipped',
          skipped: { interval: '1s', fromMs: ORIGIN_MS + 1_000, toMs, count: skippedCount },
        },
      ]);
      const closed = outputs.filter((output) => output.type === 'closed').map(({ candle }) => candle);
      expect(closed).toHaveLength(1 + MAX_EMPTY_CANDLES_PER_RUN);
      expect(closed[1]!.openTimeMs).toBe(toMs);
      expect(candles.snapshot().series[0]!.kept.length).toBeLessThanOrEqual(61);
    }
  });

  test('long runs one after the other, and a trade into each of them, go on as after a restart', () => {
    const policy = policyOf({ intervals: ['1s'], outOfOrdernessMs: 0, allowedLatenessMs: 3 * 3_600_000 });
    const steps: Step[] = [
      tradeAt(0, '1', 100),
      ORIGIN_MS + 10_000,
      ORIGIN_MS + 1_500_000,
      ORIGIN_MS + 3_000_000,
      tradeAt(2_900_000, '2', 110),
      ORIGIN_MS + 3_010_000,
      tradeAt(5_000, '3', 120),
    ];
    const outputs: Output[] = [];
    const candles = new Candles(policy);
    let restarted = new Candles(policy);
    const afterRestarts: Output[] = [];
    for (const step of steps) {
      take(candles, step, outputs);
      take(restarted, step, afterRestarts);
      expect(restarted.snapshot()).toEqual(candles.snapshot());
      expect(new Candles(policy, candles.snapshot()).readRevisable()).toEqual(candles.readRevisable());
      restarted = Candles.restore(structuredClone(restarted.snapshot()), policy);
    }
    expect(afterRestarts).toEqual(outputs);
    const skipped = outputs.filter((output) => output.type === 'skipped');
    expect(skipped.map(({ skipped: { count } }) => count)).toEqual([490, 500]);
  });

  test('no candle is given before the first trade, however far time moves', () => {
    const candles = new Candles(policyOf({}));
    const outputs: Output[] = [];
    candles.advanceTo(ORIGIN_MS, collect(outputs));
    candles.advanceTo(ORIGIN_MS + 400 * 86_400_000, collect(outputs));
    expect(outputs).toEqual([]);
    expect(candles.readOpen('1m')).toBeUndefined();
  });

  test('an interval added to the policy starts with the next trade, without inventing what was before', () => {
    const candles = new Candles(policyOf({ intervals: ['1s'] }));
    take(candles, tradeAt(0, '1', 100), []);
    const wider = Candles.restore(candles.snapshot(), policyOf({ intervals: ['1s', '1m'] }));
    const outputs: Output[] = [];
    take(wider, tradeAt(240_500, '2', 50), outputs);
    take(wider, 60_000_000 + ORIGIN_MS, outputs);
    const minutes = outputs
      .filter((output) => output.type === 'closed')
      .filter(({ candle }) => candle.interval === '1m');
    expect(minutes[0]?.candle).toMatchObject({ openTimeMs: ORIGIN_MS + 240_000, tradeCount: 1 });
  });

  test('a quiet symbol keeps no more candles than can be revised', () => {
    const candles = new Candles(policyOf({}));
    for (let second = 0; second < 2_000; second++) {
      if (second === 0) take(candles, tradeAt(0, '1', 100), []);
      else candles.advanceTo(ORIGIN_MS + second * 1_000, collect([]));
    }
    for (const { kept } of candles.snapshot().series) expect(kept.length).toBeLessThanOrEqual(66);
  });
});

/** Keeps every trade that counts and says from all of them, with no state of candles, what must have been given. */
class Recount {
  readonly #policy: CandlePolicy;
  readonly #counted: CountedTrade[] = [];
  highestTimeMs = -Infinity;

  constructor(policy: CandlePolicy) {
    this.#policy = policy;
  }

  /** Returns whether the step is a late trade. */
  take(step: Step): boolean {
    const timeMs = typeof step === 'number' ? step : step.eventTimeMs;
    if (typeof step !== 'number') {
      const endMs = nextOpenTime('1s', timeMs);
      if (this.#watermarkMs >= endMs - 1 + this.#policy.allowedLatenessMs) return true;
      this.#counted.push(step);
    }
    this.highestTimeMs = Math.max(this.highestTimeMs, timeMs);
    return false;
  }

  closedCandles() {
    const closed: ReturnType<typeof describeCandle>[] = [];
    if (this.#counted.length === 0) return closed;
    const firstMs = Math.min(...this.#counted.map(({ eventTimeMs }) => eventTimeMs));
    for (const interval of this.#policy.intervals) {
      let openTimeMs = openTimeOf(interval, firstMs);
      while (nextOpenTime(interval, openTimeMs) - 1 <= this.#watermarkMs) {
        const candle = this.candleAt(interval, openTimeMs);
        if (candle !== undefined) closed.push(candle);
        openTimeMs = nextOpenTime(interval, openTimeMs);
      }
    }
    return closed;
  }

  candleAt(interval: CandleInterval, timeMs: number): ReturnType<typeof describeCandle> | undefined {
    const openTimeMs = openTimeOf(interval, timeMs);
    const endMs = nextOpenTime(interval, timeMs);
    const inside = this.#counted.filter(
      ({ eventTimeMs }) => eventTimeMs >= openTimeMs && eventTimeMs < endMs,
    );
    const times = { interval, openTimeMs, closeTimeMs: endMs - 1 };
    const sums = recount(inside);
    if (sums !== undefined) {
      return {
        ...times,
        open: sums.open.toFixed(),
        high: sums.high.toFixed(),
        low: sums.low.toFixed(),
        close: sums.last.toFixed(),
        volume: sums.volume.toFixed(),
        quoteVolume: sums.quoteVolume.toFixed(),
        takerBuyVolume: sums.takerBuyVolume.toFixed(),
        tradeCount: sums.tradeCount,
        isEmpty: false,
      };
    }
    const before = this.#counted.filter(({ eventTimeMs }) => eventTimeMs < openTimeMs);
    if (before.length === 0 || this.#policy.emptyIntervals === 'skip') return undefined;
    const lastMs = Math.max(...before.map(({ eventTimeMs }) => eventTimeMs));
    const last = recount(before.filter(({ eventTimeMs }) => eventTimeMs === lastMs))?.last;
    const price = this.#policy.emptyIntervals === 'carry' ? last?.toFixed() : undefined;
    return {
      ...times,
      open: price,
      high: price,
      low: price,
      close: price,
      volume: '0',
      quoteVolume: '0',
      takerBuyVolume: '0',
      tradeCount: 0,
      isEmpty: true,
    };
  }

  get #watermarkMs(): number {
    return this.highestTimeMs - this.#policy.outOfOrdernessMs - 1;
  }
}

function anySteps(offsetMs: fc.Arbitrary<number>): fc.Arbitrary<Step[]> {
  return fc
    .tuple(
      arbitraryTrades({ offsetMs, maxLength: 25 }),
      fc.array(offsetMs, { maxLength: 6 }),
      fc.infiniteStream(fc.nat()),
      fc.boolean(),
    )
    .map(([trades, heartbeats, positions, isNearlyInOrder]) => {
      const steps: Step[] = [...trades];
      for (const heartbeatMs of heartbeats) {
        steps.splice(positions.next().value % (steps.length + 1), 0, ORIGIN_MS + heartbeatMs);
      }
      if (!isNearlyInOrder) return steps;
      // Sorted with a wobble, so that most trades are on time or within the allowed lateness.
      const wobbled = steps.map((step) => ({ step, rank: timeOf(step) + (positions.next().value % 70_000) }));
      return wobbled.sort((a, b) => a.rank - b.rank).map(({ step }) => step);
    });
}

function timeOf(step: Step): number {
  return typeof step === 'number' ? step : step.eventTimeMs;
}

function take(candles: Candles, step: Step, outputs: Output[]): void {
  if (typeof step === 'number') candles.advanceTo(step, collect(outputs));
  else candles.addTrade(step, collect(outputs));
}

function collect(outputs: Output[]) {
  return {
    onCandleClosed: (candle: Candle) => void outputs.push({ type: 'closed', candle }),
    onLateTrade: ({ tradeId }: CountedTrade) => void outputs.push({ type: 'late', tradeId }),
    onCandlesSkipped: (skipped: SkippedCandles) => void outputs.push({ type: 'skipped', skipped }),
  };
}

/** Keeps the newest revision, and checks that revisions count up by one and none is given without a change. */
function remember(given: Map<string, Candle>, candle: Candle): void {
  const key = `${candle.interval} ${String(candle.openTimeMs)}`;
  const before = given.get(key);
  expect(candle.revision).toBe(before === undefined ? 0 : before.revision + 1);
  if (before !== undefined) expect(describeCandle(candle)).not.toEqual(describeCandle(before));
  given.set(key, candle);
}

function describeCandle(candle: Candle) {
  const { price, quantity } = candle.scales;
  const toPrice = (units: Candle['open']) => (units === undefined ? undefined : formatUnits(units, price));
  return {
    interval: candle.interval,
    openTimeMs: candle.openTimeMs,
    closeTimeMs: candle.closeTimeMs,
    open: toPrice(candle.open),
    high: toPrice(candle.high),
    low: toPrice(candle.low),
    close: toPrice(candle.close),
    volume: formatUnits(candle.volume, quantity),
    quoteVolume: formatUnits(candle.quoteVolume, price + quantity),
    takerBuyVolume: formatUnits(candle.takerBuyVolume, quantity),
    tradeCount: candle.tradeCount,
    isEmpty: candle.isEmpty,
  };
}

/** Returns the candles that are not the same in both, as text; comparing texts keeps the test quick. */
function differences(
  given: ReadonlyMap<string, Candle>,
  expected: readonly ReturnType<typeof describeCandle>[],
): string[] {
  const texts = new Set([...given.values()].map((candle) => JSON.stringify(describeCandle(candle))));
  const expectedTexts = new Set(expected.map((candle) => JSON.stringify(candle)));
  return [
    ...[...texts].filter((text) => !expectedTexts.has(text)).map((text) => `given: ${text}`),
    ...[...expectedTexts].filter((text) => !texts.has(text)).map((text) => `expected: ${text}`),
  ];
}

function policyOf(changes: Partial<CandlePolicy>): CandlePolicy {
  return {
    intervals: CANDLE_INTERVALS,
    outOfOrdernessMs: 5_000,
    allowedLatenessMs: 60_000,
    emptyIntervals: 'carry',
    ...changes,
  };
}

function tradeAt(offsetMs: number, tradeId: string, price: number): CountedTrade {
  return {
    eventTimeMs: ORIGIN_MS + offsetMs,
    tradeId,
    price,
    quantity: 1,
    scales: { price: 0, quantity: 0 },
    takerSide: 'buy',
  };
}
