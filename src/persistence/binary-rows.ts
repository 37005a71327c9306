/**
 * Rows with large bytes, as Postgres copies them out in binary (PostgreSQL 18 documentation, "COPY", section "Binary Format"). The driver hands
 * a `bytea` field of an ordinary answer on as hex text: twice the bytes on the wire, and a string of them that is parsed again.
 */
import pg from 'pg';
import type { SqlValue } from './database.ts';

/** Names and types of the columns, in their order. */
export type BinaryColumns = Readonly<Record<string, 'int8' | 'text' | 'bytea'>>;

const SIGNATURE_BYTES = 11;
const END_OF_ROWS = -1;

/**
 * Returns the statement as a copy of its rows. A copy takes no parameters, so the values stand in its text: whole numbers and lists of them, which
 * can be nothing else.
 */
export function toCopyText(text: string, values: readonly SqlValue[]): string {
  const filled = text.replaceAll(/\$(\d+)/g, (_, place: string) => toLiteral(values[Number(place) - 1]));
  return `COPY (${filled}) TO STDOUT (FORMAT binary)`;
}

function toLiteral(value: SqlValue | undefined): string {
  const numbers = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  if (!numbers.every(Number.isSafeInteger)) throw new RangeError('Only whole numbers can stand in a copy');
  return Array.isArray(value) ? `'{${numbers.join(',')}}'` : String(value);
}

/** Runs a copy and returns its bytes. Rejects as any query of the client does. */
export function copyOut(client: pg.ClientBase, copyText: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const query: CopyQuery = new CopyQuery(copyText, (error) => {
      // The driver gives null where its types say undefined.
      if (error instanceof Error) reject(error);
      else resolve(Buffer.concat(query.chunks));
    });
    client.query(query);
  });
}

/** A query of the driver that keeps what is copied out. */
class CopyQuery extends pg.Query {
  readonly chunks: Buffer[] = [];

  /** Called by the driver for each message of the copy. Its memory is used again for the next one. */
  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    this.chunks.push(Buffer.from(chunk));
  }
}

/** Returns the rows by the names of their columns. @throws RangeError when the bytes are not such rows */
export function parseBinaryRows(bytes: Buffer, columns: BinaryColumns): Record<string, unknown>[] {
  const types = Object.entries(columns);
  const rows: Record<string, unknown>[] = [];
  // Signature and flags, then the length of an extension.
  let at = SIGNATURE_BYTES + 4;
  at += 4 + bytes.readInt32BE(at);
  for (;;) {
    const fieldCount = bytes.readInt16BE(at);
    at += 2;
    if (fieldCount === END_OF_ROWS) return rows;
    if (fieldCount !== types.length) {
      throw new RangeError(`Cannot read a copied row: expected ${types.length} fields, was ${fieldCount}`);
    }
    const row: Record<string, unknown> = {};
    for (const [name, type] of types) {
      const length = bytes.readInt32BE(at);
      at += 4;
      if (length < 0) throw new RangeError(`Cannot read a copied row: ${name} is null`);
      row[name] = parseField(type, bytes.subarray(at, at + length));
      at += length;
    }
    rows.push(row);
  }
}

function parseField(type: BinaryColumns[string], field: Buffer): unknown {
  switch (type) {
    case 'int8':
      return toSafeInteger(field.readBigInt64BE(0));
    case 'text':
      return field.toString('utf8');
    case 'bytea':
      return field;
  }
}

function toSafeInteger(value: bigint): number {
  if (BigInt.asIntN(54, value) !== value) throw new RangeError(`A safe integer was wanted, was ${value}`);
  return Number(value);
}
