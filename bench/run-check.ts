/** Measures the pure groups between two runs of the calibration loop and holds them against the stored baseline. */
import { frames } from './frames.bench.ts';
import { compare, formatComparisons, readBaseline, toBaseline, writeBaseline } from './harness/baseline.ts';
import type { Measurement } from './harness/benchmark.ts';
import { measure } from './harness/benchmark.ts';
import { calibration } from './harness/calibration.ts';
import { book } from './order-book.bench.ts';
import { stages } from './stages.bench.ts';

const GROUPS = [book, frames, stages];

/** @returns the exit code: 1 when a benchmark became slower than the bound allows */
export async function checkAgainst(path: string, { write }: { write: boolean }): Promise<number> {
  const baseline = write ? undefined : readBaseline(path);
  const measurements: Measurement[] = [];
  // The quickest of those between the groups: what else the machine does comes and goes.
  let calibrationNs = Infinity;
  const calibrate = async (): Promise<void> => {
    calibrationNs = Math.min(calibrationNs, (await measure('calibration', calibration)).cpuMinNs);
  };
  await calibrate();
  for (const { name, open } of GROUPS) {
    console.log(`measuring ${name}`);
    const { benchmarks, close } = await open();
    for (const benchmark of benchmarks) measurements.push(await measure(name, benchmark));
    await close();
    await calibrate();
  }
  const now = toBaseline(measurements, calibrationNs);
  if (baseline === undefined) {
    writeBaseline(path, now);
    console.log(`${path} holds ${measurements.length} benchmarks now`);
    return 0;
  }
  const comparisons = compare(baseline, now);
  console.log(formatComparisons(comparisons));
  const slower = comparisons.filter(({ isSlower }) => isSlower);
  if (slower.length === 0) return 0;
  console.error(
    `Slower than stored: ${slower.map(({ key }) => key).join(', ')}. Run it again on a quiet machine; if it stays, profile (bench/README.md), or say why it is worth it and store the new figures with --write.`,
  );
  return 1;
}
