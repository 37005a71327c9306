/** Binance's REST as its clients see it: request weights with 429 and 418, lists of symbols, past trades, and books that lag the stream. */
import { paddedText } from './fixed-text.ts';
import type { RestAnswer } from './exchange-protocol.ts';
import type { SimulatedSymbol } from './simulated-book.ts';
import type { BookTruth, SimulatedMarket, SimulatedTrade } from './simulated-market.ts';

/** Every price and quantity is written with eight decimals. */
export const SHOWN_DECIMALS = 8;

/** Requests that may follow a 429 within its minute before the address is banned. */
const REFUSALS_BEFORE_BAN = 20;
const BAN_SECONDS = 120;
const MINUTE_MS = 60_000;

/** Weight used within the current minute, for all clients together: they share the loopback address. */
export class RequestWeights {
  readonly #limit: number;
  #minute = -1;
  #used = 0;
  #refusals = 0;
  #bannedUntilMs = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Counts a request; returns the refusal when it was one too many. */
  spend(weight: number, nowMs: number): { used: number; refusal: RestAnswer | undefined } {
    const minute = Math.floor(nowMs / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#used = 0;
      this.#refusals = 0;
    }
    if (nowMs < this.#bannedUntilMs) {
      return { used: this.#used, refusal: refuse(418, (this.#bannedUntilMs - nowMs) / 1000) };
    }
    this.#used += weight;
    if (this.#used <= this.#limit) return { used: this.#used, refusal: undefined };
    this.#refusals++;
    if (this.#refusals > REFUSALS_BEFORE_BAN) {
      this.#bannedUntilMs = nowMs + BAN_SECONDS * 1000;
      return { used: this.#used, refusal: refuse(418, BAN_SECONDS) };
    }
    return { used: this.#used, refusal: refuse(429, (MINUTE_MS - (nowMs % MINUTE_MS)) / 1000) };
  }
}

function refuse(status: number, seconds: number): RestAnswer {
  return {
    status,
    body: '{"code":-1003,"msg":"Too much request weight used; current limit is 6000 per minute."}',
    headers: { 'retry-after': String(Math.ceil(seconds)) },
  };
}

export function weightOf(url: URL): number {
  if (url.pathname.endsWith('/exchangeInfo')) return 20;
  if (!url.pathname.endsWith('/depth')) return 25;
  const limit = depthLimit(url);
  if (limit <= 100) return 5;
  if (limit <= 500) return 25;
  return limit <= 1000 ? 50 : 250;
}

export function depthLimit(url: URL): number {
  return Math.min(5000, Number.parseInt(url.searchParams.get('limit') ?? '100', 10) || 100);
}

export function depthBody(symbol: SimulatedSymbol, book: BookTruth): string {
  const priceZeros = zerosFor(symbol.priceDecimals);
  const quantityZeros = zerosFor(symbol.quantityDecimals);
  const levels = (side: BookTruth['bids']) =>
    side.map(([price, quantity]) => `["${price}${priceZeros}","${quantity}${quantityZeros}"]`).join(',');
  return `{"lastUpdateId":${book.updateId},"bids":[${levels(book.bids)}],"asks":[${levels(book.asks)}]}`;
}

function zerosFor(decimals: number): string {
  return (decimals === 0 ? '.' : '') + '0'.repeat(Math.max(0, SHOWN_DECIMALS - decimals));
}

export function exchangeInfoBody(market: SimulatedMarket, nowMs: number): string {
  const symbols = market.symbols.map((symbol) => ({
    symbol: symbol.nativeSymbol,
    status: 'TRADING',
    baseAsset: symbol.base,
    baseAssetPrecision: SHOWN_DECIMALS,
    quoteAsset: symbol.quote,
    quoteAssetPrecision: SHOWN_DECIMALS,
    filters: [
      {
        filterType: 'PRICE_FILTER',
        minPrice: paddedText(symbol.tickUnits, symbol.priceDecimals, SHOWN_DECIMALS),
        maxPrice: '1000000.00000000',
        tickSize: paddedText(symbol.tickUnits, symbol.priceDecimals, SHOWN_DECIMALS),
      },
      {
        filterType: 'LOT_SIZE',
        minQty: paddedText(1, symbol.quantityDecimals, SHOWN_DECIMALS),
        maxQty: '9000000.00000000',
        stepSize: paddedText(1, symbol.quantityDecimals, SHOWN_DECIMALS),
      },
    ],
  }));
  return JSON.stringify({ timezone: 'UTC', serverTime: nowMs, symbols });
}

/** Past trades: the newest, or with `fromId` those from it on; oldest first. */
export function tradesBody(url: URL, symbol: SimulatedSymbol, trades: readonly SimulatedTrade[]): string {
  const limit = Math.min(1000, Number.parseInt(url.searchParams.get('limit') ?? '500', 10) || 500);
  const fromId = url.searchParams.get('fromId');
  const chosen =
    fromId === null
      ? trades.slice(-limit)
      : trades.filter((trade) => trade.tradeId >= Number.parseInt(fromId, 10)).slice(0, limit);
  return JSON.stringify(
    chosen.map(({ tradeId, timeMs, priceUnits, quantityUnits, takerSide }) => ({
      id: tradeId,
      price: paddedText(priceUnits, symbol.priceDecimals, SHOWN_DECIMALS),
      qty: paddedText(quantityUnits, symbol.quantityDecimals, SHOWN_DECIMALS),
      quoteQty: quoteQuantityText(symbol, priceUnits, quantityUnits),
      time: timeMs,
      isBuyerMaker: takerSide === 'sell',
      isBestMatch: true,
    })),
  );
}

/** The product passes 2^53 easily, so it is made of bigints. */
function quoteQuantityText(symbol: SimulatedSymbol, priceUnits: number, quantityUnits: number): string {
  const product = (BigInt(priceUnits) * BigInt(quantityUnits)).toString();
  const decimals = symbol.priceDecimals + symbol.quantityDecimals;
  const digits = product.padStart(decimals + 1, '0');
  return decimals === 0 ? product : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
