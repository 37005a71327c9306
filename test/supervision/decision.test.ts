import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSeededRandom } from '../../src/base/clock.ts';
import { decideOnFailure, recordFailure, type Decision } from '../../src/supervision/decision.ts';
import type { ErrorClass, FailureRecord } from '../../src/supervision/failure.ts';
import { failureRate, restartWithBackoff, type RestartStrategy } from '../../src/supervision/strategy.ts';

const SEED = 20260101;
const middle = () => 0.5;
/** By a wall clock that stands still: no decision looks at it. */
const atMs = Date.UTC(2026, 0, 1);

/** What is decided about each of the failures, one after the other. */
function decideAll(
  strategy: RestartStrategy,
  failures: readonly { monotonicMs: number; errorClass?: ErrorClass }[],
  random = middle,
): Decision[] {
  let records: readonly FailureRecord[] = [];
  return failures.map(({ monotonicMs, errorClass = 'fatal' }) => {
    records = recordFailure(strategy, records, { atMs, monotonicMs, errorClass, cause: 'x' });
    return decideOnFailure(strategy, records, monotonicMs, random);
  });
}

const delays = (decisions: readonly Decision[]) =>
  decisions.map((decision) => (decision.decision === 'restart' ? decision.delayMs : decision.decision));
const at = (...times: number[]) => times.map((monotonicMs) => ({ monotonicMs }));

describe('failureRate', () => {
  const strategy = failureRate({ maxFailures: 3, withinMs: 300_000, delayMs: 10_000 });

  test('the example of its docstring: the fourth failure within the window is one too many', () => {
    expect(delays(decideAll(strategy, at(0, 60_000, 120_000, 299_999)))).toEqual([
      10_000,
      10_000,
      10_000,
      'escalate',
    ]);
  });

  test('a failure exactly one window ago lies outside of it', () => {
    expect(delays(decideAll(strategy, at(0, 60_000, 120_000, 300_000)))).toEqual([
      10_000, 10_000, 10_000, 10_000,
    ]);
  });

  test('with none allowed the first failure is one too many', () => {
    const never = failureRate({ maxFailures: 0, withinMs: 1000, delayMs: 0, then: 'park' });
    expect(decideAll(never, at(5))).toEqual([{ decision: 'park', attempt: 1 }]);
  });

  test('it gives up exactly when a count of all failures in the window says so', () => {
    const property = fc.property(
      fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 }),
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 1, max: 1000 }),
      (gaps, maxFailures, withinMs) => {
        const times = gaps.map((_, index) => gaps.slice(0, index + 1).reduce((sum, gap) => sum + gap, 0));
        const decisions = decideAll(failureRate({ maxFailures, withinMs, delayMs: 7 }), at(...times));
        times.forEach((nowMs, index) => {
          const inWindow = times.slice(0, index + 1).filter((time) => nowMs - time < withinMs).length;
          expect(decisions[index]!.decision).toBe(inWindow > maxFailures ? 'escalate' : 'restart');
        });
      },
    );
    fc.assert(property, { seed: SEED });
  });
});

describe('restartWithBackoff', () => {
  test('the example of its docstring: delays double up to the longest', () => {
    const strategy = restartWithBackoff({ initialMs: 100, maxMs: 10_000, jitter: 0.2 });
    const times = Array.from({ length: 9 }, (_, index) => index * 1000);
    expect(delays(decideAll(strategy, at(...times)))).toEqual([
      100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000,
    ]);
    expect(strategy.resetAfterMs).toBe(80_000);
  });

  test('an actor that was well for the reset time begins again at the shortest delay', () => {
    const strategy = restartWithBackoff({ initialMs: 100, maxMs: 1000, jitter: 0, resetAfterMs: 5000 });
    expect(decideAll(strategy, at(0, 4999, 9999))).toEqual([
      { decision: 'restart', delayMs: 100, attempt: 1 },
      { decision: 'restart', delayMs: 200, attempt: 2 },
      { decision: 'restart', delayMs: 100, attempt: 1 },
    ]);
  });

  test('with a limit, the failure after it in one run is one too many', () => {
    const strategy = restartWithBackoff({ initialMs: 1, maxMs: 1, jitter: 0, maxRestarts: 2, then: 'stop' });
    expect(delays(decideAll(strategy, at(0, 1, 2)))).toEqual([1, 1, 'stop']);
    expect(delays(decideAll(strategy, at(0, 1, 100_000, 100_001)))).toEqual([1, 1, 1, 1]);
  });

  test('with a limit within a time, only failures in that time count', () => {
    const strategy = restartWithBackoff({ initialMs: 1, maxMs: 1, jitter: 0, maxRestarts: 2, withinMs: 10 });
    expect(delays(decideAll(strategy, at(0, 5, 10, 15, 16)))).toEqual([1, 1, 1, 1, 'escalate']);
  });

  test('delays never leave the bounds that the jitter sets, and never fall in a run without jitter', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 0, max: 100_000 }),
      fc.double({ min: 1, max: 4, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer(),
      (initialMs, aboveMs, factor, jitter, seed) => {
        const maxMs = initialMs + aboveMs;
        const options = { initialMs, maxMs, factor };
        const times = Array.from({ length: 40 }, (_, index) => ({ monotonicMs: index }));
        const plain = delays(decideAll(restartWithBackoff({ ...options, jitter: 0 }), times)) as number[];
        const spread = delays(
          decideAll(restartWithBackoff({ ...options, jitter }), times, createSeededRandom(seed)),
        ) as number[];
        plain.forEach((delayMs, index) => {
          expect(delayMs).toBeGreaterThanOrEqual(plain[index - 1] ?? initialMs);
          expect(delayMs).toBeLessThanOrEqual(maxMs);
          // Both are rounded, the plain one before it is compared.
          expect(spread[index]!).toBeGreaterThanOrEqual(delayMs * (1 - jitter) - 1.5);
          expect(spread[index]!).toBeLessThanOrEqual(delayMs * (1 + jitter) + 1.5);
        });
      },
    );
    fc.assert(property, { seed: SEED, numRuns: 50 });
  });

  test('same failures and same random numbers give the same decisions', () => {
    const strategy = restartWithBackoff({ initialMs: 100, maxMs: 1000, jitter: 1 });
    const decide = () => decideAll(strategy, at(0, 1, 2, 3), createSeededRandom(3));
    expect(decide()).toEqual(decide());
  });
});

describe('transient failures', () => {
  test('they lengthen the wait but are never one too many', () => {
    const strategy = restartWithBackoff({ initialMs: 1, maxMs: 8, jitter: 0, maxRestarts: 0 });
    const failures = Array.from({ length: 6 }, (_, monotonicMs) => ({
      monotonicMs,
      errorClass: 'transient' as const,
    }));
    expect(delays(decideAll(strategy, failures))).toEqual([1, 2, 4, 8, 8, 8]);
  });

  test('they do not count against the limit for others', () => {
    const strategy = failureRate({ maxFailures: 1, withinMs: 1000, delayMs: 5 });
    const failures = [
      { monotonicMs: 0 },
      { monotonicMs: 1, errorClass: 'transient' as const },
      { monotonicMs: 2, errorClass: 'transient' as const },
      { monotonicMs: 3 },
    ];
    expect(delays(decideAll(strategy, failures))).toEqual([5, 5, 5, 'escalate']);
  });

  test('a run of thousands is remembered in few records, with the true number of attempts', () => {
    const strategy = restartWithBackoff({ initialMs: 1, maxMs: 8, jitter: 0, maxRestarts: 3 });
    let records: readonly FailureRecord[] = [];
    for (let monotonicMs = 0; monotonicMs < 5000; monotonicMs++) {
      records = recordFailure(strategy, records, {
        atMs,
        monotonicMs,
        errorClass: 'transient',
        cause: 'away',
      });
    }
    expect(records.length).toBeLessThanOrEqual(16);
    expect(records.at(-1)?.attempt).toBe(5000);
  });

  test('forgetting changes no decision, whatever the mix of failures', () => {
    const strategies = fc.oneof(
      fc
        .record({ maxFailures: fc.integer({ min: 0, max: 20 }), withinMs: fc.integer({ min: 1, max: 500 }) })
        .map((options) => failureRate({ ...options, delayMs: 1 })),
      fc
        .record({
          maxRestarts: fc.integer({ min: 0, max: 20 }),
          resetAfterMs: fc.integer({ min: 9, max: 500 }),
        })
        .map((options) => restartWithBackoff({ ...options, initialMs: 1, maxMs: 8, jitter: 0 })),
    );
    const failures = fc.array(
      fc.record({
        gapMs: fc.integer({ min: 0, max: 20 }),
        errorClass: fc.constantFrom<ErrorClass>('transient', 'fatal'),
      }),
      { maxLength: 120 },
    );
    const property = fc.property(strategies, failures, (strategy, gaps) => {
      let monotonicMs = 0;
      let records: readonly FailureRecord[] = [];
      const everything: FailureRecord[] = [];
      for (const { gapMs, errorClass } of gaps) {
        monotonicMs += gapMs;
        records = recordFailure(strategy, records, { atMs, monotonicMs, errorClass, cause: 'x' });
        everything.push(records.at(-1)!);
        const decided = decideOnFailure(strategy, records, monotonicMs, middle);
        expect(decided).toEqual(decideOnFailure(strategy, everything, monotonicMs, middle));
      }
    });
    fc.assert(property, { seed: SEED, numRuns: 200 });
  });
});

describe('strategies that make no sense are refused', () => {
  const backoff = { initialMs: 100, maxMs: 1000, jitter: 0.1 };
  test.each([
    { ...backoff, initialMs: 0 },
    { ...backoff, maxMs: 99 },
    { ...backoff, jitter: 1.1 },
    { ...backoff, factor: 0.5 },
    { ...backoff, maxRestarts: 1.5 },
    { ...backoff, withinMs: 0 },
    { ...backoff, resetAfterMs: 1100 },
    { ...backoff, initialMs: Number.NaN },
  ])('backoff %o', (options) => {
    expect(() => restartWithBackoff(options)).toThrow(RangeError);
  });

  test.each([
    { maxFailures: -1, withinMs: 1, delayMs: 1 },
    { maxFailures: 1, withinMs: 0, delayMs: 1 },
    { maxFailures: 1, withinMs: 1, delayMs: -1 },
  ])('failure rate %o', (options) => {
    expect(() => failureRate(options)).toThrow(RangeError);
  });
});
