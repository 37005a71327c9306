/** Every trade that counts was made by the market, counts once, and is in the table once; from the first live one on none is missing. */
import type { SimulatedSymbol } from '../../../src/feeds/simulators/simulated-book.ts';
import { fixedText } from '../../../src/feeds/simulators/fixed-text.ts';
import type { SimulatedTrade } from '../../../src/feeds/simulators/simulated-market.ts';
import type { Trade } from '../../../src/market/events.ts';
import { formatUnits } from '../../../src/market/units.ts';
import type { TradeRow } from '../models/postgres-tables.ts';
import { plain } from '../simulated-markets.ts';
import type { Violation } from './violation.ts';

export type TradeFacts = {
  readonly instrument: string;
  readonly symbol: SimulatedSymbol;
  /** What the market made, oldest first. */
  readonly made: readonly SimulatedTrade[];
  /** What counted, in log order. */
  readonly folded: readonly Trade[];
  /** The instrument's rows of the trade table. */
  readonly rows: readonly TradeRow[];
  /** Ids of trades that were given up, each with a dead letter, because they failed their actor twice. */
  readonly givenUp: ReadonlySet<number>;
};

export function checkTrades({ instrument, symbol, made, folded, rows, givenUp }: TradeFacts): Violation[] {
  const violations: Violation[] = [];
  const found = (rule: string, expected: unknown, was: unknown): void => {
    violations.push({ rule, instrument, expected: String(expected), was: String(was) });
  };
  const truth = new Map(made.map((trade) => [trade.tradeId, textOf(symbol, trade)]));
  const counted = new Set<number>();
  let firstLive = Infinity;
  for (const trade of folded) {
    const id = marketIdOf(trade.tradeId);
    if (counted.has(id)) found('a trade counts once', 'once', `again: ${trade.tradeId}`);
    counted.add(id);
    const text = `${plain(formatUnits(trade.price, trade.scales.price))} ${plain(formatUnits(trade.quantity, trade.scales.quantity))} ${trade.takerSide} ${trade.eventTimeMs}`;
    if (truth.get(id) !== text)
      found('a trade that counts was made by the market', truth.get(id), `${trade.tradeId}: ${text}`);
    if (!trade.isHistory) firstLive = Math.min(firstLive, id);
  }
  const stored = new Set(rows.map(({ tradeId }) => marketIdOf(tradeId)));
  if (rows.length !== stored.size) found('a trade has one row', stored.size, rows.length);
  const unstored = [...counted].filter((id) => !stored.has(id));
  if (unstored.length > 0)
    found('a trade that counts has a row', 'all', `missing ${unstored.slice(0, 5).join(', ')}`);
  const uncounted = [...stored].filter((id) => !counted.has(id));
  if (uncounted.length > 0)
    found('a row is of a trade that counts', 'none else', uncounted.slice(0, 5).join(', '));
  const missing = made.filter(
    ({ tradeId }) => tradeId > firstLive && !counted.has(tradeId) && !givenUp.has(tradeId),
  );
  if (missing.length > 0) {
    const which = missing
      .slice(0, 5)
      .map(({ tradeId, timeMs }) => `${tradeId} of ${new Date(timeMs).toISOString()}`);
    found(
      'no trade is missing from the first live one on',
      `all after ${firstLive}`,
      `${missing.length} missing: ${which.join(', ')}`,
    );
  }
  return violations;
}

/** The market's number in an exchange's id; Crypto.com writes it behind a prefix, with the symbol after it. */
export function marketIdOf(tradeId: string): number {
  return Number(/^4611686018(\d+)-/.exec(tradeId)?.[1] ?? tradeId);
}

function textOf(
  symbol: SimulatedSymbol,
  { priceUnits, quantityUnits, takerSide, timeMs }: SimulatedTrade,
): string {
  return `${plain(fixedText(priceUnits, symbol.priceDecimals))} ${plain(fixedText(quantityUnits, symbol.quantityDecimals))} ${takerSide} ${timeMs}`;
}
