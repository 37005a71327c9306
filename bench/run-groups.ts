/** Runs the chosen groups one after the other and prints what they came to. */
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { cluster } from './cluster.bench.ts';
import { budget } from './budget.bench.ts';
import { dashboard } from './dashboard.bench.ts';
import { endToEnd } from './end-to-end.bench.ts';
import { frames, recordings } from './frames.bench.ts';
import { gateway } from './gateway.bench.ts';
import type { BenchmarkGroup, Measurement } from './harness/benchmark.ts';
import { measure } from './harness/benchmark.ts';
import { describeMachine, formatMachine, formatTable, loadWarning } from './harness/report.ts';
import { journal } from './journal.bench.ts';
import { book } from './order-book.bench.ts';
import { publish } from './publish.bench.ts';
import { quiet } from './quiet.bench.ts';
import { recovery } from './recovery.bench.ts';
import { scale } from './scale.bench.ts';
import { stages } from './stages.bench.ts';
import { sustained } from './sustained.bench.ts';

const GROUPS: readonly BenchmarkGroup[] = [book, frames, recordings, stages, journal, publish, endToEnd];
/** Take minutes, and run only by their names. */
const BY_NAME: readonly BenchmarkGroup[] = [
  recovery,
  scale,
  quiet,
  sustained,
  budget,
  gateway,
  dashboard,
  cluster,
];

type Choice = { readonly only?: string; readonly match?: string; readonly json?: string };

/** @param choice groups by name, benchmarks by a part of their name, and the file that the figures are written to */
export async function runGroups(choice: Choice): Promise<void> {
  const groups = chooseGroups(choice.only?.split(','));
  const startMs = performance.now();
  const machine = describeMachine();
  const warning = loadWarning(machine);
  console.log(formatMachine(machine));
  if (warning !== undefined) console.log(warning);

  const measurements: Measurement[] = [];
  for (const group of groups) measurements.push(...(await runGroup(group, choice.match)));
  console.log(
    `\n${((performance.now() - startMs) / 1_000).toFixed(0)} s; load average ${machine.loadAtStart.toFixed(2)} at start, ${loadavg()[0]!.toFixed(2)} at the end (the benchmarks are part of it)`,
  );
  if (choice.json !== undefined) {
    writeFileSync(choice.json, `${JSON.stringify({ machine, measurements }, undefined, 2)}\n`);
  }
}

function chooseGroups(names: readonly string[] | undefined): readonly BenchmarkGroup[] {
  if (names === undefined) return GROUPS;
  const all = [...GROUPS, ...BY_NAME];
  const known = all.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Error(`There is no group ${unknown.join(', ')}; the groups are ${known.join(', ')}`);
  }
  return all.filter(({ name }) => names.includes(name));
}

async function runGroup(group: BenchmarkGroup, match: string | undefined): Promise<Measurement[]> {
  console.log(`\n${group.title} (--only ${group.name})`);
  const { benchmarks, notes, close } = await group.open();
  const own: Measurement[] = [];
  try {
    for (const benchmark of benchmarks) {
      if (match !== undefined && !benchmark.name.includes(match)) continue;
      own.push(await measure(group.name, benchmark));
    }
  } finally {
    await close();
  }
  if (own.length > 0) console.log(formatTable(own));
  for (const note of notes) console.log(`  ${note}`);
  return own;
}
