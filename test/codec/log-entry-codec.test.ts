import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasErrorCode } from '../../src/base/errors.ts';
import { decodeLogEntry, encodeLogEntry, LOG_ENTRY_SCHEMA_ID } from '../../src/codec/log-entry-codec.ts';
import type { LogEntry } from '../../src/market/events.ts';
import { logEntry } from './event-arbitraries.ts';

const SEED = 20_261_120;

function outcome(schemaId: string, bytes: Uint8Array): LogEntry | 'unreadable' {
  try {
    return decodeLogEntry(schemaId, bytes);
  } catch (error) {
    if (hasErrorCode(error, 'STATE_UNREADABLE')) return 'unreadable';
    throw error;
  }
}

describe('log entries as bytes', () => {
  test('come back as they were, at any size of number', () => {
    fc.assert(
      fc.property(logEntry, (entry) => {
        expect(decodeLogEntry(LOG_ENTRY_SCHEMA_ID, encodeLogEntry(entry))).toStrictEqual(entry);
      }),
      { seed: SEED, numRuns: 400 },
    );
  });

  test('are the same for the same entry, also after a way through bytes', () => {
    fc.assert(
      fc.property(logEntry, (entry) => {
        const bytes = encodeLogEntry(entry);
        const again = encodeLogEntry(decodeLogEntry(LOG_ENTRY_SCHEMA_ID, bytes));
        expect(Buffer.compare(bytes, again)).toBe(0);
      }),
      { seed: SEED, numRuns: 100 },
    );
  });

  test('are not disturbed by the next entry that is encoded', () => {
    const entry = (source: string): LogEntry => ({ source, lastOrdinal: 1, events: [] });
    const first = encodeLogEntry(entry('first'));
    encodeLogEntry(entry('other'));
    expect(decodeLogEntry(LOG_ENTRY_SCHEMA_ID, first)).toStrictEqual(entry('first'));
  });

  test('may be longer than any entry before', () => {
    const bids = Array.from({ length: 100_000 }, (_, index) => Number.MAX_SAFE_INTEGER - index);
    const entry: LogEntry = {
      source: 'long',
      lastOrdinal: 1,
      events: [
        {
          type: 'BookSnapshot',
          eventTimeMs: 1,
          receiveTimeMs: 1,
          scales: { price: 2, quantity: 8 },
          bids,
          asks: [],
          depth: undefined,
          sequence: undefined,
          checksum: undefined,
        },
      ],
    };
    expect(decodeLogEntry(LOG_ENTRY_SCHEMA_ID, encodeLogEntry(entry))).toStrictEqual(entry);
  });

  test('cut short at any place are unreadable', () => {
    fc.assert(
      fc.property(logEntry, fc.nat(), (entry, seedOfLength) => {
        const bytes = encodeLogEntry(entry);
        expect(outcome(LOG_ENTRY_SCHEMA_ID, bytes.subarray(0, seedOfLength % bytes.length))).toBe(
          'unreadable',
        );
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  test('with any flipped bit are unreadable', () => {
    fc.assert(
      fc.property(logEntry, fc.nat(), fc.nat(7), (entry, seedOfPlace, bit) => {
        const bytes = Uint8Array.from(encodeLogEntry(entry));
        bytes[seedOfPlace % bytes.length]! ^= 1 << bit;
        expect(outcome(LOG_ENTRY_SCHEMA_ID, bytes)).toBe('unreadable');
      }),
      { seed: SEED, numRuns: 400 },
    );
  });

  test('that are noise are unreadable', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(outcome(LOG_ENTRY_SCHEMA_ID, noise)).toBe('unreadable');
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  test('of an unknown schema are unreadable', () => {
    const bytes = encodeLogEntry({ source: 'a', lastOrdinal: 1, events: [] });
    expect(outcome('log-999', bytes)).toBe('unreadable');
    expect(outcome('__proto__', bytes)).toBe('unreadable');
  });
});
