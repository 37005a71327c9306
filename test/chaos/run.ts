/** `npm run chaos -- --minutes 60 --seed 1 [--json FILE]`, `npm run chaos -- --cluster --faults 200 --seed 1`: exit code 1 with violations, 2 when the run could not be made, 130 when stopped. */
import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { runChaos } from './chaos-run.ts';
import type { ClusterReport } from './cluster/cluster-report.ts';
import { describeClusterReport } from './cluster/cluster-report.ts';
import { runClusterChaos } from './cluster/cluster-run.ts';
import type { ChaosReport } from './report.ts';
import { describeBudget, describeReport } from './report.ts';

const program = new Command('chaos')
  .description(
    'Destroy real nodes and what they depend on, and check afterwards that nothing was lost or doubled.',
  )
  .option('--minutes <n>', 'how long faults go on', parsePositive, 1)
  .option('--seed <n>', 'seed of markets and faults', parsePositive, 1)
  .option('--json <file>', 'write the report as JSON')
  .option('--budget', 'compare kills and freezes with those that a run of this length must hold')
  .option('--cluster', 'three nodes on Kafka in place of one')
  .option('--faults <n>', 'how many faults a cluster has to bear', parsePositive, 200)
  .option('--logs <folder>', 'keep what the nodes of a cluster log')
  .parse();
const { minutes, seed, json, budget, cluster, faults, logs } = program.opts<{
  minutes: number;
  seed: number;
  json?: string;
  budget?: true;
  cluster?: true;
  faults: number;
  logs?: string;
}>();

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());

let isLineOpen = false;
const say = (text: string): void => {
  if (isLineOpen) process.stdout.write('\n');
  isLineOpen = false;
  console.log(`▸ ${text}`);
};
/** One line that is written over on a terminal, a line each elsewhere. */
const onProgress = (text: string): void => {
  if (!process.stdout.isTTY) {
    say(text);
    return;
  }
  process.stdout.write(`\r\u001B[K▸ ${text}`);
  isLineOpen = true;
};
try {
  const surroundings = { seed, say, stop: stop.signal };
  let report: ClusterReport | ChaosReport;
  if (cluster === true) {
    report = await runClusterChaos({ ...surroundings, faults, logs, onProgress });
    say(describeClusterReport(report));
  } else {
    report = await runChaos({ ...surroundings, minutes });
    console.log(describeReport(report));
    if (budget === true) console.log(describeBudget(report));
  }
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, undefined, 2)}\n`);
  process.exit(report.violations.length === 0 ? 0 : 1);
} catch (error) {
  console.error(error instanceof Error && !stop.signal.aborted ? error.stack : String(error));
  process.exit(stop.signal.aborted ? 130 : 2);
}

function parsePositive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('wants a number above 0.');
  return value;
}
