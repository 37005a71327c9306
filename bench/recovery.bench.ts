/**
 * How long after `kill -9` every instrument is live again: a node as a process of its own on real Postgres and Redis, killed and started again,
 * timed from the start of the process until Redis holds every book as `live`. It prints its parts, and the memory afterwards.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Trade } from '../src/market/events.ts';
import { formatUnits } from '../src/market/units.ts';
import { openStorage } from '../src/persistence/open-storage.ts';
import type { Benchmark, BenchmarkGroup } from './harness/benchmark.ts';
import { realServers, writerContext } from './harness/services.ts';
import type { BookExchangeOrder, BookExchangeReport, BookExchangeTrades } from './recovery/book-exchange.ts';
import type { InstrumentKind } from './recovery/day-of-trades.ts';
import { describeRounds } from './recovery/round-report.ts';
import type { Scenario } from './recovery/recovery-run.ts';
import { RecoveryRun } from './recovery/recovery-run.ts';
import { RedisWatch } from './recovery/redis-watch.ts';

const ROUNDS = 5;
/** What Bybit's adapter subscribes to where nothing else is set, and the most that there is. */
const DEPTHS = { default: 200, deepest: 1_000 };
const SYMBOLS_MAX = 1_000;

const sparse = { name: 'sparse', tradesPerSecond: 1, tradeSecondsPerDay: 144, batchesPerSecond: 1 } as const;

const SCENARIOS: readonly Scenario[] = [
  {
    name: '1,000 instruments, full books, a day of trades',
    levelsPerSide: DEPTHS.default,
    kinds: dayOfTrades(DEPTHS.default),
  },
  {
    name: '1,000 instruments, deepest books, a day of trades',
    levelsPerSide: DEPTHS.deepest,
    kinds: dayOfTrades(DEPTHS.deepest),
  },
  {
    name: '100 instruments, deepest books, sparse trades',
    levelsPerSide: DEPTHS.deepest,
    kinds: [{ ...sparse, levelsPerSide: DEPTHS.deepest, count: 100, tradeIds: 'counted' }],
  },
];

function dayOfTrades(levelsPerSide: number): InstrumentKind[] {
  const usual = { levelsPerSide, tradesPerSecond: 2, tradeSecondsPerDay: 2_160, batchesPerSecond: 1.5 };
  return [
    {
      ...usual,
      name: 'hot',
      count: 10,
      tradeSecondsPerDay: 43_200,
      batchesPerSecond: 10,
      tradeIds: 'counted',
    },
    {
      ...usual,
      name: 'busy',
      count: 90,
      tradeSecondsPerDay: 14_400,
      batchesPerSecond: 4,
      tradeIds: 'counted',
    },
    { ...usual, name: 'usual', count: 700, tradeIds: 'counted' },
    { ...usual, name: 'usual, ids jump', count: 100, tradeIds: 'jumping' },
    { ...usual, name: 'usual, ids are text', count: 100, tradeIds: 'text' },
  ];
}

export const recovery: BenchmarkGroup = {
  name: 'recovery',
  title: 'Recovery: from `kill -9` to every book live in Redis',
  async open() {
    const notes: string[] = [];
    const servers = await realServers(notes);
    if (servers === undefined) return { benchmarks: [], notes, close: () => Promise.resolve() };
    const { postgresUrl, redisUrl } = servers;
    const folder = mkdtempSync(join(tmpdir(), 'tampines-bench-'));
    const exchange = fork(join(import.meta.dirname, 'recovery/book-exchange.js'), { execArgv: [] });
    exchange.send({ symbolCount: SYMBOLS_MAX } satisfies BookExchangeOrder);
    const [{ port }] = (await once(exchange, 'message')) as [BookExchangeReport];
    const storage = await openStorage({
      location: { url: postgresUrl },
      schema: `bench_${process.pid}`,
      context: writerContext,
    });
    const watch = new RedisWatch(redisUrl);
    await watch.start();
    const runs = SCENARIOS.map((scenario) => ({
      scenario,
      run: new RecoveryRun(scenario, {
        storage,
        watch,
        postgresUrl,
        redisUrl,
        exchangePort: port,
        tellTrades: (recentTrades) => {
          exchange.send({ recentTrades: toAnswers(recentTrades) } satisfies BookExchangeTrades);
        },
        dataDirectory: folder,
        profileFile: process.env['RECOVERY_BENCH_PROFILE'],
      }),
    }));
    return {
      benchmarks: runs.map(({ scenario, run }) => toBenchmark(scenario, run)),
      notes,
      close: async () => {
        for (const { scenario, run } of runs) {
          await run.kill();
          if (run.results.length > 0) notes.push(describeRounds(scenario.name, run.results));
        }
        watch.close();
        exchange.kill();
        await storage.database.query({ text: `DROP SCHEMA ${storage.database.schema} CASCADE` });
        await storage.close();
        rmSync(folder, { recursive: true, force: true });
        await servers.close();
      },
    };
  },
};

/** Answers of Bybit's `GET /v5/market/recent-trade`. */
function toAnswers(recentTrades: ReadonlyMap<string, readonly Trade[]>): Record<string, string> {
  const toFill = ({ tradeId, scales, price, quantity, takerSide, eventTimeMs }: Trade): object => ({
    ...{
      execId: tradeId,
      price: formatUnits(price, scales.price),
      size: formatUnits(quantity, scales.quantity),
    },
    ...{ side: takerSide === 'buy' ? 'Buy' : 'Sell', time: String(eventTimeMs), isBlockTrade: false },
  });
  return Object.fromEntries(
    Array.from(recentTrades, ([symbol, trades]) => [
      symbol,
      JSON.stringify({ retCode: 0, result: { category: 'spot', list: trades.map(toFill) } }),
    ]),
  );
}

function toBenchmark({ name }: Scenario, run: RecoveryRun): Benchmark {
  return {
    name,
    unit: 'instruments',
    operationCount: run.instrumentCount,
    runsMax: ROUNDS,
    // The node of one scenario must not run beside that of the next.
    prepare: () => run.prepare(),
    run: () => run.start(),
    finish: () => run.kill(),
  };
}
