/** At the end of a run, markets at rest: everything that nodes and tables hold, against the truth. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChaosInstrument, ChaosMarkets } from '../chaos-markets.ts';
import { askTicker, askUnclosedCandles, withTables } from '../final-state.ts';
import type { Violation } from '../violation.ts';
import { checkCandles, checkTicker } from './candle-check.ts';
import type { PlainTrade } from './trade-check.ts';
import { compareTrades } from './trade-check.ts';

const INTERVALS = [
  ['1s', 1_000],
  ['1m', 60_000],
] as const;
/** Trades that are still on their way are waited for as long as more of them come. */
const QUIET_MS = 6_000;
const POLL_MS = 500;

export type FinalResult = {
  readonly violations: readonly Violation[];
  readonly missing: ReadonlyMap<string, readonly PlainTrade[]>;
  readonly storedTrades: number;
  readonly candles: number;
};

export async function checkFinalState(options: {
  markets: ChaosMarkets;
  postgresUrl: string;
  schema: string;
  adminUrl: string;
}): Promise<FinalResult> {
  const { markets, postgresUrl, schema, adminUrl } = options;
  const violations: Violation[] = [];
  const missing = new Map<string, readonly PlainTrade[]>();
  let storedTrades = 0;
  let candleCount = 0;
  await untilTradesRest(options);
  for (const { key, trades } of markets.instruments) {
    const ticker = await askTicker(adminUrl, key);
    const unclosed = new Map<string, Awaited<ReturnType<typeof askUnclosedCandles>>>();
    for (const [interval] of INTERVALS)
      unclosed.set(interval, await askUnclosedCandles(adminUrl, key, interval));
    await withTables(postgresUrl, async (tables) => {
      const stored = await tables.readTrades(schema, key);
      storedTrades += stored.length;
      const comparison = compareTrades(key, trades, stored);
      violations.push(...comparison.violations);
      if (comparison.missing.length > 0) missing.set(key, comparison.missing);
      violations.push(...checkTicker(key, stored, ticker));
      for (const [interval, intervalMs] of INTERVALS) {
        const closed = await tables.readCandles(schema, key, interval);
        const known = new Set(closed.map(({ openTimeMs }) => openTimeMs));
        const candles = [
          ...closed,
          ...unclosed.get(interval)!.filter(({ openTimeMs }) => !known.has(openTimeMs)),
        ];
        candleCount += candles.length;
        violations.push(...checkCandles({ instrument: key, interval, intervalMs, trades: stored, candles }));
      }
    });
  }
  return { violations, missing, storedTrades, candles: candleCount };
}

/** Resolves when no table lacks a trade, or none has come for a while. */
async function untilTradesRest({
  markets,
  postgresUrl,
  schema,
}: {
  markets: ChaosMarkets;
  postgresUrl: string;
  schema: string;
}): Promise<void> {
  let lacking = Infinity;
  let restingSinceMs = performance.now();
  while (performance.now() - restingSinceMs < QUIET_MS) {
    const now = await withTables(postgresUrl, async (tables) => {
      let sum = 0;
      for (const { key, trades } of markets.instruments)
        sum += await countLacking(tables, schema, key, trades);
      return sum;
    });
    if (now === 0) return;
    if (now !== lacking) restingSinceMs = performance.now();
    lacking = now;
    await sleep(POLL_MS);
  }
}

async function countLacking(
  tables: Parameters<Parameters<typeof withTables>[1]>[0],
  schema: string,
  key: string,
  made: ChaosInstrument['trades'],
): Promise<number> {
  return compareTrades(key, made, await tables.readTrades(schema, key)).missing.length;
}
