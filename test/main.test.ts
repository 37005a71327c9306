import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { loadSettings } from '../src/settings.ts';
import pg from 'pg';
import { RecordingLog } from './support/recording-log.ts';
import { cannotListen, cannotStartYet, startNode } from '../src/main.ts';

test('an exchange that does not exist is refused before anything starts, and the message names those that do', async () => {
  const { settings, origins } = loadSettings({ assignments: ['exchanges.kracken.wsUrl=ws://127.0.0.1:1'] });
  const silent = () => undefined;
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  await expect(startNode({ settings, origins, log })).rejects.toMatchObject({
    code: 'SETTINGS_INVALID',
    message: expect.stringMatching(
      /^Settings are not valid: exchanges\.kracken: no such exchange; .*kraken/,
    ) as string,
  });
});

test('a role without a cluster is refused before anything starts, and the message says what to set', async () => {
  const { settings, origins } = loadSettings({ assignments: ['node.roles=compute'] });
  await expect(startNode({ settings, origins, log: new RecordingLog() })).rejects.toMatchObject({
    code: 'SETTINGS_INVALID',
    message:
      'Settings are not valid: node.roles is compute, and there is no cluster: set kafka.brokers, or take node.roles (--role) out; a node on its own does everything',
  });
});

test('a taken port of the admin REST is told by the setting to change', async () => {
  const holder = net.createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as AddressInfo;
  const cause = await new Promise<Error>((resolve) => {
    net.createServer().on('error', resolve).listen(port, '127.0.0.1');
  });
  holder.close();
  const { settings } = loadSettings({ assignments: [`admin.port=${port}`] });
  expect(cannotListen(settings, cause)).toMatchObject({
    code: 'SETTINGS_INVALID',
    message: expect.stringMatching(
      /^Cannot listen on 127\.0\.0\.1:\d+ .*EADDRINUSE.*set admin\.port/,
    ) as string,
  });
  const other = new Error('something else');
  expect(cannotListen(settings, other)).toBe(other);
});

test('a Postgres whose disk is full at the start is an expected failure that says so, a fault of the program is none', () => {
  const full = new pg.DatabaseError('could not extend file: No space left on device', 1, 'error');
  full.code = '53100';
  expect(cannotStartYet(full)).toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringContaining('No space left on device') as string,
  });
  const fault = new TypeError('x is not a function');
  expect(cannotStartYet(fault)).toBe(fault);
});
