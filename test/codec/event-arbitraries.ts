/** fast-check arbitraries of every market event, with numbers on both sides of 2^53. */
import fc from 'fast-check';
import type { LogEntry, MarketEvent, Sequence } from '../../src/market/events.ts';
import type { Units } from '../../src/market/units.ts';
import { toUnits } from '../../src/market/units.ts';

/** A record with the ordinary prototype, as strict equality wants it. */
export const plainRecord = <T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true });

export const units: fc.Arbitrary<Units> = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: Number.MAX_SAFE_INTEGER }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 2 ** 52 - 1, 2 ** 52, Number.MAX_SAFE_INTEGER) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 10n ** 60n }).map(toUnits) },
);

const safeUnits = fc.nat({ max: Number.MAX_SAFE_INTEGER });
export const levels: fc.Arbitrary<readonly Units[]> = fc
  .tuple(fc.boolean(), fc.nat(8))
  .chain(([isWide, pairCount]) =>
    fc.array<Units>(isWide ? units : safeUnits, { minLength: 2 * pairCount, maxLength: 2 * pairCount }),
  );

export const sequence: fc.Arbitrary<Sequence | undefined> = fc.option(
  fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }), fc.bigInt(-9n, 9n)),
  { nil: undefined },
);

export const text = fc.string({ unit: 'grapheme', maxLength: 20 });
export const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
export const scales = plainRecord({ price: fc.nat(30), quantity: fc.nat(30) });
export const timeMs = fc.nat({ max: 253_402_300_799_999 });

const times = { eventTimeMs: timeMs, receiveTimeMs: timeMs };
const book = {
  ...times,
  scales,
  bids: levels,
  asks: levels,
  sequence,
  checksum: optional(fc.oneof(fc.integer(), fc.nat(2 ** 32 - 1))),
};

export const marketEvent: fc.Arbitrary<MarketEvent> = fc.oneof(
  plainRecord({ type: fc.constant('BookSnapshot' as const), ...book, depth: optional(fc.nat(5_000)) }),
  plainRecord({ type: fc.constant('BookDelta' as const), ...book }),
  plainRecord({
    type: fc.constant('Trade' as const),
    ...times,
    scales,
    price: units,
    quantity: units,
    takerSide: fc.constantFrom('buy' as const, 'sell' as const),
    tradeId: text,
    isHistory: fc.boolean(),
  }),
  plainRecord({ type: fc.constant('Heartbeat' as const), ...times }),
  plainRecord({
    type: fc.constant('FeedStatus' as const),
    ...times,
    status: fc.constantFrom('connected' as const, 'disconnected' as const, 'stale' as const),
    reason: text,
  }),
  plainRecord({
    type: fc.constant('Instrument' as const),
    ...times,
    nativeSymbol: text,
    tickSize: optional(text),
    lotSize: optional(text),
  }),
);

export const logEntry: fc.Arbitrary<LogEntry> = plainRecord({
  source: text,
  lastOrdinal: fc.nat({ max: 2 ** 52 }),
  events: fc.array(marketEvent, { maxLength: 12 }),
});
