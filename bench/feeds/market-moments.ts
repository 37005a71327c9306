/** A seeded market of one symbol, in the steps in which an exchange would publish it. */
import { createSeededRandom } from '../../src/base/clock.ts';
import { BookWindow } from '../../src/feeds/simulators/book-window.ts';
import type {
  BookSides,
  SimulatedLevel,
  SimulatedSymbol,
} from '../../src/feeds/simulators/simulated-book.ts';
import { SimulatedBook } from '../../src/feeds/simulators/simulated-book.ts';
import type { SimulatedTrade } from '../../src/feeds/simulators/simulated-market.ts';

export type MarketMoment = {
  readonly symbol: SimulatedSymbol;
  /** Counts from 1. */
  readonly number: number;
  readonly timeMs: number;
  /** Levels that changed since the moment before; quantity 0: gone. */
  readonly bids: readonly SimulatedLevel[];
  readonly asks: readonly SimulatedLevel[];
  /** All levels that subscribers see. */
  readonly window: BookSides;
  readonly trades: readonly SimulatedTrade[];
};

/** What happens between two moments, and how much of it is trades. */
export type MarketPace = { readonly stepsPerMoment: number; readonly tradeShare: number };

/** A busy book on a 100 ms stream that is traded in nearly every moment. */
export const MUCH_TRADED: MarketPace = { stepsPerMoment: 8, tradeShare: 0.15 };
/** One whose orders come and go more than they trade, as most do. */
export const MUCH_QUOTED: MarketPace = { stepsPerMoment: 12, tradeShare: 0.05 };

const SPARE_LEVELS = 50;

export type MarketOptions = {
  readonly symbol: SimulatedSymbol;
  readonly seed: number;
  readonly pace: MarketPace;
  /** Levels per side that subscribers see. */
  readonly depth: number;
  /** Whether levels that better ones pushed out of the depth are told as gone. */
  readonly tellPushedOut: boolean;
  readonly startMs: number;
  readonly msPerMoment: number;
};

/** What all markets of benchmarks are of, but for their names. */
export function benchSymbol(
  nativeSymbol: string,
  base: string = nativeSymbol.split('/')[0]!,
): SimulatedSymbol {
  return {
    ...{ nativeSymbol, base, quote: 'USD' },
    ...{ priceDecimals: 2, quantityDecimals: 8, tickUnits: 1 },
    ...{ startPriceUnits: 9_142_350, levelQuantityUnits: 40_000_000 },
  };
}

export class SeededMarket {
  readonly #options: MarketOptions;
  readonly #book: SimulatedBook;
  readonly #window: BookWindow;
  #number = 0;
  #tradeCount = 0;

  constructor(options: MarketOptions) {
    this.#options = options;
    const { symbol, seed, depth } = options;
    this.#book = new SimulatedBook(symbol, createSeededRandom(seed), depth + SPARE_LEVELS);
    this.#window = new BookWindow(this.#book, depth);
  }

  /** The market as it is, without changes. */
  now(): MarketMoment {
    return this.#moment({ bids: [], asks: [], trades: [] });
  }

  /** Moves the market on to the next moment at which something changed. */
  next(): MarketMoment {
    const { stepsPerMoment, tradeShare } = this.#options.pace;
    const trades: SimulatedTrade[] = [];
    this.#number++;
    for (;;) {
      for (let step = 0; step < stepsPerMoment; step++) {
        for (const fill of this.#book.step(tradeShare).fills) {
          trades.push({ ...fill, tradeId: 1_000_000 + this.#tradeCount++, timeMs: this.#timeMs() });
        }
      }
      const change = this.#window.moveTo(this.#book, { tellPushedOut: this.#options.tellPushedOut });
      if (change.bids.length + change.asks.length > 0) return this.#moment({ ...change, trades });
    }
  }

  #timeMs(): number {
    return this.#options.startMs + this.#number * this.#options.msPerMoment;
  }

  #moment(changes: Pick<MarketMoment, 'bids' | 'asks' | 'trades'>): MarketMoment {
    const { bids, asks } = this.#window;
    return {
      symbol: this.#options.symbol,
      number: this.#number,
      timeMs: this.#timeMs(),
      ...changes,
      window: { bids, asks },
    };
  }
}
