/** No secret is ever told: not in a log line, an answer, a metric or an error, however it is wrong or refused. */
import type { AddressInfo, Server } from 'node:net';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import { openDatabase } from '../../src/persistence/open-database.ts';
import { RedisPublisher } from '../../src/publishing/redis-publisher.ts';
import { describeSettings, loadSettings } from '../../src/settings.ts';
import { projectPath } from '../support/source-files.ts';

const SECRET = 'hunter2-s3cret';
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server that says `answer` to whatever it is told first; returns its port. */
async function listen(answer: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => socket.write(answer, 'latin1'));
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** The log as the commands have it, kept as text. */
function createLog() {
  const lines: string[] = [];
  return { log: pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) }), lines };
}

/** Everything that could be shown of a failure, as its own text and as the log writes it. */
async function shownOf(fail: () => unknown): Promise<string> {
  const { log, lines } = createLog();
  try {
    await fail();
  } catch (error) {
    log.error({ err: error }, String(error));
    return [String(error), (error as Error).stack, ...lines].join('\n');
  }
  throw new Error('It was expected to fail');
}

describe('a wrong setting', () => {
  it.each([
    { TAMPINES_POSTGRES_URL: `mysql://u:${SECRET}@host/x` },
    { TAMPINES_REDIS_URL: `http://u:${SECRET}@host/x` },
    { TAMPINES_POSTGRES_URL: `postgres://u:${SECRET}@host/x`, TAMPINES_ADMIN_PORT: 'x' },
    { TAMPINES_ADMIN_TOKENS: SECRET },
    { TAMPINES_KAFKA_SASL_PASSWORD: SECRET, TAMPINES_KAFKA_SASL_MECHANISM: 'plain' },
    { TAMPINES_ADMIN_TOKENS: `a:${SECRET}-0123,a:${SECRET}-4567` },
    { TAMPINES_ADMIN_TOKEN: SECRET, TAMPINES_REDIS_URL: `redis://u:${SECRET}@host/x`, TAMPINES_NOTHING: '1' },
  ])('repeats no secret: %j', async (environment) => {
    const shown = await shownOf(() => {
      const { settings } = loadSettings({ environment });
      return new RedisPublisher({
        url: settings.redis.url,
        clock: systemClock,
        timers: systemTimers,
        random: () => 0,
        log: createLog().log,
        keyTtlMs: 1_000,
        closedCandlesMax: 1,
      });
    });
    expect(shown).not.toContain(SECRET);
  });

  it('and a right one are described without their values', () => {
    const environment = {
      TAMPINES_POSTGRES_URL: `postgres://u:${SECRET}@host/x`,
      TAMPINES_REDIS_URL: `redis://u:${SECRET}@host`,
      TAMPINES_ADMIN_TOKEN: SECRET,
      TAMPINES_ADMIN_TOKENS: `alice:${SECRET}-of-alice`,
      TAMPINES_KAFKA_SASL_PASSWORD: SECRET,
    };
    const { settings, origins } = loadSettings({ environment });
    const described = describeSettings(settings, origins);
    expect(JSON.stringify(described)).not.toContain(SECRET);
    expect(described.filter(({ value }) => value === 'set')).toHaveLength(5);
  });
});

describe('Postgres', () => {
  const refusal = 'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "u"\0\0';
  const length = Buffer.alloc(4);
  length.writeInt32BE(refusal.length + 4);

  it.each([
    ['that refuses the password', `E${length.toString('latin1')}${refusal}`],
    ['that is none', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ])('%s makes no error or line tell it', async (_what, answer) => {
    const port = await listen(answer);
    const { log, lines } = createLog();
    const location = { url: `postgres://u:${SECRET}@127.0.0.1:${port}/x` };
    const shown = await shownOf(() => openDatabase({ location, timers: systemTimers, log }));
    expect(shown + lines.join('')).not.toContain(SECRET);
  });

  it.each([`postgres://u:${SECRET}@127.0.0.1:99999/x`, `postgres://u:${SECRET}%zz@127.0.0.1:1/x`])(
    'by an address that is none makes no error tell it',
    async (url) => {
      const { log, lines } = createLog();
      const shown = await shownOf(() => openDatabase({ location: { url }, timers: systemTimers, log }));
      expect(shown + lines.join('')).not.toContain(SECRET);
    },
  );
});

describe('Redis', () => {
  it('that refuses the password makes no line or metric tell it', async () => {
    const refusal = '-WRONGPASS invalid username-password pair or user is disabled.\r\n';
    // One for each command of the greeting.
    const port = await listen(refusal.repeat(4));
    const { log, lines } = createLog();
    const publisher = new RedisPublisher({
      url: `redis://u:${SECRET}@127.0.0.1:${port}`,
      clock: systemClock,
      timers: systemTimers,
      random: () => 0,
      log,
      keyTtlMs: 1_000,
      closedCandlesMax: 1,
    });
    publisher.publish([{ key: 'k', epoch: 1, seq: 1, value: '{}', kind: 'latest' }]);
    await expect.poll(() => lines.length, { timeout: 20_000 }).toBeGreaterThan(0);
    publisher.close();
    expect(lines.join('')).toContain('Redis is away');
    expect(lines.join('') + JSON.stringify(publisher.metrics)).not.toContain(SECRET);
  });
});

it('a node that can not start tells no secret on its way out', async () => {
  const port = await listen('HTTP/1.1 400 Bad Request\r\n\r\n');
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'src/cli/tampines.ts', 'start', '--set', 'log.level=debug', '--set', 'admin.port=0'],
    {
      cwd: projectPath('.'),
      env: {
        PATH: process.env['PATH'],
        TAMPINES_POSTGRES_URL: `postgres://u:${SECRET}@127.0.0.1:${port}/x`,
        TAMPINES_REDIS_URL: `redis://u:${SECRET}@127.0.0.1:${port}`,
        TAMPINES_ADMIN_TOKEN: SECRET,
      },
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)));
  await once(child, 'close');
  expect(output).toContain('Postgres');
  expect(output).not.toContain(SECRET);
});
