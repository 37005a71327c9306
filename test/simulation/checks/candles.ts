/** The candle table is the fold's candles, and each of them is the recount of the trades in its interval. */
import { Decimal } from 'decimal.js';
import type { CandleText } from '../../../src/market/candle-text.ts';
import type { Trade } from '../../../src/market/events.ts';
import { formatUnits } from '../../../src/market/units.ts';
import type { CandleRow } from '../models/postgres-tables.ts';
import type { Violation } from './violation.ts';

export type CandleFacts = {
  readonly instrument: string;
  /** By `<interval> <open time>`. */
  readonly folded: ReadonlyMap<string, CandleText>;
  readonly rows: readonly CandleRow[];
  /** Those that were not too late for candles. */
  readonly trades: readonly Trade[];
};

export function checkCandles({ instrument, folded, rows, trades }: CandleFacts): Violation[] {
  const violations: Violation[] = [];
  const found = (rule: string, expected: string, was: string): void => {
    violations.push({ rule, instrument, expected, was });
  };
  const keys = new Set(rows.map(({ interval, openTimeMs }) => `${interval} ${openTimeMs}`));
  for (const key of folded.keys()) if (!keys.has(key)) found('a closed candle has a row', key, 'no row');
  for (const row of rows) {
    const key = `${row.interval} ${row.openTimeMs}`;
    const candle = folded.get(key);
    const expected = candle === undefined ? 'no such candle' : textOf(candle);
    if (expected !== textOf(row))
      found('a candle row is the closed candle of the fold', `${key}: ${expected}`, textOf(row));
  }
  for (const [key, candle] of folded) {
    const inside = trades.filter(
      ({ eventTimeMs }) => eventTimeMs >= candle.openTimeMs && eventTimeMs <= candle.closeTimeMs,
    );
    const volume = inside.reduce(
      (sum, { quantity, scales }) => sum.plus(formatUnits(quantity, scales.quantity)),
      new Decimal(0),
    );
    if (inside.length !== candle.tradeCount || !volume.equals(candle.volume)) {
      found(
        'a candle is the recount of its trades',
        `${key}: ${inside.length} trades, volume ${volume.toString()}`,
        `${candle.tradeCount} trades, volume ${candle.volume}`,
      );
    }
  }
  return violations;
}

function textOf(candle: CandleText | CandleRow): string {
  const { revision, open, high, low, close, volume, quoteVolume, takerBuyVolume, tradeCount } = candle;
  return [
    revision,
    open ?? null,
    high ?? null,
    low ?? null,
    close ?? null,
    volume,
    quoteVolume,
    takerBuyVolume,
    tradeCount,
  ].join(' ');
}
