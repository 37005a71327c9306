/** The exchanges of a world with all that was ever true of them: every book after every step, every trade. */
import type { ExchangeProtocol } from '../../src/feeds/simulators/exchange-protocol.ts';
import { demoSymbols } from '../../src/feeds/simulators/demo-symbols.ts';
import { BinanceProtocol } from '../../src/feeds/simulators/simulated-binance.ts';
import type { SimulatedSymbol } from '../../src/feeds/simulators/simulated-book.ts';
import { CryptocomProtocol } from '../../src/feeds/simulators/simulated-cryptocom.ts';
import type { SimulatedExchangeOptions } from '../../src/feeds/simulators/simulated-exchange.ts';
import { KrakenProtocol } from '../../src/feeds/simulators/simulated-kraken.ts';
import type { SimulatedTrade } from '../../src/feeds/simulators/simulated-market.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { NetworkExchange } from './models/market-network.ts';
import type { World } from './world/world.ts';

/** Levels per side that books are compared to, and are published with. */
export const PROVEN_DEPTH = 10;

export type ExchangeName = 'binance' | 'kraken' | 'cryptocom';

export type MarketTruth = {
  readonly exchange: ExchangeName;
  readonly symbol: SimulatedSymbol;
  /** `<exchange>:<BASE>-<QUOTE>` */
  readonly instrument: InstrumentKey;
  /** Every book that ever was, as `bookText` writes it, and when it was last so (ms of the world). */
  readonly books: Map<string, number>;
  /** The book as it is now. */
  readonly currentBook: () => string;
  readonly trades: () => readonly SimulatedTrade[];
};

export class SimulatedMarkets {
  readonly exchanges = new Map<string, NetworkExchange>();
  readonly truths: MarketTruth[] = [];

  constructor(
    world: World,
    symbols: Readonly<Partial<Record<ExchangeName, number>>>,
    stepsPerSecond: number,
  ) {
    for (const [name, count] of Object.entries(symbols) as [ExchangeName, number][]) {
      const chosen = demoSymbols[name].slice(0, count);
      const protocol = createProtocol(name, {
        symbols: chosen,
        random: world.stream(`market ${name}`),
        clock: world.clockOf(world.nature),
        timers: world.timersOf(world.nature),
        stepsPerSecond,
        levelsPerSide: 25,
        tradeShare: 0.25,
      });
      this.exchanges.set(name, new NetworkExchange(world, name, protocol));
      for (const symbol of chosen) this.truths.push(watch(name, symbol, protocol, world));
    }
  }

  /** Nothing moves any more; what was made is still sent. */
  stop(): void {
    for (const { protocol } of this.exchanges.values()) protocol.market.stop();
  }
}

function createProtocol(name: ExchangeName, options: SimulatedExchangeOptions): ExchangeProtocol {
  switch (name) {
    case 'binance':
      return new BinanceProtocol(options);
    case 'kraken':
      return new KrakenProtocol(options);
    case 'cryptocom':
      return new CryptocomProtocol({ ...options, snapshotDelayMs: 200 });
    default:
      return name satisfies never;
  }
}

function watch(
  exchange: ExchangeName,
  symbol: SimulatedSymbol,
  { market }: ExchangeProtocol,
  world: World,
): MarketTruth {
  const { nativeSymbol } = symbol;
  const currentBook = (): string => {
    const { bids, asks } = market.bookOf(nativeSymbol, PROVEN_DEPTH);
    return bookText(bids, asks);
  };
  const books = new Map<string, number>();
  let last = currentBook();
  const note = (): void => {
    // The one before was true until now.
    books.set(last, world.nowMs);
    last = currentBook();
    books.set(last, world.nowMs);
  };
  note();
  market.onStep((step) => {
    if (step.symbol.nativeSymbol === nativeSymbol) note();
  });
  return {
    exchange,
    symbol,
    instrument: `${exchange}:${symbol.base}-${symbol.quote}` as InstrumentKey,
    books,
    currentBook,
    trades: () => market.tradesOf(nativeSymbol),
  };
}

type PriceAndQuantity = readonly [price: string, quantity: string];

/** One text for one book, whatever zeros its numbers end with. */
export function bookText(bids: readonly PriceAndQuantity[], asks: readonly PriceAndQuantity[]): string {
  const side = (levels: readonly PriceAndQuantity[]): string =>
    levels
      .slice(0, PROVEN_DEPTH)
      .map(([price, quantity]) => `${plain(price)}x${plain(quantity)}`)
      .join(' ');
  return `${side(bids)} | ${side(asks)}`;
}

/** The number without zeros that say nothing. */
export function plain(decimal: string): string {
  return decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
}
