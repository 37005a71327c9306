import { describe, expect, it } from 'vitest';
import type { EventBatch, MarketEvent } from '../../src/market/events.ts';
import { decodeRecord, encodeRecord } from '../../src/kafka/record-codec.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import {
  bookDelta,
  bookSnapshot,
  feedStatus,
  heartbeat,
  instrument,
  NOON_MS,
  trade,
} from '../support/market-events.ts';

const KEY = 'okx:币-USDT' as InstrumentKey;
const EVENTS: readonly MarketEvent[] = [
  instrument({ tickSize: undefined }),
  feedStatus({ status: 'connected', reason: 'původní' }),
  bookSnapshot({ sequence: 2n ** 63n, depth: 5, checksum: 0xffff_ffff }),
  bookDelta({ bids: [2n ** 70n, 1], sequence: 7 }),
  trade({ price: 2n ** 80n, tradeId: '99999999999999999999' }),
  heartbeat(NOON_MS),
];
const BATCH: EventBatch = { source: 'okx/1#3', firstOrdinal: 41, events: EVENTS };

/** What only somebody else can have written: our own adapters read no such text. */
const ofScale = (price: number): EventBatch => ({
  ...BATCH,
  events: [trade({ scales: { price, quantity: 0 } })],
});
const ofPrice = (price: string): EventBatch => ({
  ...BATCH,
  events: [trade({ price: price as unknown as bigint })],
});

/** As the client gives it back: headers as bytes. */
function asRead({ key, value, headers }: ReturnType<typeof encodeRecord>): {
  key: Buffer;
  value: Buffer;
  headers: Record<string, Buffer>;
} {
  return { key, value, headers: { schema: Buffer.from(headers['schema']!) } };
}

describe('a record', () => {
  it('gives back the batch as it was, with the place it stands at', () => {
    expect(decodeRecord(17, asRead(encodeRecord(KEY, BATCH)))).toEqual({
      type: 'batch',
      offset: 17,
      instrument: KEY,
      batch: BATCH,
    });
  });

  it('is the same bytes for the same batch', () => {
    expect(encodeRecord(KEY, BATCH)).toEqual(encodeRecord(KEY, { ...BATCH, events: [...EVENTS] }));
  });

  const record = asRead(encodeRecord(KEY, BATCH));
  const damaged = Buffer.from(record.value);
  damaged[damaged.length >> 1]! ^= 1;
  it.each([
    ['damaged', { ...record, value: damaged }, /CRC-32/],
    ['cut', { ...record, value: record.value.subarray(0, 9) }, /CRC-32/],
    ['empty', { ...record, value: Buffer.alloc(0) }, /at least 4 bytes/],
    ['of a newer release', { ...record, headers: { schema: Buffer.from('log-99') } }, /log-99/],
    [
      'whole, with a scale that no exchange has',
      asRead(encodeRecord(KEY, ofScale(1_000_000))),
      /none of an event/,
    ],
    ['whole, with a scale below 0', asRead(encodeRecord(KEY, ofScale(-1))), /none of an event/],
    ['whole, with digits that are none', asRead(encodeRecord(KEY, ofPrice('12 or so'))), /none of an event/],
    ['without a schema', { ...record, headers: {} }, /schema/],
    ['without a value', { ...record, value: null }, /value/],
    ['without a key', { ...record, key: null }, /key/],
  ])('that is %s says so and does not throw', (_, wire, said) => {
    const read = decodeRecord(3, wire);
    expect(read).toMatchObject({
      type: 'unreadable',
      offset: 3,
      key: wire.key === null ? '' : KEY,
      cause: { code: 'STATE_UNREADABLE' },
    });
    expect(read.type === 'unreadable' && read.cause.message).toMatch(said);
  });
});
