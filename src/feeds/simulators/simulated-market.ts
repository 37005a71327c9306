/**
 * The market that all simulated exchanges draw from, and the truth that tests compare with: books, update ids and every trade that was
 * made. The same seed and the same steps give the same market; what is sent of it, and how, is each protocol's own file.
 */
import type { Clock, RandomSource, TimerHandle, Timers } from '../../base/clock.ts';
import type { BookSides, Fill, SimulatedChange, SimulatedSymbol } from './simulated-book.ts';
import { SimulatedBook } from './simulated-book.ts';
import { fixedText } from './fixed-text.ts';

export type SimulatedTrade = Fill & {
  /** Counts up by one within a symbol; a market that is started later begins above. */
  readonly tradeId: number;
  readonly timeMs: number;
};

export type SimulatedStep = {
  readonly symbol: SimulatedSymbol;
  readonly changes: readonly SimulatedChange[];
  readonly trades: readonly SimulatedTrade[];
};

/** Decimal text with the symbol's full number of decimals, best first. */
export type BookTruth = {
  readonly updateId: number;
  readonly bids: readonly (readonly [price: string, quantity: string])[];
  readonly asks: readonly (readonly [price: string, quantity: string])[];
};

export type SimulatedMarketOptions = {
  readonly symbols: readonly SimulatedSymbol[];
  readonly random: RandomSource;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Events a second and symbol. Default 20. */
  readonly stepsPerSecond?: number;
  /** Share of the events that are takers. Default 0.15. */
  readonly tradeShare?: number;
  /** Levels that a side holds at least. Default 120. */
  readonly levelsPerSide?: number;
};

/** Trades from before the start that exchanges send as history. */
const HISTORY_TRADES = 50;
const HISTORY_SPACING_MS = 700;
/**
 * An exchange that starts again goes on with its ids: whoever knows its earlier trades takes one that comes under an id of theirs for a duplicate. So ids
 * begin at the time, and a market that makes less than one trade a millisecond never catches up with where its next run begins. Symbols lie apart by
 * up to as many, so that ids of one are seldom those of another.
 */
const TRADE_IDS_APART_MAX = 1_000;
/** Trades kept per symbol as the truth; a test makes far fewer, a demo that runs for days must not fill the memory. */
const TRADES_MAX = 100_000;
const TICK_MS = 20;

type SymbolState = {
  readonly symbol: SimulatedSymbol;
  readonly book: SimulatedBook;
  updateId: number;
  trades: SimulatedTrade[];
  nextTradeId: number;
};

export class SimulatedMarket {
  readonly #options: SimulatedMarketOptions;
  readonly #states = new Map<string, SymbolState>();
  readonly #listeners: ((step: SimulatedStep) => void)[] = [];
  #ticker: TimerHandle | undefined;
  #owedSteps = 0;

  constructor(options: SimulatedMarketOptions) {
    this.#options = options;
    const { random, clock } = options;
    for (const symbol of options.symbols) {
      const book = new SimulatedBook(symbol, random, options.levelsPerSide ?? 120);
      const nextTradeId = clock.nowMs() + Math.floor(random() * TRADE_IDS_APART_MAX);
      const trades = Array.from({ length: HISTORY_TRADES }, (_, index): SimulatedTrade => {
        const takerSide = random() < 0.5 ? 'buy' : 'sell';
        const { priceUnits } = (takerSide === 'buy' ? book.asks : book.bids)[0]!;
        return {
          tradeId: nextTradeId - HISTORY_TRADES + index,
          timeMs: clock.nowMs() - (HISTORY_TRADES - index) * HISTORY_SPACING_MS,
          priceUnits,
          quantityUnits: 1 + Math.floor(random() * symbol.levelQuantityUnits),
          takerSide,
        };
      });
      this.#states.set(symbol.nativeSymbol, {
        symbol,
        book,
        updateId: 1_000_000 + Math.floor(random() * 1_000_000),
        trades,
        nextTradeId,
      });
    }
  }

  get symbols(): readonly SimulatedSymbol[] {
    return this.#options.symbols;
  }

  start(): void {
    this.#ticker ??= this.#options.timers.every(TICK_MS, () => {
      this.#owedSteps += ((this.#options.stepsPerSecond ?? 20) * TICK_MS) / 1000;
      for (; this.#owedSteps >= 1; this.#owedSteps--) {
        for (const nativeSymbol of this.#states.keys()) this.step(nativeSymbol);
      }
    });
  }

  /** Nothing moves any more; what was made is still sent. */
  stop(): void {
    this.#ticker?.cancel();
    this.#ticker = undefined;
  }

  onStep(listener: (step: SimulatedStep) => void): void {
    this.#listeners.push(listener);
  }

  /** Moves one symbol on by one event. */
  step(nativeSymbol: string): void {
    const state = this.#state(nativeSymbol);
    const { changes, fills } = state.book.step(this.#options.tradeShare ?? 0.15);
    // Exchanges count in steps of their own: several ids may go to one change that anybody sees.
    for (let count = changes.length; count > 0; count--) {
      state.updateId += 1 + Math.floor(this.#options.random() * 3);
    }
    const timeMs = this.#options.clock.nowMs();
    const trades = fills.map((fill) => ({ ...fill, tradeId: state.nextTradeId++, timeMs }));
    state.trades.push(...trades);
    if (state.trades.length > TRADES_MAX) state.trades = state.trades.slice(-TRADES_MAX / 2);
    for (const listener of this.#listeners) listener({ symbol: state.symbol, changes, trades });
  }

  has(nativeSymbol: string): boolean {
    return this.#states.has(nativeSymbol);
  }

  symbolOf(nativeSymbol: string): SimulatedSymbol {
    return this.#state(nativeSymbol).symbol;
  }

  updateIdOf(nativeSymbol: string): number {
    return this.#state(nativeSymbol).updateId;
  }

  /** The live book: it changes with the next step. */
  sidesOf(nativeSymbol: string): BookSides {
    return this.#state(nativeSymbol).book;
  }

  /** The book as it truly is now, whatever was sent of it. */
  bookOf(nativeSymbol: string, depth = Number.MAX_SAFE_INTEGER): BookTruth {
    const { symbol, book, updateId } = this.#state(nativeSymbol);
    const texts = (levels: BookSides['bids']) =>
      levels
        .slice(0, depth)
        .map(
          (level) =>
            [
              fixedText(level.priceUnits, symbol.priceDecimals),
              fixedText(level.quantityUnits, symbol.quantityDecimals),
            ] as const,
        );
    return { updateId, bids: texts(book.bids), asks: texts(book.asks) };
  }

  /** Trades get ids from 1 on and those made so far are given to nobody: what a client missed of them is lost to it. */
  countTradesAnew(nativeSymbol: string): void {
    const state = this.#state(nativeSymbol);
    state.trades = [];
    state.nextTradeId = 1;
  }

  /** All trades made, oldest first, the fifty of before the start included. */
  tradesOf(nativeSymbol: string): readonly SimulatedTrade[] {
    return this.#state(nativeSymbol).trades;
  }

  #state(nativeSymbol: string): SymbolState {
    const state = this.#states.get(nativeSymbol);
    if (state === undefined) throw new Error(`No such simulated symbol: ${nativeSymbol}`);
    return state;
  }
}
