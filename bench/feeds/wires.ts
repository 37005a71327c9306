/**
 * How each exchange writes a market down: the first book, the changes, the trades. Enough of each protocol for its own adapter to read it with
 * every check on; the simulators in src/feeds play whole exchanges, these only write frames.
 */
import { adapters } from '../../src/exchanges/registry.ts';
import type { ExchangeAdapter } from '../../src/exchanges/adapter.ts';
import { tradesText } from '../../src/feeds/simulators/cryptocom-text.ts';
import { fixedText } from '../../src/feeds/simulators/fixed-text.ts';
import { bookChecksum, bookFrame, isoMicros, tradeFrame } from '../../src/feeds/simulators/kraken-text.ts';
import type {
  BookSides,
  SimulatedLevel,
  SimulatedSymbol,
} from '../../src/feeds/simulators/simulated-book.ts';
import type { SimulatedTrade } from '../../src/feeds/simulators/simulated-market.ts';
import type { MarketMoment } from './market-moments.ts';

export type Wire = {
  readonly adapter: ExchangeAdapter;
  readonly nativeSymbol: string;
  /** Levels per side. */
  readonly depth: number;
  readonly tellPushedOut: boolean;
  /** The whole book: a frame, or the answer to a REST request where the exchange gives it there. */
  readonly book: (moment: MarketMoment) => string;
  readonly delta: (moment: MarketMoment) => string;
  readonly trades: (moment: MarketMoment) => readonly string[];
};

type WireName =
  | 'binance'
  | 'binance-usdm'
  | 'kraken'
  | 'kraken-v1'
  | 'okx'
  | 'okx-checksum'
  | 'bybit-spot'
  | 'coinbase'
  | 'coinbase-exchange'
  | 'cryptocom';

/** Returns a writer of one connection with one symbol; some count their frames. */
export function createWire(name: WireName): Wire {
  return { adapter: adapters.get(name)!, ...WIRES[name]() };
}

export const WIRE_NAMES: readonly WireName[] = [
  'binance',
  'binance-usdm',
  'kraken',
  'kraken-v1',
  'okx',
  'okx-checksum',
  'bybit-spot',
  'coinbase',
  'coinbase-exchange',
  'cryptocom',
];

type Writer = Omit<Wire, 'adapter'>;

const WIRES: Readonly<Record<WireName, () => Writer>> = {
  binance: () => binance({ isFutures: false }),
  'binance-usdm': () => binance({ isFutures: true }),
  kraken: () => ({
    nativeSymbol: 'BTC/USD',
    depth: 100,
    tellPushedOut: false,
    book: ({ symbol, window, timeMs }) => bookFrame('snapshot', symbol, window, bookChecksum(window), timeMs),
    delta: ({ symbol, bids, asks, window, timeMs }) =>
      bookFrame('update', symbol, { bids, asks }, bookChecksum(window), timeMs),
    trades: ({ symbol, trades }) => (trades.length === 0 ? [] : [tradeFrame('update', symbol, trades)]),
  }),
  'kraken-v1': krakenV1,
  okx: () => okx({ hasSequence: true }),
  'okx-checksum': () => okx({ hasSequence: false }),
  'bybit-spot': bybit,
  coinbase: coinbaseAdvanced,
  'coinbase-exchange': coinbaseExchange,
  cryptocom: () => {
    const frame = (channel: string, data: string): string =>
      `{"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":"BTC_USDT","subscription":"x.BTC_USDT","channel":"${channel}","depth":50,"data":[${data}]}}`;
    const level = (price: string, quantity: string, orderCount: number): string =>
      `["${price}","${quantity}","${orderCount}"]`;
    return {
      nativeSymbol: 'BTC_USDT',
      depth: 50,
      tellPushedOut: true,
      book: ({ symbol, window, timeMs, number }) =>
        frame('book', `{${sides(symbol, window, ['bids', 'asks'], level)},"t":${timeMs},"u":${number}}`),
      delta: (moment) =>
        frame(
          'book.update',
          `{"update":{${sides(moment.symbol, moment, ['bids', 'asks'], level)}},"t":${moment.timeMs},"u":${moment.number},"pu":${moment.number - 1}}`,
        ),
      trades: ({ symbol, trades }) =>
        trades.length === 0 ? [] : [frame('trade', tradesText(symbol, trades))],
    };
  },
};

/** Update ids that one depth event of Binance spans. */
const IDS_PER_EVENT = 8;

function binance({ isFutures }: { isFutures: boolean }): Writer {
  const wrap = (stream: string, event: string): string => `{"stream":"btcusdt@${stream}","data":${event}}`;
  return {
    nativeSymbol: 'BTCUSDT',
    depth: 400,
    tellPushedOut: true,
    book: ({ symbol, window, timeMs, number }) =>
      `{"lastUpdateId":${number * IDS_PER_EVENT},"E":${timeMs},${sides(symbol, window, ['bids', 'asks'])}}`,
    delta: (moment) => {
      const last = moment.number * IDS_PER_EVENT;
      const first = last - IDS_PER_EVENT + 1;
      const previous = isFutures ? `"pu":${first - 1},` : '';
      return wrap(
        'depth@100ms',
        `{"e":"depthUpdate","E":${moment.timeMs},"s":"BTCUSDT","U":${first},"u":${last},${previous}${sides(moment.symbol, moment, ['b', 'a'])}}`,
      );
    },
    trades: ({ symbol, trades }) =>
      trades.map((trade) => {
        const [price, quantity] = tradeTexts(symbol, trade);
        const [event, id] = isFutures ? ['aggTrade', 'a'] : ['trade', 't'];
        return wrap(
          event,
          `{"e":"${event}","E":${trade.timeMs},"s":"BTCUSDT","${id}":${trade.tradeId},"p":"${price}","q":"${quantity}","T":${trade.timeMs},"m":${trade.takerSide === 'sell'},"M":true}`,
        );
      }),
  };
}

function krakenV1(): Writer {
  const seconds = (timeMs: number): string => `${(timeMs / 1_000).toFixed(3)}000`;
  const part = (name: string, symbol: SimulatedSymbol, levels: readonly SimulatedLevel[], timeMs: number) =>
    `"${name}":[${levels.map((level) => `["${priceText(symbol, level)}","${quantityText(symbol, level)}","${seconds(timeMs)}"]`).join(',')}]`;
  return {
    nativeSymbol: 'XBT/USD',
    depth: 100,
    tellPushedOut: false,
    book: ({ symbol, window, timeMs }) =>
      `[336,{${part('as', symbol, window.asks, timeMs)},${part('bs', symbol, window.bids, timeMs)}},"book-100","XBT/USD"]`,
    delta: ({ symbol, bids, asks, window, timeMs }) =>
      `[336,{${part('a', symbol, asks, timeMs)}},{${part('b', symbol, bids, timeMs)},"c":"${bookChecksum(window)}"},"book-100","XBT/USD"]`,
    trades: ({ symbol, trades }) => {
      if (trades.length === 0) return [];
      const fills = trades.map((trade) => {
        const [price, quantity] = tradeTexts(symbol, trade);
        return `["${price}","${quantity}","${seconds(trade.timeMs)}","${trade.takerSide === 'buy' ? 'b' : 's'}","m",""]`;
      });
      return [`[337,[${fills.join(',')}],"trade","XBT/USD"]`];
    },
  };
}

function okx({ hasSequence }: { hasSequence: boolean }): Writer {
  const checksum = adapters.get('okx-checksum')!.checksum!;
  const sumOf = (symbol: SimulatedSymbol, { bids, asks }: BookSides): number =>
    checksum({
      scales: { price: symbol.priceDecimals, quantity: symbol.quantityDecimals },
      bidCount: bids.length,
      askCount: asks.length,
      bidPrice: (index) => bids[index]!.priceUnits,
      bidQuantity: (index) => bids[index]!.quantityUnits,
      askPrice: (index) => asks[index]!.priceUnits,
      askQuantity: (index) => asks[index]!.quantityUnits,
    });
  const level = (price: string, quantity: string, orderCount: number): string =>
    `["${price}","${quantity}","0","${orderCount}"]`;
  const frame = (action: string, shown: BookSides, moment: MarketMoment): string => {
    const { symbol, timeMs, number } = moment;
    const proof = hasSequence
      ? `"checksum":0,"seqId":${number},"prevSeqId":${action === 'snapshot' ? -1 : number - 1}`
      : `"checksum":${sumOf(symbol, moment.window)}`;
    return `{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"${action}","data":[{${sides(symbol, shown, ['bids', 'asks'], level)},"ts":"${timeMs}",${proof}}]}`;
  };
  return {
    nativeSymbol: 'BTC-USDT',
    depth: 400,
    tellPushedOut: true,
    book: (moment) => frame('snapshot', moment.window, moment),
    delta: (moment) => frame('update', moment, moment),
    trades: ({ symbol, trades }) =>
      trades.map((trade) => {
        const [price, quantity] = tradeTexts(symbol, trade);
        return `{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"${trade.tradeId}","px":"${price}","sz":"${quantity}","side":"${trade.takerSide}","ts":"${trade.timeMs}","count":"1"}]}`;
      }),
  };
}

function bybit(): Writer {
  const frame = (type: string, shown: BookSides, { symbol, timeMs, number }: MarketMoment): string =>
    `{"topic":"orderbook.200.BTCUSDT","type":"${type}","ts":${timeMs + 2},"data":{"s":"BTCUSDT",${sides(symbol, shown, ['b', 'a'])},"u":${number + 1},"seq":${number * 40}},"cts":${timeMs}}`;
  return {
    nativeSymbol: 'BTCUSDT',
    depth: 200,
    tellPushedOut: true,
    book: (moment) => frame('snapshot', moment.window, moment),
    delta: (moment) => frame('delta', moment, moment),
    trades: ({ symbol, trades, timeMs }) => {
      if (trades.length === 0) return [];
      const fills = trades.map((trade) => {
        const [price, quantity] = tradeTexts(symbol, trade);
        return `{"T":${trade.timeMs},"s":"BTCUSDT","S":"${trade.takerSide === 'buy' ? 'Buy' : 'Sell'}","v":"${quantity}","p":"${price}","L":"PlusTick","i":"${trade.tradeId}","BT":false}`;
      });
      return [`{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":${timeMs},"data":[${fills.join(',')}]}`];
    },
  };
}

function coinbaseAdvanced(): Writer {
  let sequence = 0;
  const frame = (channel: string, timeMs: number, event: string): string =>
    `{"channel":"${channel}","client_id":"","timestamp":"${isoMicros(timeMs)}","sequence_num":${sequence++},"events":[${event}]}`;
  const updates = ({ symbol, timeMs }: MarketMoment, { bids, asks }: BookSides): string => {
    const update = (side: string) => (level: SimulatedLevel) =>
      `{"side":"${side}","event_time":"${isoMicros(timeMs)}","price_level":"${priceText(symbol, level)}","new_quantity":"${quantityText(symbol, level)}"}`;
    return [...bids.map(update('bid')), ...asks.map(update('offer'))].join(',');
  };
  const book = (type: string, moment: MarketMoment, shown: BookSides): string =>
    frame(
      'l2_data',
      moment.timeMs,
      `{"type":"${type}","product_id":"BTC-USD","updates":[${updates(moment, shown)}]}`,
    );
  return {
    nativeSymbol: 'BTC-USD',
    depth: 400,
    tellPushedOut: true,
    book: (moment) => book('snapshot', moment, moment.window),
    delta: (moment) => book('update', moment, moment),
    trades: ({ symbol, trades, timeMs }) => {
      if (trades.length === 0) return [];
      const fills = trades.toReversed().map((trade) => {
        const [price, quantity] = tradeTexts(symbol, trade);
        return `{"product_id":"BTC-USD","trade_id":"${trade.tradeId}","price":"${price}","size":"${quantity}","time":"${isoMicros(trade.timeMs)}","side":"${trade.takerSide === 'buy' ? 'SELL' : 'BUY'}"}`;
      });
      return [frame('market_trades', timeMs, `{"type":"update","trades":[${fills.join(',')}]}`)];
    },
  };
}

function coinbaseExchange(): Writer {
  const changes = (symbol: SimulatedSymbol, side: string, levels: readonly SimulatedLevel[]): string[] =>
    levels.map((level) => `["${side}","${priceText(symbol, level)}","${quantityText(symbol, level)}"]`);
  return {
    nativeSymbol: 'BTC-USD',
    depth: 400,
    tellPushedOut: true,
    book: ({ symbol, window }) =>
      `{"type":"snapshot","product_id":"BTC-USD",${sides(symbol, window, ['bids', 'asks'])}}`,
    delta: ({ symbol, bids, asks, timeMs }) =>
      `{"type":"l2update","product_id":"BTC-USD","time":"${isoMicros(timeMs)}","changes":[${[...changes(symbol, 'buy', bids), ...changes(symbol, 'sell', asks)].join(',')}]}`,
    trades: ({ symbol, trades }) =>
      trades.map((trade) => {
        const [price, quantity] = tradeTexts(symbol, trade);
        return `{"type":"match","trade_id":${trade.tradeId},"side":"${trade.takerSide === 'buy' ? 'sell' : 'buy'}","size":"${quantity}","price":"${price}","product_id":"BTC-USD","sequence":${trade.tradeId},"time":"${isoMicros(trade.timeMs)}"}`;
      }),
  };
}

function sides(
  symbol: SimulatedSymbol,
  { bids, asks }: BookSides,
  [bidName, askName]: readonly [string, string],
  write: (price: string, quantity: string, orderCount: number) => string = (price, quantity) =>
    `["${price}","${quantity}"]`,
): string {
  const text = (levels: readonly SimulatedLevel[]): string =>
    levels
      .map((level) => write(priceText(symbol, level), quantityText(symbol, level), level.orderCount))
      .join(',');
  return `"${bidName}":[${text(bids)}],"${askName}":[${text(asks)}]`;
}

function priceText(symbol: SimulatedSymbol, { priceUnits }: { priceUnits: number }): string {
  return fixedText(priceUnits, symbol.priceDecimals);
}

function quantityText(symbol: SimulatedSymbol, { quantityUnits }: { quantityUnits: number }): string {
  return fixedText(quantityUnits, symbol.quantityDecimals);
}

function tradeTexts(symbol: SimulatedSymbol, trade: SimulatedTrade): [price: string, quantity: string] {
  return [priceText(symbol, trade), quantityText(symbol, trade)];
}
