/**
 * Trades and closed candles of one instrument on their way into the tables. They follow from the log: a crash loses nothing, because the
 * fold gives them again and writing a row again changes nothing. A checkpoint may only be taken once they are written.
 */
import type { Candle } from '../market/candle.ts';
import type { CandleText } from '../market/candle-text.ts';
import { formatCandle } from '../market/candle-text.ts';
import type { Trade } from '../market/events.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import { formatUnits } from '../market/units.ts';
import type { CandleRow, MarketTables, TradeRow } from './ports.ts';

/** Rows on their way beyond which the actor waits for the tables before it takes more. */
export const ROWS_UNWRITTEN_MAX = 4_096;

export class DerivedRows {
  readonly #instrument: InstrumentKey;
  readonly #tables: MarketTables;
  /** Not handed over yet. Begun with the first row: a list that was made before grows old empty, and what it held is garbage that no small collection finds. */
  #trades: TradeRow[] | undefined;
  #candles: CandleRow[] | undefined;
  #unwrittenCount = 0;
  #lastWrite: Promise<void> = Promise.resolve();
  #failure: Error | undefined;
  /** Rows of what was replayed are in no hurry, and mostly there already: they give way to the books of all who recover. */
  #isHeldBack = false;
  /** Grows with each life: how a write of an earlier one ends concerns nobody, its rows come again. */
  #generation = 0;

  constructor(instrument: InstrumentKey, tables: MarketTables) {
    this.#instrument = instrument;
    this.#tables = tables;
  }

  /** Returns the row that will be written. */
  addTrade(trade: Trade): TradeRow {
    const row: TradeRow = {
      instrument: this.#instrument,
      tradeId: trade.tradeId,
      eventTimeMs: trade.eventTimeMs,
      receiveTimeMs: trade.receiveTimeMs,
      price: formatUnits(trade.price, trade.scales.price),
      quantity: formatUnits(trade.quantity, trade.scales.quantity),
      takerSide: trade.takerSide,
      isHistory: trade.isHistory,
    };
    (this.#trades ??= []).push(row);
    return row;
  }

  /** Returns its text, as it will be written. */
  addCandle(candle: Candle): CandleText {
    const text = formatCandle(candle, { isClosed: true });
    (this.#candles ??= []).push({
      instrument: this.#instrument,
      interval: text.interval,
      openTimeMs: text.openTimeMs,
      revision: text.revision,
      open: text.open,
      high: text.high,
      low: text.low,
      close: text.close,
      volume: text.volume,
      quoteVolume: text.quoteVolume,
      takerBuyVolume: text.takerBuyVolume,
      tradeCount: text.tradeCount,
    });
    return text;
  }

  /** So many rows were added that they should be handed over. */
  get isMany(): boolean {
    return this.#addedCount > ROWS_UNWRITTEN_MAX;
  }

  get #addedCount(): number {
    return (this.#trades?.length ?? 0) + (this.#candles?.length ?? 0);
  }

  /** Hands over what was added and resolves when all rows so far are durable. @throws what the tables failed with, or that they were forgotten meanwhile */
  async write(): Promise<void> {
    this.#handOver();
    const generation = this.#generation;
    await this.#lastWrite;
    if (generation !== this.#generation) {
      throw new Error(`Nobody knows whether the rows of ${this.#instrument} were written: a new life began`);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Where rows were added, keeps them and what is added to them until `release`, a `write`, or until it is much. */
  holdBack(): void {
    this.#isHeldBack = this.#addedCount > 0;
  }

  release(): void {
    this.#isHeldBack = false;
    this.#handOver();
  }

  /** Hands over what was added; waits only when too much is on its way already, here or of all. @throws what the tables failed with */
  async writeWithBackpressure(): Promise<void> {
    if (!this.#isHeldBack || this.isMany) this.#handOver();
    if (this.#unwrittenCount > ROWS_UNWRITTEN_MAX || this.#tables.isFull) await this.#lastWrite;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** What is not written now follows from the log again: the next life of the actor starts without it. */
  forget(): void {
    this.#trades = this.#candles = undefined;
    this.#failure = undefined;
    this.#isHeldBack = false;
    this.#generation++;
  }

  #handOver(): void {
    const count = this.#addedCount;
    if (count === 0) return;
    const rows = { trades: this.#trades ?? [], candles: this.#candles ?? [] };
    this.#trades = this.#candles = undefined;
    const hasEarlier = this.#unwrittenCount > 0;
    this.#unwrittenCount += count;
    const generation = this.#generation;
    const write = this.#tables.write(rows).then(
      () => {
        this.#unwrittenCount -= count;
      },
      (error: unknown) => {
        this.#unwrittenCount -= count;
        if (generation !== this.#generation) return;
        this.#failure = error instanceof Error ? error : new Error(String(error));
      },
    );
    this.#lastWrite = hasEarlier ? Promise.all([this.#lastWrite, write]).then(() => undefined) : write;
  }
}
