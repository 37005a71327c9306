/**
 * `npm run crash-points:cluster -- [--each N]` with TEST_DATABASE_URL: lets every call that nodes make to Postgres and Kafka meet every
 * fate it may have, one a run. `--each N`: of the calls of one name N, spread over the run.
 */
import { parseArgs } from 'node:util';
import { trialsOf } from './call-points.ts';
import { RealPostgres } from './real-postgres.ts';
import { PARTITIONS, runShards } from './shard-run.ts';

const { values } = parseArgs({
  options: { each: { type: 'string', default: 'Infinity' } },
});

const url = process.env['TEST_DATABASE_URL'];
if (url === undefined)
  throw new Error('TEST_DATABASE_URL is not set: crash points of a cluster need a Postgres');
const postgres = await RealPostgres.open(url, `crash_points_${process.pid}`, PARTITIONS);
let failedCount = 0;
try {
  const undisturbed = await runShards(postgres, undefined);
  if (undisturbed.violations.length > 0) tell('undisturbed', undisturbed.violations);
  const { calls } = undisturbed;
  const trials = trialsOf(calls, Number(values.each));
  let struckCount = 0;
  for (const trial of trials) {
    const { struck, violations } = await runShards(postgres, trial);
    const what = `${trial.fate}, ${trial.nth} × ${trial.name}`;
    if (struck === undefined) tell(what, ['the call was never made']);
    else struckCount++;
    if (violations.length > 0) tell(what, violations);
  }
  const kinds = [...new Set(calls.map(({ name }) => name))].sort();
  for (const kind of kinds) console.log(`${calls.filter(({ name }) => name === kind).length} × ${kind}`);
  console.log(
    `${calls.length} calls of ${kinds.length} names, ${undisturbed.recordCount} records, ${trials.length} runs, ${struckCount} struck, ${failedCount} differ`,
  );
} finally {
  await postgres.close();
}
process.exit(failedCount > 0 ? 1 : 0);

function tell(what: string, violations: readonly unknown[]): void {
  failedCount++;
  console.log(`\n${what}: ${violations.length} violations`);
  for (const violation of violations.slice(0, 3)) console.log(`  ${JSON.stringify(violation).slice(0, 900)}`);
}
