/** A crash is only a pause, wherever it comes. In a process of its own, for the simulation takes over what it would share with the test runner. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const RUN = fileURLToPath(new URL('run.ts', import.meta.url));
const TIMEOUT_MS = 900_000;
/** Fewer would mean that the recording or the counting shrank, and with it what is tried. */
const POINTS_MIN = 1_000;
const RECOVERY_POINTS_MIN = 30;

test(
  'killed at every crash point, and once more in the recovery from it: state, tables and documents as if never disturbed',
  async () => {
    const output = await new Promise<string>((resolve) => {
      execFile(process.execPath, ['--import', 'tsx', RUN, '--stride', '2'], (_error, stdout, stderr) => {
        resolve(stdout + stderr);
      });
    });
    const [, points, recoveryPoints, runs, differ] =
      /^(\d+) crash points and (\d+) in a recovery, (\d+) runs, \d+ kinds of place, (\d+) differ$/m.exec(
        output,
      ) ?? [];
    expect(differ, output).toBe('0');
    expect(Number(points)).toBeGreaterThan(POINTS_MIN);
    expect(Number(recoveryPoints)).toBeGreaterThan(RECOVERY_POINTS_MIN);
    expect(Number(runs)).toBeGreaterThanOrEqual(Number(points) - 2);
  },
  TIMEOUT_MS,
);
