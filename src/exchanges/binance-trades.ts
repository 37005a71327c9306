/**
 * Past trades of Binance (binance-spot-api-docs `rest-api.md`, "Old trade lookup" and "Compressed/Aggregate trades list", read 2026-11), oldest first
 * from an id on. Spot gives every fill under the id that its stream gives it, without a key; futures only with one, so there the merged series is
 * taken on both ways.
 */
import type { Trade } from '../market/events.ts';
import { ScaleMemory } from '../market/scale-memory.ts';
import type { TradeHistory, TradePageReading } from './adapter.ts';
import { asArray, asRecord, asSequence, asText, asWholeNumber, excerpt, parseJson } from './wire-json.ts';

const PAGE_MAX = 1000;

type FieldNames = {
  readonly id: string;
  readonly price: string;
  readonly quantity: string;
  readonly timeMs: string;
  readonly isBuyerMaker: string;
};

const FILL: FieldNames = {
  id: 'id',
  price: 'price',
  quantity: 'qty',
  timeMs: 'time',
  isBuyerMaker: 'isBuyerMaker',
};
const MERGED: FieldNames = { id: 'a', price: 'p', quantity: 'q', timeMs: 'T', isBuyerMaker: 'm' };

/** Not served by the addresses for public data alone (`data-api.binance.vision`): there the gap is declared. */
export const binanceFills = createHistory('/api/v3/historicalTrades', FILL);
export const binanceFuturesTrades = createHistory('/fapi/v1/aggTrades', MERGED);

function createHistory(path: string, fields: FieldNames): TradeHistory {
  return {
    identity: 'consecutive',
    // An hour of the busiest symbol, within the weight of one minute.
    maxPages: 200,
    request: ({ rest }, nativeSymbol, { after }) => ({
      url: `${rest}${path}?symbol=${encodeURIComponent(nativeSymbol)}&fromId=${BigInt(after.tradeId) + 1n}&limit=${PAGE_MAX}`,
    }),
    read: (body, _nativeSymbol, receiveTimeMs) => readPage(body, receiveTimeMs, fields),
  };
}

function readPage(body: string, receiveTimeMs: number, fields: FieldNames): TradePageReading {
  const elements = asArray(parseJson(body));
  if (elements === undefined) return { ok: false, reason: `not a list of trades: ${excerpt(body)}` };
  const scales = new ScaleMemory({ keepTrailingZeros: false });
  const trades: Trade[] = [];
  for (const element of elements) {
    const fill = asRecord(element);
    const id = asSequence(fill?.[fields.id]);
    const eventTimeMs = asWholeNumber(fill?.[fields.timeMs]);
    const reading = scales.readTrade(asText(fill?.[fields.price]), asText(fill?.[fields.quantity]));
    const isBuyerMaker = fill?.[fields.isBuyerMaker];
    if (id === undefined || eventTimeMs === undefined || reading === undefined) {
      return { ok: false, reason: `a trade lacks its id, time, price or quantity: ${excerpt(body)}` };
    }
    if (typeof isBuyerMaker !== 'boolean') {
      return { ok: false, reason: `trade ${id} does not say who was the maker` };
    }
    trades.push({
      type: 'Trade',
      eventTimeMs,
      receiveTimeMs,
      ...reading,
      takerSide: isBuyerMaker ? 'sell' : 'buy',
      tradeId: String(id),
      isHistory: true,
    });
  }
  const last = trades.at(-1);
  const next = trades.length < PAGE_MAX ? undefined : last?.tradeId;
  return { ok: true, page: { trades, next, reachesBack: true } };
}
