/** The in-memory twin of the market tables, for simulation and tests. */
import type { CandleRow, MarketTables, TradeRow } from '../actors/ports.ts';

export class MemoryMarketTables implements MarketTables {
  /** What is handed in is written at once. */
  readonly isFull = false;
  readonly #trades = new Map<string, TradeRow>();
  readonly #candles = new Map<string, CandleRow>();

  async write(rows: {
    readonly trades: readonly TradeRow[];
    readonly candles: readonly CandleRow[];
  }): Promise<void> {
    for (const trade of rows.trades) {
      const key = `${trade.instrument} ${trade.eventTimeMs} ${trade.tradeId}`;
      if (!this.#trades.has(key)) this.#trades.set(key, { ...trade });
    }
    for (const candle of rows.candles) {
      const key = `${candle.instrument} ${candle.interval} ${candle.openTimeMs}`;
      const stored = this.#candles.get(key);
      if (stored === undefined || stored.revision < candle.revision) this.#candles.set(key, { ...candle });
    }
    await Promise.resolve();
  }

  readCandles(query: Parameters<MarketTables['readCandles']>[0]): Promise<CandleRow[]> {
    const rows = [...this.#candles.values()]
      .filter(
        ({ instrument, interval, openTimeMs }) =>
          instrument === query.instrument &&
          interval === query.interval &&
          openTimeMs >= query.fromMs &&
          openTimeMs < query.toMs,
      )
      .sort((a, b) => a.openTimeMs - b.openTimeMs);
    return Promise.resolve(rows.slice(0, query.limit));
  }

  readTrades(query: Parameters<MarketTables['readTrades']>[0]): Promise<TradeRow[]> {
    const rows = [...this.#trades.values()]
      .filter(
        ({ instrument, eventTimeMs }) =>
          instrument === query.instrument && eventTimeMs >= query.fromMs && eventTimeMs < query.toMs,
      )
      .sort(
        (a, b) =>
          a.eventTimeMs - b.eventTimeMs ||
          a.tradeId.length - b.tradeId.length ||
          (a.tradeId < b.tradeId ? -1 : 1),
      );
    return Promise.resolve(rows.slice(0, query.limit));
  }
}
