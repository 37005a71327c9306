/**
 * Writes the bytes of this release for `released-bytes.test.ts`: `npx tsx test/codec/write-fixtures.ts`. Run it once for each new schema; files of
 * released schemas are never written again, and this refuses to.
 */
import { existsSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { logCodec } from '../../src/codec/log-codec.ts';
import { LOG_ENTRY_SCHEMAS } from '../../src/codec/log-entry-schemas.ts';
import { STATE_SCHEMAS } from '../../src/codec/state-schemas.ts';
import { EDGE_ENTRIES, EDGE_STATES } from './edge-records.ts';
import { logEntry } from './event-arbitraries.ts';
import { toFixtureJson } from './fixture-json.ts';
import { toFixtureState } from './fixture-state.ts';
import { instrumentSnapshot } from './state-arbitrary.ts';

const SEED = 1;

writeSchema({
  schemas: LOG_ENTRY_SCHEMAS,
  samples: fc.sample(logEntry, { seed: SEED, numRuns: 24 }),
  edges: EDGE_ENTRIES,
  encode: logCodec.encodeLogEntry,
  toPlain: (entry) => entry,
});
writeSchema({
  schemas: STATE_SCHEMAS,
  samples: fc.sample(instrumentSnapshot, { seed: SEED, numRuns: 12 }),
  edges: EDGE_STATES,
  encode: logCodec.encodeState,
  toPlain: toFixtureState,
});

/** Three files of the newest schema: random values, named edges, and the schema itself. */
function writeSchema<Value>(options: {
  schemas: typeof LOG_ENTRY_SCHEMAS;
  samples: readonly Value[];
  edges: Readonly<Record<string, Value>>;
  encode: (value: Value) => Uint8Array;
  toPlain: (value: Value) => unknown;
}): void {
  const { id, schema } = options.schemas.at(-1)!;
  const bytesOf = (value: Value): string => Buffer.from(options.encode(value)).toString('base64');
  writeOnce(
    `${id}.json`,
    options.samples.map((value) => ({ bytes: bytesOf(value), value: options.toPlain(value) })),
  );
  writeOnce(
    `${id}.edges.json`,
    Object.entries(options.edges).map(([name, value]) => ({
      name,
      bytes: bytesOf(value),
      value: options.toPlain(value),
    })),
  );
  writeOnce(`${id}.schema.json`, schema);
}

function writeOnce(name: string, content: unknown): void {
  const file = new URL(`fixtures/${name}`, import.meta.url);
  if (existsSync(file)) console.log(`${name} is released: it stays as it is`);
  else writeFileSync(file, `${toFixtureJson(content)}\n`);
}
