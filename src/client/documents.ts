/** What channels hold, as docs/redis.md and docs/gateway.md explain it. Prices, quantities and volumes are exact decimal text; times are Unix milliseconds. */

export type DocumentHead = {
  /** Version: a larger `epoch` is newer, within one a larger `seq` is. */
  readonly epoch: number;
  readonly seq: number;
  readonly publishTimeMs: number;
  /** Version of the layout. */
  readonly version: number;
};

export type InstrumentHead = DocumentHead & {
  readonly exchange: string;
  readonly symbol: string;
  /** Of the book. One that is `stale` may be wrong: do not trade on it. */
  readonly status: 'live' | 'stale' | 'empty';
  readonly reason: string;
  readonly eventTimeMs: number | null;
  readonly receiveTimeMs: number | null;
};

export type PriceLevel = readonly [price: string, quantity: string];

export type OrderBook = InstrumentHead & {
  readonly type: 'orderbook';
  /** In tick sizes. */
  readonly resolution: number;
  /** Best first. */
  readonly bids: readonly PriceLevel[];
  readonly asks: readonly PriceLevel[];
};

export type Ticker = InstrumentHead & {
  readonly type: 'ticker';
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  readonly open: string | null;
  readonly high: string | null;
  readonly low: string | null;
  readonly last: string | null;
  readonly change: string | null;
  readonly changePercent: string | null;
  readonly volume: string;
  readonly quoteVolume: string;
  readonly vwap: string | null;
  readonly tradeCount: number;
};

export type Candle = InstrumentHead & {
  readonly type: 'candle';
  readonly interval: string;
  readonly openTimeMs: number;
  readonly closeTimeMs: number;
  readonly isClosed: boolean;
  readonly isEmpty: boolean;
  /** Grows with each late trade; the largest counts. */
  readonly revision: number;
  readonly open: string | null;
  readonly high: string | null;
  readonly low: string | null;
  readonly close: string | null;
  readonly volume: string;
  readonly quoteVolume: string;
  readonly takerBuyVolume: string;
  readonly vwap: string | null;
  readonly tradeCount: number;
};

export type Trade = {
  readonly tradeId: string;
  readonly eventTimeMs: number;
  readonly receiveTimeMs: number;
  readonly price: string;
  readonly quantity: string;
  readonly takerSide: 'buy' | 'sell';
  /** It came with the history that exchanges send on subscribe, or was fetched after a gap. */
  readonly isHistory: boolean;
};

export type Trades = InstrumentHead & {
  readonly type: 'trades';
  /** `seq` of the trades before these. */
  readonly afterSeq: number;
  readonly trades: readonly Trade[];
};

export type Supervision = DocumentHead & {
  readonly type: 'supervision';
  /** As those of `GET /v1/supervision/events`. */
  readonly event: {
    readonly timeMs: number;
    readonly path: string;
    readonly kind: string;
    readonly cause: string;
    readonly decision: string;
    readonly attempt: number;
    readonly delayMs: number;
    readonly recoveredPosition?: number;
  };
};

export type StreamDocument = OrderBook | Ticker | Candle | Trades | Supervision;

/** What a channel of this name holds. */
export type DocumentOf<Channel extends string> = Channel extends `orderbook:${string}`
  ? OrderBook
  : Channel extends `ticker:${string}`
    ? Ticker
    : Channel extends `candle:${string}`
      ? Candle
      : Channel extends `trades:${string}`
        ? Trades
        : Channel extends 'supervision'
          ? Supervision
          : StreamDocument;
