/**
 * `npm run crash-points -- [--stride N] [--pairs all] [--only K,Q]`: kills a recording's replay at every crash point in turn and once more in the
 * recovery from it, and compares what is left with the undisturbed run, byte by byte. By default each first point meets one point of the recovery,
 * all of them taking turns; `--pairs all` tries every first point with every point of the recovery.
 */
import { parseArgs } from 'node:util';
import type { CrashRun, Outcome } from './crash-run.ts';
import { runWithCrashes } from './crash-run.ts';
import { readMarket } from './recorded-market.ts';

const SEED = 20261121;

const { values } = parseArgs({
  options: {
    stride: { type: 'string', default: '1' },
    pairs: { type: 'string', default: 'each' },
    only: { type: 'string' },
  },
});

const market = await readMarket();
const undisturbed = await runWithCrashes(market, SEED, []);
const points = undisturbed.reachedCounts[0]!;
// A life that has something to recover from takes more steps for it than the first one.
const halfway = await runWithCrashes(market, SEED, [points >> 1]);
const { recoveryPoints } = halfway;
const trials = values.only === undefined ? allTrials() : [values.only.split(',').map(Number)];
let failedCount = 0;
const placesReached = new Set<string>();

for (const [index, kills] of trials.entries()) {
  const run = await runWithCrashes(market, SEED, kills);
  for (const where of run.killedWhere) placesReached.add(where);
  const differences = differencesOf(run.outcome, undisturbed.outcome);
  if (run.killedWhere.length !== kills.length) differences.push('a life that was to be killed lived on');
  if (differences.length > 0) report(kills, run, differences);
  if (process.stderr.isTTY)
    process.stderr.write(`\r${index + 1} of ${trials.length}, ${failedCount} differ `);
}
console.log(
  `${points} crash points and ${recoveryPoints} in a recovery, ${trials.length} runs, ${placesReached.size} kinds of place, ${failedCount} differ`,
);
process.exit(failedCount > 0 ? 1 : 0);

function allTrials(): number[][] {
  const pairs: number[][] = [];
  for (let first = 1; first < points; first += Number(values.stride)) {
    if (values.pairs === 'all') {
      for (let second = 1; second <= recoveryPoints; second++) pairs.push([first, second]);
    } else {
      pairs.push([first], [first, 1 + ((first * 7) % recoveryPoints)]);
    }
  }
  return pairs;
}

function differencesOf(was: Outcome, expected: Outcome): string[] {
  return (Object.keys(expected) as (keyof Outcome)[]).flatMap((part) => {
    const [wasText, expectedText] = [JSON.stringify(was[part]), JSON.stringify(expected[part])];
    if (wasText === expectedText) return [];
    let at = 0;
    while (wasText[at] === expectedText[at]) at++;
    const from = Math.max(0, at - 120);
    return [
      `${part}: expected …${expectedText.slice(from, at + 160)}…\n    was …${wasText.slice(from, at + 160)}…`,
    ];
  });
}

function report(kills: readonly number[], { killedWhere }: CrashRun, differences: readonly string[]): void {
  failedCount++;
  console.log(`\nkilled at ${kills.join(' and then ')} (${killedWhere.join('; ')}):`);
  for (const difference of differences) console.log(`  ${difference}`);
  console.log(`  again: npm run crash-points -- --only ${kills.join(',')}`);
}
