/** Bytes that a release wrote stay readable for ever, and give the value that was written. */
import { readdirSync, readFileSync } from 'node:fs';
import avro from 'avsc';
import { describe, expect, test } from 'vitest';
import { logCodec } from '../../src/codec/log-codec.ts';
import { LOG_ENTRY_SCHEMAS } from '../../src/codec/log-entry-schemas.ts';
import { decodeState } from '../../src/codec/state-codec.ts';
import { STATE_SCHEMAS } from '../../src/codec/state-schemas.ts';
import { fromFixtureJson } from './fixture-json.ts';
import type { FixtureState } from './fixture-state.ts';
import { fromFixtureState, toFixtureState } from './fixture-state.ts';
import { allPaths, pathsOf } from './schema-paths.ts';

const folder = new URL('fixtures/', import.meta.url);
const CHECKSUM_SIZE_BYTES = 4;
type ReleasedRecord = { readonly name?: string; readonly bytes: string; readonly value: unknown };

function readFixture(name: string): unknown {
  return fromFixtureJson(readFileSync(new URL(name, folder), 'utf8'));
}

function readRecords(schemaId: string): ReleasedRecord[] {
  return ['json', 'edges.json'].flatMap((end) => readFixture(`${schemaId}.${end}`) as ReleasedRecord[]);
}

/** What values of a schema read as of fields that it does not have. */
const ADDED_SINCE: Readonly<Record<string, object>> = {
  'state-1': { bookSources: [], standby: undefined },
  'state-2': { standby: undefined },
};

const kinds = [
  {
    schemas: LOG_ENTRY_SCHEMAS,
    newestId: logCodec.logEntrySchemaId,
    decode: logCodec.decodeLogEntry,
    encode: (value: unknown) =>
      logCodec.encodeLogEntry(value as Parameters<typeof logCodec.encodeLogEntry>[0]),
  },
  {
    schemas: STATE_SCHEMAS,
    newestId: logCodec.stateSchemaId,
    decode: (schemaId: string, bytes: Uint8Array) => toFixtureState(decodeState(schemaId, bytes)),
    encode: (value: unknown) => logCodec.encodeState(fromFixtureState(value as FixtureState)),
  },
];

describe.each(kinds)('$newestId', ({ schemas, newestId, decode, encode }) => {
  test.each(schemas.map(({ id }) => id))('reads what a release wrote with %s', (schemaId) => {
    const records = readRecords(schemaId);
    expect(records.length).toBeGreaterThan(14);
    for (const { bytes, value } of records) {
      expect(decode(schemaId, Buffer.from(bytes, 'base64'))).toStrictEqual({
        ...ADDED_SINCE[schemaId],
        ...(value as object),
      });
    }
  });

  test.each(schemas)(
    '$id is the schema that was released: a change to it needs a schema of its own',
    (released) => {
      expect(JSON.parse(JSON.stringify(released.schema))).toStrictEqual(
        readFixture(`${released.id}.schema.json`),
      );
    },
  );

  test.each(schemas)('the released bytes of $id hold every field in each of its forms', ({ id, schema }) => {
    const type = avro.Type.forSchema(schema);
    const missing = allPaths(schema);
    for (const { bytes } of readRecords(id)) {
      const wire: unknown = type.fromBuffer(Buffer.from(bytes, 'base64').subarray(0, -CHECKSUM_SIZE_BYTES));
      for (const path of pathsOf(schema, wire)) missing.delete(path);
    }
    expect([...missing]).toStrictEqual([]);
  });

  test('still writes the bytes of its release', () => {
    for (const { bytes, value } of readRecords(newestId)) {
      expect(Buffer.from(encode(value)).toString('base64')).toBe(bytes);
    }
  });
});

test('every file of released bytes belongs to a schema that is still known', () => {
  const known = kinds.flatMap(({ schemas }) =>
    schemas.flatMap(({ id }) => ['json', 'edges.json', 'schema.json'].map((end) => `${id}.${end}`)),
  );
  expect(readdirSync(folder).sort()).toStrictEqual(known.sort());
});
