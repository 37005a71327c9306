/** The stream over real sockets, before real actors: what clients may rely on. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AdminServer } from '../../../src/admin/admin-server.ts';
import { createAdminServer } from '../../../src/admin/admin-server.ts';
import {
  bookDelta,
  bookSnapshot,
  feedStatus,
  heartbeat,
  NOON_MS,
  trade,
} from '../../support/market-events.ts';
import type { World } from '../support.ts';
import { createWorld, until } from '../support.ts';
import type { StreamClient } from './stream-client.ts';
import { connectStream } from './stream-client.ts';

const KEY = 'binance:BTC-USDT';
const BOOK = `orderbook:${KEY}:1`;
const TRADES = `trades:${KEY}`;

let world: World;
let server: AdminServer;
const clients: StreamClient[] = [];

beforeEach(async () => {
  world = await createWorld();
  server = await createAdminServer(world.options);
  await world.instruments.spawn('binance', 'BTC-USDT');
  await until(() => world.actorStatus(KEY) === 'running');
  await world.deliver(KEY, [bookSnapshot({ sequence: 1 })]);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.end();
  await server.close();
  await world.end();
});

async function connect(): Promise<StreamClient> {
  const client = await connectStream(server.url);
  clients.push(client);
  return client;
}

async function publishBook(quantity: number): Promise<void> {
  await world.deliver(KEY, [bookDelta({ bids: [10_000, quantity], sequence: quantity })]);
  await world.publishAll(KEY);
}

describe('a subscriber', () => {
  it('is welcomed with the epoch of the node and its limits', async () => {
    const client = await connect();
    expect(await client.hears(({ type }) => type === 'welcome')).toMatchObject({
      protocol: 1,
      node: 'node-1',
      epoch: 1,
      limits: { channels: 256, channelsPerMessage: 100, messagesPerSecond: 50 },
    });
  });

  it('gets the answer, then the value as it is, then each change, in order and without a hole', async () => {
    const client = await connect();
    client.say({ type: 'subscribe', id: 7, channels: [BOOK] });
    await client.hears(({ type }) => type === 'change');
    expect(client.told.map(({ type }) => type)).toEqual(['welcome', 'subscribed', 'change']);
    expect(client.told[1]).toEqual({ type: 'subscribed', id: 7, channels: [BOOK], refused: [] });
    expect(client.told[2]).toMatchObject({
      channel: BOOK,
      value: {
        epoch: 1,
        seq: 1,
        type: 'orderbook',
        status: 'live',
        bids: [
          ['100', '0.005'],
          ['99.9', '0.007'],
        ],
      },
    });
    await publishBook(8);
    await publishBook(9);
    await until(() => client.changesOf(BOOK).length === 3);
    const changes = client.changesOf(BOOK);
    const first = changes[0]!.number!;
    expect(changes.map(({ number, value }) => [number, value!.seq, value!.bids![0]![1]])).toEqual([
      [first, 1, '0.005'],
      [first + 1, 2, '0.008'],
      [first + 2, 3, '0.009'],
    ]);
  });

  it('gets the very document that goes to Redis, with the publish time in it', async () => {
    const client = await connect();
    client.subscribe(BOOK, `ticker:${KEY}`, `candle:${KEY}:1m`);
    await world.deliver(KEY, [trade({ tradeId: '1' })]);
    await world.publishAll(KEY);
    for (const channel of [BOOK, `ticker:${KEY}`, `candle:${KEY}:1m`]) {
      const published = world.publications.filter(({ key }) => key === channel).at(-1)!;
      const text = published.value.replace(/^(\{"epoch":\d+,"seq":\d+),/, `$1,"publishTimeMs":${NOON_MS},`);
      await until(() => client.texts.some((told) => told.endsWith(`,"value":${text}}`)));
    }
    expect(client.changesOf(BOOK).length).toBeGreaterThan(0);
  });

  it('that comes later gets the value that others hold, without its instrument being asked again', async () => {
    const first = await connect();
    first.subscribe(BOOK);
    await first.hears(({ type }) => type === 'change');
    await publishBook(8);
    await until(() => first.changesOf(BOOK).length === 2);
    let viewed = 0;
    const view = world.instruments.view.bind(world.instruments);
    world.instruments.view = (key, read) => {
      viewed++;
      return view(key, read);
    };
    const second = await connect();
    second.subscribe(BOOK);
    await second.hears(({ type }) => type === 'change');
    expect(second.changesOf(BOOK)).toEqual([first.changesOf(BOOK)[1]]);
    expect(viewed).toBe(0);
  });

  it('hears nothing of a channel that it left, nor of others', async () => {
    const client = await connect();
    client.subscribe(BOOK, `ticker:${KEY}`);
    await client.hears(({ channel }) => channel === BOOK);
    client.say({ type: 'unsubscribe', id: 1, channels: [BOOK] });
    expect(await client.hears(({ type }) => type === 'unsubscribed')).toEqual({
      type: 'unsubscribed',
      id: 1,
      channels: [BOOK],
    });
    const heard = client.changesOf(BOOK).length;
    await publishBook(8);
    await client.settled();
    expect(client.changesOf(BOOK)).toHaveLength(heard);
    expect(client.told.filter(({ channel }) => channel?.endsWith(':10') === true)).toEqual([]);
  });

  it('is told which channels there are not, and why; the others are taken', async () => {
    const client = await connect();
    const channels = [
      BOOK,
      `orderbook:${KEY}:7`,
      'ticker:binance:ETH-USDT',
      `candle:${KEY}:2m`,
      'nothing',
      'orderbook:1:1',
    ];
    client.subscribe(...channels);
    const { channels: taken, refused } = await client.hears(({ type }) => type === 'subscribed');
    expect(taken).toEqual([BOOK]);
    expect(refused!.map(({ channel, code }) => [channel, code])).toEqual([
      [`orderbook:${KEY}:7`, 'CHANNEL_UNKNOWN'],
      ['ticker:binance:ETH-USDT', 'INSTRUMENT_UNKNOWN'],
      [`candle:${KEY}:2m`, 'CHANNEL_UNKNOWN'],
      ['nothing', 'CHANNEL_UNKNOWN'],
      // Keys go by name here: that one would be by number.
      ['orderbook:1:1', 'CHANNEL_UNKNOWN'],
    ]);
  });

  it('reads an instrument whose name holds other letters than Latin', async () => {
    await world.instruments.spawn('binance', '币安人生-USDT');
    const client = await connect();
    client.subscribe('orderbook:binance:币安人生-USDT:10');
    expect(await client.hears(({ type }) => type === 'change')).toMatchObject({
      channel: 'orderbook:binance:币安人生-USDT:10',
      value: { status: 'empty' },
    });
  });
});

describe('a book that may be wrong', () => {
  it('is told as stale when its feed says so, at the same version', async () => {
    const client = await connect();
    client.subscribe(BOOK);
    await client.hears(({ type }) => type === 'change');
    await world.deliver(KEY, [feedStatus({ status: 'stale', reason: 'a gap' })]);
    await world.publishAll(KEY);
    expect(await client.hears(({ value }) => value?.status === 'stale')).toMatchObject({
      value: { reason: 'a gap' },
    });
  });

  it('is marked for readers as it is in Redis, without its levels being touched', async () => {
    const client = await connect();
    client.subscribe(BOOK);
    const { value } = await client.hears(({ type }) => type === 'change');
    world.markStale(KEY, 'the instrument was held up');
    const marked = await client.hears((told) => told.value?.status === 'stale');
    expect(marked.value).toEqual({ ...value, status: 'stale', reason: 'the instrument was held up' });
    await publishBook(8);
    const { value: next } = await client.hears((told) => told.value?.seq === 2);
    expect(next!.status).toBe('live');
  });

  it('is in doubt for who subscribes while its instrument is parked, until it is back', async () => {
    await world.deliver(KEY, [trade({ tradeId: '1' })]);
    const restarts = (): number => world.instruments.list()[0]!.restarts;
    for (let count = 0; count < 2; count++) {
      world.instruments.failNextDelivery(KEY as never, 'made to fail');
      void world.deliver(KEY, [heartbeat(NOON_MS)]);
      const wanted = count === 0 ? 'running' : 'parked';
      await until(() => restarts() > count || world.actorStatus(KEY) === 'parked');
      await until(() => world.actorStatus(KEY) === wanted);
    }
    const client = await connect();
    client.subscribe(BOOK);
    const { reason } = await client.hears(({ type }) => type === 'stale');
    expect(reason).toContain('parked');
    await world.instruments.restart(KEY as never, 'test');
    expect(await client.hears(({ type }) => type === 'change')).toMatchObject({
      channel: BOOK,
      value: { seq: 2 },
    });
  });

  it('of a node that lost its instruments is in doubt, and nothing more is said', async () => {
    const client = await connect();
    client.subscribe(BOOK, TRADES);
    await client.hears(({ type }) => type === 'change');
    world.channels.close('another node owns the instruments now');
    const { value } = await client.hears((told) => told.value?.status === 'stale');
    expect(value!.reason).toBe('another node owns the instruments now');
    expect(await client.hears(({ type }) => type === 'stale')).toMatchObject({ channel: TRADES });
    await publishBook(8);
    await world.deliver(KEY, [trade({ tradeId: '5' })]);
    await client.settled();
    expect(client.changesOf(BOOK)).toHaveLength(2);
    expect(client.changesOf(TRADES)).toEqual([]);
  });
});

describe('events', () => {
  it('trades are told as they become durable, each once, chained by their positions', async () => {
    const client = await connect();
    client.subscribe(TRADES);
    await client.hears(({ type }) => type === 'subscribed');
    await world.deliver(KEY, [trade({ tradeId: '1' }), trade({ tradeId: '2', price: 10_007 })]);
    await world.deliver(KEY, [bookDelta({ bids: [10_000, 6], sequence: 2 })]);
    await world.deliver(KEY, [trade({ tradeId: '2' }), trade({ tradeId: '3' })]);
    await until(() => client.changesOf(TRADES).length === 2);
    const [first, second] = client.changesOf(TRADES).map(({ value }) => value!);
    expect(first!.trades!.map(({ tradeId, price }) => [tradeId, price])).toEqual([
      ['1', '100.05'],
      ['2', '100.07'],
    ]);
    expect(second!.trades!.map(({ tradeId }) => tradeId)).toEqual(['3']);
    expect(second!.afterSeq).toBe(first!.seq);
  });

  it('trades that nobody was told of are a hole that readers see, over a restart of the instrument too', async () => {
    const client = await connect();
    client.subscribe(TRADES);
    await client.hears(({ type }) => type === 'subscribed');
    await world.deliver(KEY, [trade({ tradeId: '1' })]);
    await client.hears(({ channel }) => channel === TRADES);
    // Durable and not told: nobody reads meanwhile.
    client.say({ type: 'unsubscribe', channels: [TRADES] });
    await client.hears(({ type }) => type === 'unsubscribed');
    await world.deliver(KEY, [trade({ tradeId: '2' })]);
    await world.instruments.restart(KEY as never, 'test');
    await until(() => world.actorStatus(KEY) === 'running');
    client.subscribe(TRADES);
    await until(() => client.told.filter(({ type }) => type === 'subscribed').length === 2);
    await world.deliver(KEY, [trade({ tradeId: '3' })]);
    await until(() => client.changesOf(TRADES).length === 2);
    const [before, after] = client.changesOf(TRADES).map(({ value }) => value!);
    expect(after!.trades!.map(({ tradeId }) => tradeId)).toEqual(['3']);
    expect(after!.afterSeq).toBeGreaterThan(before!.seq);
  });

  it('closed candles come on the channel of Redis', async () => {
    const channel = `candle:${KEY}:1s:closed`;
    const client = await connect();
    client.subscribe(channel);
    await client.hears(({ type }) => type === 'subscribed');
    await world.deliver(KEY, [trade({ tradeId: '1' }), heartbeat(NOON_MS + 10_000)]);
    await until(() => client.changesOf(channel).length > 0);
    const published = world.publications.filter(
      ({ key, kind }) => kind === 'closedCandle' && `${key}:closed` === channel,
    );
    await until(() => client.changesOf(channel).length === published.length);
    expect(client.changesOf(channel).map(({ value }) => value!.seq)).toEqual(published.map(({ seq }) => seq));
  });

  it('what supervisors see and decide is told too', async () => {
    const client = await connect();
    client.subscribe('supervision');
    await client.hears(({ type }) => type === 'subscribed');
    await world.instruments.restart(KEY as never, 'test');
    const told = await client.hears(
      ({ channel, value }) => channel === 'supervision' && value?.event?.kind === 'restarted',
    );
    expect(told.value).toMatchObject({
      epoch: 1,
      type: 'supervision',
      event: { path: expect.stringContaining(KEY) as string },
    });
  });
});

describe('an end', () => {
  it('of an instrument ends its channels, with a last word', async () => {
    const client = await connect();
    client.subscribe(BOOK, TRADES, `candle:${KEY}:1m:closed`);
    await client.hears(({ channel }) => channel === BOOK);
    await world.instruments.stop(KEY as never);
    await until(() => client.told.filter(({ type }) => type === 'ended').length === 3);
    expect(client.told.find(({ type }) => type === 'ended')!.reason).toBe('the instrument was stopped');
  });

  it('of the node is told to all clients', async () => {
    const client = await connect();
    const closing = server.close();
    expect(await client.hearsEnd()).toEqual({ code: 1001, reason: 'the node stops' });
    await closing;
  });
});
