/** Clients of the stream that are hostile, broken or from elsewhere: what they get, and that others get on. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AdminServer } from '../../../src/admin/admin-server.ts';
import { createAdminServer } from '../../../src/admin/admin-server.ts';
import {
  CLIENT_CHANNELS_MAX,
  DEFLATE_MIN_BYTES,
  GATEWAY_CLIENTS_MAX,
  HANDSHAKES_PER_SECOND_MAX,
  MESSAGE_MAX_BYTES,
  MESSAGES_PER_SECOND_MAX,
} from '../../../src/admin/gateway/gateway-limits.ts';
import { bookDelta, bookSnapshot } from '../../support/market-events.ts';
import type { World } from '../support.ts';
import { createWorld, until } from '../support.ts';
import type { StreamClient } from './stream-client.ts';
import { connectStream, handshakeStatus } from './stream-client.ts';

const KEY = 'binance:BTC-USDT';
const BOOK = `orderbook:${KEY}:1`;

let world: World;
let server: AdminServer;
let witness: StreamClient;
let sequence = 1;
const clients: StreamClient[] = [];

beforeAll(async () => {
  world = await createWorld();
  server = await createAdminServer(world.options);
  await world.instruments.spawn('binance', 'BTC-USDT');
  await until(() => world.actorStatus(KEY) === 'running');
  await world.deliver(KEY, [bookSnapshot({ sequence })]);
  witness = await connectStream(server.url);
  witness.subscribe(BOOK);
  await witness.hears(({ type }) => type === 'change');
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.end();
  // Whatever was done, the others hear on.
  sequence++;
  await world.deliver(KEY, [bookDelta({ bids: [10_000, sequence], sequence })]);
  await world.publishAll(KEY);
  const { seq } = JSON.parse(world.publications.filter(({ key }) => key === BOOK).at(-1)!.value) as {
    seq: number;
  };
  await witness.hears(({ value }) => value?.seq === seq);
});
afterAll(async () => {
  witness.end();
  await server.close();
  await world.end();
});

async function connect(): Promise<StreamClient> {
  const client = await connectStream(server.url);
  clients.push(client);
  return client;
}

describe('a message', () => {
  it('that is larger than may be ends its connection', async () => {
    const client = await connect();
    client.say('x'.repeat(MESSAGE_MAX_BYTES + 1));
    expect((await client.hearsEnd()).code).toBe(1009);
  });

  it('that is small on the wire and large when inflated ends its connection too', async () => {
    const client = await connectStream(server.url, { perMessageDeflate: { threshold: 0 } });
    clients.push(client);
    client.say(' '.repeat(10_000_000));
    expect((await client.hearsEnd()).code).toBe(1009);
  });

  it('that is binary ends its connection', async () => {
    const client = await connect();
    client.webSocket.send(Buffer.from('{"type":"ping"}'));
    expect((await client.hearsEnd()).code).toBe(1003);
  });

  it.each([
    ['no JSON', '{"type":'],
    ['no object', '7'],
    ['of no known type', '{"type":"publish","channels":["x"]}'],
    ['without channels', '{"type":"subscribe","channels":[]}'],
    ['with too many channels', JSON.stringify({ type: 'subscribe', channels: Array(101).fill('x') })],
    ['with a channel that is no text', '{"type":"subscribe","channels":[{}]}'],
    ['with a name that is too long', JSON.stringify({ type: 'subscribe', channels: ['x'.repeat(161)] })],
    ['with more than it should have', '{"type":"ping","__proto__":{"x":1}}'],
    ['with an id that is no number', '{"type":"ping","id":"1"}'],
    ['that nests', '['.repeat(5_000)],
    ['that is empty', ''],
  ])('%s is answered, and the connection goes on', async (_what, text) => {
    const client = await connect();
    client.say(text);
    expect(await client.hears(({ type }) => type === 'error')).toMatchObject({ code: 'REQUEST_INVALID' });
    await client.settled();
  });
});

describe('a client', () => {
  it('that sends too many messages within a second is disconnected', async () => {
    const client = await connect();
    for (let count = 0; count <= MESSAGES_PER_SECOND_MAX; count++) client.say({ type: 'ping', id: count });
    expect(await client.hearsEnd()).toMatchObject({ code: 4029 });
  });

  it('that sends too many control frames within a second is disconnected', async () => {
    const client = await connect();
    for (let count = 0; count <= MESSAGES_PER_SECOND_MAX; count++) client.webSocket.ping();
    expect(await client.hearsEnd()).toMatchObject({ code: 4029 });
  });

  it('reads so many channels and no more; those it has go on', async () => {
    for (const symbol of ['ETH-USDT', 'XBT-EUR']) await world.instruments.spawn('binance', symbol);
    const wide = await createAdminServer({
      ...world.options,
      stream: {
        ...world.options.stream,
        bookResolutions: Array.from({ length: 300 }, (_, index) => index + 1),
      },
    });
    const client = await connectStream(wide.url);
    clients.push(client);
    const names = Array.from({ length: 300 }, (_, index) => `orderbook:${KEY}:${index + 1}`);
    for (let from = 0; from < 300; from += 100) client.subscribe(...names.slice(from, from + 100));
    await until(() => client.told.filter(({ type }) => type === 'subscribed').length === 3);
    const refused = client.told.flatMap((told) => told.refused ?? []);
    expect(refused.map(({ channel }) => channel)).toEqual(names.slice(CLIENT_CHANNELS_MAX));
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['TOO_MANY_REQUESTS']));
    await until(() => client.told.filter(({ type }) => type === 'change').length === CLIENT_CHANNELS_MAX);
    client.end();
    await wide.close();
  });

  it('that comes and goes makes the instrument answer once', async () => {
    const channel = `candle:${KEY}:1h`;
    let viewed = 0;
    const view = world.instruments.view.bind(world.instruments);
    world.instruments.view = (key, read) => {
      viewed++;
      return view(key, read);
    };
    const client = await connect();
    for (let count = 0; count < 20; count++) {
      client.subscribe(channel);
      client.say({ type: 'unsubscribe', channels: [channel] });
    }
    await client.settled();
    world.instruments.view = view;
    expect(viewed).toBe(1);
  });

  it('beyond so many is not taken, while the REST answers', async () => {
    let monotonicMs = 0;
    const app = await createAdminServer({
      ...world.options,
      clock: { nowMs: () => 0, monotonicMs: () => monotonicMs },
    });
    const all: StreamClient[] = [];
    while (all.length < GATEWAY_CLIENTS_MAX) {
      all.push(...(await Promise.all(Array.from({ length: 100 }, () => connectStream(app.url)))));
      monotonicMs += 1_000;
    }
    expect(await handshakeStatus(app.url)).toBe(429);
    const metrics = await (await fetch(`${app.url}/metrics`)).text();
    expect(metrics).toContain(`tampines_queue_depth{queue="stream-clients"} ${GATEWAY_CLIENTS_MAX}\n`);
    expect(metrics).toContain('tampines_queue_full_total{queue="stream-clients"} 1\n');
    all.pop()!.end();
    await vi.waitFor(async () => expect(await handshakeStatus(app.url)).toBe(101), 10_000);
    await app.close();
    expect(new Set(all.map(({ closed }) => closed?.code))).toEqual(new Set([1001]));
  });

  it('is told to come again where too many come within a second', async () => {
    let monotonicMs = 0;
    const app = await createAdminServer({
      ...world.options,
      clock: { nowMs: () => 0, monotonicMs: () => monotonicMs },
    });
    for (let count = 0; count < HANDSHAKES_PER_SECOND_MAX; count += 20) {
      await Promise.all(Array.from({ length: 20 }, () => handshakeStatus(app.url)));
    }
    expect(await handshakeStatus(app.url)).toBe(429);
    monotonicMs += 1_000;
    expect(await handshakeStatus(app.url)).toBe(101);
    await app.close();
  });
});

describe('a handshake', () => {
  it.each([
    ['of a page of another origin', { origin: 'https://evil.example' }, 403],
    ['of a page without an origin that can be named', { origin: 'null' }, 403],
    ['for a name that was rebound to this machine', { headers: { host: 'evil.example' } }, 403],
    ['of no page', {}, 101],
  ])('%s is answered with what it deserves', async (_what, options, status) => {
    expect(await handshakeStatus(server.url, options)).toBe(status);
  });

  it('of a page of our own is taken, and of those that settings name', async () => {
    expect(await handshakeStatus(server.url, { origin: server.url })).toBe(101);
    const allowing = await createAdminServer({
      ...world.options,
      stream: { ...world.options.stream, allowedOrigins: ['https://desk.example'] },
    });
    expect(await handshakeStatus(allowing.url, { origin: 'https://desk.example' })).toBe(101);
    expect(await handshakeStatus(allowing.url, { origin: 'https://desk.example.evil.example' })).toBe(403);
    await allowing.close();
    const open = await createAdminServer({
      ...world.options,
      stream: { ...world.options.stream, allowedOrigins: ['*'] },
    });
    expect(await handshakeStatus(open.url, { origin: 'https://anybody.example' })).toBe(101);
    await open.close();
  });

  it('at another path finds no stream', async () => {
    expect(await handshakeStatus(server.url, {}, '/v1/instruments')).toBe(404);
    expect(await handshakeStatus(server.url, {}, '/v1/stream/')).toBe(404);
    expect(await handshakeStatus(server.url, {}, '/v1/stream?from=me')).toBe(101);
  });

  it('is wanted: a plain request is told so', async () => {
    const response = await fetch(`${server.url}/v1/stream`);
    expect([response.status, response.headers.get('upgrade')]).toEqual([426, 'websocket']);
    expect(await response.json()).toMatchObject({ code: 'UPGRADE_REQUIRED' });
  });
});

describe('clients with every kind of compression', () => {
  it.each([
    ['none', { perMessageDeflate: false }, ''],
    ['the usual', { perMessageDeflate: true }, 'permessage-deflate'],
    [
      'a small window of the server',
      { perMessageDeflate: { serverMaxWindowBits: 10 } },
      'permessage-deflate',
    ],
  ])('%s: read the same', async (_what, options, extensions) => {
    const client = await connectStream(server.url, options);
    clients.push(client);
    expect(client.webSocket.extensions).toBe(extensions);
    await world.deliver(KEY, [
      bookSnapshot({
        sequence: ++sequence,
        bids: Array.from({ length: 50 }, (_, index) => [10_000 - index, 123_456 + index]).flat(),
      }),
    ]);
    await world.publishAll(KEY);
    const { value } = world.publications.filter(({ key }) => key === BOOK).at(-1)!;
    client.subscribe(BOOK);
    const told = await client.hears(({ type }) => type === 'change');
    expect(value.length).toBeGreaterThan(DEFLATE_MIN_BYTES);
    expect(told.value).toMatchObject(JSON.parse(value) as object);
  });
});
