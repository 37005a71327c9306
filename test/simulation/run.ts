/**
 * `npm run sim -- --seeds N [--cluster] [--from S] [--workers W] [--trace]`: runs N seeds, of one node or of a cluster, tells what was violated and how to run that seed again, and ends
 * with the faults that were injected and the facts that were reached. `--hashes` prints each seed's trace hash.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Report } from './report.ts';
import type { SeedSummary } from './report.ts';
import { summarizeSeed } from './report.ts';
import { CLUSTER_FACTS, CLUSTER_FAULTS } from './cluster/cluster-faults.ts';
import { simulateCluster } from './cluster/simulate-cluster.ts';
import { NODE_FACTS, NODE_FAULTS } from './faults/fault-plan.ts';
import { simulateSeed } from './simulate.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    /** Several nodes over one log of events. */
    cluster: { type: 'boolean', default: false },
    from: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    hashes: { type: 'boolean', default: false },
    /** Ends with the first seed that fails. */
    bail: { type: 'boolean', default: false },
    /** Prints one line of JSON per seed and nothing else: what a worker does. */
    json: { type: 'boolean', default: false },
  },
});

const from = wholeNumber('from', values.from);
const count = wholeNumber('seeds', values.seeds);
const workers = wholeNumber('workers', values.workers);
const report = new Report(count, {
  withHashes: values.hashes,
  isCluster: values.cluster,
  wanted: values.cluster
    ? { faults: CLUSTER_FAULTS, facts: CLUSTER_FACTS }
    : { faults: NODE_FAULTS, facts: NODE_FACTS },
});
/** nact keeps every actor system that nobody stopped, and whoever kills a node stops none: a process that ran thousands of seeds had no memory left. */
const SEEDS_PER_PROCESS = 100;

if (workers > 1 || count > SEEDS_PER_PROCESS) {
  await Promise.all(Array.from({ length: workers }, (_, index) => runWorker(index)));
} else {
  for (let seed = from; seed < from + count; seed++) {
    take(summarizeSeed(await simulateOne(seed)));
    if (values.bail && report.failedCount > 0) break;
  }
}
if (!values.json) report.end();
process.exit(report.failedCount > 0 ? 1 : 0);

function take(summary: SeedSummary): void {
  if (values.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  else report.add(summary);
}

function simulateOne(seed: number): ReturnType<typeof simulateSeed> {
  const simulate = values.cluster ? simulateCluster : simulateSeed;
  return simulate(seed, values.trace ? (line) => process.stdout.write(`${line}\n`) : undefined);
}

async function runWorker(index: number): Promise<void> {
  const first = from + Math.floor((count * index) / workers);
  const end = from + Math.floor((count * (index + 1)) / workers);
  for (let start = first; start < end; start += SEEDS_PER_PROCESS) {
    await runProcess(start, Math.min(end, start + SEEDS_PER_PROCESS));
    if (values.bail && report.failedCount > 0) return;
  }
}

async function runProcess(first: number, end: number): Promise<void> {
  const args = [
    '--from',
    String(first),
    '--seeds',
    String(end - first),
    '--json',
    ...(values.cluster ? ['--cluster'] : []),
  ];
  const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let doneCount = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    report.add(JSON.parse(line) as SeedSummary);
    doneCount++;
    if (values.bail && report.failedCount > 0) return void child.kill();
  }
  if (doneCount < end - first) report.fail(`A worker ended before seed ${first + doneCount} was done`);
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  process.stderr.write(`--${name} must be a whole number of at least 1, was '${text}'\n`);
  process.exit(2);
}
