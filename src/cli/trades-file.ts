/** Reads a TRADES.json.gz: the trades of one symbol, with the candles and tickers that another party published for them, if any. */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import * as z from 'zod';
import { TampinesError } from '../base/errors.ts';
import { quoteNumbers } from '../exchanges/json-text.ts';
import type { CountedTrade } from '../market/candle-bar.ts';
import { CANDLE_INTERVALS } from '../market/intervals.ts';
import { ScaleMemory } from '../market/scale-memory.ts';

const decimalText = z.union([z.string(), z.number().transform(String)]);
const timeMs = z.coerce.number().int();

const tradesFile = z.object({
  exchange: z.string().optional(),
  symbol: z.string().optional(),
  /** The trades cover [`from_ms`, `to_ms`) in full. */
  from_ms: timeMs.optional(),
  to_ms: timeMs.optional(),
  /** Close before `from_ms`, which empty intervals at the start carry. */
  close_before: decimalText.optional(),
  trades: z.array(
    z.object({
      id: z.union([z.string(), z.number()]).nullish(),
      t_ms: decimalText,
      price: decimalText,
      qty: decimalText,
      side: z.enum(['buy', 'sell']),
      n: z.coerce.number().int().positive().optional(),
    }),
  ),
  candles: z
    .partialRecord(
      z.enum(CANDLE_INTERVALS),
      z.object({
        interval_ms: z.coerce.number().optional(),
        /** As published: what a row holds is compared, what it lacks is not. */
        rows: z.array(z.looseObject({ start_ms: timeMs })).optional(),
      }),
    )
    .optional(),
  ticker_24h: z.array(z.looseObject({ at_ms: timeMs })).optional(),
});

export type TradesFile = z.infer<typeof tradesFile>;

/**
 * Returns the content of a TRADES file, gzipped or not.
 * @throws TampinesError RECORDING_INVALID when it can't be read or is not of this form
 */
export async function readTradesFile(file: string): Promise<TradesFile> {
  let content: unknown;
  try {
    const bytes = await readFile(file);
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    const text = (isGzip ? await promisify(gunzip)(bytes) : bytes).toString('utf8');
    content = JSON.parse(quoteNumbers(text));
  } catch (cause) {
    throw new TampinesError('RECORDING_INVALID', `Cannot read trades from ${file}`, {
      fields: { file },
      cause,
    });
  }
  return parseTradesFile(content);
}

/** @throws TampinesError RECORDING_INVALID when `content` is not of this form; the message names the first wrong field */
export function parseTradesFile(content: unknown): TradesFile {
  const parsed = tradesFile.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') ?? '';
  throw new TampinesError(
    'RECORDING_INVALID',
    `Cannot use trades file: ${issue?.message ?? 'it is malformed'} at ${field === '' ? 'its top' : field}`,
    { fields: { field } },
  );
}

/**
 * Returns the trades in order of time, as written down to fractions of a millisecond, and in the file's order where times are equal; the
 * trade id is the place in this order.
 * @throws TampinesError RECORDING_INVALID when a time, price or quantity is not a decimal number ≥ 0
 */
export function toOrderedTrades(file: TradesFile): CountedTrade[] {
  const scales = new ScaleMemory({ keepTrailingZeros: false });
  const read = file.trades.map((row, index) => {
    const [, wholeMs, fraction = ''] = /^(\d{1,15})(?:\.(\d+))?$/.exec(row.t_ms) ?? [];
    const values = scales.readTrade(row.price, row.qty);
    if (wholeMs === undefined || values === undefined) {
      throw new TampinesError(
        'RECORDING_INVALID',
        `Cannot use trade ${index}: expected decimal numbers, was ${JSON.stringify(row)}`,
        { fields: { index } },
      );
    }
    return {
      eventTimeMs: Number.parseInt(wholeMs, 10),
      fraction,
      values,
      takerSide: row.side,
      exchangeTradeCount: row.n ?? 1,
    };
  });
  // Fractions compare as text because they all begin right after the point; sorting keeps the file's order of equal times.
  read.sort((a, b) => a.eventTimeMs - b.eventTimeMs || compareText(a.fraction, b.fraction));
  return read.map(({ eventTimeMs, values, takerSide, exchangeTradeCount }, index) => ({
    eventTimeMs,
    ...values,
    takerSide,
    exchangeTradeCount,
    tradeId: String(index),
  }));
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
