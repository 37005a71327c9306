/** Compares candles and tickers with a full recount of the trades they stand for, by decimal.js and in no hurry. Pure. */
import { Decimal } from 'decimal.js';
import type { Violation } from '../violation.ts';
import type { PlainTrade } from './trade-check.ts';

/** Decimal text; `undefined` where there is none. */
export type PlainCandle = {
  readonly openTimeMs: number;
  readonly open: string | undefined;
  readonly high: string | undefined;
  readonly low: string | undefined;
  readonly close: string | undefined;
  readonly volume: string;
  readonly quoteVolume: string;
  readonly takerBuyVolume: string;
  readonly tradeCount: number;
};

export type PlainTicker = {
  readonly open: string | undefined;
  readonly high: string | undefined;
  readonly low: string | undefined;
  readonly last: string | undefined;
  readonly volume: string;
  readonly quoteVolume: string;
  readonly tradeCount: number;
};

const Exact = Decimal.clone({ precision: 200, toExpNeg: -200, toExpPos: 200 });
type Exact = InstanceType<typeof Exact>;

/**
 * `candles`: closed and not closed yet, any order. Each must be what a recount of its trades gives (one without trades carries the close before
 * it), and each trade must be in one.
 */
export function checkCandles(options: {
  instrument: string;
  interval: string;
  intervalMs: number;
  trades: readonly PlainTrade[];
  candles: readonly PlainCandle[];
}): Violation[] {
  const { instrument, interval, intervalMs, trades, candles } = options;
  const violations: Violation[] = [];
  const byOpenTime = new Map<number, PlainTrade[]>();
  for (const trade of trades) {
    const openTimeMs = Math.floor(trade.timeMs / intervalMs) * intervalMs;
    const group = byOpenTime.get(openTimeMs);
    if (group === undefined) byOpenTime.set(openTimeMs, [trade]);
    else group.push(trade);
  }
  let close: string | undefined;
  for (const candle of [...candles].sort((a, b) => a.openTimeMs - b.openTimeMs)) {
    const own = byOpenTime.get(candle.openTimeMs) ?? [];
    byOpenTime.delete(candle.openTimeMs);
    const expected = own.length === 0 ? emptyText(close) : candleText(recount(own)!);
    const was = candleText(candle);
    if (expected !== was) {
      const subject = `${instrument} ${interval} ${new Date(candle.openTimeMs).toISOString()}`;
      violations.push({ rule: 'candle', subject, expected, was });
    }
    if (own.length > 0) close = recount(own)!.close;
  }
  for (const [openTimeMs, lost] of byOpenTime) {
    const subject = `${instrument} ${interval} ${new Date(openTimeMs).toISOString()}`;
    violations.push({ rule: 'candle', subject, expected: `a candle of ${lost.length} trades`, was: 'none' });
  }
  return violations;
}

/** All trades lie within the window: the whole run is shorter than it. */
export function checkTicker(
  instrument: string,
  trades: readonly PlainTrade[],
  ticker: PlainTicker,
): Violation[] {
  const truth = recount(trades);
  const expected = truth === undefined ? 'no trade' : tickerText({ ...truth, last: truth.close });
  const was = ticker.tradeCount === 0 ? 'no trade' : tickerText(ticker);
  return expected === was ? [] : [{ rule: 'ticker', subject: instrument, expected, was }];
}

type Recount = Omit<PlainCandle, 'openTimeMs' | 'open' | 'high' | 'low' | 'close'> & {
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
};

/** Trades of one instant are in the order of their ids, shorter ids first. */
function recount(trades: readonly PlainTrade[]): Recount | undefined {
  const ordered = [...trades].sort(
    (a, b) => a.timeMs - b.timeMs || a.tradeId.length - b.tradeId.length || (a.tradeId < b.tradeId ? -1 : 1),
  );
  const [first] = ordered;
  const last = ordered.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const sum = (values: readonly Exact[]): string =>
    values.reduce((total, value) => total.plus(value), new Exact(0)).toFixed();
  const prices = ordered.map(({ price }) => new Exact(price));
  return {
    open: first.price,
    high: Exact.max(...prices).toFixed(),
    low: Exact.min(...prices).toFixed(),
    close: last.price,
    volume: sum(ordered.map(({ quantity }) => new Exact(quantity))),
    quoteVolume: sum(ordered.map(({ price, quantity }) => new Exact(price).mul(quantity))),
    takerBuyVolume: sum(
      ordered.filter(({ takerSide }) => takerSide === 'buy').map(({ quantity }) => new Exact(quantity)),
    ),
    tradeCount: ordered.length,
  };
}

function emptyText(close: string | undefined): string {
  return candleText({
    open: close,
    high: close,
    low: close,
    close,
    volume: '0',
    quoteVolume: '0',
    takerBuyVolume: '0',
    tradeCount: 0,
  });
}

function candleText(candle: Omit<PlainCandle, 'openTimeMs'>): string {
  const { open, high, low, close, volume, quoteVolume, takerBuyVolume, tradeCount } = candle;
  return `${tradeCount} trades, ${[open, high, low, close].map(plain).join(' ')}, volume ${plain(volume)} (${plain(takerBuyVolume)} bought), quote volume ${plain(quoteVolume)}`;
}

function tickerText({ open, high, low, last, volume, quoteVolume, tradeCount }: PlainTicker): string {
  return `${tradeCount} trades, ${[open, high, low, last].map(plain).join(' ')}, volume ${plain(volume)}, quote volume ${plain(quoteVolume)}`;
}

function plain(text: string | undefined): string {
  return text === undefined ? '–' : new Exact(text).toFixed();
}
