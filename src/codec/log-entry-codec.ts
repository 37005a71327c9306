/** Log entries to bytes and back: what a journal row holds. Exact at any size of number; the same entry gives the same bytes. */
import type { LogEntry, MarketEvent } from '../market/events.ts';
import type { Scales } from '../market/units.ts';
import { MAX_SCALE } from '../market/units.ts';
import { LOG_ENTRY_SCHEMAS } from './log-entry-schemas.ts';
import { unreadable, VersionedFormat } from './versioned-format.ts';
import type { WireInteger, WireIntegers } from './wide-integers.ts';
import {
  fromWireInteger,
  fromWireIntegers,
  fromWireSequence,
  toWireInteger,
  toWireIntegers,
  toWireSequence,
} from './wide-integers.ts';

type WireTimes = { readonly eventTimeMs: number; readonly receiveTimeMs: number };
type WireScales = { readonly priceScale: number; readonly quantityScale: number };
type WireBookChange = WireTimes &
  WireScales & {
    readonly bids: WireIntegers;
    readonly asks: WireIntegers;
    readonly sequence: WireInteger | null;
    readonly checksum: number | null;
  };

/** Avro writes a union of records as an object with the record's full name as its only key. */
type WireEvent = {
  readonly 'tampines.BookSnapshot'?: WireBookChange & { readonly depth: number | null };
  readonly 'tampines.BookDelta'?: WireBookChange;
  readonly 'tampines.Trade'?: WireTimes &
    WireScales & {
      readonly price: WireInteger;
      readonly quantity: WireInteger;
      readonly takerBuys: boolean;
      readonly tradeId: string;
      readonly isHistory: boolean;
    };
  readonly 'tampines.Heartbeat'?: WireTimes;
  readonly 'tampines.FeedStatus'?: WireTimes & {
    readonly status: 'connected' | 'disconnected' | 'stale';
    readonly reason: string;
  };
  readonly 'tampines.Instrument'?: WireTimes & {
    readonly nativeSymbol: string;
    readonly tickSize: string | null;
    readonly lotSize: string | null;
  };
};

type WireLogEntry = {
  readonly source: string;
  readonly lastOrdinal: number;
  readonly events: readonly WireEvent[];
};

const format = new VersionedFormat<WireLogEntry>(LOG_ENTRY_SCHEMAS);

/** Stored beside the bytes; `decodeLogEntry` wants it back. */
export const LOG_ENTRY_SCHEMA_ID = format.schemaId;

export function encodeLogEntry(entry: LogEntry): Uint8Array {
  return format.encode({
    source: entry.source,
    lastOrdinal: entry.lastOrdinal,
    events: entry.events.map(toWireEvent),
  });
}

/** @throws TampinesError `STATE_UNREADABLE` when the schema is unknown, the bytes are damaged, or a number in them can not be one of an event */
export function decodeLogEntry(schemaId: string, bytes: Uint8Array): LogEntry {
  const wire = format.decode(schemaId, bytes);
  try {
    return {
      source: wire.source,
      lastOrdinal: wire.lastOrdinal,
      events: wire.events.map(fromWireEvent),
    };
  } catch (cause) {
    // Texts of digits and scales are more than a schema can check, and whoever else may write to a topic of Kafka may write anything.
    throw unreadable(schemaId, 'a number in it is none of an event', cause);
  }
}

function toWireEvent(event: MarketEvent): WireEvent {
  const { eventTimeMs, receiveTimeMs } = event;
  const times = { eventTimeMs, receiveTimeMs };
  switch (event.type) {
    case 'BookSnapshot':
      return { 'tampines.BookSnapshot': { ...toWireBook(event), depth: event.depth ?? null } };
    case 'BookDelta':
      return { 'tampines.BookDelta': toWireBook(event) };
    case 'Trade':
      return {
        'tampines.Trade': {
          eventTimeMs,
          receiveTimeMs,
          priceScale: event.scales.price,
          quantityScale: event.scales.quantity,
          price: toWireInteger(event.price),
          quantity: toWireInteger(event.quantity),
          takerBuys: event.takerSide === 'buy',
          tradeId: event.tradeId,
          isHistory: event.isHistory,
        },
      };
    case 'Heartbeat':
      return { 'tampines.Heartbeat': times };
    case 'FeedStatus':
      return { 'tampines.FeedStatus': { ...times, status: event.status, reason: event.reason } };
    case 'Instrument':
      return {
        'tampines.Instrument': {
          ...times,
          nativeSymbol: event.nativeSymbol,
          tickSize: event.tickSize ?? null,
          lotSize: event.lotSize ?? null,
        },
      };
  }
}

type BookChange = Extract<MarketEvent, { type: 'BookSnapshot' | 'BookDelta' }>;

function toWireBook(event: BookChange): WireBookChange {
  return {
    eventTimeMs: event.eventTimeMs,
    receiveTimeMs: event.receiveTimeMs,
    priceScale: event.scales.price,
    quantityScale: event.scales.quantity,
    bids: toWireIntegers(event.bids),
    asks: toWireIntegers(event.asks),
    sequence: toWireSequence(event.sequence),
    checksum: event.checksum ?? null,
  };
}

function fromWireEvent(wire: WireEvent): MarketEvent {
  const delta = wire['tampines.BookDelta'];
  if (delta !== undefined) return { type: 'BookDelta', ...fromWireBook(delta) };
  const trade = wire['tampines.Trade'];
  if (trade !== undefined) {
    return {
      type: 'Trade',
      eventTimeMs: trade.eventTimeMs,
      receiveTimeMs: trade.receiveTimeMs,
      scales: fromWireScales(trade),
      price: fromWireInteger(trade.price),
      quantity: fromWireInteger(trade.quantity),
      takerSide: trade.takerBuys ? 'buy' : 'sell',
      tradeId: trade.tradeId,
      isHistory: trade.isHistory,
    };
  }
  const snapshot = wire['tampines.BookSnapshot'];
  if (snapshot !== undefined) {
    return { type: 'BookSnapshot', ...fromWireBook(snapshot), depth: snapshot.depth ?? undefined };
  }
  const heartbeat = wire['tampines.Heartbeat'];
  if (heartbeat !== undefined) return { type: 'Heartbeat', ...fromWireTimes(heartbeat) };
  const status = wire['tampines.FeedStatus'];
  if (status !== undefined) {
    return { type: 'FeedStatus', ...fromWireTimes(status), status: status.status, reason: status.reason };
  }
  const instrument = wire['tampines.Instrument']!;
  return {
    type: 'Instrument',
    ...fromWireTimes(instrument),
    nativeSymbol: instrument.nativeSymbol,
    tickSize: instrument.tickSize ?? undefined,
    lotSize: instrument.lotSize ?? undefined,
  };
}

function fromWireTimes(wire: WireTimes): { eventTimeMs: number; receiveTimeMs: number } {
  return { eventTimeMs: wire.eventTimeMs, receiveTimeMs: wire.receiveTimeMs };
}

/** A state grows to the scale of what comes: one of a million would make it write a million digits. */
function fromWireScales({ priceScale, quantityScale }: WireScales): Scales {
  if (!isScale(priceScale) || !isScale(quantityScale)) {
    throw new RangeError(
      `Cannot read scales: expected 0 to ${MAX_SCALE}, were ${priceScale} and ${quantityScale}`,
    );
  }
  return { price: priceScale, quantity: quantityScale };
}

function isScale(scale: number): boolean {
  return scale >= 0 && scale <= MAX_SCALE;
}

function fromWireBook(wire: WireBookChange): Omit<Extract<MarketEvent, { type: 'BookDelta' }>, 'type'> {
  return {
    eventTimeMs: wire.eventTimeMs,
    receiveTimeMs: wire.receiveTimeMs,
    scales: fromWireScales(wire),
    bids: fromWireIntegers(wire.bids),
    asks: fromWireIntegers(wire.asks),
    sequence: fromWireSequence(wire.sequence),
    checksum: wire.checksum ?? undefined,
  };
}
