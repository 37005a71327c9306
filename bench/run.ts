/**
 * `npm run bench`: measures the hot paths. `--only book,stages` chooses groups, `--match kraken` benchmarks by a part of their name,
 * `--json <file>` writes the figures down.
 */
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { only: { type: 'string' }, match: { type: 'string' }, json: { type: 'string' } },
});

if (import.meta.url.endsWith('.ts')) {
  const { runCompiled } = await import('./harness/compile.ts');
  process.exitCode = await runCompiled({
    entry: 'bench/run.ts',
    output: '.bench/compiled',
  });
} else {
  const { runGroups } = await import('./run-groups.ts');
  await runGroups(values);
}
