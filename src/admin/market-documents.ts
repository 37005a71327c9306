/** Reads an instrument's state into the JSON texts that are published too, so that REST and Redis never differ. */
import type { CandleRow, DesiredInstrument, DocumentHead, Documents } from '../actors/ports.ts';
import type { SymbolView } from '../actors/symbol-protocol.ts';
import type { CandleText } from '../market/candle-text.ts';
import { formatCandle } from '../market/candle-text.ts';
import { groupLevels } from '../market/grouping.ts';
import type { CandleInterval } from '../market/intervals.ts';
import { nextOpenTime } from '../market/intervals.ts';
import type { TickerText } from '../market/ticker.ts';
import { formatTicker, formatVwap } from '../market/ticker.ts';
import { parseUnitsExact, readDecimal } from '../market/units.ts';

export type MarketDocumentsOptions = { readonly documents: Documents; readonly epoch: number };

type UnclosedCandles = { readonly head: DocumentHead; readonly unclosed: readonly CandleText[] };

export class MarketDocuments {
  readonly #documents: Documents;
  readonly #epoch: number;

  constructor(options: MarketDocumentsOptions) {
    this.#documents = options.documents;
    this.#epoch = options.epoch;
  }

  book(
    view: SymbolView,
    instrument: DesiredInstrument,
    options: { resolution: number; depth: number },
  ): string {
    const { state } = view;
    const { resolution, depth } = options;
    const tickSize = state.metadata?.tickSize;
    const { scales, bids, asks } = groupLevels(state.book, { tickSize, resolution, groupsMax: depth });
    return this.#documents.book({
      ...this.#head(view, instrument, state.lastBookEvent),
      resolution,
      scales,
      bids,
      asks,
    });
  }

  /** Without a trade or a time so far there is a ticker of nothing. */
  ticker(view: SymbolView, instrument: DesiredInstrument): string {
    const ticker = view.state.ticker.read();
    const text = ticker === undefined ? undefined : formatTicker(ticker);
    return this.#documents.ticker({ ...this.#head(view, instrument), ...(text ?? EMPTY_TICKER) });
  }

  /** What candles of an interval need of the state: those that are not in the tables yet, and the head that all documents share. */
  readUnclosed(view: SymbolView, instrument: DesiredInstrument, interval: CandleInterval): UnclosedCandles {
    const candles = view.state.candles.readUnclosed(interval);
    return {
      head: this.#head(view, instrument),
      unclosed: candles.map((candle) => formatCandle(candle, { isClosed: false })),
    };
  }

  /** As it is published; `undefined` before the first. */
  openCandle(view: SymbolView, instrument: DesiredInstrument, interval: CandleInterval): string | undefined {
    const candle = view.state.candles.readOpen(interval);
    if (candle === undefined) return undefined;
    return this.candle(this.#head(view, instrument), formatCandle(candle, { isClosed: false }));
  }

  candle(head: DocumentHead, candle: CandleText): string {
    return this.#documents.candle({ ...head, ...candle });
  }

  #head(
    view: SymbolView,
    instrument: DesiredInstrument,
    times?: { readonly eventTimeMs: number; readonly receiveTimeMs: number },
  ): DocumentHead {
    const newest = times ?? view.lastTimes;
    return {
      exchange: instrument.exchange,
      symbol: instrument.symbol,
      epoch: this.#epoch,
      seq: view.state.position,
      eventTimeMs: newest?.eventTimeMs,
      receiveTimeMs: newest?.receiveTimeMs,
      status: view.status,
      reason: view.reason,
    };
  }
}

/** Returns a stored closed candle as it was published when it closed. */
export function toCandleText(row: CandleRow, interval: CandleInterval): CandleText {
  return {
    interval,
    openTimeMs: row.openTimeMs,
    open: row.open,
    high: row.high,
    low: row.low,
    close: row.close,
    volume: row.volume,
    quoteVolume: row.quoteVolume,
    takerBuyVolume: row.takerBuyVolume,
    tradeCount: row.tradeCount,
    revision: row.revision,
    closeTimeMs: nextOpenTime(interval, row.openTimeMs) - 1,
    vwap: vwapOf(row),
    isEmpty: row.tradeCount === 0,
    isClosed: true,
  };
}

/** The quotient does not depend on the scales, as long as both sums are exact in them. */
function vwapOf({ volume, quoteVolume }: CandleRow): string | undefined {
  const quantity = readDecimal(volume)?.decimals ?? 0;
  const price = Math.max(0, (readDecimal(quoteVolume)?.decimals ?? 0) - quantity);
  return formatVwap({
    scales: { price, quantity },
    volume: parseUnitsExact(volume, quantity) ?? 0,
    quoteVolume: parseUnitsExact(quoteVolume, price + quantity) ?? 0,
  });
}

const EMPTY_TICKER: TickerText = {
  windowStartMs: 0,
  windowEndMs: 0,
  open: undefined,
  high: undefined,
  low: undefined,
  last: undefined,
  change: undefined,
  changePercent: undefined,
  volume: '0',
  quoteVolume: '0',
  vwap: undefined,
  tradeCount: 0,
};
