/**
 * Writes rows as this release stores them, for `stored-bytes.test.ts`: `npx tsx test/persistence/write-fixtures.ts`. Run it once when the form of
 * rows changes, with a new number; released files are never written again.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { logCodec } from '../../src/codec/log-codec.ts';
import { storeEntry, storeState } from '../../src/persistence/stored-bytes.ts';
import { EDGE_ENTRIES, EDGE_STATES } from '../codec/edge-records.ts';
import { toFixtureJson } from '../codec/fixture-json.ts';
import { toFixtureState } from '../codec/fixture-state.ts';

const instrument = 'kraken:BTC-USD';
const epoch = 3;

const file = new URL('fixtures/rows-1.json', import.meta.url);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const entries = Object.values(EDGE_ENTRIES).map((value, index) => {
  const batchNumber = index + 1;
  const row = storeEntry(logCodec, { instrument, batchNumber, epoch }, value);
  return { ...row, instrument, epoch, entry: base64(row.entry), value };
});
const states = Object.values(EDGE_STATES).map((value, index) => {
  const [batchNumber, position] = [index + 10, value.position];
  const row = storeState(logCodec, { instrument, batchNumber, position }, value);
  return {
    ...row,
    instrument,
    position,
    sha256: base64(row.sha256),
    state: base64(row.state),
    value: toFixtureState(value),
  };
});
if (existsSync(file)) console.log('rows-1.json is released: it stays as it is');
else writeFileSync(file, `${toFixtureJson({ entries, states })}\n`);
