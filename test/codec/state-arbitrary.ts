/** A fast-check arbitrary of state snapshots; shape is what the types ask for, not what a real log would give. */
import fc from 'fast-check';
import type { KeptCandle } from '../../src/market/candle.ts';
import type { InstrumentSnapshot } from '../../src/market/instrument-state.ts';
import { CANDLE_INTERVALS } from '../../src/market/intervals.ts';
import type { TradeKey } from '../../src/market/trade-order.ts';
import { packedMinutes } from '../support/arbitrary-minutes.ts';
import { levels, optional, plainRecord, scales, sequence, text, timeMs, units } from './event-arbitraries.ts';

const key: fc.Arbitrary<TradeKey> = fc.oneof(
  fc.nat(999_999_999_999_999),
  fc.bigInt(10n ** 18n, 10n ** 38n).map(String),
  text,
);
const count = fc.nat({ max: 2 ** 52 - 1 });

const keptCandle: fc.Arbitrary<KeptCandle> = plainRecord({
  openTimeMs: timeMs,
  revision: fc.integer({ min: -1 }),
  open: units,
  openAtMs: timeMs,
  openKey: key,
  high: units,
  low: units,
  close: units,
  closeAtMs: timeMs,
  closeKey: key,
  volume: units,
  quoteVolume: units,
  takerBuyVolume: units,
  tradeCount: count,
});

const track = {
  bookStatus: plainRecord({
    status: fc.constantFrom('empty' as const, 'live' as const, 'stale' as const),
    reason: text,
    sinceMs: optional(timeMs),
  }),
  book: plainRecord({ scales, depth: optional(fc.nat(5_000)), bids: levels, asks: levels }),
  lastBookEvent: optional(plainRecord({ eventTimeMs: timeMs, receiveTimeMs: timeMs, sequence })),
};

const hearing = plainRecord({ lastReceiveMs: optional(timeMs), silentMs: count, toldMs: timeMs });

export const instrumentSnapshot: fc.Arbitrary<InstrumentSnapshot> = plainRecord({
  position: count,
  sources: fc.array(plainRecord({ source: text, lastOrdinal: count }), { maxLength: 8 }),
  bookSources: fc.array(text, { maxLength: 4 }),
  ...track,
  trades: fc.tuple(levels, fc.array(text, { maxLength: 5 })).map(([ids, others]) => ({
    runStarts: ids.filter((_, index) => index % 2 === 0),
    runEnds: ids.filter((_, index) => index % 2 === 1),
    others,
  })),
  ticker: plainRecord({
    scales,
    endMs: optional(timeMs),
    volume: units,
    quoteVolume: units,
    tradeCount: count,
    minutes: packedMinutes,
  }),
  candles: plainRecord({
    scales,
    highestTimeMs: optional(timeMs),
    series: fc.array(
      plainRecord({
        interval: fc.constantFrom(...CANDLE_INTERVALS),
        carriedClose: optional(units),
        kept: fc.array(keptCandle, { maxLength: 3 }),
      }),
      { maxLength: 4 },
    ),
  }),
  metadata: optional(plainRecord({ nativeSymbol: text, tickSize: optional(text), lotSize: optional(text) })),
  counters: plainRecord({
    bookSnapshots: count,
    deltasApplied: count,
    deltasIgnoredWhileStale: count,
    deletesOfUnknownLevel: count,
    checksumsOk: count,
    checksumsBad: count,
    crossedAfterUpdate: count,
    tradesLive: count,
    tradesHistory: count,
    tradesLate: count,
  }),
  standby: optional(
    plainRecord({ source: text, ...track, heard: hearing, followedHeard: hearing, switchCount: count }),
  ),
});
