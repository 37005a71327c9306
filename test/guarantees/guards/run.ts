/**
 * `npm run test:guards`: removes each guard in a copy of the project and demands that the tests named for it fail.
 *
 *   --only TEXT    guards whose name, file or rule (`rule 4`) has this in it
 *   --explore      runs the named files whole and shows everything that fails: for choosing the tests of a new guard
 *   --write FILE   writes the table into that page, between its two marks; wants all guards
 */
import { parseArgs } from 'node:util';
import { projectPath } from '../../support/source-files.ts';
import type { Guard, GuardTest } from './guard.ts';
import { guards } from './guards.ts';
import type { SeenGuard } from './page.ts';
import { titleOf, writePage } from './page.ts';
import { ProjectCopy } from './project-copy.ts';
import { runTests } from './run-tests.ts';
import { startServices } from './services.ts';
import { findFalseStarts, judge } from './verdict.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    explore: { type: 'boolean', default: false },
    write: { type: 'string' },
  },
});

const wanted = options.only?.toLowerCase();
const chosen = guards.filter(({ name, file, holds }) =>
  wanted === undefined ? true : `${titleOf(holds)} ${name} ${file}`.toLowerCase().includes(wanted),
);
if (chosen.length === 0) throw new Error(`No guard has '${options.only}' in its name, file or rule`);
if (options.write !== undefined && (wanted !== undefined || options.explore)) {
  throw new Error('--write wants all guards: leave --only and --explore out');
}

const copy = new ProjectCopy();
let stopServices: (() => Promise<void>) | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    copy.remove();
    void Promise.resolve(stopServices?.()).finally(() => process.exit(1));
  });
}
try {
  process.exitCode = await run();
} finally {
  copy.remove();
  await stopServices?.();
}

async function run(): Promise<number> {
  const mismatches = copy.findMismatches(chosen);
  for (const mismatch of mismatches) console.log(`✘ ${mismatch}`);
  if (mismatches.length > 0) return 1;

  let environment = process.env;
  if (chosen.some(({ tests }) => tests.some(wantsServices))) {
    const services = await startServices();
    stopServices = services.stop;
    environment = { ...environment, ...services.environment };
  }
  const run = (tests: readonly GuardTest[], isWhole: boolean) =>
    runTests(copy.folder, tests, { isWhole, environment });

  if (!options.explore) {
    const before = await run(
      chosen.flatMap(({ tests }) => tests),
      false,
    );
    const falseStarts = findFalseStarts(chosen, before);
    for (const falseStart of falseStarts) console.log(`✘ ${falseStart}`);
    if (falseStarts.length > 0) return 1;
    console.log(`${chosen.length} guards in place: ${before.outcomes.length} tests green`);
  }

  const seen: SeenGuard[] = [];
  let unnoticed = 0;
  for (const guard of chosen) {
    const outcome = await copy.without(guard, () => run(guard.tests, options.explore));
    const verdict = judge(guard, outcome);
    console.log(`${verdict.isNoticed ? '✔' : '✘'} ${titleOf(guard.holds)}: ${guard.name}  (${guard.file})`);
    if (!verdict.isNoticed) console.log(`    not noticed: ${verdict.why}`);
    for (const { status, file, name, message } of outcome.outcomes) {
      if (status === 'failed') console.log(`    red: ${file}: ${name}\n         ${message}`);
    }
    if (verdict.isNoticed) seen.push({ guard, failures: verdict.failures });
    else unnoticed++;
  }
  console.log(`${chosen.length} guards removed, ${unnoticed} unnoticed`);
  if (unnoticed === 0 && options.write !== undefined) writePage(projectPath(options.write), seen);
  return unnoticed === 0 ? 0 : 1;
}

function wantsServices({ file }: Guard | GuardTest): boolean {
  return file.endsWith('.int.test.ts');
}
