import type { LogEntry } from '../../src/market/events.ts';
import type { InstrumentSnapshot } from '../../src/market/instrument-state.ts';
import type { LogCodec } from '../../src/persistence/log-codec.ts';

/** A plain codec for tests of storage: JSON, big integers as `{"big": "…"}`. Decoding refuses other schemas and damaged text. */
export const jsonLogCodec: LogCodec = {
  logEntrySchemaId: 'test-entry-1',
  encodeLogEntry: encode,
  decodeLogEntry: (schemaId, bytes) => decode(schemaId, 'test-entry-1', bytes) as LogEntry,
  stateSchemaId: 'test-state-1',
  encodeState: encode,
  decodeState: (schemaId, bytes) => decode(schemaId, 'test-state-1', bytes) as InstrumentSnapshot,
};

function encode(value: unknown): Uint8Array {
  return Buffer.from(
    JSON.stringify(value, (_key, part: unknown) =>
      typeof part === 'bigint' ? { big: part.toString() } : part,
    ),
  );
}

function decode(schemaId: string, wanted: string, bytes: Uint8Array): unknown {
  if (schemaId !== wanted) throw new Error(`Schema ${wanted} was wanted, was ${schemaId}`);
  return JSON.parse(Buffer.from(bytes).toString(), (_key, part: unknown) =>
    typeof part === 'object' && part !== null && 'big' in part ? BigInt(String(part.big)) : part,
  );
}
