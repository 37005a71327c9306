/**
 * Past trades of Bybit (Bybit v5 documentation, `GET /v5/market/recent-trade`, read 2026-11): the newest only, newest first, under the ids of the
 * stream. Of spot they are sixty, so only a short absence is made good.
 */
import type { Trade } from '../market/events.ts';
import { ScaleMemory } from '../market/scale-memory.ts';
import type { NewestTrade, TradeHistory, TradePageReading } from './adapter.ts';
import type { BybitCategory } from './bybit-instruments.ts';
import { asArray, asRecord, asText, asWholeNumber, excerpt, parseJson } from './wire-json.ts';

/** Returns how past trades of a category are fetched. */
export function createBybitTrades(category: BybitCategory): TradeHistory {
  const limit = category === 'spot' ? 60 : 1000;
  return {
    identity: 'other',
    maxPages: 1,
    request: ({ rest }, nativeSymbol) => ({
      url: `${rest}/v5/market/recent-trade?category=${category}&symbol=${encodeURIComponent(nativeSymbol)}&limit=${limit}`,
    }),
    read: (body, _nativeSymbol, receiveTimeMs, { after }) => readPage(body, receiveTimeMs, after),
  };
}

function readPage(body: string, receiveTimeMs: number, after: NewestTrade): TradePageReading {
  const answer = asRecord(parseJson(body));
  if (answer?.['retCode'] !== 0) {
    return { ok: false, reason: `refused: ${asText(answer?.['retMsg']) ?? excerpt(body)}` };
  }
  const elements = asArray(asRecord(answer['result'])?.['list']);
  if (elements === undefined) return { ok: false, reason: `not a list of trades: ${excerpt(body)}` };
  const scales = new ScaleMemory({ keepTrailingZeros: false });
  const trades: Trade[] = [];
  for (const element of elements.toReversed()) {
    const fill = asRecord(element);
    if (fill?.['isBlockTrade'] === true) continue;
    const tradeId = asText(fill?.['execId']);
    const eventTimeMs = asWholeNumber(fill?.['time']);
    const side = fill?.['side'];
    const reading = scales.readTrade(fill?.['price'], fill?.['size']);
    if (tradeId === undefined || eventTimeMs === undefined || reading === undefined) {
      return { ok: false, reason: 'a trade lacks its id, time, price or size' };
    }
    if (side !== 'Buy' && side !== 'Sell') {
      return { ok: false, reason: `trade ${tradeId} does not say which side took` };
    }
    trades.push({
      type: 'Trade',
      eventTimeMs,
      receiveTimeMs,
      ...reading,
      takerSide: side === 'Buy' ? 'buy' : 'sell',
      tradeId,
      isHistory: true,
    });
  }
  const reachesBack = trades.some(
    ({ tradeId, eventTimeMs }) => tradeId === after.tradeId || eventTimeMs < after.eventTimeMs,
  );
  return { ok: true, page: { trades, next: undefined, reachesBack } };
}
