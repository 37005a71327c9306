/** The shapes of market data in answers. Prices, quantities and volumes are decimal text; what is unknown is `null`. */
import { z } from 'zod';
import { CANDLE_INTERVALS } from '../market/intervals.ts';

/** JSON numbers would lose digits. */
export const decimal = z.string().regex(/^-?\d+(\.\d+)?$/);
const price = decimal.nullable();
const level = z.tuple([decimal, decimal]).describe('[price, quantity]');
const time = z.int().describe('Unix milliseconds');

const head = {
  epoch: z.int(),
  seq: z.int(),
  version: z.int().describe('Of the layout, as in Redis'),
  exchange: z.string(),
  symbol: z.string(),
  status: z.enum(['empty', 'live', 'stale']).describe('Of the book; never rely on a stale one'),
  reason: z.string().describe('Why it is stale'),
  eventTimeMs: time.nullable(),
  receiveTimeMs: time.nullable(),
};

export const bookSchema = z
  .strictObject({
    ...head,
    type: z.literal('orderbook'),
    resolution: z.int(),
    bids: z.array(level).describe('Best (highest) first'),
    asks: z.array(level).describe('Best (lowest) first'),
  })
  .meta({ id: 'OrderBook' });

export const tickerSchema = z
  .strictObject({
    ...head,
    type: z.literal('ticker'),
    windowStartMs: time.nullable(),
    windowEndMs: time.nullable(),
    open: price,
    high: price,
    low: price,
    last: price,
    change: price,
    changePercent: price,
    volume: decimal,
    quoteVolume: decimal,
    vwap: price,
    tradeCount: z.int(),
  })
  .meta({ id: 'Ticker' });

export const candleSchema = z
  .strictObject({
    ...head,
    type: z.literal('candle'),
    interval: z.enum(CANDLE_INTERVALS),
    openTimeMs: time,
    closeTimeMs: time,
    isClosed: z.boolean(),
    isEmpty: z.boolean(),
    revision: z.int(),
    open: price,
    high: price,
    low: price,
    close: price,
    volume: decimal,
    quoteVolume: decimal,
    takerBuyVolume: decimal,
    vwap: price,
    tradeCount: z.int(),
  })
  .meta({ id: 'Candle' });

export const candlesSchema = z
  .strictObject({ candles: z.array(candleSchema).describe('Oldest first; those not closed yet last') })
  .meta({ id: 'Candles' });

export const tradesSchema = z
  .strictObject({
    exchange: z.string(),
    symbol: z.string(),
    trades: z
      .array(
        z.strictObject({
          tradeId: z.string(),
          eventTimeMs: time,
          receiveTimeMs: time,
          price: decimal,
          quantity: decimal,
          takerSide: z.enum(['buy', 'sell']),
          isHistory: z.boolean().describe('Sent by the exchange as history, or backfilled'),
        }),
      )
      .describe('Oldest first'),
  })
  .meta({ id: 'Trades' });
