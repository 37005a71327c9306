import type { LogEntry } from '../market/events.ts';
import type { InstrumentSnapshot } from '../market/instrument-state.ts';

/** Entries and states to bytes and back; each kind of bytes carries the id of the schema that wrote it. */
export type LogCodec = {
  readonly logEntrySchemaId: string;
  encodeLogEntry(entry: LogEntry): Uint8Array;
  /** Throws when the schema is unknown or the bytes don't fit it. */
  decodeLogEntry(schemaId: string, bytes: Uint8Array): LogEntry;
  readonly stateSchemaId: string;
  encodeState(state: InstrumentSnapshot): Uint8Array;
  /** Throws when the schema is unknown or the bytes don't fit it. */
  decodeState(schemaId: string, bytes: Uint8Array): InstrumentSnapshot;
};
