import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlidingBudget } from '../../src/base/sliding-budget.ts';

describe('a sliding budget', () => {
  it('gives out no more than its weight in any window', () => {
    const asks = fc.array(
      fc.record({ waitMs: fc.integer({ min: 0, max: 40 }), weight: fc.integer({ min: 1, max: 5 }) }),
      {
        minLength: 1,
        maxLength: 100,
      },
    );
    fc.assert(
      fc.property(asks, (steps) => {
        const budget = new SlidingBudget({ maxWeight: 10, windowMs: 100 });
        const granted: { atMs: number; weight: number }[] = [];
        let nowMs = 0;
        for (const { waitMs, weight } of steps) {
          nowMs += waitMs;
          const delayMs = budget.take(weight, nowMs);
          if (delayMs === 0) granted.push({ atMs: nowMs, weight });
          else expect(delayMs).toBeGreaterThan(0);
        }
        for (const { atMs } of granted) {
          const inWindow = granted.filter((grant) => grant.atMs > atMs - 100 && grant.atMs <= atMs);
          expect(inWindow.reduce((sum, grant) => sum + grant.weight, 0)).toBeLessThanOrEqual(10);
        }
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it('grants what it refused, once the time it named has passed', () => {
    const budget = new SlidingBudget({ maxWeight: 1, windowMs: 100 });
    expect(budget.take(1, 0)).toBe(0);
    const delayMs = budget.take(1, 40);
    expect(delayMs).toBe(60);
    expect(budget.take(1, 40 + delayMs)).toBe(0);
  });

  it('lets a request heavier than the whole budget pass alone', () => {
    const budget = new SlidingBudget({ maxWeight: 5, windowMs: 100 });
    expect(budget.take(9, 0)).toBe(0);
    expect(budget.take(1, 50)).toBe(50);
  });

  it('gives nothing while the other side said so', () => {
    const budget = new SlidingBudget({ maxWeight: 5, windowMs: 100 });
    budget.closeUntil(1_000);
    expect(budget.take(1, 400)).toBe(600);
    expect(budget.take(1, 1_000)).toBe(0);
    expect(budget.spent(1_000)).toBe(1);
  });

  it('keeps closed when the other side names an earlier end meanwhile', () => {
    const budget = new SlidingBudget({ maxWeight: 5, windowMs: 100 });
    budget.closeUntil(1_000);
    budget.closeUntil(300);
    expect(budget.closedUntilMs).toBe(1_000);
    expect(budget.take(1, 400)).toBe(600);
  });

  it('is given out evenly in the window after it was closed', () => {
    const budget = new SlidingBudget({ maxWeight: 5, windowMs: 100 });
    budget.closeUntil(1_000);
    const grantedAtMs = [];
    for (let nowMs = 990; nowMs < 1_200; nowMs++) if (budget.take(1, nowMs) === 0) grantedAtMs.push(nowMs);
    expect(grantedAtMs).toEqual([1_000, 1_020, 1_040, 1_060, 1_080, 1_100, 1_120, 1_140, 1_160, 1_180]);
  });
});
