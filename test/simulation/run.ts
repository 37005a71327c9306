/**
 * `npm run sim -- --seeds N [--from S] [--workers W] [--trace]`: runs N seeds, tells what was violated and how to run that seed again, and ends
 * with the faults that were injected and the facts that were reached.
 */
import { parseArgs } from 'node:util';
import type { SeedResult } from './simulate.ts';
import { simulateSeed } from './simulate.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    hashes: { type: 'boolean', default: false },
  },
});

const from = Number(values.from);
const count = Number(values.seeds);
const faults = new Map<string, number>();
const reached = new Map<string, number>();
let failedCount = 0;
let simulatedMs = 0;
let taskCount = 0;
const startedMs = performance.now();
const startedCpu = process.cpuUsage();

for (let seed = from; seed < from + count; seed++) {
  const result = await simulateSeed(
    seed,
    values.trace ? (line) => process.stdout.write(`${line}\n`) : undefined,
  );
  addUp(result);
  if (values.hashes) console.log(`${seed} ${result.traceHash}`);
  if (result.violations.length > 0) report(result);
  if (process.stderr.isTTY)
    process.stderr.write(`\r${seed - from + 1} of ${count} seeds, ${failedCount} failed `);
}
summarize();
process.exit(failedCount > 0 ? 1 : 0);

function addUp(result: SeedResult): void {
  if (result.violations.length > 0) failedCount++;
  simulatedMs += result.simulatedMs;
  taskCount += result.taskCount;
  for (const [name, times] of result.faults) faults.set(name, (faults.get(name) ?? 0) + times);
  for (const [name, times] of result.reached) reached.set(name, (reached.get(name) ?? 0) + times);
}

function report({ seed, violations }: SeedResult): void {
  console.log(`\nseed ${seed}: ${violations.length} violations`);
  const told = new Map<string, number>();
  for (const { rule, instrument, expected, was } of violations) {
    const times = (told.get(rule) ?? 0) + 1;
    told.set(rule, times);
    if (times > 2) continue;
    console.log(
      `  ${rule}: ${instrument}\n    expected ${expected.slice(0, 600)}\n    was      ${was.slice(0, 1_500)}`,
    );
  }
  console.log(`  again: npm run sim -- --from ${seed} --seeds 1 --trace`);
}

function summarize(): void {
  const seconds = (performance.now() - startedMs) / 1_000;
  const { user, system } = process.cpuUsage(startedCpu);
  const cpuSeconds = (user + system) / 1e6;
  console.log(
    `\n${count} seeds, ${failedCount} failed; ${(simulatedMs / 60_000).toFixed(1)} simulated minutes, ${taskCount} steps, ${seconds.toFixed(1)} s (${(cpuSeconds / count).toFixed(3)} s of processor a seed)`,
  );
  const list = (title: string, counts: ReadonlyMap<string, number>): void => {
    console.log(
      `${title}: ${
        [...counts]
          .sort()
          .map(([name, times]) => `${name} ${times}`)
          .join(', ') || 'none'
      }`,
    );
  };
  list('injected', faults);
  list('reached', reached);
}
