/** `npm run chaos -- --minutes 60 --seed 1 [--json FILE]`: exit code 1 with violations, 2 when the run could not be made, 130 when stopped. */
import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { runChaos } from './chaos-run.ts';
import { describeBudget, describeReport } from './report.ts';

const program = new Command('chaos')
  .description(
    'Destroy real nodes and what they depend on, and check afterwards that nothing was lost or doubled.',
  )
  .option('--minutes <n>', 'how long faults go on', parsePositive, 1)
  .option('--seed <n>', 'seed of markets and faults', parsePositive, 1)
  .option('--json <file>', 'write the report as JSON')
  .option('--budget', 'compare kills and freezes with those that a run of this length must hold')
  .parse();
const { minutes, seed, json, budget } = program.opts<{
  minutes: number;
  seed: number;
  json?: string;
  budget?: true;
}>();

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());

const say = (text: string): void => console.log(`▸ ${text}`);
try {
  const report = await runChaos({ minutes, seed, say, stop: stop.signal });
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, undefined, 2)}\n`);
  console.log(describeReport(report));
  if (budget === true) console.log(describeBudget(report));
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
