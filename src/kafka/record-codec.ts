/** Batches to Kafka records and back. The value is what the codec of log entries writes, its schema's id stands in a header, the key is the instrument's. */
import { hasErrorCode, TampinesError } from '../base/errors.ts';
import { decodeLogEntry, encodeLogEntry, LOG_ENTRY_SCHEMA_ID } from '../codec/log-entry-codec.ts';
import type { EventBatch } from '../market/events.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import type { LogRecord, UnreadableRecord } from '../actors/event-log.ts';

const SCHEMA_HEADER = 'schema';

/** A record as it is on the wire, written or read. */
type WireRecord = {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, unknown>>;
};

/** @param batch not empty */
export function encodeRecord(
  instrument: InstrumentKey,
  { source, firstOrdinal, events }: EventBatch,
): { readonly key: Buffer; readonly value: Buffer; readonly headers: Record<string, string> } {
  const bytes = encodeLogEntry({ source, lastOrdinal: firstOrdinal + events.length - 1, events });
  return {
    key: Buffer.from(instrument, 'utf8'),
    value: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    headers: { [SCHEMA_HEADER]: LOG_ENTRY_SCHEMA_ID },
  };
}

/** Returns what stands at `offset`. Never throws for what is in the record: one that can't be read says why. */
export function decodeRecord(offset: number, record: WireRecord): LogRecord | UnreadableRecord {
  const key = record.key?.toString('utf8') ?? '';
  try {
    const { source, lastOrdinal, events } = decodeLogEntry(schemaOf(record), record.value!);
    const batch = { source, firstOrdinal: lastOrdinal - events.length + 1, events };
    return { type: 'batch', offset, instrument: key as InstrumentKey, batch };
  } catch (error) {
    if (!hasErrorCode(error, 'STATE_UNREADABLE')) throw error;
    return { type: 'unreadable', offset, key, cause: error };
  }
}

function schemaOf({ key, value, headers }: WireRecord): string {
  const schema = headers?.[SCHEMA_HEADER];
  if (key === null || value === null || !(schema instanceof Buffer)) {
    throw new TampinesError(
      'STATE_UNREADABLE',
      `Cannot read a record: key, value and header \`${SCHEMA_HEADER}\` were wanted; somebody else writes to this topic`,
    );
  }
  return schema.toString('utf8');
}
