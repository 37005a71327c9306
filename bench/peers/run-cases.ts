/** Runs the chosen cases, each in a process of its own so that none is measured in what the one before left behind, and prints the table. */
import { fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { alignColumns, describeMachine, formatMachine, grouped, loadWarning } from '../harness/report.ts';
import { bookCases } from './book-cases.ts';
import type { CaseResult, Comparison, OpenCase, PeerCase, Row } from './peer-case.ts';
import { installedVersion } from './peer-packages.ts';
import { recordedCases } from './recorded-cases.ts';
import type { Subject, Timing } from './side-by-side.ts';
import { measureSideBySide, median } from './side-by-side.ts';

const CASES: readonly PeerCase[] = [...bookCases, ...recordedCases];

export type Choice = {
  readonly match?: string | undefined;
  readonly rounds: number;
  readonly json?: string | undefined;
};

/** Returns whether all that were compared came to the same; what is slower than it has to be is shown, and no failure. */
export async function runCases({ match = '', rounds, json }: Choice): Promise<boolean> {
  const chosen = CASES.filter(({ name }) => name.includes(match));
  if (chosen.length === 0) {
    throw new Error(
      `There is no case with ${match} in its name: ${CASES.map(({ name }) => name).join(', ')}`,
    );
  }
  const startMs = performance.now();
  const machine = describeMachine();
  const versions = { 'tardis-dev': installedVersion('tardis-dev'), ccxt: installedVersion('ccxt') };
  console.log(formatMachine(machine));
  const warning = loadWarning(machine);
  if (warning !== undefined) console.log(warning);
  console.log(`tardis-dev ${versions['tardis-dev']}, ccxt ${versions.ccxt}; medians of ${rounds} rounds\n`);

  const results: CaseResult[] = [];
  let haveAllAgreed = true;
  for (const { name } of chosen) {
    const result = await runInOwnProcess(name, rounds);
    if (result === undefined) haveAllAgreed = false;
    else results.push(result);
  }
  const rows = results.flatMap((result) => result.rows);
  const notes = results.flatMap((result) => result.notes);
  if (rows.length > 0) console.log(alignColumns([HEADER, ...rows.map(toCells)]));
  console.log('');
  for (const note of notes) console.log(`  ${note}`);
  const loadAtEnd = loadavg()[0]!;
  console.log(
    `\n${((performance.now() - startMs) / 1_000).toFixed(0)} s; load average ${machine.loadAtStart.toFixed(2)} at start, ${loadAtEnd.toFixed(2)} at the end (the benchmarks are part of it)`,
  );
  if (json !== undefined) {
    const figures = { machine: { ...machine, loadAtEnd }, versions, rounds, rows, notes };
    writeFileSync(json, `${JSON.stringify(figures, undefined, 2)}\n`);
  }
  return haveAllAgreed;
}

async function runInOwnProcess(name: string, rounds: number): Promise<CaseResult | undefined> {
  const child = fork(process.argv[1]!, ['--case', name, '--rounds', String(rounds)], {
    execArgv: [...process.execArgv, '--expose-gc'],
  });
  return new Promise((resolve, reject) => {
    let result: CaseResult | undefined;
    child.on('message', (message) => (result = message as CaseResult));
    child.on('error', reject);
    child.on('exit', () => resolve(result));
  });
}

/** Runs one case here and tells the process that asked for it; by hand, with a profiler, it prints. */
export async function runCase(name: string, rounds: number): Promise<void> {
  const found = CASES.find((each) => each.name === name);
  if (found === undefined) throw new Error(`There is no case ${name}`);
  const open = await found.open();
  const result =
    typeof open === 'string'
      ? { rows: [], notes: [`Skipped ${name}: ${open}`] }
      : { rows: compare(name, open, rounds), notes: open.notes };
  if (process.send === undefined) console.log(JSON.stringify(result, undefined, 2));
  else process.send(result);
}

function compare(name: string, { comparisons }: OpenCase, rounds: number): Row[] {
  const subjects = [...new Set(comparisons.flatMap(({ ours, theirs }) => [ours, theirs]))];
  const timings = measureSideBySide(subjects, rounds);
  const timingOf = (subject: Subject): Timing => timings[subjects.indexOf(subject)]!;
  return comparisons.map((each) => toRow(name, each, timingOf(each.ours), timingOf(each.theirs)));
}

function toRow(caseName: string, comparison: Comparison, ours: Timing, theirs: Timing): Row {
  const { name, unit, peer, required } = comparison;
  const ratios = theirs.ns.map((ns, round) => ns / ours.ns[round]!);
  const cpuRatios = theirs.cpuNs.map((ns, round) => ns / ours.cpuNs[round]!);
  return {
    case: caseName,
    name,
    unit,
    peer,
    oursPerSecond: 1e9 / median(ours.ns),
    theirsPerSecond: 1e9 / median(theirs.ns),
    ratio: median(ratios),
    cpuRatio: median(cpuRatios),
    quickestRatio: theirs.quickestNs / ours.quickestNs,
    ratioMin: Math.min(...ratios),
    ratioMax: Math.max(...ratios),
    required,
  };
}

const HEADER = [
  'on the same input',
  'against',
  'ours',
  'theirs',
  'ratio',
  'CPU',
  'quickest',
  'required',
  'met',
];

function toCells(row: Row): string[] {
  const { ratio, required, unit } = row;
  return [
    row.name,
    row.peer,
    `${grouped(row.oursPerSecond)} ${unit}/s`,
    `${grouped(row.theirsPerSecond)}/s`,
    ratio.toFixed(2),
    row.cpuRatio.toFixed(2),
    row.quickestRatio.toFixed(2),
    required === undefined ? '' : required.toFixed(1),
    required === undefined ? '' : ratio >= required ? 'yes' : 'NO',
  ];
}
