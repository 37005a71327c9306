/**
 * Runs the quick tests on Node 24, whatever Node runs this: the npm packages `node-<platform>-<arch>` carry its binary, and none of their
 * install scripts has to run.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const platform = process.platform === 'win32' ? 'win' : process.platform;
const packageName = `node-${platform}-${process.arch}`;
const folder = mkdtempSync(join(tmpdir(), 'tampines-node-24-'));

process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

console.log(`installing ${packageName}@24`);
run('npm', ['install', '--prefix', folder, '--no-save', '--ignore-scripts', `${packageName}@24`]);
const node = join(
  folder,
  'node_modules',
  packageName,
  'bin',
  process.platform === 'win32' ? 'node.exe' : 'node',
);
run(node, ['--version']);
// Vitest starts its workers with the Node that runs it; children that tests start find the same one first in PATH.
run(node, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--project', 'quick', '--reporter', 'dot'], {
  PATH: `${join(node, '..')}:${process.env.PATH}`,
});

function run(command, parameters, environment = {}) {
  const { status, error } = spawnSync(command, parameters, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  if (error !== undefined) console.error(`${command} could not be started: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}
