/** The simulation as CI runs it, in processes of its own: it takes over what else would be shared with the test runner. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const RUN = fileURLToPath(new URL('run.ts', import.meta.url));
const SEEDS = 200;
const CLUSTER_SEEDS = 40;
const TIMEOUT_MS = 900_000;

type Outcome = { readonly code: number; readonly output: string };

function run(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--import', 'tsx', RUN, ...args],
      { maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : 1, output: stdout + stderr });
      },
    );
  });
}

const hashesIn = (output: string): string[] => output.match(/^\d+ [0-9a-f]{16}$/gm) ?? [];

test(
  `${SEEDS} seeds break no rule`,
  async () => {
    const { code, output } = await run('--seeds', String(SEEDS), '--workers', '2');
    expect(output).toMatch(new RegExp(`${SEEDS} seeds, 0 failed`));
    expect(code).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  `${CLUSTER_SEEDS} seeds of a cluster break no rule`,
  async () => {
    const { code, output } = await run('--cluster', '--seeds', String(CLUSTER_SEEDS), '--workers', '2');
    expect(output).toMatch(new RegExp(`${CLUSTER_SEEDS} seeds, 0 failed`));
    expect(code).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  'a seed of a cluster happens in the same way each time',
  async () => {
    const [first, again] = await Promise.all([
      run('--cluster', '--seeds', '2', '--from', '7', '--hashes'),
      run('--cluster', '--seeds', '2', '--from', '7', '--hashes'),
    ]);
    expect(hashesIn(first.output)).toHaveLength(2);
    expect(hashesIn(again.output)).toEqual(hashesIn(first.output));
  },
  TIMEOUT_MS,
);

test(
  'a seed happens in the same way each time, alone or after others, in this process or the next',
  async () => {
    const [together, again, alone] = await Promise.all([
      run('--seeds', '3', '--from', '11', '--hashes'),
      run('--seeds', '3', '--from', '11', '--hashes'),
      run('--seeds', '1', '--from', '13', '--hashes'),
    ]);
    const hashes = hashesIn(together.output);
    expect(hashes).toHaveLength(3);
    expect(hashesIn(again.output)).toEqual(hashes);
    expect(hashesIn(alone.output)).toEqual(hashes.slice(2));
  },
  TIMEOUT_MS,
);
