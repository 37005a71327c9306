/** What nodes of a cluster show and store, held against a simulated Binance that stands still meanwhile. */
import { Decimal } from 'decimal.js';
import { systemTimers } from '../../src/base/clock.ts';
import { demoSymbols } from '../../src/feeds/simulators/demo-symbols.ts';
import type { SimulatedExchange } from '../../src/feeds/simulators/simulated-exchange.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import type { BookView } from './running-node.ts';
import { eventually, isTrue, storedTradeIds } from './running-node.ts';

export const symbols = demoSymbols.binance;

/** Binance writes symbols without a hyphen. */
export function keyOf({ nativeSymbol }: { readonly nativeSymbol: string }): InstrumentKey {
  return `binance:${nativeSymbol.replace(/USDT$/, '-USDT')}` as InstrumentKey;
}

const MOVES_MS = 400;
const STILL_TRIES = 60;
const TRY_EVERY_MS = 50;

/**
 * The market moves for a while and stands still until every book is live and what the market truly holds; then it goes on.
 * @param readViews of the symbols in their order; `undefined` where there is no book
 */
export async function untilBooksAreTrue(
  binance: SimulatedExchange,
  readViews: () => Promise<readonly (BookView | undefined)[]>,
): Promise<void> {
  await eventually('every book is live and true', async () => {
    binance.market.start();
    await systemTimers.sleep(MOVES_MS);
    binance.market.stop();
    for (let tries = 0; tries < STILL_TRIES; tries++) {
      const views = await readViews();
      const areTrue = symbols.every((symbol, index) => {
        const [view, truth] = [views[index], binance.market.bookOf(symbol.nativeSymbol)];
        return view !== undefined && isTrue(view, truth, Number.MAX_SAFE_INTEGER);
      });
      if (areTrue) return true;
      await systemTimers.sleep(TRY_EVERY_MS);
    }
    return undefined;
  });
  binance.market.start();
}

/** The book as Redis holds it; `undefined` where it holds none. */
export function viewPublished(text: string | null): BookView | undefined {
  if (text === null) return undefined;
  type Levels = readonly (readonly [string, string])[];
  const { status, seq, bids, asks } = JSON.parse(text) as {
    readonly status: string;
    readonly seq: number;
    readonly bids: Levels;
    readonly asks: Levels;
  };
  const view = (levels: Levels): string[] =>
    levels.map(([price, quantity]) => `${new Decimal(price).toFixed()} ${new Decimal(quantity).toFixed()}`);
  return { status, position: seq, bids: view(bids), asks: view(asks) };
}

/** From the first stored trade on, the table holds each trade of the market once. The market must stand still. */
export async function untilTradesAreStored(binance: SimulatedExchange, schema: string): Promise<void> {
  for (const symbol of symbols) {
    await eventually(`${keyOf(symbol)} has all trades`, async () => {
      const stored = await storedTradeIds(schema, keyOf(symbol));
      const made = binance.market.tradesOf(symbol.nativeSymbol).map(({ tradeId }) => String(tradeId));
      return stored.length > 0 && stored.join() === made.slice(made.indexOf(stored[0]!)).join()
        ? true
        : undefined;
    });
  }
}
