/** A Postgres that ends a session in the very packet that says the session is ready, as a fast shutdown may: a server of a few bytes plays it. */
import type { AddressInfo, Server } from 'node:net';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PgDatabase } from '../../src/persistence/database.ts';

/** A message of the protocol: its type, its length without the type, its content. */
function message(type: string, content: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

const AUTHENTICATED = message('R', Buffer.alloc(4));
const READY = message('Z', Buffer.from('I'));
const ENDED = message(
  'E',
  Buffer.from('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'),
);

let server: Server;

beforeAll(async () => {
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(Buffer.concat([AUTHENTICATED, READY, ENDED])));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterAll(() => server.close());

it('a session that is ended as soon as it is ready fails its statement, not the process', async () => {
  const { port } = server.address() as AddressInfo;
  const database = new PgDatabase({
    schema: 'tampines',
    connection: { url: `postgres://postgres@127.0.0.1:${port}/postgres` },
  });
  await expect(database.query({ text: 'SELECT 1' })).rejects.toMatchObject({ isRetryable: true });
  await database.close();
});
