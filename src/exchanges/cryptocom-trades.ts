/**
 * Trades of Crypto.com, of the stream and of the past (exchange-developer.crypto.com, `trade.{instrument}` and `public/get-trades`, read 2026-09). Both
 * come newest first. Past ones lie between a start, inclusive, and an end, exclusive, and a page holds the newest of them.
 */
import type { Trade } from '../market/events.ts';
import { ScaleMemory } from '../market/scale-memory.ts';
import { formatUnits } from '../market/units.ts';
import type { TradeHistory, TradePageReading } from './adapter.ts';
import { quoteNumbers } from './json-text.ts';
import { asArray, asRecord, asText, asWholeNumber, excerpt, parseJson } from './wire-json.ts';

const PAGE_MAX = 150;
/** Times of requests are nanoseconds. */
const MS_IN_NANOSECONDS = '000000';

export const cryptocomTrades: TradeHistory = {
  identity: 'other',
  maxPages: 100,
  request: ({ rest }, nativeSymbol, { after, cursor }) => {
    const end = cursor === undefined ? '' : `&end_ts=${cursor}${MS_IN_NANOSECONDS}`;
    return {
      url: `${rest}/public/get-trades?instrument_name=${encodeURIComponent(nativeSymbol)}&count=${PAGE_MAX}&start_ts=${after.eventTimeMs}${MS_IN_NANOSECONDS}${end}`,
    };
  },
  read: (body, _nativeSymbol, receiveTimeMs, { cursor }) => readPage(body, receiveTimeMs, cursor),
};

/** Returns the trades of a list in the order of the market, and why others in it can't be used. */
export function readCryptocomTrades(
  elements: readonly unknown[],
  scales: ScaleMemory,
  options: { isHistory: boolean; receiveTimeMs: number },
): { trades: Trade[]; rejections: string[] } {
  const trades: Trade[] = [];
  const rejections: string[] = [];
  const nameFill = createFillNames();
  for (let index = elements.length - 1; index >= 0; index--) {
    const fill = asRecord(elements[index]);
    const d = asText(fill?.['d']);
    const eventTimeMs = asWholeNumber(fill?.['t']);
    const side = fill?.['s'];
    const reading = scales.readTrade(fill?.['p'], fill?.['q']);
    if (d === undefined || eventTimeMs === undefined || reading === undefined) {
      rejections.push('trade lacks its id, time, price or quantity');
      continue;
    }
    if (side !== 'BUY' && side !== 'SELL') {
      rejections.push('trade does not say which side took');
      continue;
    }
    const quantity = formatUnits(reading.quantity, reading.scales.quantity);
    const price = formatUnits(reading.price, reading.scales.price);
    trades.push({
      type: 'Trade',
      eventTimeMs,
      receiveTimeMs: options.receiveTimeMs,
      ...reading,
      takerSide: side === 'BUY' ? 'buy' : 'sell',
      tradeId: nameFill(`${d}-${asText(fill?.['m']) ?? `${quantity}@${price}`}`),
      isHistory: options.isHistory,
    });
  }
  return { trades, rejections };
}

/**
 * Several fills may share one `d` (seen in 2022, two of them with equal quantity), so a fill is named by `d` and its match id, or by `d` and what it
 * says where there is no match id; of fills that are alike in all that, the second in a list is `…-1`, and so on. Alike fills can stand for one
 * another, so a list sent twice, or cut anywhere, names the same fills the same way.
 */
function createFillNames(): (name: string) => string {
  const countOfName = new Map<string, number>();
  return (name) => {
    const count = countOfName.get(name) ?? 0;
    countOfName.set(name, count + 1);
    return count === 0 ? name : `${name}-${count}`;
  };
}

/** Pages overlap by the trades of one millisecond: several may be of the same, and a page may end between them. */
function readPage(body: string, receiveTimeMs: number, cursor: string | undefined): TradePageReading {
  const elements = asArray(asRecord(asRecord(parseJson(quoteNumbers(body)))?.['result'])?.['data']);
  if (elements === undefined) return { ok: false, reason: `not a list of trades: ${excerpt(body)}` };
  const scales = new ScaleMemory({ keepTrailingZeros: false });
  const { trades, rejections } = readCryptocomTrades(elements, scales, { isHistory: true, receiveTimeMs });
  const [rejection] = rejections;
  if (rejection !== undefined) return { ok: false, reason: rejection };
  const [oldest] = trades;
  if (elements.length < PAGE_MAX || oldest === undefined) {
    return { ok: true, page: { trades, next: undefined, reachesBack: true } };
  }
  const next = String(oldest.eventTimeMs + 1);
  // A page of one single millisecond: there is no way to ask for the rest of it.
  const isStuck = next === cursor;
  return { ok: true, page: { trades, next: isStuck ? undefined : next, reachesBack: false } };
}
