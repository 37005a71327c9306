/** The examples do what they say, as a reader would run them. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { createAdminServer } from '../../src/admin/admin-server.ts';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import { startRespServer } from '../../src/publishing/resp-server.ts';
import { createWorld, until as untilInWorld } from '../admin/support.ts';
import { connect, until } from '../publishing/redis-testing.ts';
import { bookSnapshot, trade } from '../support/market-events.ts';
import { projectPath } from '../support/source-files.ts';

/** Runs an example until `isDone` finds what it wants in its output, then interrupts it. */
async function runExample(
  file: string,
  args: readonly string[],
  isDone: (output: string) => boolean,
  meanwhile: (output: string) => Promise<void> = () => Promise.resolve(),
): Promise<string> {
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], { cwd: projectPath('.') });
  const exit = once(child, 'exit');
  let output = '';
  const keep = (data: Buffer): void => void (output += data.toString());
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  try {
    await until(async () => {
      await meanwhile(output);
      return isDone(output) || child.exitCode !== null;
    });
  } finally {
    child.kill('SIGINT');
    await exit;
  }
  return output;
}

it('the client of the stream shows books and trades', async () => {
  const world = await createWorld();
  const server = await createAdminServer(world.options);
  await world.instruments.spawn('binance', 'BTC-USDT');
  await untilInWorld(() => world.actorStatus('binance:BTC-USDT') === 'running');
  await world.deliver('binance:BTC-USDT', [bookSnapshot({ sequence: 1 })]);
  let tradeId = 0;
  const output = await runExample(
    'examples/gateway-client.ts',
    [`${server.url.replace('http', 'ws')}/v1/stream`, 'binance:BTC-USDT'],
    (text) => text.includes('book [') && text.includes('trade buy'),
    () => world.deliver('binance:BTC-USDT', [trade({ tradeId: String(++tradeId) })]),
  );
  await server.close();
  await world.end();
  expect(output).toContain("book [ '100', '0.005' ] [ '100.1', '0.004' ]");
  expect(output).toContain('trade buy 0.002 100.05');
});

it('the subscriber of Redis shows what is there, then what comes, and nothing older', async () => {
  const server = await startRespServer({ port: 0, clock: systemClock, timers: systemTimers });
  const redis = await connect(server.port);
  const key = 'ticker:binance:BTC-USDT';
  const say = (epoch: number, seq: number, last: string): string =>
    JSON.stringify({ epoch, seq, status: 'live', last });
  await redis.set(key, say(2, 5, '91230.10'));
  const shown = await runExample(
    'examples/redis-subscriber.ts',
    [`redis://127.0.0.1:${server.port}`, key],
    (text) => text.includes('91231'),
    async (output) => {
      // A newer value that comes before the first one was read is shown in its place.
      if (!output.includes('91230.10')) return;
      await redis.publish(key, say(1, 9, '7'));
      await redis.publish(key, say(2, 6, '91231'));
    },
  );
  redis.disconnect();
  await server.close();
  expect(shown.split('\n').slice(0, 2)).toEqual([`${key} live 91230.10`, `${key} live 91231`]);
  expect(shown).not.toContain('live 7');
});

it('the subscriber in Python is Python', () => {
  const parse = 'import ast, sys; ast.parse(open(sys.argv[1]).read())';
  const python = spawnSync('python3', ['-c', parse, projectPath('examples/redis_subscriber.py')], {
    encoding: 'utf8',
  });
  // Where there is no Python there is nothing to be said.
  expect(python.error?.message ?? python.stderr).toMatch(/^$|ENOENT/);
});
