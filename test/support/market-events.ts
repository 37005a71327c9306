/** Short ways to write market events in tests; what a test doesn't name is plain. */
import type {
  BookDelta,
  BookSnapshot,
  FeedStatus,
  Heartbeat,
  Instrument,
  Trade,
} from '../../src/market/events.ts';

export const NOON_MS = 1_790_000_040_000;

type Times = { readonly eventTimeMs: number; readonly receiveTimeMs: number };

/** Both times are `atMs` unless only the receive time is given another one. */
export function timesAt(atMs: number, receiveTimeMs = atMs): Times {
  return { eventTimeMs: atMs, receiveTimeMs };
}

export function bookSnapshot(fields: Partial<BookSnapshot> = {}): BookSnapshot {
  return {
    type: 'BookSnapshot',
    ...timesAt(NOON_MS),
    scales: { price: 2, quantity: 3 },
    bids: [10_000, 5, 9_990, 7],
    asks: [10_010, 4, 10_020, 6],
    depth: undefined,
    sequence: undefined,
    checksum: undefined,
    ...fields,
  };
}

export function bookDelta(fields: Partial<BookDelta> = {}): BookDelta {
  return {
    type: 'BookDelta',
    ...timesAt(NOON_MS),
    scales: { price: 2, quantity: 3 },
    bids: [],
    asks: [],
    sequence: undefined,
    checksum: undefined,
    ...fields,
  };
}

export function trade(fields: Partial<Trade> = {}): Trade {
  return {
    type: 'Trade',
    ...timesAt(NOON_MS),
    scales: { price: 2, quantity: 3 },
    price: 10_005,
    quantity: 2,
    takerSide: 'buy',
    tradeId: '1',
    isHistory: false,
    ...fields,
  };
}

export function heartbeat(atMs: number): Heartbeat {
  return { type: 'Heartbeat', ...timesAt(atMs) };
}

export function feedStatus(fields: Partial<FeedStatus> = {}): FeedStatus {
  return { type: 'FeedStatus', ...timesAt(NOON_MS), status: 'stale', reason: 'test', ...fields };
}

export function instrument(fields: Partial<Instrument> = {}): Instrument {
  return {
    type: 'Instrument',
    ...timesAt(NOON_MS),
    nativeSymbol: 'BTCUSDT',
    tickSize: '0.01',
    lotSize: '0.001',
    ...fields,
  };
}
