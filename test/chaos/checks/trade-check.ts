/** Compares the trades that an exchange made with those in the table: from the instrument's first on, each exactly once, with all its values. Pure. */
import { Decimal } from 'decimal.js';
import type { Violation } from '../violation.ts';

export type PlainTrade = {
  readonly tradeId: string;
  readonly timeMs: number;
  /** Decimal text. */
  readonly price: string;
  readonly quantity: string;
  readonly takerSide: string;
};

export type TradeComparison = {
  readonly violations: readonly Violation[];
  /** Trades of the exchange that the table lacks, from the first it has on. */
  readonly missing: readonly PlainTrade[];
};

/** `made` in order of ids. Missing trades are told apart from violations: whether they are excused is for the caller to say. */
export function compareTrades(
  instrument: string,
  made: readonly PlainTrade[],
  stored: readonly PlainTrade[],
): TradeComparison {
  const violations: Violation[] = [];
  const report = (rule: string, expected: string, was: string): void => {
    violations.push({ rule, subject: instrument, expected, was });
  };
  const byId = new Map(made.map((trade) => [trade.tradeId, trade]));
  const seen = new Set<string>();
  for (const trade of stored) {
    const truth = byId.get(trade.tradeId);
    if (seen.has(trade.tradeId)) report('trade-once', `trade ${trade.tradeId} once`, 'several rows');
    seen.add(trade.tradeId);
    if (truth === undefined)
      report('trade-true', 'only trades that the exchange made', `trade ${trade.tradeId}`);
    else if (textOf(truth) !== textOf(trade))
      report('trade-true', `trade ${trade.tradeId} as ${textOf(truth)}`, textOf(trade));
  }
  const first = made.findIndex(({ tradeId }) => seen.has(tradeId));
  if (first < 0) {
    if (made.length > 0) report('trade-once', 'some trades', 'an empty table');
    return { violations, missing: [] };
  }
  return { violations, missing: made.slice(first).filter(({ tradeId }) => !seen.has(tradeId)) };
}

function textOf({ timeMs, price, quantity, takerSide }: PlainTrade): string {
  return `${takerSide} ${new Decimal(quantity).toFixed()} at ${new Decimal(price).toFixed()}, time ${timeMs}`;
}

/** Time spans in which trades are missing: runs of missing trades that lie less than `withinMs` apart. */
export function missingSpans(
  missing: readonly PlainTrade[],
  withinMs: number,
): { fromMs: number; toMs: number; count: number }[] {
  const spans: { fromMs: number; toMs: number; count: number }[] = [];
  for (const { timeMs } of missing) {
    const last = spans.at(-1);
    if (last !== undefined && timeMs - last.toMs < withinMs) {
      last.toMs = timeMs;
      last.count++;
    } else spans.push({ fromMs: timeMs, toMs: timeMs, count: 1 });
  }
  return spans;
}
