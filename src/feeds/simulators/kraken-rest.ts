/** Kraken's REST as its clients see it: pairs under their old names, and past trades from a time in nanoseconds on. */
import type { RestAnswer } from './exchange-protocol.ts';
import { fixedText, paddedText } from './fixed-text.ts';
import { assetPair } from './kraken-text.ts';
import type { SimulatedSymbol } from './simulated-book.ts';
import type { SimulatedMarket, SimulatedTrade } from './simulated-market.ts';

const TRADES_PAGE_MAX = 1000;
const NANOSECONDS_PER_MS = 1_000_000n;
/** REST pads prices, whatever the decimals of the pair. */
const PRICE_DECIMALS = 5;
const QUANTITY_DECIMALS = 8;

export function answerKraken(url: URL, market: SimulatedMarket): RestAnswer {
  const succeed = (result: string): RestAnswer => ({
    status: 200,
    body: `{"error":[],"result":${result}}`,
  });
  const refuse = (error: string): RestAnswer => ({ status: 200, body: JSON.stringify({ error: [error] }) });
  const method = url.pathname.split('/').at(-1);
  if (method === 'AssetPairs') {
    return succeed(JSON.stringify(Object.fromEntries(market.symbols.map(assetPair))));
  }
  if (method !== 'Trades') return { status: 404, body: '{"error":["EGeneral:Unknown method"]}' };
  const pair = url.searchParams.get('pair');
  const symbol = market.symbols.find((listed) => assetPair(listed)[0] === pair);
  return symbol === undefined
    ? refuse('EQuery:Unknown asset pair')
    : succeed(tradesResult(symbol, market.tradesOf(symbol.nativeSymbol), url.searchParams));
}

/** Trades after `since`, oldest first; without it the newest. `last` is the time to go on from. */
function tradesResult(
  symbol: SimulatedSymbol,
  trades: readonly SimulatedTrade[],
  parameters: URLSearchParams,
): string {
  const count = Math.min(
    TRADES_PAGE_MAX,
    Number.parseInt(parameters.get('count') ?? '1000', 10) || TRADES_PAGE_MAX,
  );
  const since = /^\d+$/.exec(parameters.get('since') ?? '')?.[0];
  const nanoseconds = ({ timeMs }: SimulatedTrade): bigint => BigInt(timeMs) * NANOSECONDS_PER_MS;
  const chosen =
    since === undefined
      ? trades.slice(-count)
      : trades.filter((trade) => nanoseconds(trade) > BigInt(since)).slice(0, count);
  const rows = chosen.map(({ tradeId, timeMs, priceUnits, quantityUnits, takerSide }) => {
    const price = paddedText(priceUnits, symbol.priceDecimals, PRICE_DECIMALS);
    const quantity = paddedText(quantityUnits, symbol.quantityDecimals, QUANTITY_DECIMALS);
    return `["${price}","${quantity}",${fixedText(timeMs, 3)}0000,"${takerSide === 'buy' ? 'b' : 's'}","m","",${tradeId}]`;
  });
  const last = chosen.at(-1);
  const lastText = last === undefined ? (since ?? '0') : String(nanoseconds(last));
  return `{"${assetPair(symbol)[0]}":[${rows.join(',')}],"last":"${lastText}"}`;
}
