/**
 * Reads state snapshots of the schema `state-1`, straight from their Avro bytes into what a state is restored from. The general reader made an
 * object or array for every record and list on the way; of a day of trades that was most of what a recovery took.
 *
 * Only bytes whose checksum held come here, so they are what an encoder once wrote; whatever does not fit nevertheless throws.
 */
import type { CandleSeriesSnapshot, KeptCandle } from '../market/candle.ts';
import type { InstrumentCounters, InstrumentSnapshot } from '../market/instrument-state.ts';
import type { Lists, TickerColumns } from '../market/ticker-columns.ts';
import type { TradeKey } from '../market/trade-order.ts';
import type { Scales, Units } from '../market/units.ts';
import { toUnits } from '../market/units.ts';
import { AvroReader } from './avro-reader.ts';
import { fromWireSequence } from './wide-integers.ts';

const SURENESS = ['empty', 'live', 'stale'] as const;

/** Returns the state. Throws a RangeError when the bytes are not those of one state. */
export function readState1(bytes: Uint8Array): InstrumentSnapshot {
  const reader = new AvroReader(bytes);
  // Fields of an object literal are evaluated in order, which is that of the schema.
  const state: InstrumentSnapshot = {
    position: reader.long(),
    sources: reader.array(() => ({ source: reader.text(), lastOrdinal: reader.long() })),
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
    trades: {
      runStarts: readUnitsList(reader),
      runEnds: readUnitsList(reader),
      others: reader.array(() => reader.text()),
    },
    ticker: {
      scales: readScales(reader),
      endMs: reader.optional(() => reader.long()),
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
  };
  reader.expectEnd();
  return state;
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
  const longs: Units[] = [];
  for (let count = reader.blockCount(); count > 0; count = reader.blockCount()) {
    for (let index = 0; index < count; index++) longs.push(reader.long());
  }
  const wide = reader.array(() => widen(reader.text()));
  return wide.length === 0 ? longs : wide;
}

function readMinutes(reader: AvroReader): TickerColumns {
  const startsMs: number[] = [];
  const times = new ListsBuilder<number>();
  const keys = new ListsBuilder<TradeKey>();
  const units = new ListsBuilder<Units>();
  const counts = new ListsBuilder<number>();
  for (let minutes = reader.blockCount(); minutes > 0; minutes = reader.blockCount()) {
    for (let minute = 0; minute < minutes; minute++) {
      const startMs = reader.long();
      startsMs.push(startMs);
      times.addLongs(reader, startMs);
      times.endList();
      keys.addKeys(reader);
      keys.endList();
      units.addLongs(reader, 0);
      units.addWide(reader);
      units.endList();
      counts.addLongs(reader, 0);
      counts.endList();
    }
  }
  return {
    startsMs: Float64Array.from(startsMs),
    times: times.build(),
    keys: keys.build(),
    units: units.build(),
    counts: counts.build(),
  };
}

const INITIAL_VALUES = 4_096;

/** Lists as they are read: flat until the first value that is no number. */
class ListsBuilder<Value extends TradeKey | Units> {
  readonly #ends: number[] = [];
  #flat = new Float64Array(INITIAL_VALUES);
  #count = 0;
  #mixed: (Value | number)[] | undefined;

  endList(): void {
    this.#ends.push(this.#mixed === undefined ? this.#count : this.#mixed.length);
  }

  addLongs(reader: AvroReader, base: number): void {
    for (let count = reader.blockCount(); count > 0; count = reader.blockCount()) {
      if (this.#mixed === undefined) {
        this.#reserve(count);
        reader.longs(this.#flat, this.#count, count, base);
        this.#count += count;
      } else {
        for (let index = 0; index < count; index++) this.#mixed.push(base + reader.long());
      }
    }
  }

  addKeys(this: ListsBuilder<TradeKey>, reader: AvroReader): void {
    for (let count = reader.blockCount(); count > 0; count = reader.blockCount()) {
      if (this.#mixed === undefined) this.#reserve(count);
      for (let index = 0; index < count; index++) {
        const key = readInteger(reader);
        if (this.#mixed === undefined && typeof key === 'number') this.#flat[this.#count++] = key;
        else (this.#mixed ??= this.#unflatten()).push(key);
      }
    }
  }

  addWide(this: ListsBuilder<Units>, reader: AvroReader): void {
    for (let count = reader.blockCount(); count > 0; count = reader.blockCount()) {
      this.#mixed ??= this.#unflatten();
      for (let index = 0; index < count; index++) this.#mixed.push(widen(reader.text()));
    }
  }

  build(): Lists<Value> {
    const ends = Uint32Array.from(this.#ends);
    if (this.#mixed === undefined) return { ends, values: this.#flat.slice(0, this.#count) };
    // Digits of a small number are no wide number: what was written wide may come back as numbers only.
    const isFlat = this.#mixed.every((value) => typeof value === 'number');
    return {
      ends,
      values: isFlat ? Float64Array.from(this.#mixed as number[]) : (this.#mixed as Value[]),
    };
  }

  #unflatten(): (Value | number)[] {
    return Array.from(this.#flat.subarray(0, this.#count));
  }

  #reserve(count: number): void {
    const needed = this.#count + count;
    if (needed <= this.#flat.length) return;
    const larger = new Float64Array(Math.max(needed, 2 * this.#flat.length));
    larger.set(this.#flat);
    this.#flat = larger;
  }
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
