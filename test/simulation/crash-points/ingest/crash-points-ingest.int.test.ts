/** Two calls of each kind that nodes make which feed the log. In a process of its own, for the simulation takes over what it would share with the test runner. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const RUN = fileURLToPath(new URL('run.ts', import.meta.url));
const TIMEOUT_MS = 600_000;
/** Fewer would mean that the counting shrank, and with it what is tried. */
const NAMES = 9;
const RUNS_MIN = 50;

test(
  'whatever becomes of a call to Kafka’s producer or the table of leases: the log has the books of the exchanges, and every trade',
  async () => {
    const output = await new Promise<string>((resolve) => {
      execFile(process.execPath, ['--import', 'tsx', RUN, '--each', '2'], (_error, stdout, stderr) => {
        resolve(stdout + stderr);
      });
    });
    const [, names, runs, struck, differ] =
      /^\d+ calls of (\d+) names, .* (\d+) runs, (\d+) struck, (\d+) differ$/m.exec(output) ?? [];
    expect(differ, output).toBe('0');
    expect(Number(names)).toBe(NAMES);
    expect(Number(runs)).toBeGreaterThanOrEqual(RUNS_MIN);
    expect(struck).toBe(runs);
  },
  TIMEOUT_MS,
);
