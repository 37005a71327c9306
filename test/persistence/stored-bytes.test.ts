/** No damaged or misplaced row is ever taken for what it was: every single bit of a journal row and of a state snapshot counts. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { hasErrorCode } from '../../src/base/errors.ts';
import { logCodec } from '../../src/codec/log-codec.ts';
import type { InstrumentSnapshot } from '../../src/market/instrument-state.ts';
import type { StoredEntry, StoredState } from '../../src/persistence/stored-bytes.ts';
import {
  readStoredEntry,
  readStoredState,
  storeEntry,
  storeState,
} from '../../src/persistence/stored-bytes.ts';
import { EDGE_ENTRIES, EDGE_STATES } from '../codec/edge-records.ts';
import { fromFixtureJson } from '../codec/fixture-json.ts';
import { toFixtureState } from '../codec/fixture-state.ts';

type EntryRow = StoredEntry & { readonly instrument: string; readonly epoch: number };
type StateRow = StoredState & { readonly instrument: string; readonly position: number };

const instrument = 'kraken:BTC-USD';
const entryPlace = { instrument, batchNumber: 41, epoch: 3 };
const statePlace = { instrument, batchNumber: 41, position: 1_234 };

const readEntry = (row: EntryRow): unknown => readStoredEntry(logCodec, row.instrument, row);
const readState = (row: StateRow): InstrumentSnapshot => readStoredState(logCodec, row.instrument, row);
const entryRow = (name: string): EntryRow => ({
  ...storeEntry(logCodec, entryPlace, EDGE_ENTRIES[name]!),
  instrument,
  epoch: entryPlace.epoch,
});
const stateRow = (name: string): StateRow => ({
  ...storeState(logCodec, statePlace, EDGE_STATES[name]!),
  instrument,
  position: statePlace.position,
});

/** Whether reading says that the row can't be read; any other failure is one of the test. */
function isRefused(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    if (hasErrorCode(error, 'STATE_UNREADABLE')) return true;
    throw error;
  }
}

/** Flips every bit of the bytes in turn and returns how many of the results were taken. */
function countTaken(bytes: Uint8Array, read: (bytes: Uint8Array) => unknown): number {
  const flipped = Uint8Array.from(bytes);
  let taken = 0;
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    if (!isRefused(() => read(flipped))) taken++;
    flipped[bit >> 3]! ^= 1 << (bit & 7);
  }
  return taken;
}

const SMALL_ENTRIES = Object.keys(EDGE_ENTRIES).filter((name) => name !== 'a huge book');
const SMALL_STATES = Object.keys(EDGE_STATES).filter((name) => !name.startsWith('a huge book'));

describe('a journal row', () => {
  test.each(Object.keys(EDGE_ENTRIES))('comes back whole: %s', (name) => {
    expect(readEntry(entryRow(name))).toStrictEqual(EDGE_ENTRIES[name]);
  });

  test.each(SMALL_ENTRIES)('with any single bit of its entry flipped is refused: %s', (name) => {
    const row = entryRow(name);
    expect(countTaken(row.entry, (entry) => readEntry({ ...row, entry }))).toBe(0);
  });

  test('of a huge book with any single bit flipped is refused', () => {
    const row = entryRow('a huge book');
    expect(countTaken(row.entry, (entry) => readEntry({ ...row, entry }))).toBe(0);
  });

  test('with any single bit of its checksum flipped is refused', () => {
    const row = entryRow('a huge book');
    for (let bit = 0; bit < 32; bit++) {
      expect(isRefused(() => readEntry({ ...row, checksum: row.checksum ^ (1 << bit) }))).toBe(true);
    }
  });

  test.each(SMALL_ENTRIES)('cut short at any byte, or longer, is refused: %s', (name) => {
    const row = entryRow(name);
    for (let length = 0; length < row.entry.length; length++) {
      expect(isRefused(() => readEntry({ ...row, entry: row.entry.subarray(0, length) }))).toBe(true);
    }
    for (const more of [[0], [255], [0, 0, 0, 0], [...row.entry]]) {
      expect(isRefused(() => readEntry({ ...row, entry: Uint8Array.from([...row.entry, ...more]) }))).toBe(
        true,
      );
    }
  });

  test('in the place of another instrument, batch, epoch or schema is refused', () => {
    const row = entryRow('wide levels');
    const elsewhere: EntryRow[] = [
      { ...row, instrument: 'kraken:ETH-USD' },
      { ...row, batchNumber: 42 },
      { ...row, epoch: 4 },
      { ...row, schemaId: 'log-10' },
      { ...row, schemaId: 'state-1' },
    ];
    expect(elsewhere.filter((moved) => !isRefused(() => readEntry(moved)))).toEqual([]);
  });

  test('says which batch of which instrument it is', () => {
    const row = entryRow('wide levels');
    const entry = row.entry.subarray(1);
    expect(() => readEntry({ ...row, entry })).toThrow(/journal batch 41 of kraken:BTC-USD.*checksum/);
  });
});

describe('a state snapshot', () => {
  test.each(Object.keys(EDGE_STATES))('comes back whole: %s', (name) => {
    expect(readState(stateRow(name))).toStrictEqual(EDGE_STATES[name]);
  });

  test.each(SMALL_STATES)('with any single bit of its state flipped is refused: %s', (name) => {
    const row = stateRow(name);
    expect(countTaken(row.state, (state) => readState({ ...row, state }))).toBe(0);
  });

  test('with any single bit of its hash flipped is refused', () => {
    const row = stateRow('wide numbers everywhere');
    expect(countTaken(row.sha256, (sha256) => readState({ ...row, sha256 }))).toBe(0);
  });

  test('of a huge book with any byte changed is refused', () => {
    const row = stateRow('a huge book that is stale');
    const state = Uint8Array.from(row.state);
    let taken = 0;
    for (let index = 0; index < state.length; index++) {
      const mask = 1 << (index & 7);
      state[index]! ^= mask;
      if (!isRefused(() => readState({ ...row, state }))) taken++;
      state[index]! ^= mask;
    }
    expect(taken).toBe(0);
  });

  test('cut short or longer is refused', () => {
    const row = stateRow('wide numbers everywhere');
    for (let length = 0; length < row.state.length; length++) {
      expect(isRefused(() => readState({ ...row, state: row.state.subarray(0, length) }))).toBe(true);
    }
    expect(isRefused(() => readState({ ...row, state: Uint8Array.from([...row.state, 0]) }))).toBe(true);
    expect(isRefused(() => readState({ ...row, sha256: row.sha256.subarray(1) }))).toBe(true);
  });

  test.each(['startsMs', 'highs', 'lows'] as const)(
    'that is whole but holds minutes that no window ever held is refused: other %s',
    (name) => {
      const state = EDGE_STATES['minutes of every form']!;
      const minutes = { ...state.ticker.minutes, [name]: state.ticker.minutes[name].map(() => 60_000) };
      const stored = storeState(logCodec, statePlace, { ...state, ticker: { ...state.ticker, minutes } });
      const row = { ...stored, instrument, position: statePlace.position };
      expect(isRefused(() => readState(row))).toBe(true);
    },
  );

  test('in the place of another instrument, batch, position or schema is refused', () => {
    const row = stateRow('wide numbers everywhere');
    const elsewhere: StateRow[] = [
      { ...row, instrument: 'kraken:ETH-USD' },
      { ...row, batchNumber: 42 },
      { ...row, position: 1_235 },
      { ...row, schemaId: 'state-1' },
    ];
    expect(elsewhere.filter((moved) => !isRefused(() => readState(moved)))).toEqual([]);
  });
});

test('rows that a release stored are read as what was stored', () => {
  type Fixture = Readonly<Record<'entries' | 'states', readonly Readonly<Record<string, unknown>>[]>>;
  const file = new URL('fixtures/rows-1.json', import.meta.url);
  const { entries, states } = fromFixtureJson(readFileSync(file, 'utf8')) as Fixture;
  const bytes = (text: unknown): Uint8Array => Buffer.from(text as string, 'base64');
  expect([entries.length, states.length]).toEqual([13, 5]);
  for (const row of entries) {
    expect(readEntry({ ...row, entry: bytes(row['entry']) } as EntryRow)).toStrictEqual(row['value']);
  }
  for (const row of states) {
    const stored = { ...row, sha256: bytes(row['sha256']), state: bytes(row['state']) };
    const state = readState(stored as unknown as StateRow);
    // Which sources its book has followed no release knew before `state-2`, nor of a second book before `state-3`.
    expect(toFixtureState(state)).toStrictEqual({
      bookSources: [],
      standby: undefined,
      ...(row['value'] as object),
    });
  }
});
