import { describe, expect, it } from 'vitest';
import { backoffDelayMs } from '../../src/base/backoff.ts';
import { createSeededRandom } from '../../src/base/clock.ts';

describe('backoff', () => {
  it('doubles from the initial delay to the largest one', () => {
    const policy = { initialMs: 100, maxMs: 1_000, jitter: 0 };
    expect([0, 1, 2, 3, 4, 1_000].map((index) => backoffDelayMs(policy, index, () => 0.5))).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ]);
  });

  it('grows by the factor of its policy, however long it went on', () => {
    const policy = { initialMs: 100, maxMs: 1_000, factor: 3, jitter: 0 };
    expect([0, 1, 2, 3, 10_000].map((index) => backoffDelayMs(policy, index, () => 0.5))).toEqual([
      100, 300, 900, 1_000, 1_000,
    ]);
  });

  it('spreads by the jitter and no further', () => {
    const random = createSeededRandom(1);
    const delays = Array.from({ length: 1_000 }, () =>
      backoffDelayMs({ initialMs: 100, maxMs: 100, jitter: 0.2 }, 0, random),
    );
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(80);
    expect(Math.max(...delays)).toBeLessThanOrEqual(120);
    expect(new Set(delays).size).toBeGreaterThan(20);
  });
});

describe('seeded randomness', () => {
  it('repeats for the same seed and differs for another', () => {
    const draw = (seed: number): number[] => Array.from({ length: 5 }, createSeededRandom(seed));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });
});
