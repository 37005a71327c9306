/** Lets every call of a run meet every fate it may have, one a run, and tells which runs differ. */
import { parseArgs } from 'node:util';
import type { Call, Trial } from './cluster/call-points.ts';
import { trialsOf } from './cluster/call-points.ts';

type TrialRun = {
  readonly calls: readonly Call[];
  readonly struck: Call | undefined;
  readonly violations: readonly unknown[];
};

/**
 * `--each N` on the command line: of the calls of one name N, spread over the run. Returns how many runs differ.
 * @param countsOf what the undisturbed run had besides its calls, as text
 */
export async function runTrials<Run extends TrialRun>(
  run: (trial: Trial | undefined) => Promise<Run>,
  countsOf: (undisturbed: Run) => string,
): Promise<number> {
  const { values } = parseArgs({ options: { each: { type: 'string', default: 'Infinity' } } });
  let failedCount = 0;
  let struckCount = 0;
  const tell = (what: string, violations: readonly unknown[]): void => {
    failedCount++;
    console.log(`\n${what}: ${violations.length} violations`);
    for (const violation of violations.slice(0, 3))
      console.log(`  ${JSON.stringify(violation).slice(0, 900)}`);
  };
  const undisturbed = await run(undefined);
  if (undisturbed.violations.length > 0) tell('undisturbed', undisturbed.violations);
  const { calls } = undisturbed;
  const trials = trialsOf(calls, Number(values.each));
  for (const trial of trials) {
    const { struck, violations } = await run(trial);
    const what = `${trial.fate}, ${trial.nth} × ${trial.name}`;
    if (struck === undefined) tell(what, ['the call was never made']);
    else struckCount++;
    if (violations.length > 0) tell(what, violations);
  }
  const kinds = [...new Set(calls.map(({ name }) => name))].sort();
  for (const kind of kinds) console.log(`${calls.filter(({ name }) => name === kind).length} × ${kind}`);
  console.log(
    `${calls.length} calls of ${kinds.length} names, ${countsOf(undisturbed)}, ${trials.length} runs, ${struckCount} struck, ${failedCount} differ`,
  );
  return failedCount;
}
