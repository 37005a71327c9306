/** The stream of a whole node on a simulated exchange, with real Postgres and a real Redis, read with the client of the package. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import type { OrderBook, Trades } from '../../src/client/gateway-client.ts';
import { GatewayClient } from '../../src/client/gateway-client.ts';
import { demoSymbols } from '../../src/feeds/simulators/demo-symbols.ts';
import type { SimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import { createSimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { connectTo } from '../publishing/redis-testing.ts';
import type { RunningNode } from '../support/running-node.ts';
import { eventually, runNode, storedTradeIds } from '../support/running-node.ts';
import { dropSchema, freshName, noteServiceUse, testRedisUrl } from '../support/services.ts';

const BTC = 'binance:BTC-USDT' as InstrumentKey;
const BOOK = `orderbook:${BTC}:1` as const;

const schema = freshName('stream');
let binance: SimulatedBinance;
let subscriber: Redis;
let node: RunningNode;
let client: GatewayClient;
const inRedis = new Set<string>();

beforeAll(async () => {
  binance = await createSimulatedBinance({
    clock: systemClock,
    timers: systemTimers,
    stepsPerSecond: 40,
    random: createSeededRandom(20261128),
    symbols: demoSymbols.binance.slice(0, 1),
  });
  const redisUrl = testRedisUrl();
  noteServiceUse('Redis');
  subscriber = await connectTo(redisUrl);
  // Values of an earlier run may carry a newer epoch than the fresh schema's first.
  await subscriber.del(BOOK, `ticker:${BTC}`);
  subscriber.on('message', (_channel, text) => void inRedis.add(withoutPublishTime(text)));
  await subscriber.subscribe(BOOK);
  node = await runNode({
    schema,
    redisUrl,
    exchanges: { binance: binance.endpoints },
    assignments: ['instruments=binance:BTC-USDT'],
  });
  client = new GatewayClient({ url: `${node.adminUrl.replace('http', 'ws')}/v1/stream`, WebSocket });
});

afterAll(async () => {
  client.close();
  await node.stop();
  subscriber.disconnect();
  await binance.close();
  await dropSchema(schema);
});

function withoutPublishTime(text: string): string {
  return text.replace(/"publishTimeMs":\d+,/, '');
}

it('says what Redis says and what the tables hold, each trade once, over a restart of the instrument', async () => {
  await eventually('the instrument runs', () => Promise.resolve(node.instruments.has(BTC)));
  const books: OrderBook[] = [];
  const trades: Trades[] = [];
  const broken: string[] = [];
  client.subscribe(BOOK, { onDocument: (book) => void books.push(book) });
  client.subscribe(`trades:${BTC}`, {
    onDocument: (document, { continuity }) => {
      if (continuity === 'skipped') broken.push(`after ${document.afterSeq}`);
      trades.push(document);
    },
  });
  const more = (count: number): Promise<boolean> => {
    const wanted = { books: books.length + count, trades: trades.length + count };
    return eventually('more was told', () =>
      Promise.resolve(books.length >= wanted.books && trades.length >= wanted.trades),
    );
  };
  await more(20);
  const beforeRestart = books.length;
  await node.instruments.restart(BTC, 'test');
  await more(20);
  await eventually('the book is sure again', () => Promise.resolve(books.at(-1)!.status === 'live'));
  binance.market.stop();

  // Books: the very documents, but for those that a busy Redis was spared.
  const isInRedis = (book: OrderBook): boolean => inRedis.has(withoutPublishTime(JSON.stringify(book)));
  await eventually('Redis has the last book', () => Promise.resolve(isInRedis(books.at(-1)!)));
  const known = books.filter(isInRedis);
  expect(known.length).toBeGreaterThan(books.length / 2);
  expect(books.slice(beforeRestart).some(({ status }) => status === 'stale')).toBe(true);

  // Trades: none is missing between the first and the last, none comes twice.
  expect(broken).toEqual([]);
  const told = trades.flatMap((document) => document.trades.map(({ tradeId }) => tradeId));
  const stored = await eventually('all that was told is stored', async () => {
    const ids = await storedTradeIds(schema, BTC);
    return ids.includes(told.at(-1)!) ? ids : undefined;
  });
  const numerically = (a: string, b: string): number => Number(a) - Number(b);
  const from = stored.indexOf([...told].sort(numerically)[0]!);
  expect([...told].sort(numerically)).toEqual(stored.slice(from, from + told.length));
});
