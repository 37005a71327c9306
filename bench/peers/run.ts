/**
 * `npm run bench:peers`: the exact core against tardis-dev and ccxt, on the same input in the same run. `--match kraken` chooses cases by a
 * part of their name, `--rounds 15` how often each has its turn, `--json <file>` writes the figures down.
 */
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    match: { type: 'string' },
    rounds: { type: 'string', default: '15' },
    json: { type: 'string' },
    // One case in this process: what the others are started with, and a profiler.
    case: { type: 'string' },
  },
});

if (import.meta.url.endsWith('.ts')) {
  const { installPeers } = await import('./peer-packages.ts');
  const { runCompiled } = await import('../harness/compile.ts');
  installPeers();
  // Beside the peers: it is thrown away with them, and is nobody's who measures something else at the same time.
  process.exitCode = await runCompiled({
    entry: 'bench/peers/run.ts',
    output: 'bench/peers/node_modules/.cache/compiled',
  });
} else {
  const { runCase, runCases } = await import('./run-cases.ts');
  const rounds = Number.parseInt(values.rounds, 10);
  if (!(rounds > 0)) throw new Error(`--rounds: expected a number above 0, was ${values.rounds}`);
  if (values.case !== undefined) await runCase(values.case, rounds);
  else if (!(await runCases({ match: values.match, rounds, json: values.json }))) process.exitCode = 1;
}
