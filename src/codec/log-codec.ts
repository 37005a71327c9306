/** Both codecs as one value, for whoever stores bytes. */
import { decodeLogEntry, encodeLogEntry, LOG_ENTRY_SCHEMA_ID } from './log-entry-codec.ts';
import { decodeState, encodeState, STATE_SCHEMA_ID } from './state-codec.ts';

export const logCodec = {
  logEntrySchemaId: LOG_ENTRY_SCHEMA_ID,
  encodeLogEntry,
  decodeLogEntry,
  stateSchemaId: STATE_SCHEMA_ID,
  encodeState,
  decodeState,
} as const;
