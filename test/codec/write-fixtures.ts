/**
 * Writes the bytes of this release for `released-bytes.test.ts`: `npx tsx test/codec/write-fixtures.ts`. Run it once for each new schema; files of
 * released schemas are never written again, and this refuses to.
 */
import { existsSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { logCodec } from '../../src/codec/log-codec.ts';
import { logEntry } from './event-arbitraries.ts';
import { toFixtureJson } from './fixture-json.ts';
import { instrumentSnapshot } from './state-arbitrary.ts';

const SEED = 1;

writeOnce(
  logCodec.logEntrySchemaId,
  fc.sample(logEntry, { seed: SEED, numRuns: 24 }),
  logCodec.encodeLogEntry,
);
writeOnce(
  logCodec.stateSchemaId,
  fc.sample(instrumentSnapshot, { seed: SEED, numRuns: 12 }),
  logCodec.encodeState,
);

function writeOnce<Value>(
  schemaId: string,
  values: readonly Value[],
  encode: (value: Value) => Uint8Array,
): void {
  const file = new URL(`fixtures/${schemaId}.json`, import.meta.url);
  if (existsSync(file)) {
    console.log(`${schemaId} is released: ${file.pathname} stays as it is`);
    return;
  }
  const records = values.map((value) => ({ bytes: Buffer.from(encode(value)).toString('base64'), value }));
  writeFileSync(file, `${toFixtureJson(records)}\n`);
}
