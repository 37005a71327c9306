/** How stored bytes prove that they are whole and where they belong. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { TampinesError } from '../base/errors.ts';
import type { LogEntry } from '../market/events.ts';
import type { InstrumentSnapshot } from '../market/instrument-state.ts';
import type { LogCodec } from './log-codec.ts';

/** A journal row or state snapshot as it is stored, whatever the store. */
export type StoredEntry = {
  readonly batchNumber: number;
  readonly schemaId: string;
  readonly checksum: number;
  readonly entry: Uint8Array;
};
export type StoredState = {
  readonly batchNumber: number;
  readonly schemaId: string;
  readonly sha256: Uint8Array;
  readonly state: Uint8Array;
};

export function storeEntry(codec: LogCodec, batchNumber: number, entry: LogEntry): StoredEntry {
  const bytes = codec.encodeLogEntry(entry);
  return {
    batchNumber,
    schemaId: codec.logEntrySchemaId,
    checksum: entryChecksum(batchNumber, bytes),
    entry: bytes,
  };
}

/** @throws TampinesError `STATE_UNREADABLE` when the bytes are damaged or of an unknown schema */
export function readStoredEntry(codec: LogCodec, instrument: string, stored: StoredEntry): LogEntry {
  const checksum = entryChecksum(stored.batchNumber, stored.entry);
  if (checksum !== stored.checksum) {
    throw unreadable(
      `journal batch ${stored.batchNumber} of ${instrument}: expected checksum ${stored.checksum}, was ${checksum}`,
    );
  }
  try {
    return codec.decodeLogEntry(stored.schemaId, stored.entry);
  } catch (cause) {
    throw unreadable(
      `journal batch ${stored.batchNumber} of ${instrument} (schema ${stored.schemaId})`,
      cause,
    );
  }
}

export function storeState(codec: LogCodec, batchNumber: number, state: InstrumentSnapshot): StoredState {
  const bytes = codec.encodeState(state);
  return { batchNumber, schemaId: codec.stateSchemaId, sha256: sha256(bytes), state: bytes };
}

/** @throws TampinesError `STATE_UNREADABLE` when the bytes are damaged or of an unknown schema */
export function readStoredState(
  codec: LogCodec,
  instrument: string,
  stored: StoredState,
): InstrumentSnapshot {
  if (!sha256(stored.state).equals(stored.sha256)) {
    throw unreadable(`state snapshot ${stored.batchNumber} of ${instrument}: its hash does not match`);
  }
  try {
    return codec.decodeState(stored.schemaId, stored.state);
  } catch (cause) {
    throw unreadable(
      `state snapshot ${stored.batchNumber} of ${instrument} (schema ${stored.schemaId})`,
      cause,
    );
  }
}

/** Signed, as Postgres's `int` is; starts from the batch number, so that bytes in the wrong row don't pass. */
function entryChecksum(batchNumber: number, bytes: Uint8Array): number {
  return crc32(bytes, batchNumber >>> 0) | 0;
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function unreadable(what: string, cause?: unknown): TampinesError {
  return new TampinesError('STATE_UNREADABLE', `Cannot read ${what}`, { cause });
}
