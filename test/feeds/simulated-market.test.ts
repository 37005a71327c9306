import { Decimal } from 'decimal.js';
import { describe, expect, test } from 'vitest';
import { createSeededRandom } from '../../src/base/clock.ts';
import { BookWindow } from '../../src/feeds/simulators/book-window.ts';
import { demoSymbols } from '../../src/feeds/simulators/demo-symbols.ts';
import { fixedText, paddedText } from '../../src/feeds/simulators/fixed-text.ts';
import type { SimulatedLevel } from '../../src/feeds/simulators/simulated-book.ts';
import { SimulatedMarket } from '../../src/feeds/simulators/simulated-market.ts';
import { FakeClock } from '../support/fake-clock.ts';

function marketOf(seed: number, stepsPerSecond = 100): { market: SimulatedMarket; clock: FakeClock } {
  const clock = new FakeClock();
  const random = createSeededRandom(seed);
  const symbols = Object.values(demoSymbols).flat();
  const market = new SimulatedMarket({ symbols, random, clock, timers: clock, stepsPerSecond });
  return { market, clock };
}

describe('the simulated market', () => {
  test('is the same for the same seed and steps, and another for another seed', async () => {
    const run = async (seed: number) => {
      const { market, clock } = marketOf(seed);
      market.start();
      await clock.advance(3_000);
      return market.symbols.map(({ nativeSymbol }) => [
        market.bookOf(nativeSymbol),
        market.tradesOf(nativeSymbol),
      ]);
    };
    const first = await run(7);
    expect(await run(7)).toEqual(first);
    expect(await run(8)).not.toEqual(first);
  });

  test('goes on with ids of trades when it is started again: none of the earlier run comes twice, history included', async () => {
    const { market: earlier, clock } = marketOf(7, 250);
    earlier.start();
    await clock.advance(20_000);
    earlier.stop();
    const symbols = earlier.symbols;
    const random = createSeededRandom(7);
    const later = new SimulatedMarket({ symbols, random, clock, timers: clock });
    for (const { nativeSymbol } of symbols) {
      const known = earlier.tradesOf(nativeSymbol).map(({ tradeId }) => tradeId);
      expect(known.length).toBeGreaterThan(500);
      expect(later.tradesOf(nativeSymbol)[0]!.tradeId).toBeGreaterThan(known.at(-1)!);
    }
  });

  test('its books are never crossed, sorted, deep, and change as its steps say', () => {
    const { market } = marketOf(3);
    const nativeSymbol = 'BTC_USDT';
    const mirror = { bid: new Map<number, number>(), ask: new Map<number, number>() };
    const { bids, asks } = market.sidesOf(nativeSymbol);
    for (const level of bids) mirror.bid.set(level.priceUnits, level.quantityUnits);
    for (const level of asks) mirror.ask.set(level.priceUnits, level.quantityUnits);
    market.onStep(({ changes }) => {
      for (const { side, priceUnits, quantityUnits } of changes) {
        if (quantityUnits === 0) mirror[side].delete(priceUnits);
        else mirror[side].set(priceUnits, quantityUnits);
      }
    });
    let tradedSteps = 0;
    for (let step = 0; step < 20_000; step++) {
      const before = market.tradesOf(nativeSymbol).length;
      market.step(nativeSymbol);
      if (market.tradesOf(nativeSymbol).length > before) tradedSteps++;
      if (bids[0]!.priceUnits >= asks[0]!.priceUnits) throw new Error(`crossed at step ${step}`);
      if (bids.length < 120 || asks.length < 120) throw new Error(`shallow at step ${step}`);
    }
    const flat = (levels: readonly SimulatedLevel[]) =>
      levels.map((level) => [level.priceUnits, level.quantityUnits]);
    expect([...mirror.bid].sort(([a], [b]) => b - a)).toEqual(flat(bids));
    expect([...mirror.ask].sort(([a], [b]) => a - b)).toEqual(flat(asks));
    // 15 % takers, within four standard deviations.
    expect(tradedSteps).toBeGreaterThan(2_800);
    expect(tradedSteps).toBeLessThan(3_200);
  });

  test('every trade happens at a price that its side of the book held, and takes no more than was there', () => {
    const { market } = marketOf(11);
    const nativeSymbol = 'ETHUSDT';
    let held = market.bookOf(nativeSymbol);
    let fillCount = 0;
    let lastId = market.tradesOf(nativeSymbol).at(-1)!.tradeId;
    market.onStep(({ trades, symbol }) => {
      for (const trade of trades) {
        const side = new Map(trade.takerSide === 'buy' ? held.asks : held.bids);
        const quantity = side.get(fixedText(trade.priceUnits, symbol.priceDecimals));
        expect(trade.tradeId).toBe(++lastId);
        expect(new Decimal(fixedText(trade.quantityUnits, symbol.quantityDecimals)).lte(quantity!)).toBe(
          true,
        );
        fillCount++;
      }
    });
    for (let step = 0; step < 1_000; step++) {
      held = market.bookOf(nativeSymbol);
      market.step(nativeSymbol);
    }
    expect(fillCount).toBeGreaterThan(100);
  });
});

describe('a window on a book', () => {
  const level = (priceUnits: number, quantityUnits: number): SimulatedLevel => ({
    priceUnits,
    quantityUnits,
    orderCount: 1,
  });

  test('tells pushed-out levels only where the exchange does, and gone ones always', () => {
    const before = { bids: [level(10, 1), level(9, 1), level(8, 1)], asks: [level(11, 1)] };
    const pushed = { bids: [level(10, 1), level(9.5, 2), level(9, 1), level(8, 1)], asks: [level(11, 1)] };
    const told = new BookWindow(before, 3).moveTo(pushed, { tellPushedOut: true });
    expect(told.bids.map((each) => [each.priceUnits, each.quantityUnits])).toEqual([
      [8, 0],
      [9.5, 2],
    ]);
    const window = new BookWindow(before, 3);
    const untold = window.moveTo(pushed, { tellPushedOut: false });
    expect(untold.bids.map((each) => [each.priceUnits, each.quantityUnits])).toEqual([[9.5, 2]]);
    // It comes back as a normal level when a better one goes.
    const gone = { bids: [level(9.5, 2), level(9, 1), level(8, 1)], asks: [level(11, 3)] };
    const back = window.moveTo(gone, { tellPushedOut: false });
    expect(back.bids.map((each) => [each.priceUnits, each.quantityUnits])).toEqual([
      [10, 0],
      [8, 1],
    ]);
    expect(back.asks).toEqual([level(11, 3)]);
  });
});

test('fixed text has all its decimals', () => {
  expect([fixedText(10, 8), fixedText(45_283_5, 1), fixedText(7, 0), fixedText(0, 2)]).toEqual([
    '0.00000010',
    '45283.5',
    '7',
    '0.00',
  ]);
  expect([paddedText(5, 1, 8), paddedText(5, 0, 2), paddedText(5, 8, 8)]).toEqual([
    '0.50000000',
    '5.00',
    '0.00000005',
  ]);
});
