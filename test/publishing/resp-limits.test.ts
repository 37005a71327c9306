/** What clients of the embedded server can't do to it, however many and greedy they are. */
import type { Socket } from 'node:net';
import { createConnection } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import { Channels, SUBSCRIPTIONS_MAX } from '../../src/publishing/channels.ts';
import { CLIENTS_MAX, startRespServer } from '../../src/publishing/resp-server.ts';
import { CLIENT_SUBSCRIPTIONS_MAX } from '../../src/publishing/resp-session.ts';
import { until } from './redis-testing.ts';

async function withServer(
  use: (open: () => Promise<Socket>) => Promise<void>,
  options: { buffersMaxBytes?: number } = {},
): Promise<void> {
  const server = await startRespServer({ port: 0, clock: systemClock, timers: systemTimers, ...options });
  const sockets: Socket[] = [];
  try {
    await use(async () => {
      const socket = createConnection({ port: server.port, host: '127.0.0.1' });
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.setEncoding('latin1');
      await once(socket, 'connect');
      return socket;
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    await server.close();
  }
}

/** Sends a command and returns all that comes back until `isWhole`. */
async function ask(socket: Socket, command: string, isWhole: (answer: string) => boolean): Promise<string> {
  let answer = '';
  const take = (chunk: unknown): void => void (answer += String(chunk));
  socket.on('data', take);
  socket.write(command);
  await until(() => isWhole(answer));
  socket.off('data', take);
  return answer;
}

test('one client has so many subscriptions, and those it has go on', async () => {
  await withServer(async (open) => {
    const socket = await open();
    const names = Array.from({ length: CLIENT_SUBSCRIPTIONS_MAX + 3 }, (_, index) => `channel-${index}`);
    const command = `*${names.length + 1}\r\n$9\r\nSUBSCRIBE\r\n${names.map((name) => `$${name.length}\r\n${name}\r\n`).join('')}`;
    const answer = await ask(socket, command, (text) => text.split('-ERR too many').length === 4);
    expect(answer).toContain(`:${CLIENT_SUBSCRIPTIONS_MAX}\r\n`);
    expect(answer).not.toContain(`:${CLIENT_SUBSCRIPTIONS_MAX + 1}\r\n`);
    const other = await open();
    await ask(other, 'PUBLISH channel-5 hello\r\n', (text) => text === ':1\r\n');
  });
});

test('all clients together have so many subscriptions, until some are given back', () => {
  const channels = new Channels();
  const listener = { push: () => undefined };
  for (let count = 0; count < SUBSCRIPTIONS_MAX; count++) {
    if (!channels.subscribe('channel', String(count), listener)) throw new Error(`refused ${count}`);
  }
  expect(channels.subscribe('pattern', 'one more', listener)).toBe(false);
  expect(channels.subscribe('channel', '7', listener)).toBe(true);
  channels.unsubscribe('channel', '8', listener);
  channels.unsubscribe('channel', '8', listener);
  expect(channels.subscribe('pattern', 'one more', listener)).toBe(true);
  expect(channels.subscribe('pattern', 'two more', listener)).toBe(false);
});

test('so many clients are connected, others are told', async () => {
  await withServer(async (open) => {
    const sockets = await Promise.all(Array.from({ length: CLIENTS_MAX }, () => open()));
    await Promise.all(sockets.map((socket) => ask(socket, 'PING\r\n', (text) => text === '+PONG\r\n')));
    const last = await open();
    await ask(last, '', (text) => text.startsWith('-ERR max number of clients reached'));
  });
});

test('requests that are never finished don’t fill the memory: whoever sends much of them is disconnected', async () => {
  await withServer(
    async (open) => {
      const quiet = await open();
      const greedy = await Promise.all(Array.from({ length: 6 }, () => open()));
      let closedCount = 0;
      for (const socket of greedy) {
        socket.on('close', () => closedCount++);
        socket.write(`*2\r\n$4\r\nPING\r\n$9000000\r\n${'x'.repeat(3_000_000)}`);
      }
      await until(() => closedCount > 0);
      expect(closedCount).toBeLessThan(greedy.length);
      await ask(quiet, 'PING\r\n', (text) => text === '+PONG\r\n');
    },
    { buffersMaxBytes: 12_000_000 },
  );
});
