/** State snapshots to bytes and back. Exact at any size of number; the same state gives the same bytes. */
import type { CandleSeriesSnapshot, KeptCandle } from '../market/candle.ts';
import type { InstrumentCounters, InstrumentSnapshot } from '../market/instrument-state.ts';
import type { TickerMinuteSnapshot } from '../market/ticker.ts';
import type { TradeKey } from '../market/trade-order.ts';
import type { Scales } from '../market/units.ts';
import { STATE_SCHEMAS } from './state-schemas.ts';
import { VersionedFormat } from './versioned-format.ts';
import type { WireInteger, WireIntegers } from './wide-integers.ts';
import {
  fromWireInteger,
  fromWireIntegers,
  fromWireSequence,
  toWireInteger,
  toWireIntegers,
  toWireSequence,
} from './wide-integers.ts';

type WireKeptCandle = {
  readonly openTimeMs: number;
  readonly revision: number;
  readonly open: WireInteger;
  readonly openAtMs: number;
  readonly openKey: TradeKey;
  readonly high: WireInteger;
  readonly low: WireInteger;
  readonly close: WireInteger;
  readonly closeAtMs: number;
  readonly closeKey: TradeKey;
  readonly volume: WireInteger;
  readonly quoteVolume: WireInteger;
  readonly takerBuyVolume: WireInteger;
  readonly tradeCount: number;
};

type WireCandleSeries = {
  readonly interval: CandleSeriesSnapshot['interval'];
  readonly carriedClose: WireInteger | null;
  readonly kept: readonly WireKeptCandle[];
};

type WireTickerMinute = {
  readonly startMs: number;
  readonly timesSinceStartMs: readonly number[];
  readonly keys: readonly TradeKey[];
  readonly units: WireIntegers;
  readonly counts: readonly number[];
};

type WireState = {
  readonly position: number;
  readonly sources: readonly { readonly source: string; readonly lastOrdinal: number }[];
  readonly bookStatus: {
    readonly status: InstrumentSnapshot['bookStatus']['status'];
    readonly reason: string;
    readonly sinceMs: number | null;
  };
  readonly book: {
    readonly scales: Scales;
    readonly depth: number | null;
    readonly bids: WireIntegers;
    readonly asks: WireIntegers;
  };
  readonly lastBookEvent: {
    readonly eventTimeMs: number;
    readonly receiveTimeMs: number;
    readonly sequence: WireInteger | null;
  } | null;
  readonly trades: {
    readonly runStarts: WireIntegers;
    readonly runEnds: WireIntegers;
    readonly others: readonly string[];
  };
  readonly ticker: {
    readonly scales: Scales;
    readonly endMs: number | null;
    readonly minutes: readonly WireTickerMinute[];
  };
  readonly candles: {
    readonly scales: Scales;
    readonly highestTimeMs: number | null;
    readonly series: readonly WireCandleSeries[];
  };
  readonly metadata: {
    readonly nativeSymbol: string;
    readonly tickSize: string | null;
    readonly lotSize: string | null;
  } | null;
  readonly counters: Readonly<InstrumentCounters>;
};

const format = new VersionedFormat<WireState>(STATE_SCHEMAS);

/** Stored beside the bytes; `decodeState` wants it back. */
export const STATE_SCHEMA_ID = format.schemaId;

export function encodeState(state: InstrumentSnapshot): Uint8Array {
  const { book, bookStatus, candles, lastBookEvent, metadata, ticker, trades } = state;
  return format.encode({
    position: state.position,
    sources: state.sources,
    bookStatus: { ...bookStatus, sinceMs: bookStatus.sinceMs ?? null },
    book: {
      scales: book.scales,
      depth: book.depth ?? null,
      bids: toWireIntegers(book.bids),
      asks: toWireIntegers(book.asks),
    },
    lastBookEvent:
      lastBookEvent === undefined
        ? null
        : { ...lastBookEvent, sequence: toWireSequence(lastBookEvent.sequence) },
    trades: {
      runStarts: toWireIntegers(trades.runStarts),
      runEnds: toWireIntegers(trades.runEnds),
      others: trades.others,
    },
    ticker: {
      scales: ticker.scales,
      endMs: ticker.endMs ?? null,
      minutes: ticker.minutes.map(toWireMinute),
    },
    candles: {
      scales: candles.scales,
      highestTimeMs: candles.highestTimeMs ?? null,
      series: candles.series.map(toWireSeries),
    },
    metadata:
      metadata === undefined
        ? null
        : {
            nativeSymbol: metadata.nativeSymbol,
            tickSize: metadata.tickSize ?? null,
            lotSize: metadata.lotSize ?? null,
          },
    counters: state.counters,
  });
}

/** @throws TampinesError `STATE_UNREADABLE` when the schema is unknown or the bytes are damaged */
export function decodeState(schemaId: string, bytes: Uint8Array): InstrumentSnapshot {
  const wire = format.decode(schemaId, bytes);
  const { book, bookStatus, candles, lastBookEvent, metadata, ticker, trades } = wire;
  // Avro's records have prototypes of their own, so everything is copied to plain objects.
  return {
    position: wire.position,
    sources: wire.sources.map(({ source, lastOrdinal }) => ({ source, lastOrdinal })),
    bookStatus: {
      status: bookStatus.status,
      reason: bookStatus.reason,
      sinceMs: bookStatus.sinceMs ?? undefined,
    },
    book: {
      scales: copyScales(book.scales),
      depth: book.depth ?? undefined,
      bids: fromWireIntegers(book.bids),
      asks: fromWireIntegers(book.asks),
    },
    lastBookEvent:
      lastBookEvent === null
        ? undefined
        : {
            eventTimeMs: lastBookEvent.eventTimeMs,
            receiveTimeMs: lastBookEvent.receiveTimeMs,
            sequence: fromWireSequence(lastBookEvent.sequence),
          },
    trades: {
      runStarts: fromWireIntegers(trades.runStarts),
      runEnds: fromWireIntegers(trades.runEnds),
      others: trades.others,
    },
    ticker: {
      scales: copyScales(ticker.scales),
      endMs: ticker.endMs ?? undefined,
      minutes: ticker.minutes.map(fromWireMinute),
    },
    candles: {
      scales: copyScales(candles.scales),
      highestTimeMs: candles.highestTimeMs ?? undefined,
      series: candles.series.map(fromWireSeries),
    },
    metadata:
      metadata === null
        ? undefined
        : {
            nativeSymbol: metadata.nativeSymbol,
            tickSize: metadata.tickSize ?? undefined,
            lotSize: metadata.lotSize ?? undefined,
          },
    counters: { ...wire.counters },
  };
}

function copyScales(scales: Scales): Scales {
  return { price: scales.price, quantity: scales.quantity };
}

function toWireMinute(minute: TickerMinuteSnapshot): WireTickerMinute {
  const { startMs } = minute;
  return {
    startMs,
    timesSinceStartMs: minute.times.map((timeMs) => timeMs - startMs),
    keys: minute.keys,
    units: toWireIntegers(minute.units),
    counts: minute.counts,
  };
}

function fromWireMinute(wire: WireTickerMinute): TickerMinuteSnapshot {
  const { startMs } = wire;
  return {
    startMs,
    times: wire.timesSinceStartMs.map((sinceStartMs) => startMs + sinceStartMs),
    keys: wire.keys,
    units: fromWireIntegers(wire.units),
    counts: wire.counts,
  };
}

function toWireSeries(series: CandleSeriesSnapshot): WireCandleSeries {
  return {
    interval: series.interval,
    carriedClose: series.carriedClose === undefined ? null : toWireInteger(series.carriedClose),
    kept: series.kept.map(toWireCandle),
  };
}

function fromWireSeries(wire: WireCandleSeries): CandleSeriesSnapshot {
  return {
    interval: wire.interval,
    carriedClose: wire.carriedClose === null ? undefined : fromWireInteger(wire.carriedClose),
    kept: wire.kept.map(fromWireCandle),
  };
}

function toWireCandle(candle: Readonly<KeptCandle>): WireKeptCandle {
  return {
    ...candle,
    open: toWireInteger(candle.open),
    high: toWireInteger(candle.high),
    low: toWireInteger(candle.low),
    close: toWireInteger(candle.close),
    volume: toWireInteger(candle.volume),
    quoteVolume: toWireInteger(candle.quoteVolume),
    takerBuyVolume: toWireInteger(candle.takerBuyVolume),
  };
}

function fromWireCandle(wire: WireKeptCandle): KeptCandle {
  return {
    openTimeMs: wire.openTimeMs,
    revision: wire.revision,
    open: fromWireInteger(wire.open),
    openAtMs: wire.openAtMs,
    openKey: wire.openKey,
    high: fromWireInteger(wire.high),
    low: fromWireInteger(wire.low),
    close: fromWireInteger(wire.close),
    closeAtMs: wire.closeAtMs,
    closeKey: wire.closeKey,
    volume: fromWireInteger(wire.volume),
    quoteVolume: fromWireInteger(wire.quoteVolume),
    takerBuyVolume: fromWireInteger(wire.takerBuyVolume),
    tradeCount: wire.tradeCount,
  };
}
