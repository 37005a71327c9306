import { expect, it } from 'vitest';
import { compare, toBaseline } from '../../bench/harness/baseline.ts';
import type { Measurement } from '../../bench/harness/benchmark.ts';

function measurement(name: string, cpuMinNs: number): Measurement {
  return {
    ...{ group: 'book', name, unit: 'updates', rounds: 5, operationsPerRound: 1 },
    ...{ minNs: cpuMinNs, meanNs: cpuMinNs, deviationNs: 0, cpuMinNs, result: 0 },
  };
}

it('finds what became slower than the machine did', () => {
  const stored = toBaseline([measurement('near', 100), measurement('deep', 200)], 1_000);
  // The machine is half as quick; one benchmark takes four times as long.
  const now = toBaseline([measurement('near', 200), measurement('deep', 800)], 2_000);
  expect(compare(stored, now)).toEqual([
    { key: 'book/near', was: 0.1, is: 0.1, isSlower: false },
    { key: 'book/deep', was: 0.2, is: 0.4, isSlower: true },
  ]);
});

it('shows a benchmark that has no stored figure, and does not call it slower', () => {
  const now = toBaseline([measurement('new', 100)], 1_000);
  expect(compare({ multiples: {} }, now)).toEqual([
    { key: 'book/new', was: undefined, is: 0.1, isSlower: false },
  ]);
});
