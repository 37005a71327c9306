/** How Crypto.com writes trades and its list of instruments. */
import { fixedText } from './fixed-text.ts';
import type { SimulatedSymbol } from './simulated-book.ts';
import type { SimulatedTrade } from './simulated-market.ts';

export function tradeFrame(id: number, symbol: SimulatedSymbol, trades: readonly SimulatedTrade[]): string {
  const { nativeSymbol } = symbol;
  return `{"id":${id},"method":"subscribe","code":0,"result":{"instrument_name":"${nativeSymbol}","subscription":"trade.${nativeSymbol}","channel":"trade","data":[${tradesText(symbol, trades)}]}}`;
}

/** Newest first. Trade ids are text beyond 2^53, as old ones were. */
export function tradesText(symbol: SimulatedSymbol, trades: readonly SimulatedTrade[]): string {
  return trades
    .toReversed()
    .map(({ tradeId, timeMs, priceUnits, quantityUnits, takerSide }) =>
      JSON.stringify({
        d: `4611686018${String(tradeId).padStart(9, '0')}`,
        t: timeMs,
        p: fixedText(priceUnits, symbol.priceDecimals),
        q: fixedText(quantityUnits, symbol.quantityDecimals),
        s: takerSide === 'buy' ? 'BUY' : 'SELL',
        i: symbol.nativeSymbol,
        m: String(tradeId),
      }),
    )
    .join(',');
}

/** The newest trades from `start_ts` on and before `end_ts`: nanoseconds, or milliseconds where they are as short. */
export function chooseTrades(
  trades: readonly SimulatedTrade[],
  parameters: URLSearchParams,
): readonly SimulatedTrade[] {
  const count = Math.min(TRADES_MAX, Number.parseInt(parameters.get('count') ?? '25', 10) || 25);
  const timeMs = (name: string, otherwise: number): number => {
    const text = parameters.get(name);
    if (text === null) return otherwise;
    return Number(text.length > MS_DIGITS ? BigInt(text) / 1_000_000n : BigInt(text));
  };
  const startMs = timeMs('start_ts', 0);
  const endMs = timeMs('end_ts', Number.MAX_SAFE_INTEGER);
  return trades.filter((trade) => trade.timeMs >= startMs && trade.timeMs < endMs).slice(-count);
}

const TRADES_MAX = 150;
const MS_DIGITS = 15;

/** One row of `public/get-instruments`. */
export function listing(symbol: SimulatedSymbol) {
  const isSwap = symbol.nativeSymbol.endsWith('-PERP');
  return {
    symbol: symbol.nativeSymbol,
    inst_type: isSwap ? 'PERPETUAL_SWAP' : 'CCY_PAIR',
    display_name: `${symbol.base}/${symbol.quote}`,
    base_ccy: symbol.base,
    quote_ccy: symbol.quote,
    quote_decimals: symbol.priceDecimals,
    quantity_decimals: symbol.quantityDecimals,
    price_tick_size: fixedText(symbol.tickUnits, symbol.priceDecimals),
    qty_tick_size: fixedText(1, symbol.quantityDecimals),
    tradable: true,
    expiry_timestamp_ms: 0,
    contract_size: '1',
  };
}
