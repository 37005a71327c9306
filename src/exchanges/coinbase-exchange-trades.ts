/**
 * Past trades of Coinbase Exchange (docs.cdp.coinbase.com, `GET /products/{id}/trades`, read 2026-11), under the ids of the stream, newest first and
 * older than an id. Ids count up by one, so what comes next after one of ours is what lies below that id plus a page.
 */
import type { Trade } from '../market/events.ts';
import { ScaleMemory } from '../market/scale-memory.ts';
import type { TradeHistory, TradePageReading } from './adapter.ts';
import { asArray, asInteger, asRecord, excerpt, parseJson } from './wire-json.ts';
import { parseIsoMs } from './wire-time.ts';

const PAGE_MAX = 1000;

export const coinbaseExchangeTrades: TradeHistory = {
  identity: 'consecutive',
  maxPages: 200,
  request: ({ rest }, nativeSymbol, { after }) => ({
    url: `${rest}/products/${encodeURIComponent(nativeSymbol)}/trades?limit=${PAGE_MAX}&after=${pageEnd(after.tradeId)}`,
  }),
  read: (body, _nativeSymbol, receiveTimeMs, { after }) =>
    readPage(body, receiveTimeMs, pageEnd(after.tradeId)),
};

/** First id above the page that begins behind `tradeId`. */
function pageEnd(tradeId: string): bigint {
  return BigInt(tradeId) + BigInt(PAGE_MAX) + 1n;
}

function readPage(body: string, receiveTimeMs: number, end: bigint): TradePageReading {
  const elements = asArray(parseJson(body));
  if (elements === undefined) return { ok: false, reason: `not a list of trades: ${excerpt(body)}` };
  const scales = new ScaleMemory({ keepTrailingZeros: false });
  const trades: Trade[] = [];
  for (const element of elements.toReversed()) {
    const match = asRecord(element);
    const tradeId = asInteger(match?.['trade_id']);
    const eventTimeMs = parseIsoMs(match?.['time']);
    const makerSide = match?.['side'];
    const reading = scales.readTrade(match?.['price'], match?.['size']);
    if (tradeId === undefined || eventTimeMs === undefined || reading === undefined) {
      return { ok: false, reason: 'a trade lacks its id, time, price or size' };
    }
    if (makerSide !== 'buy' && makerSide !== 'sell') {
      return { ok: false, reason: `trade ${tradeId} does not say the maker's side` };
    }
    trades.push({
      type: 'Trade',
      eventTimeMs,
      receiveTimeMs,
      ...reading,
      takerSide: makerSide === 'buy' ? 'sell' : 'buy',
      tradeId: String(tradeId),
      isHistory: true,
    });
  }
  const newest = trades.at(-1);
  const isFull = newest !== undefined && BigInt(newest.tradeId) >= end - 1n;
  return { ok: true, page: { trades, next: isFull ? newest.tradeId : undefined, reachesBack: true } };
}
