/**
 * Reads state snapshots, straight from their Avro bytes into what a state is restored from. The general reader made an
 * object or array for every record and list on the way; of a day of trades that was most of what a recovery took.
 *
 * Only bytes whose checksum held come here, so they are what an encoder once wrote; whatever does not fit nevertheless throws.
 */
import type { CandleSeriesSnapshot, KeptCandle } from '../market/candle.ts';
import type { InstrumentCounters, InstrumentSnapshot } from '../market/instrument-state.ts';
import type { PackedMinutes } from '../market/packed-minutes.ts';
import { MINUTE_MS } from '../market/ticker-minute.ts';
import type { StandbySnapshot } from '../market/standby-book.ts';
import type { Scales, Units } from '../market/units.ts';
import { toUnits } from '../market/units.ts';
import { AvroReader } from './avro-reader.ts';
import { unpackTradeRuns } from './trade-runs.ts';
import { fromWireSequence } from './wide-integers.ts';

const SURENESS = ['empty', 'live', 'stale'] as const;

/** Returns the state, of the schema `state-1`. Throws a RangeError when the bytes are not those of one state. */
export function readState1(bytes: Uint8Array): InstrumentSnapshot {
  return readState(bytes, { bookSources: () => [], standby: () => undefined });
}

/** `state-2`: has the sources of books as well. */
export function readState2(bytes: Uint8Array): InstrumentSnapshot {
  return readState(bytes, { bookSources: readTexts, standby: () => undefined });
}

/** `state-3`: and the book of a second feed. */
export function readState3(bytes: Uint8Array): InstrumentSnapshot {
  return readState(bytes, {
    bookSources: readTexts,
    standby: (reader) => reader.optional(() => readStandby(reader)),
  });
}

/** How fields are read that not all schemas have. */
type LaterFields = {
  readonly bookSources: (reader: AvroReader) => readonly string[];
  readonly standby: (reader: AvroReader) => StandbySnapshot | undefined;
};

function readState(bytes: Uint8Array, later: LaterFields): InstrumentSnapshot {
  const reader = new AvroReader(bytes);
  // Fields of an object literal are evaluated in order, which is that of the schema.
  const state: InstrumentSnapshot = {
    position: reader.long(),
    sources: reader.array(() => ({ source: reader.text(), lastOrdinal: reader.long() })),
    ...readTrack(reader),
    trades: { ...unpackTradeRuns(reader.bytes()), others: reader.array(() => reader.text()) },
    ticker: {
      scales: readScales(reader),
      endMs: reader.optional(() => reader.long()),
      volume: readUnits(reader),
      quoteVolume: readUnits(reader),
      tradeCount: reader.long(),
      minutes: readMinutes(reader),
    },
    candles: {
      scales: readScales(reader),
      highestTimeMs: reader.optional(() => reader.long()),
      series: reader.array(() => readSeries(reader)),
    },
    metadata: reader.optional(() => ({
      nativeSymbol: reader.text(),
      tickSize: reader.optional(() => reader.text()),
      lotSize: reader.optional(() => reader.text()),
    })),
    counters: readCounters(reader),
    bookSources: later.bookSources(reader),
    standby: later.standby(reader),
  };
  reader.expectEnd();
  return state;
}

type TrackData = Pick<InstrumentSnapshot, 'bookStatus' | 'book' | 'lastBookEvent'>;

function readTrack(reader: AvroReader): TrackData {
  return {
    bookStatus: {
      status: SURENESS[reader.branch(SURENESS.length)]!,
      reason: reader.text(),
      sinceMs: reader.optional(() => reader.long()),
    },
    book: {
      scales: readScales(reader),
      depth: reader.optional(() => reader.long()),
      bids: readUnitsList(reader),
      asks: readUnitsList(reader),
    },
    lastBookEvent: reader.optional(() => ({
      eventTimeMs: reader.long(),
      receiveTimeMs: reader.long(),
      sequence: fromWireSequence(readOptionalInteger(reader) ?? null),
    })),
  };
}

function readStandby(reader: AvroReader): StandbySnapshot {
  return {
    source: reader.text(),
    ...readTrack(reader),
    heard: readHearing(reader),
    followedHeard: readHearing(reader),
    switchCount: reader.long(),
  };
}

function readHearing(reader: AvroReader): StandbySnapshot['heard'] {
  return {
    lastReceiveMs: reader.optional(() => reader.long()),
    silentMs: reader.long(),
    toldMs: reader.long(),
  };
}

function readTexts(reader: AvroReader): readonly string[] {
  return reader.array(() => reader.text());
}

function readScales(reader: AvroReader): Scales {
  return { price: reader.long(), quantity: reader.long() };
}

/** A `long`, or digits where it is wide. */
function readInteger(reader: AvroReader): number | string {
  return reader.branch(2) === 0 ? reader.long() : reader.text();
}

function readOptionalInteger(reader: AvroReader): number | string | undefined {
  const branch = reader.branch(3);
  if (branch === 0) return undefined;
  return branch === 1 ? reader.long() : reader.text();
}

function readUnits(reader: AvroReader): Units {
  return widen(readInteger(reader));
}

function widen(wire: number | string): Units {
  return typeof wire === 'number' ? wire : toUnits(BigInt(wire));
}

/** Either all longs or all digits; the other list is empty. */
function readUnitsList(reader: AvroReader): readonly Units[] {
  const longs = reader.longs();
  const wide = reader.array(() => widen(reader.text()));
  return wide.length === 0 ? longs : wide;
}

/** Reads no second of them: what is packed stays so. */
function readMinutes(reader: AvroReader): PackedMinutes {
  const startsMs = readSums(reader, MINUTE_MS);
  const highs = readUnitsList(reader);
  const lows = readUnitsList(reader);
  const ends = readSums(reader, 1);
  const bytes = reader.bytes();
  const isWhole =
    [highs, lows, ends].every(({ length }) => length === startsMs.length) &&
    (ends.at(-1) ?? 0) === bytes.length;
  if (isWhole) return { startsMs, highs, lows, ends, bytes };
  throw new RangeError(
    `Cannot read minutes: expected ${startsMs.length} of each, was ${highs.length} highs, ${lows.length} lows, and ${ends.length} that end at ${ends.at(-1)} of ${bytes.length} bytes`,
  );
}

/** Reads an array of longs; returns what each comes to with all before it, in units of `factor`. */
function readSums(reader: AvroReader, factor: number): number[] {
  const values = reader.longs();
  let sum = 0;
  for (let index = 0; index < values.length; index++) values[index] = sum += values[index]! * factor;
  return values;
}

function readSeries(reader: AvroReader): CandleSeriesSnapshot {
  // The intervals of this version are those that were written; another one is dropped when the state is restored.
  const interval = reader.text() as CandleSeriesSnapshot['interval'];
  const carried = readOptionalInteger(reader);
  return {
    interval,
    carriedClose: carried === undefined ? undefined : widen(carried),
    kept: reader.array(() => readCandle(reader)),
  };
}

function readCandle(reader: AvroReader): KeptCandle {
  return {
    openTimeMs: reader.long(),
    revision: reader.long(),
    open: readUnits(reader),
    openAtMs: reader.long(),
    openKey: readInteger(reader),
    high: readUnits(reader),
    low: readUnits(reader),
    close: readUnits(reader),
    closeAtMs: reader.long(),
    closeKey: readInteger(reader),
    volume: readUnits(reader),
    quoteVolume: readUnits(reader),
    takerBuyVolume: readUnits(reader),
    tradeCount: reader.long(),
  };
}

function readCounters(reader: AvroReader): InstrumentCounters {
  return {
    bookSnapshots: reader.long(),
    deltasApplied: reader.long(),
    deltasIgnoredWhileStale: reader.long(),
    deletesOfUnknownLevel: reader.long(),
    checksumsOk: reader.long(),
    checksumsBad: reader.long(),
    crossedAfterUpdate: reader.long(),
    tradesLive: reader.long(),
    tradesHistory: reader.long(),
    tradesLate: reader.long(),
  };
}
