/** Real processes whose event loop hangs, or only looks as if it did. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { projectPath } from '../support/source-files.ts';

function run(what: string, blockedMaxMs: number) {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', projectPath('test/support/watched-loop-process.ts'), what, String(blockedMaxMs)],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')));
  const ready = once(child.stdout, 'data');
  const ended = once(child, 'close').then(([code, signal]: unknown[]) => ({ code, signal, output, errors }));
  return { child, ready, ended };
}

test('a loop that does not turn for longer than allowed ends the process, with words', async () => {
  expect(await run('for-ever', 500).ended).toMatchObject({
    code: null,
    signal: 'SIGABRT',
    errors: expect.stringContaining('blocked for more than 500 ms (node.blockedMaxMs)') as string,
  });
});

test('a loop that is busy but turns, and a watchdog that is off, let the process go on', async () => {
  expect(await run('now-and-then', 10_000).ended).toMatchObject({
    code: 0,
    output: 'ready\ndone\n',
    errors: '',
  });
  expect(await run('now-and-then', 0).ended).toMatchObject({ code: 0, output: 'ready\ndone\n', errors: '' });
});

test('a process that was stopped for longer than allowed and continued is not taken for one that hangs', async () => {
  const { child, ready, ended } = run('pause', 1_500);
  await ready;
  child.kill('SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  child.kill('SIGCONT');
  expect(await ended).toMatchObject({ code: 0, errors: '' });
});
