/** Compares figures with stored ones, both as multiples of the calibration loop of their own run. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Measurement } from './benchmark.ts';
import { alignColumns } from './report.ts';

/** A benchmark that takes this many times its stored multiple has become slower, on whatever machine. */
const SLOWER_MAX = 1.6;

export type Baseline = {
  /** By `group/name`: processor time per operation, as a multiple of one calibration round. */
  readonly multiples: Readonly<Record<string, number>>;
};

export type Comparison = {
  readonly key: string;
  readonly was: number | undefined;
  readonly is: number;
  readonly isSlower: boolean;
};

/** `calibrationNs`: processor time of one calibration round in this run. */
export function toBaseline(measurements: readonly Measurement[], calibrationNs: number): Baseline {
  return {
    multiples: Object.fromEntries(
      measurements.map(({ group, name, cpuMinNs }) => [
        `${group}/${name}`,
        Number((cpuMinNs / calibrationNs).toPrecision(4)),
      ]),
    ),
  };
}

/** One line for each benchmark that was run; those that the baseline does not know have no `was`. */
export function compare(baseline: Baseline, now: Baseline): Comparison[] {
  return Object.entries(now.multiples).map(([key, is]) => {
    const was = baseline.multiples[key];
    return { key, was, is, isSlower: was !== undefined && is > was * SLOWER_MAX };
  });
}

/** @throws Error when there is none: it says how to make it */
export function readBaseline(path: string): Baseline {
  if (!existsSync(path)) {
    throw new Error(`There is no baseline ${path}: write one with npm run bench:check -- --write`);
  }
  return JSON.parse(readFileSync(path, 'utf8')) as Baseline;
}

export function writeBaseline(path: string, baseline: Baseline): void {
  writeFileSync(path, `${JSON.stringify(baseline, undefined, 2)}\n`);
}

export function formatComparisons(comparisons: readonly Comparison[]): string {
  return alignColumns([
    ['benchmark', 'stored', 'now', 'now : stored', ''],
    ...comparisons.map(({ key, was, is, isSlower }) => [
      key,
      was === undefined ? 'none' : was.toPrecision(3),
      is.toPrecision(3),
      was === undefined ? '' : (is / was).toFixed(2),
      isSlower ? 'SLOWER' : '',
    ]),
  ]);
}
