import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasErrorCode } from '../../src/base/errors.ts';
import { decodeState, encodeState, STATE_SCHEMA_ID } from '../../src/codec/state-codec.ts';
import { instrumentSnapshot } from './state-arbitrary.ts';

const SEED = 20_261_121;

function isUnreadable(schemaId: string, bytes: Uint8Array): boolean {
  try {
    decodeState(schemaId, bytes);
    return false;
  } catch (error) {
    if (hasErrorCode(error, 'STATE_UNREADABLE')) return true;
    throw error;
  }
}

describe('state snapshots as bytes', () => {
  test('come back as they were, at any size of number', () => {
    fc.assert(
      fc.property(instrumentSnapshot, (state) => {
        expect(decodeState(STATE_SCHEMA_ID, encodeState(state))).toStrictEqual(state);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  test('are the same for the same state, also after a way through bytes', () => {
    fc.assert(
      fc.property(instrumentSnapshot, (state) => {
        const bytes = encodeState(state);
        expect(Buffer.compare(bytes, encodeState(decodeState(STATE_SCHEMA_ID, bytes)))).toBe(0);
      }),
      { seed: SEED, numRuns: 100 },
    );
  });

  test('cut short or with a flipped bit are unreadable', () => {
    fc.assert(
      fc.property(instrumentSnapshot, fc.nat(), fc.nat(7), (state, seedOfPlace, bit) => {
        const bytes = Uint8Array.from(encodeState(state));
        const place = seedOfPlace % bytes.length;
        expect(isUnreadable(STATE_SCHEMA_ID, bytes.subarray(0, place))).toBe(true);
        bytes[place]! ^= 1 << bit;
        expect(isUnreadable(STATE_SCHEMA_ID, bytes)).toBe(true);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  test('are not read as a log entry', () => {
    const [state] = fc.sample(instrumentSnapshot, { seed: SEED, numRuns: 1 });
    expect(isUnreadable('log-1', encodeState(state!))).toBe(true);
  });
});
