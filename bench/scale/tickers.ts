/** The tickers of many instruments: what it takes to say all of them anew, and what the 24-hour window of one holds in memory. */
import type { Publisher } from '../../src/actors/ports.ts';
import { SymbolPublications } from '../../src/actors/symbol-publications.ts';
import { createSeededRandom } from '../../src/base/clock.ts';
import { createInstrumentState } from '../../src/market/instrument-state.ts';
import { toExchangeId, toInstrumentKey, toNativeSymbol, toUnifiedSymbol } from '../../src/market/symbols.ts';
import { TickerWindow } from '../../src/market/ticker-window.ts';
import { redisDocuments } from '../../src/publishing/redis-documents.ts';
import { loadSettings } from '../../src/settings.ts';
import type { Benchmark } from '../harness/benchmark.ts';
import { collectGarbage } from './memory.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 5);
const TICKER_ALONE = { book: true, ticker: true, candles: false, refresh: false };

/** Both kinds: a trade came since the tickers were said last, and only time passed since. */
export function tickerBenchmarks(instrumentCount: number): Benchmark[] {
  return [
    tickerBenchmark(`${instrumentCount} tickers, a trade in each`, instrumentCount, { isTraded: true }),
    tickerBenchmark(`${instrumentCount} tickers, a second later`, instrumentCount, { isTraded: false }),
  ];
}

function tickerBenchmark(name: string, count: number, { isTraded }: { isTraded: boolean }): Benchmark {
  let length = 0;
  const publisher: Publisher = {
    publish: (publications) => {
      for (const { value } of publications) length += value.length;
    },
    refresh: () => undefined,
    markStale: () => undefined,
    expire: () => undefined,
    flush: () => Promise.resolve(),
  };
  const { candles, feed, publish } = loadSettings({}).settings;
  const policy = { checksum: undefined, candles, maxFutureMs: feed.maxFutureMs };
  const random = createSeededRandom(5);
  let nowMs = START_MS;
  const symbols = Array.from({ length: count }, (_, index) => {
    const exchange = toExchangeId('kraken');
    const symbol = toUnifiedSymbol(`T${index}-USD`);
    const nativeSymbol = toNativeSymbol(`T${index}/USD`);
    const instrument = toInstrumentKey(exchange, symbol);
    const publications = new SymbolPublications({
      instrument: { instrument, instrumentId: index, exchange, symbol, nativeSymbol },
      epoch: 1,
      documents: redisDocuments,
      publisher,
      bookResolutions: publish.bookResolutions,
      bookDepth: publish.bookDepth,
      candleIntervals: candles.intervals,
    });
    const state = createInstrumentState(policy);
    for (let at = 0; at < 20; at++) {
      addTrade(state.ticker, { timeMs: START_MS - 600_000 + at * 1_000, random, number: at });
    }
    return { publications, state };
  });
  let number = 100;
  return {
    name,
    unit: 'tickers',
    operationCount: count,
    prepare: () => {
      nowMs += 1_000;
      number++;
      for (const { publications, state } of symbols) {
        if (isTraded) addTrade(state.ticker, { timeMs: nowMs, random, number });
        publications.changes.ticker = true;
      }
      return Promise.resolve();
    },
    run: () => {
      for (const { publications, state } of symbols) {
        state.ticker.advanceTo(nowMs);
        publications.publish(state, { status: 'live', reason: '' }, TICKER_ALONE);
      }
      return length;
    },
  };
}

/** One trade a second, all day; and one every ten minutes. */
export function describeWindowMemory(): string {
  const dense = bytesPerWindow(20, 1_000);
  const sparse = bytesPerWindow(1_000, 600_000);
  const text = (bytes: number): string => Math.round(bytes).toLocaleString('en-US');
  return `the 24-hour window of an instrument with trades in every second of the day: ${text(dense)} bytes; with one every ten minutes: ${text(sparse)} bytes`;
}

function bytesPerWindow(windowCount: number, tradeEveryMs: number): number {
  const random = createSeededRandom(7);
  const before = usedBytes();
  const windows = Array.from({ length: windowCount }, () => {
    const window = new TickerWindow();
    for (let timeMs = 0; timeMs < DAY_MS; timeMs += tradeEveryMs) {
      addTrade(window, { timeMs: START_MS + timeMs, random, number: timeMs });
    }
    return window;
  });
  const bytes = (usedBytes() - before) / windowCount;
  if (windows.some((window) => window.read() === undefined)) throw new Error('A window is empty');
  return bytes;
}

function usedBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function addTrade(
  window: TickerWindow,
  { timeMs, random, number }: { timeMs: number; random: () => number; number: number },
): void {
  window.addTrade({
    eventTimeMs: timeMs,
    tradeId: String(1_500_000_000 + number),
    scales: { price: 2, quantity: 6 },
    price: 5_000_000 + Math.floor(random() * 10_000),
    quantity: 1 + Math.floor(random() * 90_000_000),
    takerSide: 'buy',
  });
}
