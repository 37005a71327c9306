/**
 * A node whose connections are cut and that is stopped while its markets go on trading: in the end its state, its table and its candles hold every
 * trade since the first one it knew, once. No trade may be late here, so one that was fetched too late would be missing.
 */
import { Decimal } from 'decimal.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import { demoSymbols } from '../../src/feeds/simulators/demo-symbols.ts';
import { createSimulatedBinance } from '../../src/feeds/simulators/simulated-binance.ts';
import { createSimulatedCryptocom } from '../../src/feeds/simulators/simulated-cryptocom.ts';
import type { SimulatedExchange } from '../../src/feeds/simulators/simulated-exchange.ts';
import { createSimulatedKraken } from '../../src/feeds/simulators/simulated-kraken.ts';
import type { SimulatedTrade } from '../../src/feeds/simulators/simulated-market.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import type { RunningNode } from '../support/running-node.ts';
import { eventually, queryRows, runNode } from '../support/running-node.ts';
import { dropSchema, freshName, noteServiceUse, testRedisUrl } from '../support/services.ts';

type Case = {
  readonly key: InstrumentKey;
  readonly exchange: () => SimulatedExchange;
  readonly nativeSymbol: string;
  readonly tradeIdOf: (trade: SimulatedTrade) => string;
};

const schema = freshName('missed');
const exchanges = new Map<string, SimulatedExchange>();
let node: RunningNode;

const numbered = ({ tradeId }: SimulatedTrade): string => String(tradeId);
const named = ({ tradeId }: SimulatedTrade): string =>
  `4611686018${String(tradeId).padStart(9, '0')}-${tradeId}`;
const cases: readonly Case[] = [
  { exchange: 'binance', symbol: 'BTC-USDT', nativeSymbol: 'BTCUSDT', tradeIdOf: numbered },
  { exchange: 'kraken', symbol: 'BTC-USD', nativeSymbol: 'BTC/USD', tradeIdOf: numbered },
  { exchange: 'cryptocom', symbol: 'BTC-USDT', nativeSymbol: 'BTC_USDT', tradeIdOf: named },
].map(({ exchange, symbol, ...rest }) => ({
  ...rest,
  key: `${exchange}:${symbol}` as InstrumentKey,
  exchange: () => exchanges.get(exchange)!,
}));

const start = (): Promise<RunningNode> =>
  runNode({
    schema,
    redisUrl: testRedisUrl(),
    exchanges: Object.fromEntries([...exchanges].map(([name, { endpoints }]) => [name, endpoints])),
    assignments: ['candles.allowedLatenessMs=0', 'feed.heartbeatMs=200'],
  });

beforeAll(async () => {
  noteServiceUse('Redis');
  const random = createSeededRandom(20261122);
  const surroundings = {
    clock: systemClock,
    timers: systemTimers,
    random,
    stepsPerSecond: 60,
    tradeShare: 0.5,
  };
  const one = (name: 'binance' | 'kraken' | 'cryptocom') => demoSymbols[name].slice(0, 1);
  exchanges.set('binance', await createSimulatedBinance({ ...surroundings, symbols: one('binance') }));
  exchanges.set('kraken', await createSimulatedKraken({ ...surroundings, symbols: one('kraken') }));
  exchanges.set(
    'cryptocom',
    await createSimulatedCryptocom({ ...surroundings, symbols: one('cryptocom'), snapshotDelayMs: 100 }),
  );
  node = await start();
  for (const { key } of cases) {
    const [exchange, symbol] = key.split(':') as [string, string];
    await node.instruments.spawn(exchange, symbol);
  }
});

afterAll(async () => {
  await node.stop();
  for (const exchange of exchanges.values()) await exchange.close();
  await dropSchema(schema);
});

type StoredTrade = { trade_id: string; time: string; price: string; quantity: string };

const storedTrades = (key: string): Promise<StoredTrade[]> =>
  queryRows<StoredTrade>(
    `SELECT trade_id, event_time_ms AS time, price::text, quantity::text
     FROM ${schema}.trade JOIN ${schema}.instrument ON id = instrument_id WHERE key = $1`,
    [key],
  );

/** Trades of the market from the first one on that the node knew. */
async function truthOf({ key, exchange, nativeSymbol, tradeIdOf }: Case): Promise<readonly SimulatedTrade[]> {
  const stored = new Set((await storedTrades(key)).map(({ trade_id }) => trade_id));
  const made = exchange().market.tradesOf(nativeSymbol);
  const firstIndex = made.findIndex((trade) => stored.has(tradeIdOf(trade)));
  expect(firstIndex).toBeGreaterThanOrEqual(0);
  return made.slice(firstIndex);
}

async function expectEveryTrade(one: Case): Promise<void> {
  await eventually(`${one.key} has every trade`, async () => {
    const truth = await truthOf(one);
    const stored = (await storedTrades(one.key)).map(({ trade_id }) => trade_id).sort();
    return stored.join() === truth.map(one.tradeIdOf).sort().join();
  });
  const truth = await truthOf(one);
  const known = await node.instruments.view(one.key, ({ state }) => ({
    counted: state.counters.tradesLive + state.counters.tradesHistory,
    late: state.counters.tradesLate,
    isKnown: truth.every((trade) => state.trades.has(one.tradeIdOf(trade))),
  }));
  expect(known).toEqual({ counted: truth.length, late: 0, isKnown: true });
}

type Recount = { open: string; high: string; low: string; close: string; volume: string; count: number };

function recount({ exchange, nativeSymbol }: Case, trades: readonly SimulatedTrade[]): Map<number, Recount> {
  const { priceDecimals, quantityDecimals } = exchange().market.symbolOf(nativeSymbol);
  const text = (units: number, decimals: number): string =>
    new Decimal(units).div(new Decimal(10).pow(decimals)).toFixed();
  const seconds = new Map<number, SimulatedTrade[]>();
  for (const trade of trades) {
    const openTimeMs = Math.floor(trade.timeMs / 1000) * 1000;
    seconds.set(openTimeMs, [...(seconds.get(openTimeMs) ?? []), trade]);
  }
  return new Map(
    [...seconds].map(([openTimeMs, fills]) => {
      const prices = fills.map(({ priceUnits }) => priceUnits);
      const volume = fills.reduce((sum, { quantityUnits }) => sum + quantityUnits, 0);
      return [
        openTimeMs,
        {
          open: text(prices[0]!, priceDecimals),
          high: text(Math.max(...prices), priceDecimals),
          low: text(Math.min(...prices), priceDecimals),
          close: text(prices.at(-1)!, priceDecimals),
          volume: text(volume, quantityDecimals),
          count: fills.length,
        },
      ];
    }),
  );
}

/** Every closed second that had trades is what its trades come to. */
async function expectTrueCandles(one: Case): Promise<void> {
  const expected = recount(one, await truthOf(one));
  const rows = await queryRows<Record<keyof Recount | 'at', string>>(
    `SELECT open_time_ms AS at, open::text, high::text, low::text, close::text, volume::text, trade_count AS count
     FROM ${schema}.candle JOIN ${schema}.instrument ON id = instrument_id
     WHERE key = $1 AND interval = '1s' AND trade_count > 0 ORDER BY open_time_ms`,
    [one.key],
  );
  const plain = (value: string): string => new Decimal(value).toFixed();
  const stored = rows.map(({ at, open, high, low, close, volume, count }) => [
    Number(at),
    {
      open: plain(open),
      high: plain(high),
      low: plain(low),
      close: plain(close),
      volume: plain(volume),
      count: Number(count),
    },
  ]);
  expect(stored.length).toBeGreaterThan(5);
  const lastMs = Number(rows.at(-1)!.at);
  expect(stored).toEqual([...expected].filter(([openTimeMs]) => openTimeMs <= lastMs));
}

async function expectAll(): Promise<void> {
  // Books and trades are looked at while the markets stand still.
  for (const { exchange } of cases) exchange().market.stop();
  for (const one of cases) await expectEveryTrade(one);
  for (const one of cases) await expectTrueCandles(one);
  for (const { exchange } of cases) exchange().market.start();
}

const gapsOf = async (key: string) =>
  (await node.storage.records.readFeedGaps({ instrument: key, limit: 50 })).filter(
    ({ channel }) => channel === 'trades',
  );

const moreTrades = async (count: number): Promise<void> => {
  for (const { exchange, nativeSymbol } of cases) {
    const { market } = exchange();
    const before = market.tradesOf(nativeSymbol).length;
    await eventually('trades are made', () =>
      Promise.resolve(market.tradesOf(nativeSymbol).length >= before + count || undefined),
    );
  }
};

describe('a node that was cut off, or away, while its markets traded', () => {
  it('has every trade after its connections were cut', async () => {
    await moreTrades(100);
    for (let cut = 0; cut < 3; cut++) {
      for (const exchange of exchanges.values()) exchange.faults.disconnect();
      await moreTrades(15);
    }
    await expectAll();
    for (const { key } of cases) {
      const gaps = await eventually(`gaps of ${key}`, async () => {
        const found = await gapsOf(key);
        return found.length > 0 ? found : undefined;
      });
      expect(gaps.every(({ repair }) => repair === 'refetched')).toBe(true);
      expect(gaps.at(-1)!.reason).toContain('disconnected: ');
    }
  });

  it('has every trade after it was stopped and started again', async () => {
    await node.stop();
    await moreTrades(200);
    node = await start();
    await moreTrades(10);
    await expectAll();
    for (const { key } of cases) {
      const [newest] = await eventually(`gaps of ${key}`, async () => {
        const found = await gapsOf(key);
        return found.some(({ reason }) => reason.startsWith('no connection')) ? found : undefined;
      });
      expect(newest).toMatchObject({ repair: 'refetched', reason: 'no connection carried its trades' });
      expect(newest!.tradesRefetched).toBeGreaterThan(100);
    }
  });
});
