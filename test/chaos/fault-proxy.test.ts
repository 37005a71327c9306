/** Each fault of the proxy does to a connection what it is named for; a proxy that spoils nothing would prove nothing. */
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FaultProxy } from './fault-proxy.ts';

let server: Server;
let proxy: FaultProxy;
const clients: Client[] = [];

/** Answers with what it is sent. */
beforeEach(async () => {
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await FaultProxy.start((server.address() as AddressInfo).port);
});

afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  await proxy.close();
  server.close();
});

type Client = { readonly socket: Socket; readonly ended: Promise<string>; text: string };

function open(): Client {
  const socket = connect(proxy.port, '127.0.0.1');
  const ended = new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    socket.on('close', () => resolve('closed'));
  });
  const client: Client = { socket, ended, text: '' };
  socket.on('data', (bytes: Buffer) => (client.text += bytes.toString('utf8')));
  clients.push(client);
  return client;
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(5);
}

it('without a fault it passes everything, however much', async () => {
  const client = open();
  const sent = 'x'.repeat(4_000_000);
  client.socket.write(sent);
  await until(() => client.text.length === sent.length);
  expect(client.text).toBe(sent);
});

it('a cut resets what is open, and lets new connections through', async () => {
  const client = open();
  client.socket.write('a');
  await until(() => client.text === 'a');
  proxy.cut();
  expect(await client.ended).toBe('ECONNRESET');
  const next = open();
  next.socket.write('b');
  await until(() => next.text === 'b');
});

it('refused connections are reset, while those that are open go on', async () => {
  const before = open();
  before.socket.write('a');
  await until(() => before.text === 'a');
  proxy.setFault({ kind: 'refuse' });
  expect(await open().ended).toBe('ECONNRESET');
  before.socket.write('b');
  await until(() => before.text === 'ab');
});

it('a half-open connection swallows for good, also when all is healed, until it is reset', async () => {
  const client = open();
  client.socket.write('a');
  await until(() => client.text === 'a');
  proxy.setFault({ kind: 'halfOpen' });
  client.socket.write('b');
  const meanwhile = open();
  meanwhile.socket.write('c');
  await until(() => proxy.connectionCount === 2);
  proxy.heal();
  const after = open();
  after.socket.write('d');
  await until(() => after.text === 'd');
  client.socket.write('e');
  after.socket.write('f');
  await until(() => after.text === 'df');
  expect([client.text, meanwhile.text]).toEqual(['a', '']);
  proxy.resetDead();
  expect(await Promise.all([client.ended, meanwhile.ended])).toEqual(['ECONNRESET', 'ECONNRESET']);
  after.socket.write('g');
  await until(() => after.text === 'dfg');
});

it('a delay holds everything back, in order, and what waits comes once it is healed', async () => {
  const client = open();
  client.socket.write('a');
  await until(() => client.text === 'a');
  proxy.setFault({ kind: 'delay', delayMs: 3_600_000 });
  client.socket.write('b');
  await until(() => proxy.waitingBytes > 0);
  expect(client.text).toBe('a');
  client.socket.write('c');
  proxy.heal();
  await until(() => client.text.length === 3);
  expect(client.text).toBe('abc');
});

it('a drip lets no more through than it says, and everything in the end', async () => {
  const client = open();
  proxy.setFault({ kind: 'drip', bytesPerSecond: 200 });
  const sent = 'x'.repeat(30);
  client.socket.write(sent);
  await until(() => client.text.length > 0);
  // One piece each way is ten bytes; the rest waits for its turn.
  expect(client.text.length).toBeLessThan(sent.length);
  await until(() => client.text === sent);
});
