/**
 * How stored bytes prove that they are whole and where they belong: a checksum covers the bytes and the place of their row, so that neither a
 * damaged row is taken nor a whole one that stands in another's place (a wrong restore, a statement by hand).
 */
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

/** Where a journal row belongs. */
export type EntryPlace = {
  readonly instrument: string;
  readonly batchNumber: number;
  readonly epoch: number;
};
/** Where a state snapshot belongs; `position` counts the events in it. */
export type StatePlace = {
  readonly instrument: string;
  readonly batchNumber: number;
  readonly position: number;
};

export function storeEntry(codec: LogCodec, place: EntryPlace, entry: LogEntry): StoredEntry {
  const bytes = codec.encodeLogEntry(entry);
  const schemaId = codec.logEntrySchemaId;
  return {
    batchNumber: place.batchNumber,
    schemaId,
    checksum: entryChecksum(place, schemaId, bytes),
    entry: bytes,
  };
}

/** @throws TampinesError `STATE_UNREADABLE` when the bytes are damaged, belong elsewhere or are of an unknown schema */
export function readStoredEntry(
  codec: LogCodec,
  instrument: string,
  stored: StoredEntry & { readonly epoch: number },
): LogEntry {
  const { batchNumber, epoch, schemaId, entry } = stored;
  const checksum = entryChecksum({ instrument, batchNumber, epoch }, schemaId, entry);
  if (checksum !== stored.checksum) {
    throw unreadable(
      `journal batch ${batchNumber} of ${instrument}: the row is damaged or belongs elsewhere: expected checksum ${stored.checksum}, was ${checksum}`,
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

export function storeState(codec: LogCodec, place: StatePlace, state: InstrumentSnapshot): StoredState {
  const bytes = codec.encodeState(state);
  const schemaId = codec.stateSchemaId;
  return {
    batchNumber: place.batchNumber,
    schemaId,
    sha256: stateHash(place, schemaId, bytes),
    state: bytes,
  };
}

/** @throws TampinesError `STATE_UNREADABLE` when the bytes are damaged, belong elsewhere or are of an unknown schema */
export function readStoredState(
  codec: LogCodec,
  instrument: string,
  stored: StoredState & { readonly position: number },
): InstrumentSnapshot {
  const { batchNumber, position, schemaId, state } = stored;
  if (!stateHash({ instrument, batchNumber, position }, schemaId, state).equals(stored.sha256)) {
    throw unreadable(
      `state snapshot ${batchNumber} of ${instrument}: the row is damaged or belongs elsewhere: its hash does not match`,
    );
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

/** Signed, as Postgres's `int` is. */
function entryChecksum({ instrument, batchNumber, epoch }: EntryPlace, schemaId: string, bytes: Uint8Array) {
  return crc32(bytes, crc32(`${instrument}\n${batchNumber}\n${epoch}\n${schemaId}\n`)) | 0;
}

function stateHash({ instrument, batchNumber, position }: StatePlace, schemaId: string, bytes: Uint8Array) {
  return createHash('sha256')
    .update(`${instrument}\n${batchNumber}\n${position}\n${schemaId}\n`)
    .update(bytes)
    .digest();
}

function unreadable(what: string, cause?: unknown): TampinesError {
  return new TampinesError('STATE_UNREADABLE', `Cannot read ${what}`, { cause });
}
