/** Bytes that a release wrote stay readable for ever, and give the value that was written. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { logCodec } from '../../src/codec/log-codec.ts';
import { LOG_ENTRY_SCHEMAS } from '../../src/codec/log-entry-schemas.ts';
import { STATE_SCHEMAS } from '../../src/codec/state-schemas.ts';
import { fromFixtureJson } from './fixture-json.ts';

const folder = new URL('fixtures/', import.meta.url);
type ReleasedRecord = { readonly bytes: string; readonly value: unknown };

function readRecords(schemaId: string): ReleasedRecord[] {
  return fromFixtureJson(readFileSync(new URL(`${schemaId}.json`, folder), 'utf8')) as ReleasedRecord[];
}

const kinds = [
  { schemas: LOG_ENTRY_SCHEMAS, newestId: logCodec.logEntrySchemaId, decode: logCodec.decodeLogEntry },
  { schemas: STATE_SCHEMAS, newestId: logCodec.stateSchemaId, decode: logCodec.decodeState },
];

describe.each(kinds)('$newestId', ({ schemas, decode }) => {
  test.each(schemas.map(({ id }) => id))('reads what a release wrote with %s', (schemaId) => {
    const records = readRecords(schemaId);
    expect(records.length).toBeGreaterThan(10);
    for (const { bytes, value } of records) {
      expect(decode(schemaId, Buffer.from(bytes, 'base64'))).toStrictEqual(value);
    }
  });
});

test('every file of released bytes belongs to a schema that is still known', () => {
  const known = kinds.flatMap(({ schemas }) => schemas.map(({ id }) => `${id}.json`));
  expect(readdirSync(folder).sort()).toStrictEqual(known.sort());
});

test('the newest schema still writes the bytes of its release', () => {
  const entries = readRecords(logCodec.logEntrySchemaId);
  for (const { bytes, value } of entries) {
    const encoded = logCodec.encodeLogEntry(value as Parameters<typeof logCodec.encodeLogEntry>[0]);
    expect(Buffer.from(encoded).toString('base64')).toBe(bytes);
  }
  const states = readRecords(logCodec.stateSchemaId);
  for (const { bytes, value } of states) {
    const encoded = logCodec.encodeState(value as Parameters<typeof logCodec.encodeState>[0]);
    expect(Buffer.from(encoded).toString('base64')).toBe(bytes);
  }
});
