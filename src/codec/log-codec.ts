/** Both codecs as one value, for whoever stores bytes. */
import type { InstrumentSnapshot } from '../market/instrument-state.ts';
import { expectSoundMinutes } from '../market/packed-minutes.ts';
import { decodeLogEntry, encodeLogEntry, LOG_ENTRY_SCHEMA_ID } from './log-entry-codec.ts';
import { decodeState, encodeState, STATE_SCHEMA_ID } from './state-codec.ts';

export const logCodec = {
  logEntrySchemaId: LOG_ENTRY_SCHEMA_ID,
  encodeLogEntry,
  decodeLogEntry,
  stateSchemaId: STATE_SCHEMA_ID,
  encodeState,
  decodeState: decodeSoundState,
} as const;

/**
 * Looks also at what stays packed in a state: the state snapshot before can be had now, and not when this one is in use.
 * @throws TampinesError `STATE_UNREADABLE` as `decodeState`
 * @throws RangeError when the bytes hold no possible state
 */
function decodeSoundState(schemaId: string, bytes: Uint8Array): InstrumentSnapshot {
  const state = decodeState(schemaId, bytes);
  expectSoundMinutes(state.ticker.minutes);
  return state;
}
