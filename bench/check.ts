/**
 * `npm run bench:check`: has the hot path become slower? Runs the groups that need nothing but this process, as multiples of a calibration loop,
 * and compares them with `bench/baseline.json`; ends with 1 where one takes much more than it did. `--write` stores what is measured now.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });

if (import.meta.url.endsWith('.ts')) {
  const { runCompiled } = await import('./harness/compile.ts');
  process.exitCode = await runCompiled({
    entry: 'bench/check.ts',
    output: '.bench/check',
  });
} else {
  const { checkAgainst } = await import('./run-check.ts');
  process.exitCode = await checkAgainst(join(process.cwd(), 'bench/baseline.json'), values);
}
