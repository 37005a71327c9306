/** The client of the package, against the stream of a real admin server before real actors. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { AdminServer } from '../../src/admin/admin-server.ts';
import { createAdminServer } from '../../src/admin/admin-server.ts';
import type { ConnectionStatus, Continuity, OrderBook, Trades } from '../../src/client/gateway-client.ts';
import { GatewayClient } from '../../src/client/gateway-client.ts';
import type { World } from '../admin/support.ts';
import { createWorld, until } from '../admin/support.ts';
import { bookDelta, bookSnapshot, trade } from '../support/market-events.ts';

const KEY = 'binance:BTC-USDT';
const BOOK = `orderbook:${KEY}:1` as const;
const TRADES = `trades:${KEY}` as const;

let world: World;
let server: AdminServer;
let port: number;
let client: GatewayClient;
const statuses: ConnectionStatus[] = [];
const warnings: string[] = [];

beforeEach(async () => {
  statuses.length = warnings.length = 0;
  world = await createWorld();
  server = await createAdminServer(world.options);
  port = Number(new URL(server.url).port);
  await world.instruments.spawn('binance', 'BTC-USDT');
  await until(() => world.actorStatus(KEY) === 'running');
  await world.deliver(KEY, [bookSnapshot({ sequence: 1 })]);
  client = new GatewayClient({
    url: `ws://127.0.0.1:${port}/v1/stream`,
    WebSocket,
    onStatus: (status) => void statuses.push(status),
    onWarning: ({ code }) => void warnings.push(code),
    retry: { initialMs: 5, maxMs: 20 },
  });
});
afterEach(async () => {
  client.close();
  await server.close();
  await world.end();
});

type Seen<Document> = { documents: Document[]; how: Continuity[]; doubts: string[]; other: string[] };

function read<Document>(channel: string): Seen<Document> & { readonly unsubscribe: () => void } {
  const seen: Seen<Document> = { documents: [], how: [], doubts: [], other: [] };
  const unsubscribe = client.subscribe(channel, {
    onDocument: (document, how) => {
      seen.documents.push(document as Document);
      seen.how.push(how);
    },
    onDoubt: (reason) => void seen.doubts.push(reason),
    onRefused: ({ code }) => void seen.other.push(code),
    onEnded: (reason) => void seen.other.push(reason),
  });
  return Object.assign(seen, { unsubscribe });
}

const readBook = () => read<OrderBook>(BOOK);
const readTrades = () => read<Trades>(TRADES);

async function publishBook(quantity: number): Promise<void> {
  await world.deliver(KEY, [bookDelta({ bids: [10_000, quantity], sequence: quantity })]);
  await world.publishAll(KEY);
}

async function restartServer(): Promise<void> {
  await server.close();
  server = await createAdminServer({ ...world.options, port });
}

describe('a channel', () => {
  it('gives typed documents, the first as things are, the next without a hole', async () => {
    const seen = readBook();
    await until(() => seen.documents.length === 1);
    await publishBook(8);
    await until(() => seen.documents.length === 2);
    const bestBids = seen.documents.map(({ bids }) => bids[0]);
    expect(bestBids).toEqual([
      ['100', '0.005'],
      ['100', '0.008'],
    ]);
    expect(seen.how).toEqual([
      { continuity: 'first', skippedCount: undefined },
      { continuity: 'next', skippedCount: 0 },
    ]);
    expect(statuses).toEqual([{ state: 'connecting' }, { state: 'open', node: 'node-1', epoch: 1 }]);
  });

  it('that is read twice is subscribed once, and who comes later gets the value at once', async () => {
    const first = readBook();
    await until(() => first.documents.length === 1);
    const second = readBook();
    expect(second.documents).toEqual(first.documents);
    first.unsubscribe();
    await publishBook(8);
    await until(() => second.documents.length === 2);
    expect(first.documents).toHaveLength(1);
  });

  it('that nobody reads any more is given back to the node', async () => {
    const seen = readBook();
    await until(() => world.channels.isRead(BOOK));
    seen.unsubscribe();
    await until(() => !world.channels.isRead(BOOK));
    // And may be read again, also within one turn.
    const again = readBook();
    again.unsubscribe();
    const last = readBook();
    await until(() => last.documents.length === 1);
    expect(again.documents).toEqual([]);
  });

  it('that there is not is refused; that ends is told', async () => {
    const none = read('ticker:binance:ETH-USDT');
    await until(() => none.other.length === 1);
    const seen = readBook();
    await until(() => seen.documents.length === 1);
    await world.instruments.stop(KEY as never);
    await until(() => seen.other.length === 1);
    expect([none.other, seen.other]).toEqual([['INSTRUMENT_UNKNOWN'], ['the instrument was stopped']]);
  });

  it('takes any number of them in one turn, in few messages', async () => {
    const wide = Array.from({ length: 250 }, (_, index) => read(`orderbook:${KEY}:${index + 1}`));
    await until(() => wide.every(({ documents, other }) => documents.length + other.length === 1));
    expect(wide.filter(({ documents }) => documents.length === 1)).toHaveLength(2);
    expect(client.status.state).toBe('open');
  });
});

describe('a lost connection', () => {
  it('is made again, its channels with it; meanwhile what is held is in doubt', async () => {
    const seen = readBook();
    await until(() => seen.documents.length === 1);
    await restartServer();
    await until(() => seen.documents.length === 2);
    expect(seen.doubts).toEqual(['the node stops']);
    expect(statuses.map(({ state }) => state)).toEqual(
      expect.arrayContaining(['open', 'waiting', 'connecting', 'open']),
    );
    expect(statuses.find(({ state }) => state === 'waiting')).toMatchObject({ reason: 'the node stops' });
    expect(statuses.at(-1)!.state).toBe('open');
    await publishBook(8);
    await until(() => seen.documents.length === 3);
    expect(seen.how.map(({ continuity }) => continuity)).toEqual(['first', 'skipped', 'next']);
  });

  it('that took no trade with it leaves their chain whole', async () => {
    const seen = readTrades();
    await until(() => world.channels.isRead(TRADES));
    await world.deliver(KEY, [trade({ tradeId: '1' })]);
    await until(() => seen.documents.length === 1);
    await restartServer();
    await until(() => world.channels.isRead(TRADES));
    await world.deliver(KEY, [trade({ tradeId: '2' })]);
    await until(() => seen.documents.length === 2);
    expect(seen.how).toEqual([
      { continuity: 'first', skippedCount: undefined },
      { continuity: 'next', skippedCount: 0 },
    ]);
  });

  it('that took trades with it breaks the chain for all to see', async () => {
    const seen = readTrades();
    await until(() => world.channels.isRead(TRADES));
    await world.deliver(KEY, [trade({ tradeId: '1' })]);
    await until(() => seen.documents.length === 1);
    await server.close();
    await world.deliver(KEY, [trade({ tradeId: '2' })]);
    server = await createAdminServer({ ...world.options, port });
    await until(() => world.channels.isRead(TRADES));
    await world.deliver(KEY, [trade({ tradeId: '3' })]);
    await until(() => seen.documents.length === 2);
    expect(seen.how[1]).toEqual({ continuity: 'skipped', skippedCount: undefined });
  });

  it('is not made again once the client is closed', async () => {
    await until(() => client.status.state === 'open');
    client.close();
    await restartServer();
    expect(client.status).toEqual({ state: 'closed' });
    expect(statuses.map(({ state }) => state)).toEqual(['connecting', 'open', 'closed']);
  });
});

describe('a node that is behind', () => {
  it('takes nobody back in time', async () => {
    const seen = readBook();
    await until(() => seen.documents.length === 1);
    await publishBook(8);
    await until(() => seen.documents.length === 2);
    await server.close();
    const behind = await createWorld();
    await behind.instruments.spawn('binance', 'BTC-USDT');
    await until(() => behind.actorStatus(KEY) === 'running');
    await behind.deliver(KEY, [bookSnapshot({ sequence: 1 })]);
    server = await createAdminServer({ ...behind.options, port });
    await until(() => seen.doubts.some((reason) => reason.includes('older version')));
    expect(seen.documents).toHaveLength(2);
    await server.close();
    await behind.end();
    server = await createAdminServer({ ...world.options, port });
    await until(() => seen.documents.length === 3);
  });
});

it('without a WebSocket there is no client', () => {
  const globals = globalThis as { WebSocket?: unknown };
  const own = globals.WebSocket;
  delete globals.WebSocket;
  expect(() => new GatewayClient({ url: 'ws://127.0.0.1:1' })).toThrow('package `ws`');
  if (own !== undefined) globals.WebSocket = own;
});

it('says nothing to a connection that is closing, which browsers complain about', async () => {
  const sent: { readonly text: string; readonly readyState: number }[] = [];
  class Overheard extends WebSocket {
    override send(text: string): void {
      sent.push({ text, readyState: this.readyState });
      if (this.readyState === WebSocket.OPEN) super.send(text);
    }
  }
  const sockets: WebSocket[] = [];
  const overheard = new GatewayClient({
    url: `ws://127.0.0.1:${port}/v1/stream`,
    WebSocket: class extends Overheard {
      constructor(url: string) {
        super(url);
        sockets.push(this);
      }
    },
    retry: { initialMs: 5, maxMs: 20 },
  });
  overheard.subscribe(BOOK, { onDocument: () => undefined });
  await until(() => sent.length === 1);
  sockets[0]!.close();
  overheard.subscribe(TRADES, { onDocument: () => undefined });
  await until(() => sent.some(({ text }) => text.includes(TRADES)));
  expect(sent.map(({ readyState }) => readyState)).toEqual(sent.map(() => WebSocket.OPEN));
  overheard.close();
});
