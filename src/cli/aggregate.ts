/**
 * The `aggregate` command: candles and 24-hour tickers of a file of trades, by the same code that runs live, and how far they agree with
 * what the file says was published. Field names are those of the file.
 */
import type { CountedTrade } from '../market/candle-bar.ts';
import type { Candle, CandlesSnapshot } from '../market/candle.ts';
import { formatCandle } from '../market/candle-text.ts';
import { Candles } from '../market/candles.ts';
import { divideToText } from '../market/exact-division.ts';
import type { CandleInterval } from '../market/intervals.ts';
import { CANDLE_INTERVALS } from '../market/intervals.ts';
import { ScaleMemory } from '../market/scale-memory.ts';
import type { Ticker } from '../market/ticker.ts';
import { formatTicker } from '../market/ticker.ts';
import { TICKER_WINDOW_MS, TickerWindow } from '../market/ticker-window.ts';
import { multiplyUnits } from '../market/units.ts';
import type { Agreement, PublishedRow, Row } from './agreement.ts';
import { compareRows } from './agreement.ts';
import type { TradesFile } from './trades-file.ts';
import { readTradesFile, toOrderedTrades } from './trades-file.ts';

/** Intervals of a file that names none. */
const DEFAULT_INTERVALS = CANDLE_INTERVALS.filter((interval) => interval !== '1s');
/** A file that names no tickers gets one as often as this, once the trades span a whole window. */
const TICKER_EVERY_MS = 15 * 60_000;
/** Event time moves in steps no longer than this, so that no run of empty candles is longer than what `Candles` gives at once. */
const STEP_MS = 1_000_000;
const CHANGE_PERCENT_DIGITS = 20;
const PROGRESS_EVERY_TRADES = 1_000;

const CANDLE_FIELDS = [
  ...['open', 'high', 'low', 'close', 'volume', 'quote_volume'],
  ...['trades', 'taker_buy_volume', 'vwap', 'empty'],
];
const TICKER_FIELDS = [
  ...['open', 'high', 'low', 'last', 'volume', 'quote_volume', 'vwap'],
  ...['trades', 'rows', 'change', 'change_percent'],
];

export type AggregateSummary = {
  readonly exchange?: string | undefined;
  readonly symbol?: string | undefined;
  readonly from_ms?: number | undefined;
  readonly to_ms?: number | undefined;
  readonly trades: number;
  readonly candles: Readonly<
    Record<string, { readonly interval_ms?: number | undefined; readonly rows: readonly Row[] }>
  >;
  readonly ticker_24h: readonly Row[];
  /** Of the candles; absent when none were published. */
  readonly agreement?: Agreement;
  /** Of the tickers; absent when none were published. */
  readonly ticker_agreement?: Agreement;
};

type OnProgress = (doneCount: number, totalCount: number) => void;

/**
 * Returns candles and tickers of the trades in `file`. `onProgress` hears how many trades are done, and of how many.
 * @throws TampinesError RECORDING_INVALID when the file can't be read or is not a file of trades
 */
export async function aggregateTrades(file: string, onProgress?: OnProgress): Promise<AggregateSummary> {
  return aggregate(await readTradesFile(file), onProgress);
}

/** Returns what `aggregateTrades` does, of a file that was read. */
export function aggregate(file: TradesFile, onProgress?: OnProgress): AggregateSummary {
  const trades = toOrderedTrades(file);
  const candles: Record<string, { interval_ms?: number | undefined; rows: readonly Row[] }> = {};
  const publishedCandles: PublishedRow[] = [];
  for (const [interval, rows] of aggregateCandles(file, trades, onProgress)) {
    const named = file.candles?.[interval];
    candles[interval] = { interval_ms: named?.interval_ms, rows };
    const rowAt = new Map(rows.map((row) => [row['start_ms'], row]));
    for (const published of named?.rows ?? []) {
      const atMs = published.start_ms;
      publishedCandles.push({ of: interval, atMs, published, computed: rowAt.get(atMs) });
    }
  }
  const tickers = aggregateTickers(file, trades);
  const publishedTickers = (file.ticker_24h ?? [])
    .filter((published) => TICKER_FIELDS.some((field) => published[field] !== undefined))
    .map((published) => ({
      of: 'ticker_24h',
      atMs: published.at_ms,
      published,
      computed: tickers.find((row) => row['at_ms'] === published.at_ms),
    }));
  return {
    exchange: file.exchange,
    symbol: file.symbol,
    from_ms: file.from_ms,
    to_ms: file.to_ms,
    trades: trades.length,
    candles,
    ticker_24h: tickers,
    ...(publishedCandles.length > 0 && { agreement: compareRows(publishedCandles, CANDLE_FIELDS) }),
    ...(publishedTickers.length > 0 && {
      ticker_agreement: compareRows(publishedTickers, TICKER_FIELDS),
    }),
  };
}

/** Returns the rows of each interval that lie in [`from_ms`, `to_ms`) whole; without these, from the first trade to the last. */
function aggregateCandles(
  file: TradesFile,
  trades: readonly CountedTrade[],
  onProgress: OnProgress | undefined,
): Map<CandleInterval, Row[]> {
  const named = CANDLE_INTERVALS.filter((interval) => file.candles?.[interval] !== undefined);
  const intervals = named.length > 0 ? named : DEFAULT_INTERVALS;
  const rowsOf = new Map<CandleInterval, Row[]>(intervals.map((interval) => [interval, []]));
  const keep = (candle: Candle): void => {
    const isInside =
      candle.openTimeMs >= (file.from_ms ?? -Infinity) && candle.closeTimeMs < (file.to_ms ?? Infinity);
    if (isInside) rowsOf.get(candle.interval)?.push(toCandleRow(candle));
  };
  const outputs = { onCandleClosed: keep, onLateTrade: unexpected, onCandlesSkipped: unexpected };
  // The trades are in order, so that nothing has to be waited for.
  const policy = {
    intervals,
    outOfOrdernessMs: 0,
    allowedLatenessMs: 0,
    emptyIntervals: 'carry',
  } as const;
  const startsBefore = (trades[0]?.eventTimeMs ?? 0) < (file.from_ms ?? Infinity);
  const candles = new Candles(policy, startsBefore ? undefined : toStart(file, intervals));
  const advance = (timeMs: number): void => {
    let nextMs = candles.watermarkMs + 1 + STEP_MS;
    for (; nextMs < timeMs; nextMs += STEP_MS) candles.advanceTo(nextMs, outputs);
    candles.advanceTo(timeMs, outputs);
  };
  for (const [index, trade] of trades.entries()) {
    if (trade.eventTimeMs >= (file.to_ms ?? Infinity)) break;
    if (Number.isFinite(candles.watermarkMs)) advance(trade.eventTimeMs);
    candles.addTrade(trade, outputs);
    if ((index + 1) % PROGRESS_EVERY_TRADES === 0) onProgress?.(index + 1, trades.length);
  }
  if (file.to_ms === undefined) {
    for (const interval of intervals) {
      const open = candles.readOpen(interval);
      if (open !== undefined) keep(open);
    }
  } else if (trades.length > 0) {
    advance(file.to_ms);
  }
  onProgress?.(trades.length, trades.length);
  return rowsOf;
}

/** Returns the state at `from_ms` of candles that closed at `close_before`; `undefined` when the file doesn't say. */
function toStart(
  { from_ms: fromMs, close_before: closeBefore }: TradesFile,
  intervals: readonly CandleInterval[],
): CandlesSnapshot | undefined {
  if (fromMs === undefined || closeBefore === undefined) return undefined;
  const start = new ScaleMemory({ keepTrailingZeros: false }).readTrade(closeBefore, '0');
  if (start === undefined) return undefined;
  return {
    scales: start.scales,
    highestTimeMs: fromMs,
    series: intervals.map((interval) => ({ interval, carriedClose: start.price, kept: [] })),
  };
}

/** Returns the ticker at each time that the file names: of the trades up to it, back to 24 hours before it, exclusive. */
function aggregateTickers(file: TradesFile, trades: readonly CountedTrade[]): Row[] {
  const window = new TickerWindow();
  // Counts each row of the file once, however many trades of the exchange it stands for.
  const rowWindow = new TickerWindow();
  const rows: Row[] = [];
  let index = 0;
  for (const atMs of toTickerTimes(file, trades)) {
    for (; index < trades.length && trades[index]!.eventTimeMs <= atMs; index++) {
      window.addTrade(trades[index]!);
      rowWindow.addTrade({ ...trades[index]!, exchangeTradeCount: 1 });
    }
    window.advanceTo(atMs);
    rowWindow.advanceTo(atMs);
    const ticker = window.read();
    if (ticker !== undefined) rows.push(toTickerRow(atMs, ticker, rowWindow.read()?.tradeCount ?? 0));
  }
  return rows;
}

function toTickerTimes(file: TradesFile, trades: readonly CountedTrade[]): number[] {
  if (file.ticker_24h !== undefined) {
    return file.ticker_24h.map(({ at_ms: atMs }) => atMs).sort((a, b) => a - b);
  }
  const firstMs = file.from_ms ?? trades[0]?.eventTimeMs ?? Infinity;
  const lastMs = file.to_ms ?? trades.at(-1)?.eventTimeMs ?? -Infinity;
  const times: number[] = [];
  for (let atMs = firstMs + TICKER_WINDOW_MS; atMs <= lastMs; atMs += TICKER_EVERY_MS) times.push(atMs);
  return times;
}

function toCandleRow(candle: Candle): Row {
  const { open = '', high = '', low = '', close = '', ...sums } = formatCandle(candle, { isClosed: true });
  const prices = { start_ms: candle.openTimeMs, open, high, low, close, volume: sums.volume };
  if (candle.isEmpty) return { ...prices, empty: true };
  return {
    ...prices,
    quote_volume: sums.quoteVolume,
    trades: sums.tradeCount,
    taker_buy_volume: sums.takerBuyVolume,
    ...(sums.vwap !== undefined && { vwap: sums.vwap }),
  };
}

function toTickerRow(atMs: number, ticker: Ticker, rowCount: number): Row {
  const { open, high, low, last, volume, quoteVolume, vwap, change } = formatTicker(ticker);
  const scale = ticker.scales.price;
  const changePercent =
    ticker.open === undefined || ticker.change === undefined
      ? undefined
      : divideToText(
          { units: multiplyUnits(ticker.change, 100), scale },
          { units: ticker.open, scale },
          CHANGE_PERCENT_DIGITS,
        );
  return {
    at_ms: atMs,
    ...(open !== undefined && { open }),
    ...(high !== undefined && { high }),
    ...(low !== undefined && { low }),
    ...(last !== undefined && { last }),
    volume,
    quote_volume: quoteVolume,
    ...(vwap !== undefined && { vwap }),
    trades: ticker.tradeCount,
    rows: rowCount,
    ...(change !== undefined && { change }),
    ...(changePercent !== undefined && { change_percent: changePercent }),
  };
}

function unexpected(): never {
  throw new Error('Trades in order are never late, and no step of time passes too many empty candles');
}
