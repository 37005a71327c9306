/**
 * Past trades of Kraken (docs.kraken.com, REST `Trades`, read 2026-11): oldest first from a time in nanoseconds on, under the ids of the stream.
 * REST pads prices and calls BTC and DOGE by their old names; pairs of one base and quote are known by both put together.
 */
import type { Trade } from '../market/events.ts';
import { ScaleMemory } from '../market/scale-memory.ts';
import type { TradeHistory, TradePageReading } from './adapter.ts';
import { quoteNumbers } from './json-text.ts';
import { asArray, asRecord, asText, excerpt, parseJson } from './wire-json.ts';
import { parseSecondsMs } from './wire-time.ts';

const PAGE_MAX = 1000;
const NANOSECONDS_PER_MS = 1_000_000n;
const OLD_NAMES: Readonly<Record<string, string>> = { BTC: 'XBT', DOGE: 'XDG' };

export const krakenTrades: TradeHistory = {
  identity: 'consecutive',
  // A request a second and pair is allowed; five minutes of them.
  maxPages: 300,
  request: ({ rest }, nativeSymbol, { after, cursor }) => ({
    url: `${rest}/Trades?pair=${encodeURIComponent(restPair(nativeSymbol))}&since=${cursor ?? sinceOf(after.eventTimeMs)}&count=${PAGE_MAX}`,
  }),
  read: (body, _nativeSymbol, receiveTimeMs) => readPage(body, receiveTimeMs),
};

function restPair(nativeSymbol: string): string {
  return nativeSymbol
    .split('/')
    .map((name) => OLD_NAMES[name] ?? name)
    .join('');
}

/** A nanosecond earlier, for the time asked from is left out, and several trades may be of one time. */
function sinceOf(timeMs: number): bigint {
  return BigInt(timeMs) * NANOSECONDS_PER_MS - 1n;
}

function readPage(body: string, receiveTimeMs: number): TradePageReading {
  const answer = asRecord(parseJson(quoteNumbers(body)));
  const [error] = asArray(answer?.['error']) ?? [];
  if (error !== undefined) return { ok: false, reason: `refused: ${asText(error) ?? excerpt(body)}` };
  const result = asRecord(answer?.['result']);
  const last = asText(result?.['last']);
  const [elements] = Object.values(result ?? {}).flatMap((value) => {
    const list = asArray(value);
    return list === undefined ? [] : [list];
  });
  if (elements === undefined || last === undefined || !/^\d{1,20}$/.test(last)) {
    return { ok: false, reason: `not a page of trades: ${excerpt(body)}` };
  }
  const scales = new ScaleMemory({ keepTrailingZeros: false });
  const trades: Trade[] = [];
  for (const element of elements) {
    const [price, quantity, time, side, , , tradeId] = asArray(element) ?? [];
    const eventTimeMs = parseSecondsMs(time);
    const reading = scales.readTrade(price, quantity);
    const id = asText(tradeId);
    if (eventTimeMs === undefined || reading === undefined || id === undefined) {
      return { ok: false, reason: 'a trade lacks its id, time, price or quantity' };
    }
    if (side !== 'b' && side !== 's')
      return { ok: false, reason: `trade ${id} does not say which side took` };
    trades.push({
      type: 'Trade',
      eventTimeMs,
      receiveTimeMs,
      ...reading,
      takerSide: side === 'b' ? 'buy' : 'sell',
      tradeId: id,
      isHistory: true,
    });
  }
  const next = trades.length < PAGE_MAX ? undefined : String(BigInt(last) - 1n);
  return { ok: true, page: { trades, next, reachesBack: true } };
}
