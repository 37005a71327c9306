/**
 * Closed candles and trades as tables. Writes of all instruments are gathered and written in groups; the next group starts when the one
 * before is durable. Nothing is dropped: while the database is away, writes wait.
 */
import type { OutputRecord } from '../actors/outputs.ts';
import type { CandleRow, MarketTables, TradeRow } from '../actors/ports.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import type { Database } from './database.ts';
import type { InstrumentIds } from './instrument-ids.ts';
import {
  candleArrays,
  insertCandlesAndOutputsText,
  insertCandlesText,
  insertTradesAndOutputsText,
  insertTradesText,
  readCandlesText,
  readTradesText,
  toPlainArray,
} from './market-tables-sql.ts';
import { candleOutput, tradeOutput } from './output-documents.ts';
import type { WantedOutputs } from './output-outbox.ts';
import { Partitions } from './partitions.ts';
import type { WriterContext } from './retry.ts';
import { retryTransient } from './retry.ts';
import { OutageLog } from '../base/outage-log.ts';

/** Rows written by one statement. */
const MARKET_GROUP_MAX_ROWS = 5_000;
/**
 * Between the beginnings of two groups, unless a whole group waits: nobody waits for these rows, and hundreds of small statements a second took as
 * much of the event loop as all that the journal needs.
 */
const GROUP_EVERY_MS = 100;
/** Rows that may wait before those who make them should wait too. */
export const MARKET_QUEUE_MAX_ROWS = 200_000;

type MarketRows = { readonly trades: readonly TradeRow[]; readonly candles: readonly CandleRow[] };

type PendingWrite = {
  readonly rows: MarketRows;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};

export class PostgresMarketTables implements MarketTables {
  readonly #database: Database;
  readonly #ids: InstrumentIds;
  readonly #context: WriterContext;
  readonly #outage: OutageLog;
  readonly #outputs: WantedOutputs | undefined;
  readonly #stop = new AbortController();
  readonly #tradePartitions: Partitions;
  readonly #candlePartitions: Partitions;
  #queue: PendingWrite[] = [];
  /** Of the queue and of the group in hand. */
  #rowCount = 0;
  #fullCount = 0;
  #writing: Promise<void> | undefined;
  #groupBeganMs = -Infinity;
  /** Begins the next group before its time; only while that is waited for. */
  #hurry: (() => void) | undefined;

  constructor(options: {
    database: Database;
    ids: InstrumentIds;
    context: WriterContext;
    outputs?: WantedOutputs | undefined;
  }) {
    const { database } = options;
    this.#outputs = options.outputs;
    this.#database = database;
    this.#ids = options.ids;
    this.#context = options.context;
    this.#outage = new OutageLog(options.context);
    this.#tradePartitions = new Partitions({ database, table: 'trade', period: 'day' });
    this.#candlePartitions = new Partitions({ database, table: 'candle', period: 'month' });
  }

  write(rows: MarketRows): Promise<void> {
    if (rows.trades.length === 0 && rows.candles.length === 0) return Promise.resolve();
    const waitingRowsBefore = this.#rowCount;
    this.#rowCount += countRows(rows);
    if (waitingRowsBefore <= MARKET_QUEUE_MAX_ROWS && this.isFull) this.#fullCount++;
    return new Promise((resolve, reject) => {
      this.#queue.push({ rows, resolve, reject });
      this.#writing ??= this.#writeAll();
      if (this.#rowCount >= MARKET_GROUP_MAX_ROWS) this.#hurry?.();
    });
  }

  get isFull(): boolean {
    return this.#rowCount > MARKET_QUEUE_MAX_ROWS;
  }

  /** Rows that wait to be durable. */
  get waitingRows(): number {
    return this.#rowCount;
  }

  /** Times that it became full. */
  get fullCount(): number {
    return this.#fullCount;
  }

  /** Candles with `fromMs` ≤ open time < `toMs`, oldest first. */
  async readCandles(query: {
    instrument: InstrumentKey;
    interval: string;
    fromMs: number;
    toMs: number;
    limit: number;
  }): Promise<CandleRow[]> {
    const instrumentId = await this.#ids.find(query.instrument);
    if (instrumentId === undefined) return [];
    const { rows } = await this.#database.read<StoredCandle>({
      text: readCandlesText(this.#database.schema),
      values: [instrumentId, query.interval, query.fromMs, query.toMs, query.limit],
    });
    return rows.map((row) => ({
      ...row,
      instrument: query.instrument,
      interval: query.interval,
      open: row.open ?? undefined,
      high: row.high ?? undefined,
      low: row.low ?? undefined,
      close: row.close ?? undefined,
    }));
  }

  /** Trades with `fromMs` ≤ event time < `toMs`, oldest first; within a millisecond by trade id, shorter ids first. */
  async readTrades(query: {
    instrument: InstrumentKey;
    fromMs: number;
    toMs: number;
    limit: number;
  }): Promise<TradeRow[]> {
    const instrumentId = await this.#ids.find(query.instrument);
    if (instrumentId === undefined) return [];
    const { rows } = await this.#database.read<Omit<TradeRow, 'instrument'>>({
      text: readTradesText(this.#database.schema),
      values: [instrumentId, query.fromMs, query.toMs, query.limit],
    });
    return rows.map((row) => ({ ...row, instrument: query.instrument }));
  }

  /** Waits for what is under way, without waiting any longer for a database that is away. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#hurry?.();
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    await Promise.resolve();
    while (this.#queue.length > 0) {
      await this.#untilDue();
      this.#groupBeganMs = this.#context.clock.monotonicMs();
      const group = this.#takeGroup();
      try {
        await this.#writeGroup(group);
        for (const write of group) write.resolve();
      } catch {
        // A row that Postgres refuses must not fail the writes it was grouped with.
        for (const write of group) await this.#writeGroup([write]).then(write.resolve, write.reject);
      }
      for (const { rows } of group) this.#rowCount -= countRows(rows);
    }
    this.#writing = undefined;
  }

  async #untilDue(): Promise<void> {
    const { clock, timers } = this.#context;
    const delayMs = this.#groupBeganMs + GROUP_EVERY_MS - clock.monotonicMs();
    if (delayMs <= 0 || this.#rowCount >= MARKET_GROUP_MAX_ROWS || this.#stop.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = timers.after(delayMs, resolve);
      this.#hurry = () => {
        timer.cancel();
        resolve();
      };
    });
    this.#hurry = undefined;
  }

  #takeGroup(): PendingWrite[] {
    let rowCount = 0;
    let writeCount = 0;
    for (const { rows } of this.#queue) {
      rowCount += countRows(rows);
      if (writeCount > 0 && rowCount > MARKET_GROUP_MAX_ROWS) break;
      writeCount++;
    }
    const group = this.#queue.slice(0, writeCount);
    this.#queue = this.#queue.slice(writeCount);
    return group;
  }

  async #writeGroup(group: readonly PendingWrite[]): Promise<void> {
    const trades = group.flatMap(({ rows }) => rows.trades);
    const candles = newestRevisions(group.flatMap(({ rows }) => rows.candles));
    await retryTransient(
      async () => {
        await this.#tradePartitions.ensure(trades.map(({ eventTimeMs }) => eventTimeMs));
        await this.#candlePartitions.ensure(candles.map(({ openTimeMs }) => openTimeMs));
        for (let at = 0; at < trades.length; at += MARKET_GROUP_MAX_ROWS) {
          await this.#insertTrades(trades.slice(at, at + MARKET_GROUP_MAX_ROWS));
        }
        for (let at = 0; at < candles.length; at += MARKET_GROUP_MAX_ROWS) {
          await this.#insertCandles(candles.slice(at, at + MARKET_GROUP_MAX_ROWS));
        }
      },
      {
        context: this.#context,
        what: 'writing trades and candles',
        fields: { trades: trades.length, candles: candles.length },
        outage: this.#outage,
        deadlineMs: Infinity,
        stop: this.#stop.signal,
      },
    );
  }

  async #insertTrades(trades: readonly TradeRow[]): Promise<void> {
    const isOutput = this.#outputs?.topics.has('trades') === true;
    await this.#database.query({
      name: `${this.#database.schema}.insert-trades`,
      text: isOutput
        ? insertTradesAndOutputsText(this.#database.schema)
        : insertTradesText(this.#database.schema),
      values: [
        toPlainArray(await this.#idsOf(trades)),
        toPlainArray(trades.map(({ eventTimeMs }) => eventTimeMs)),
        trades.map(({ tradeId }) => tradeId),
        toPlainArray(trades.map(({ receiveTimeMs }) => receiveTimeMs)),
        toPlainArray(trades.map(({ price }) => price)),
        toPlainArray(trades.map(({ quantity }) => quantity)),
        toPlainArray(trades.map(({ takerSide }) => takerSide)),
        toPlainArray(trades.map(({ isHistory }) => isHistory)),
        ...(isOutput ? outputColumns(trades.map(tradeOutput)) : []),
      ],
    });
  }

  async #insertCandles(candles: readonly CandleRow[]): Promise<void> {
    const isOutput = this.#outputs?.topics.has('candles') === true;
    await this.#database.query({
      name: `${this.#database.schema}.insert-candles`,
      text: isOutput
        ? insertCandlesAndOutputsText(this.#database.schema)
        : insertCandlesText(this.#database.schema),
      values: [
        ...candleArrays(await this.#idsOf(candles), candles),
        ...(isOutput ? outputColumns(candles.map(candleOutput)) : []),
      ],
    });
  }

  async #idsOf(rows: readonly { readonly instrument: InstrumentKey }[]): Promise<number[]> {
    const instruments = [...new Set(rows.map(({ instrument }) => instrument))];
    const ids = new Map<InstrumentKey, number>();
    for (const instrument of instruments) ids.set(instrument, await this.#ids.assign(instrument));
    return rows.map(({ instrument }) => ids.get(instrument)!);
  }
}

function outputColumns(records: readonly OutputRecord[]): string[][] {
  return [records.map(({ key }) => key), records.map(({ id }) => id), records.map(({ value }) => value)];
}

function countRows({ trades, candles }: MarketRows): number {
  return trades.length + candles.length;
}

type Nullable<Row> = { [Field in keyof Row]: Row[Field] | null };
type StoredCandle = Omit<CandleRow, 'instrument' | 'interval' | 'open' | 'high' | 'low' | 'close'> &
  Nullable<{ open: string; high: string; low: string; close: string }>;

/** One statement may touch a row only once, so of several revisions of one candle the largest is written. */
function newestRevisions(candles: readonly CandleRow[]): CandleRow[] {
  const newest = new Map<string, CandleRow>();
  for (const candle of candles) {
    const key = `${candle.instrument} ${candle.interval} ${candle.openTimeMs}`;
    const known = newest.get(key);
    if (known === undefined || known.revision < candle.revision) newest.set(key, candle);
  }
  return [...newest.values()];
}
