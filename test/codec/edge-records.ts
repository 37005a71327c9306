/** Log entries and states at the edges of what can be written: by name, so that a fixture says what it is for. */
import type { LogEntry, MarketEvent } from '../../src/market/events.ts';
import type { InstrumentSnapshot } from '../../src/market/instrument-state.ts';
import { CANDLE_INTERVALS } from '../../src/market/intervals.ts';
import { NO_MINUTES } from '../../src/market/packed-minutes.ts';
import type { Units } from '../../src/market/units.ts';
import { packAll } from '../support/arbitrary-minutes.ts';

const WIDE = 123_456_789_012_345_678_901_234_567_890n;
const HUGE_LEVELS = 1_000;
const times = { eventTimeMs: 1_700_000_000_123, receiveTimeMs: 1_700_000_000_456 };
const noTimes = { eventTimeMs: 0, receiveTimeMs: 0 };
const scales = { price: 2, quantity: 8 };
const unsized = { sequence: undefined, checksum: undefined };

const bookSnapshot = (
  facts: Partial<Extract<MarketEvent, { type: 'BookSnapshot' }>>,
): Extract<MarketEvent, { type: 'BookSnapshot' }> => ({
  type: 'BookSnapshot',
  ...times,
  scales,
  bids: [],
  asks: [],
  depth: undefined,
  ...unsized,
  ...facts,
});
const bookDelta = (facts: Partial<Extract<MarketEvent, { type: 'BookDelta' }>>): MarketEvent => ({
  type: 'BookDelta',
  ...times,
  scales,
  bids: [],
  asks: [],
  ...unsized,
  ...facts,
});
const trade = (facts: Partial<Extract<MarketEvent, { type: 'Trade' }>>): MarketEvent => ({
  type: 'Trade',
  ...times,
  scales,
  price: 6_012_345,
  quantity: 100_000,
  takerSide: 'buy',
  tradeId: '1',
  isHistory: false,
  ...facts,
});

/** Descending or ascending prices with ever other quantities. */
function manyLevels(firstPrice: number, step: number): Units[] {
  return Array.from({ length: HUGE_LEVELS }, (_, index) => [
    firstPrice + index * step,
    (index * 7_919) % 10_007,
  ]).flat();
}

const entry = (...events: MarketEvent[]): LogEntry => ({ source: 'edge#1', lastOrdinal: 2 ** 52, events });

export const EDGE_ENTRIES: Readonly<Record<string, LogEntry>> = {
  'no events': { source: '', lastOrdinal: 0, events: [] },
  'an empty book': entry(bookSnapshot({})),
  'one side only': entry(bookSnapshot({ bids: [100, 1], depth: 0 }), bookDelta({ asks: [101, 0] })),
  'a huge book': entry(
    bookSnapshot({ bids: manyLevels(6_000_000, -1), asks: manyLevels(6_000_001, 1), depth: HUGE_LEVELS }),
  ),
  'sequences of every form': entry(
    ...[undefined, 0, 1, 2 ** 52 - 1, 2 ** 52, Number.MAX_SAFE_INTEGER, 0n, 7n, -7n, WIDE].map((sequence) =>
      bookDelta({ sequence }),
    ),
    ...[undefined, 42, 42n, WIDE].map((sequence) => bookSnapshot({ sequence })),
  ),
  'checksums of every form': entry(
    ...[undefined, 0, -1, -(2 ** 31), 2 ** 32 - 1].map((checksum) => bookDelta({ checksum })),
    ...[undefined, -5, 5].map((checksum) => bookSnapshot({ checksum })),
  ),
  'wide levels': entry(
    bookSnapshot({ bids: [WIDE, WIDE, 1, 2], asks: [2 ** 52, 1] }),
    bookDelta({ bids: [WIDE, 0] }),
  ),
  'numbers beyond 2^53 in trades': entry(
    trade({ price: WIDE, quantity: Number.MAX_SAFE_INTEGER, tradeId: WIDE.toString() }),
    trade({ price: 2 ** 52, quantity: WIDE, takerSide: 'sell', isHistory: true, tradeId: '0001' }),
  ),
  'ids of any text': entry(
    ...['9007199254740993', 'a2b1c3d4-0000-4000-8000-abcdefabcdef', 'é漢🙂\n', ''].map((tradeId) =>
      trade({ tradeId }),
    ),
  ),
  'scales at their bounds': entry(
    trade({ scales: { price: 0, quantity: 0 } }),
    trade({ scales: { price: 30, quantity: 30 } }),
    bookSnapshot({ scales: { price: 0, quantity: 30 } }),
    bookDelta({ scales: { price: 30, quantity: 0 } }),
  ),
  'times at their bounds': entry(
    { type: 'Heartbeat', ...noTimes },
    { type: 'Heartbeat', eventTimeMs: 8_640_000_000_000_000, receiveTimeMs: 8_640_000_000_000_000 },
  ),
  'every status': entry(
    ...(['connected', 'disconnected', 'stale'] as const).map((status): MarketEvent => ({
      type: 'FeedStatus',
      ...times,
      status,
      reason: `why ${status}`,
    })),
    { type: 'FeedStatus', ...times, status: 'stale', reason: '' },
  ),
  'metadata with and without sizes': entry(
    { type: 'Instrument', ...times, nativeSymbol: 'XBT/USD', tickSize: '0.1', lotSize: '0.00000001' },
    { type: 'Instrument', ...times, nativeSymbol: '', tickSize: undefined, lotSize: undefined },
  ),
};

const EMPTY_BOOK = { scales: { price: 0, quantity: 0 }, depth: undefined, bids: [], asks: [] };
const EMPTY_STATE: InstrumentSnapshot = {
  position: 0,
  sources: [],
  bookSources: [],
  bookStatus: { status: 'empty', reason: '', sinceMs: undefined },
  book: EMPTY_BOOK,
  lastBookEvent: undefined,
  trades: { runStarts: [], runEnds: [], others: [] },
  ticker: {
    scales: { price: 0, quantity: 0 },
    endMs: undefined,
    volume: 0,
    quoteVolume: 0,
    tradeCount: 0,
    minutes: NO_MINUTES,
  },
  candles: { scales: { price: 0, quantity: 0 }, highestTimeMs: undefined, series: [] },
  metadata: undefined,
  standby: undefined,
  counters: {
    bookSnapshots: 0,
    deltasApplied: 0,
    deltasIgnoredWhileStale: 0,
    deletesOfUnknownLevel: 0,
    checksumsOk: 0,
    checksumsBad: 0,
    crossedAfterUpdate: 0,
    tradesLive: 0,
    tradesHistory: 0,
    tradesLate: 0,
  },
};

const keptCandle = (value: Units, key: number | string) => ({
  openTimeMs: times.eventTimeMs,
  revision: 3,
  open: value,
  openAtMs: times.eventTimeMs,
  openKey: key,
  high: value,
  low: value,
  close: value,
  closeAtMs: times.eventTimeMs,
  closeKey: key,
  volume: value,
  quoteVolume: value,
  takerBuyVolume: value,
  tradeCount: 1,
});

export const EDGE_STATES: Readonly<Record<string, InstrumentSnapshot>> = {
  'before the first entry': EMPTY_STATE,
  'an empty book that is live': {
    ...EMPTY_STATE,
    bookSources: ['one', 'other'],
    bookStatus: { status: 'live', reason: '', sinceMs: 0 },
    lastBookEvent: { ...times, sequence: undefined },
    metadata: { nativeSymbol: 'X', tickSize: undefined, lotSize: undefined },
  },
  'a huge book that is stale': {
    ...EMPTY_STATE,
    bookStatus: { status: 'stale', reason: 'sequence gap', sinceMs: times.receiveTimeMs },
    book: {
      scales,
      depth: HUGE_LEVELS,
      bids: manyLevels(6_000_000, -1),
      asks: manyLevels(6_000_001, 1),
    },
    lastBookEvent: { ...times, sequence: WIDE },
  },
  'a second book, of wide numbers, that was never heard': {
    ...EMPTY_STATE,
    bookSources: ['5!one'],
    standby: {
      source: '3.1!other',
      bookStatus: { status: 'live', reason: '', sinceMs: 0 },
      book: { scales, depth: 25, bids: [WIDE, WIDE], asks: [] },
      lastBookEvent: { ...times, sequence: WIDE },
      heard: { lastReceiveMs: undefined, silentMs: 0, toldMs: 0 },
      followedHeard: { lastReceiveMs: times.receiveTimeMs, silentMs: 60_000, toldMs: times.eventTimeMs },
      switchCount: 3,
    },
  },
  'a second book that is stale': {
    ...EMPTY_STATE,
    standby: {
      source: '3.1!other',
      bookStatus: { status: 'stale', reason: 'gap', sinceMs: 0 },
      book: { scales, depth: undefined, bids: [100, 1], asks: [101, 2] },
      lastBookEvent: { ...times, sequence: 7 },
      heard: { lastReceiveMs: 0, silentMs: 0, toldMs: 0 },
      followedHeard: { lastReceiveMs: 0, silentMs: 1, toldMs: 1 },
      switchCount: 1,
    },
  },
  'a second book before its first snapshot': {
    ...EMPTY_STATE,
    standby: {
      source: '',
      bookStatus: { status: 'empty', reason: '', sinceMs: undefined },
      book: EMPTY_BOOK,
      lastBookEvent: undefined,
      heard: { lastReceiveMs: 0, silentMs: 0, toldMs: 0 },
      followedHeard: { lastReceiveMs: undefined, silentMs: 0, toldMs: 0 },
      switchCount: 0,
    },
  },
  'wide numbers everywhere': {
    ...EMPTY_STATE,
    book: { scales, depth: undefined, bids: [WIDE, WIDE], asks: [WIDE, 1] },
    lastBookEvent: { ...times, sequence: 42 },
    trades: { runStarts: [1, WIDE], runEnds: [5, WIDE + 1n], others: ['uuid', ''] },
    ticker: {
      scales,
      endMs: times.eventTimeMs,
      volume: WIDE,
      quoteVolume: WIDE,
      tradeCount: 7,
      minutes: packAll([
        {
          startMs: 60_000,
          seconds: {
            times: [60_001, 60_002, 119_500, 119_500],
            keys: [1, 3, 4, 4],
            units: [...[WIDE, 1, WIDE, 0, WIDE, 1], ...[WIDE, WIDE, WIDE, WIDE, 1, WIDE]],
            counts: [2, 5],
          },
        },
      ]),
    },
    candles: {
      scales,
      highestTimeMs: times.eventTimeMs,
      series: CANDLE_INTERVALS.map((interval, index) => ({
        interval,
        carriedClose: [undefined, 7, WIDE][index % 3],
        kept: index === 0 ? [] : [keptCandle(WIDE, 'id'), keptCandle(7, 7)],
      })),
    },
    metadata: { nativeSymbol: 'XBT/USD', tickSize: '0.1', lotSize: '0.00000001' },
  },
  'minutes of every form': {
    ...EMPTY_STATE,
    ticker: {
      scales,
      endMs: 240_000,
      volume: 24,
      quoteVolume: Number.MAX_SAFE_INTEGER,
      tradeCount: 11,
      minutes: packAll([
        {
          startMs: -60_000,
          seconds: { times: [0, 0], keys: [0, 0], units: [0, 0, 0, 0, 0, 0], counts: [1] },
        },
        {
          startMs: 60_000,
          seconds: {
            times: [60_001, 60_001, 61_001, 61_999, 120_000, 120_000],
            keys: [999_999_999_999_999, 999_999_999_999_999, 7, 9, 10, 10],
            units: [...[100, 100, 100, 100, 5, 500], ...[90, 120, 130, 80, 6, 610], ...[1, 1, 1, 1, 1, 2]],
            counts: [1, 3, 2],
          },
        },
        {
          startMs: 120_000,
          seconds: {
            times: [120_001, 120_002, 121_500, 121_600],
            keys: ['a2b1c3d4-0000-4000-8000-abcdefabcdef', '0001', 12, 'é漢🙂\n'],
            units: [...[7, 7, 7, 7, 2, 14], ...[7, 8, 8, 7, 2, 15]],
            counts: [2, 2],
          },
        },
        {
          startMs: 180_000,
          seconds: {
            times: [180_001, 180_001],
            keys: ['', ''],
            units: Array.from({ length: 6 }, () => Number.MAX_SAFE_INTEGER),
            counts: [1],
          },
        },
      ]),
    },
  },
};
