/**
 * `npm run crash-points:ingest [-- --each N]`: lets every call that nodes which feed the log make to Kafka and to the table of leases meet every fate it
 * may have, one a run. `--each N`: of the calls of one name N, spread over the run.
 */
import { parseArgs } from 'node:util';
import { trialsOf } from '../cluster/call-points.ts';
import { runIngest } from './ingest-run.ts';

const { values } = parseArgs({
  options: { each: { type: 'string', default: 'Infinity' } },
});

let failedCount = 0;
let struckCount = 0;
const undisturbed = await runIngest(undefined);
if (undisturbed.violations.length > 0) tell('undisturbed', undisturbed.violations);
const { calls, recordCount, tradeCount } = undisturbed;
const trials = trialsOf(calls, Number(values.each));
for (const trial of trials) {
  const { struck, violations } = await runIngest(trial);
  const what = `${trial.fate}, ${trial.nth} × ${trial.name}`;
  if (struck === undefined) tell(what, ['the call was never made']);
  else struckCount++;
  if (violations.length > 0) tell(what, violations);
}
const kinds = [...new Set(calls.map(({ name }) => name))].sort();
for (const kind of kinds) console.log(`${calls.filter(({ name }) => name === kind).length} × ${kind}`);
console.log(
  `${calls.length} calls of ${kinds.length} names, ${recordCount} records, ${tradeCount} trades, ${trials.length} runs, ${struckCount} struck, ${failedCount} differ`,
);
process.exit(failedCount > 0 ? 1 : 0);

function tell(what: string, violations: readonly unknown[]): void {
  failedCount++;
  console.log(`\n${what}: ${violations.length} violations`);
  for (const violation of violations.slice(0, 3)) console.log(`  ${JSON.stringify(violation).slice(0, 900)}`);
}
