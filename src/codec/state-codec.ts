/** State snapshots to bytes and back. Exact at any size of number; the same state gives the same bytes. */
import type { CandleSeriesSnapshot, KeptCandle } from '../market/candle.ts';
import type { InstrumentCounters, InstrumentSnapshot } from '../market/instrument-state.ts';
import type { PackedMinutes } from '../market/packed-minutes.ts';
import { MINUTE_MS } from '../market/ticker-minute.ts';
import type { StandbySnapshot } from '../market/standby-book.ts';
import type { TradeKey } from '../market/trade-order.ts';
import type { Scales } from '../market/units.ts';
import { STATE_SCHEMAS } from './state-schemas.ts';
import { packTradeRuns } from './trade-runs.ts';
import { VersionedFormat } from './versioned-format.ts';
import type { WireInteger, WireIntegers } from './wide-integers.ts';
import { toWireInteger, toWireIntegers, toWireSequence } from './wide-integers.ts';

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

type WirePackedMinutes = {
  readonly steps: readonly number[];
  readonly highs: WireIntegers;
  readonly lows: WireIntegers;
  readonly sizesBytes: readonly number[];
  readonly packed: Buffer;
};

type WireTrack = {
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
};

type WireState = WireTrack & {
  readonly position: number;
  readonly sources: readonly { readonly source: string; readonly lastOrdinal: number }[];
  readonly trades: {
    readonly runs: Buffer;
    readonly others: readonly string[];
  };
  readonly ticker: {
    readonly scales: Scales;
    readonly endMs: number | null;
    readonly volume: WireInteger;
    readonly quoteVolume: WireInteger;
    readonly tradeCount: number;
    readonly minutes: WirePackedMinutes;
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
  readonly bookSources: readonly string[];
  readonly standby: WireStandby | null;
};

type WireHearing = Omit<StandbySnapshot['heard'], 'lastReceiveMs'> & {
  readonly lastReceiveMs: number | null;
};

type WireStandby = WireTrack & {
  readonly source: string;
  readonly heard: WireHearing;
  readonly followedHeard: WireHearing;
  readonly switchCount: number;
};

const format = new VersionedFormat<WireState, InstrumentSnapshot>(STATE_SCHEMAS);

/** Stored beside the bytes; `decodeState` wants it back. */
export const STATE_SCHEMA_ID = format.schemaId;

export function encodeState(state: InstrumentSnapshot): Uint8Array {
  const { candles, metadata, ticker, trades } = state;
  return format.encode({
    position: state.position,
    sources: state.sources,
    ...toWireTrack(state),
    trades: { runs: toBuffer(packTradeRuns(trades)), others: trades.others },
    ticker: {
      scales: ticker.scales,
      endMs: ticker.endMs ?? null,
      volume: toWireInteger(ticker.volume),
      quoteVolume: toWireInteger(ticker.quoteVolume),
      tradeCount: ticker.tradeCount,
      minutes: toWireMinutes(ticker.minutes),
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
    bookSources: state.bookSources,
    standby: state.standby === undefined ? null : toWireStandby(state.standby),
  });
}

/** @throws TampinesError `STATE_UNREADABLE` when the schema is unknown or the bytes are damaged */
export function decodeState(schemaId: string, bytes: Uint8Array): InstrumentSnapshot {
  return format.decode(schemaId, bytes);
}

function toWireTrack({
  bookStatus,
  book,
  lastBookEvent,
}: Pick<InstrumentSnapshot, 'bookStatus' | 'book' | 'lastBookEvent'>): WireTrack {
  return {
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
  };
}

function toWireStandby(standby: StandbySnapshot): WireStandby {
  const { source, heard, followedHeard, switchCount } = standby;
  return {
    source,
    ...toWireTrack(standby),
    heard: toWireHearing(heard),
    followedHeard: toWireHearing(followedHeard),
    switchCount,
  };
}

function toWireHearing(heard: StandbySnapshot['heard']): WireHearing {
  return { ...heard, lastReceiveMs: heard.lastReceiveMs ?? null };
}

function toWireMinutes({ startsMs, highs, lows, ends, bytes }: PackedMinutes): WirePackedMinutes {
  return {
    steps: startsMs.map((startMs, index) => (startMs - (startsMs[index - 1] ?? 0)) / MINUTE_MS),
    highs: toWireIntegers(highs),
    lows: toWireIntegers(lows),
    sizesBytes: ends.map((end, index) => end - (ends[index - 1] ?? 0)),
    packed: toBuffer(bytes),
  };
}

function toWireSeries(series: CandleSeriesSnapshot): WireCandleSeries {
  return {
    interval: series.interval,
    carriedClose: series.carriedClose === undefined ? null : toWireInteger(series.carriedClose),
    kept: series.kept.map(toWireCandle),
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

/** The same memory, as Avro wants bytes. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
