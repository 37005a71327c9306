/**
 * Bytes of one kind of record (log entries, state snapshots): Avro in the newest schema, then a CRC-32 of it. Every released schema stays
 * readable: its id is stored beside the bytes, and Avro resolves it to the newest one.
 *
 * The checksum is not for security: Avro reads array lengths before items, so damaged bytes could ask for unbounded work. With it, only
 * bytes that an encoder once wrote reach Avro.
 */
import { crc32 } from 'node:zlib';
import type { Schema } from 'avsc';
import avro from 'avsc';
import { TampinesError } from '../base/errors.ts';

/** Released schemas by their ids, oldest first; the last one is written. A released schema never changes. */
export type ReleasedSchemas = readonly {
  readonly id: string;
  readonly schema: Schema;
  /** Reads the bytes in place of Avro, to what `decode` is to return; throws when they do not fit. */
  readonly read?: Reader;
}[];

type Reader = (bytes: Buffer) => unknown;

const CHECKSUM_SIZE_BYTES = 4;
const SCRATCH_INITIAL_BYTES = 64 * 1024;

/** `Wire` is the plain value that Avro takes in the newest schema; `Value` what it gives, or what the reader of a schema gives in its place. */
export class VersionedFormat<Wire, Value = Wire> {
  /** Id of the schema that `encode` writes. */
  readonly schemaId: string;
  readonly #released: ReleasedSchemas;
  readonly #newest: avro.Type;
  /** Made when first asked for: a resolver costs half a millisecond, and most old schemas are never met. */
  readonly #readers = new Map<string, Reader>();
  /** Kept between calls: encoding into ready memory is twice as fast as letting Avro allocate. */
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_INITIAL_BYTES);

  constructor(released: ReleasedSchemas) {
    const newest = released.at(-1);
    if (newest === undefined) throw new RangeError('A format needs at least one released schema');
    this.schemaId = newest.id;
    this.#released = released;
    this.#newest = avro.Type.forSchema(newest.schema);
  }

  /** Returns the bytes of the value, the same for the same value. Throws when the value does not fit the schema, which is a programming error. */
  encode(wire: Wire): Buffer {
    let end = this.#newest.encode(wire, this.#scratch, 0);
    while (end < 0) {
      this.#scratch = Buffer.allocUnsafeSlow(2 * (this.#scratch.length - end));
      end = this.#newest.encode(wire, this.#scratch, 0);
    }
    const avroBytes = this.#scratch.subarray(0, end);
    const bytes = Buffer.allocUnsafe(end + CHECKSUM_SIZE_BYTES);
    avroBytes.copy(bytes);
    bytes.writeUInt32BE(crc32(avroBytes), end);
    return bytes;
  }

  /** @throws TampinesError `STATE_UNREADABLE` when the schema is unknown or the bytes are damaged */
  decode(schemaId: string, bytes: Uint8Array): Value {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const reader = this.#reader(schemaId);
    const end = buffer.length - CHECKSUM_SIZE_BYTES;
    if (end < 0) {
      throw unreadable(schemaId, `expected at least ${CHECKSUM_SIZE_BYTES} bytes, was ${buffer.length}`);
    }
    const avroBytes = buffer.subarray(0, end);
    const expected = buffer.readUInt32BE(end);
    const actual = crc32(avroBytes);
    if (expected !== actual) {
      throw unreadable(
        schemaId,
        `expected CRC-32 ${expected} of ${end} bytes, was ${actual}: truncated or damaged`,
      );
    }
    try {
      // The schema has checked the shape: this is where bytes become a value.
      return reader(avroBytes) as Value;
    } catch (cause) {
      throw unreadable(schemaId, 'the bytes do not fit the schema', cause);
    }
  }

  #reader(schemaId: string): Reader {
    const known = this.#readers.get(schemaId);
    if (known !== undefined) return known;
    const released = this.#released.find(({ id }) => id === schemaId);
    if (released === undefined) {
      const ids = this.#released.map(({ id }) => id).join(', ');
      throw unreadable(
        schemaId,
        `the schema is unknown, known are ${ids}; a newer release may have written it`,
      );
    }
    const reader = released.read ?? this.#createReader(released.id, released.schema);
    this.#readers.set(schemaId, reader);
    return reader;
  }

  #createReader(schemaId: string, schema: Schema): Reader {
    if (schemaId === this.schemaId) return (bytes): unknown => this.#newest.fromBuffer(bytes);
    const writer = avro.Type.forSchema(schema);
    const resolver = this.#newest.createResolver(writer);
    return (bytes): unknown => this.#newest.fromBuffer(bytes, resolver);
  }
}

export function unreadable(schemaId: string, what: string, cause?: unknown): TampinesError {
  return new TampinesError('STATE_UNREADABLE', `Cannot read bytes of schema ${schemaId}: ${what}`, {
    fields: { schemaId },
    cause,
  });
}
