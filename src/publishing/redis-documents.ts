/**
 * The JSON that subscribers read (docs/redis.md). Fields stand in a fixed order, `epoch` and `seq` first: the scripts that guard a key read
 * them there. Text is joined by hand, since decimal text needs no escaping and a book is mostly that; names and reasons are escaped.
 */
import type {
  BookDocument,
  DesiredInstrument,
  DocumentHead,
  Documents,
  TickerDocument,
  TradesDocument,
} from '../actors/ports.ts';
import type { CandleText } from '../market/candle-text.ts';
import { formatLevels } from './level-text.ts';
import { candleKey, closedCandlesKey, orderBookKey, tickerKey, tradesChannel } from './keys.ts';

/** Grows when a field changes its meaning or goes; new fields don't count. */
export const LAYOUT_VERSION = 1;

export type DocumentNaming = 'names' | 'ids';

/** Keys by exchange and symbol. */
export const redisDocuments: Documents = createRedisDocuments('names');

/** `ids`: keys hold the instrument's number in place of its names. */
export function createRedisDocuments(naming: DocumentNaming): Documents {
  const nameOf = ({ instrument, instrumentId }: DesiredInstrument): string =>
    naming === 'ids' ? String(instrumentId) : instrument;
  return {
    bookKey: (instrument, resolution) => orderBookKey(nameOf(instrument), resolution),
    tickerKey: (instrument) => tickerKey(nameOf(instrument)),
    candleKey: (instrument, interval) => candleKey(nameOf(instrument), interval),
    closedCandlesKey: (instrument, interval) => closedCandlesKey(candleKey(nameOf(instrument), interval)),
    tradesChannel: (instrument) => tradesChannel(nameOf(instrument)),
    book: formatBookDocument,
    ticker: formatTickerDocument,
    candle: (document) => candleWriter(document)(document),
    candleWriter,
    trades: formatTradesDocument,
  };
}

function formatBookDocument(book: BookDocument): string {
  return `${head('orderbook', book)},"resolution":${book.resolution},"bids":${formatLevels(book.bids, book.scales)},"asks":${formatLevels(book.asks, book.scales)}}`;
}

function formatTickerDocument(ticker: TickerDocument): string {
  return (
    `${head('ticker', ticker)},"windowStartMs":${time(ticker.windowStartMs)},"windowEndMs":${time(ticker.windowEndMs)}` +
    `,"open":${decimal(ticker.open)},"high":${decimal(ticker.high)},"low":${decimal(ticker.low)},"last":${decimal(ticker.last)}` +
    `,"change":${decimal(ticker.change)},"changePercent":${decimal(ticker.changePercent)}` +
    `,"volume":${decimal(ticker.volume)},"quoteVolume":${decimal(ticker.quoteVolume)},"vwap":${decimal(ticker.vwap)}` +
    `,"tradeCount":${ticker.tradeCount}}`
  );
}

/** The head is the longest part, and many candles of an instrument close at once; of empty ones in a row only the times differ. */
function candleWriter(document: DocumentHead): (candle: CandleText) => string {
  const start = `${head('candle', document)},"interval":"`;
  let last: CandleText | undefined;
  let numbers = '';
  return (candle) => {
    if (last === undefined || !areAlike(last, candle)) {
      last = candle;
      numbers = candleNumbers(candle);
    }
    return `${start}${candle.interval}","openTimeMs":${candle.openTimeMs},"closeTimeMs":${candle.closeTimeMs}${numbers}`;
  };
}

/** Whether both are empty and have the same price, so that all their numbers are the same. */
function areAlike(a: CandleText, b: CandleText): boolean {
  return (
    a.isEmpty && b.isEmpty && a.close === b.close && a.revision === b.revision && a.isClosed === b.isClosed
  );
}

function candleNumbers(candle: CandleText): string {
  return (
    `,"isClosed":${candle.isClosed},"isEmpty":${candle.isEmpty},"revision":${candle.revision}` +
    `,"open":${decimal(candle.open)},"high":${decimal(candle.high)},"low":${decimal(candle.low)},"close":${decimal(candle.close)}` +
    `,"volume":${decimal(candle.volume)},"quoteVolume":${decimal(candle.quoteVolume)}` +
    `,"takerBuyVolume":${decimal(candle.takerBuyVolume)},"vwap":${decimal(candle.vwap)},"tradeCount":${candle.tradeCount}}`
  );
}

function formatTradesDocument(document: TradesDocument): string {
  const trades = document.trades.map(
    (trade) =>
      `{"tradeId":${JSON.stringify(trade.tradeId)},"eventTimeMs":${trade.eventTimeMs},"receiveTimeMs":${trade.receiveTimeMs}` +
      `,"price":"${trade.price}","quantity":"${trade.quantity}","takerSide":"${trade.takerSide}","isHistory":${trade.isHistory}}`,
  );
  return `${head('trades', document)},"afterSeq":${document.afterSeq},"trades":[${trades.join(',')}]}`;
}

function head(type: string, document: DocumentHead): string {
  return (
    `{"epoch":${document.epoch},"seq":${document.seq},"type":"${type}","version":${LAYOUT_VERSION}` +
    `,"exchange":${JSON.stringify(document.exchange)},"symbol":${JSON.stringify(document.symbol)}` +
    `,"status":"${document.status}","reason":${JSON.stringify(document.reason)}` +
    `,"eventTimeMs":${time(document.eventTimeMs)},"receiveTimeMs":${time(document.receiveTimeMs)}`
  );
}

function decimal(text: string | undefined): string {
  return text === undefined ? 'null' : `"${text}"`;
}

function time(ms: number | undefined): string {
  return ms === undefined ? 'null' : String(ms);
}
