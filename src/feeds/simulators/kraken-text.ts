/** How Kraken's v2 socket writes books and trades: JSON numbers at their full scale, written by hand, and the checksum over those digits. */
import { crc32 } from 'node:zlib';
import { fixedText } from './fixed-text.ts';
import type { BookSides, SimulatedLevel, SimulatedSymbol } from './simulated-book.ts';
import type { SimulatedTrade } from './simulated-market.ts';

const CHECKSUM_LEVELS = 10;

/** CRC32 over the ten best asks, then the ten best bids: digits of price and quantity without the point and without leading zeros. */
export function bookChecksum(sides: BookSides): number {
  // Units at the full scale are those digits.
  const digits = (levels: readonly SimulatedLevel[]) =>
    levels
      .slice(0, CHECKSUM_LEVELS)
      .map((level) => `${level.priceUnits}${level.quantityUnits}`)
      .join('');
  return crc32(digits(sides.asks) + digits(sides.bids));
}

export function bookFrame(
  kind: 'snapshot' | 'update',
  symbol: SimulatedSymbol,
  sides: BookSides,
  checksum: number,
  nowMs: number,
): string {
  const levels = (side: readonly SimulatedLevel[]) =>
    side
      .map(
        ({ priceUnits, quantityUnits }) =>
          `{"price":${fixedText(priceUnits, symbol.priceDecimals)},"qty":${fixedText(quantityUnits, symbol.quantityDecimals)}}`,
      )
      .join(',');
  return `{"channel":"book","type":"${kind}","data":[{"symbol":"${symbol.nativeSymbol}","bids":[${levels(sides.bids)}],"asks":[${levels(sides.asks)}],"checksum":${checksum},"timestamp":"${isoMicros(nowMs)}"}]}`;
}

export function tradeFrame(
  kind: 'snapshot' | 'update',
  symbol: SimulatedSymbol,
  trades: readonly SimulatedTrade[],
): string {
  const texts = trades.map(
    ({ tradeId, timeMs, priceUnits, quantityUnits, takerSide }) =>
      `{"symbol":"${symbol.nativeSymbol}","side":"${takerSide}","price":${fixedText(priceUnits, symbol.priceDecimals)},"qty":${fixedText(quantityUnits, symbol.quantityDecimals)},"ord_type":"market","trade_id":${tradeId},"timestamp":"${isoMicros(timeMs)}"}`,
  );
  return `{"channel":"trade","type":"${kind}","data":[${texts.join(',')}]}`;
}

/** The frame of the `instrument` channel that lists all pairs. */
export function instrumentFrame(symbols: readonly SimulatedSymbol[]): string {
  const pairs = symbols.map(
    (symbol) =>
      `{"symbol":"${symbol.nativeSymbol}","base":"${symbol.base}","quote":"${symbol.quote}","status":"online","qty_precision":${symbol.quantityDecimals},"qty_increment":${fixedText(1, symbol.quantityDecimals)},"price_precision":${symbol.priceDecimals},"price_increment":${fixedText(symbol.tickUnits, symbol.priceDecimals)}}`,
  );
  return `{"channel":"instrument","type":"snapshot","data":{"assets":[],"pairs":[${pairs.join(',')}]}}`;
}

/** REST still says `XBT` and `XDG`. */
export function assetPair(symbol: SimulatedSymbol): readonly [string, object] {
  const base = OLD_NAMES[symbol.base] ?? symbol.base;
  const name = `${base}${symbol.quote}`;
  return [
    name,
    {
      altname: name,
      wsname: `${base}/${symbol.quote}`,
      base,
      quote: symbol.quote,
      pair_decimals: symbol.priceDecimals,
      lot_decimals: symbol.quantityDecimals,
      tick_size: fixedText(symbol.tickUnits, symbol.priceDecimals),
      status: 'online',
    },
  ];
}

const OLD_NAMES: Readonly<Record<string, string>> = { BTC: 'XBT', DOGE: 'XDG' };

export function isoMicros(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('Z', '000Z');
}
