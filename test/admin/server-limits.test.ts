/** What a client may take of the admin server: its time and memory are bounded before any route is asked. */
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { AdminServer } from '../../src/admin/admin-server.ts';
import { createAdminApp, createAdminServer } from '../../src/admin/admin-server.ts';
import type { World } from './support.ts';
import { createWorld } from './support.ts';

let world: World;
let server: AdminServer;
beforeAll(async () => {
  world = await createWorld();
  server = await createAdminServer(world.options);
});
afterAll(async () => {
  await server.close();
  await world.end();
});

function exchangeBytes(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ port: Number(new URL(server.url).port), host: '127.0.0.1' }, () =>
      socket.write(bytes),
    );
    socket.on('data', (data) => (answer += data.toString()));
    // The server hangs up while bytes are still on their way to it.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

it('gives a request 30 seconds to arrive, head and body, as long to a client that does not read, and a quiet connection 10', async () => {
  const app = await createAdminApp(world.options);
  expect(app.server.timeout).toBe(30_000);
  expect(app.server.requestTimeout).toBe(30_000);
  expect(app.server.headersTimeout).toBe(10_000);
  expect(app.server.keepAliveTimeout).toBe(10_000);
  await app.close();
});

it('hangs up on a client that asks for much and does not read, and leaves a stream alone', async () => {
  const app = await createAdminApp(world.options);
  await app.listen({ host: '127.0.0.1', port: 0 });
  app.server.setTimeout(200);
  const { port } = app.server.address() as AddressInfo;
  const ended: string[] = [];
  const reader = new WebSocket(`ws://127.0.0.1:${port}/v1/stream`);
  reader.once('close', () => ended.push('stream'));
  await new Promise((resolve) => reader.once('message', resolve));
  const asked = new Promise<Socket>((resolve) => app.server.once('connection', resolve));
  const client = connect({ port, host: '127.0.0.1' }).pause();
  client.on('error', () => undefined);
  client.write('GET /docs/static/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(30));
  const socket = await asked;
  await new Promise((resolve) => socket.once('close', resolve));
  expect(ended).toEqual([]);
  client.destroy();
  reader.terminate();
  await app.close();
});

it.each([
  ['one header of 64 KiB', `X: ${'a'.repeat(65_536)}\r\n`],
  [
    'a thousand headers',
    Array.from({ length: 1_000 }, (_, index) => `X-${index}: ${'a'.repeat(30)}\r\n`).join(''),
  ],
])('hangs up on %s', async (_what, headers) => {
  const answer = await exchangeBytes(`GET /health/live HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
  expect(answer).not.toContain(' 200 ');
});

it('hangs up on an address of 64 KiB', async () => {
  const answer = await exchangeBytes(`GET /${'a'.repeat(65_536)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  expect(answer).not.toContain(' 200 ');
});
