/**
 * Rows with large bytes, as Postgres copies them out in binary (PostgreSQL 18 documentation, "COPY", section "Binary Format"). The driver hands
 * a `bytea` field of an ordinary answer on as hex text: twice the bytes on the wire, and a string of them that is parsed again.
 */
import pg from 'pg';

/** Names and types of the columns, in their order. */
export type BinaryColumns = Readonly<Record<string, 'int4' | 'int8' | 'text' | 'bytea'>>;

const SIGNATURE_BYTES = 11;
const END_OF_ROWS = -1;

/**
 * Returns the statement as a copy of its rows. A copy takes no parameters, so the values stand in its text: whole numbers and lists of them, which
 * can be nothing else.
 */
export function toCopyText(text: string, values: readonly unknown[]): string {
  const filled = text.replaceAll(/\$(\d+)/g, (_, place: string) => toLiteral(values[Number(place) - 1]));
  return `COPY (${filled}) TO STDOUT (FORMAT binary)`;
}

function toLiteral(value: unknown): string {
  const numbers = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  if (!numbers.every(Number.isSafeInteger)) throw new RangeError('Only whole numbers can stand in a copy');
  return Array.isArray(value) ? `'{${numbers.join(',')}}'` : String(value);
}

/** Runs a copy and returns its messages, each with one row at most (PostgreSQL documentation, "Message Flow", "COPY Operations"). Rejects as any query. */
export function copyOut(client: pg.ClientBase, copyText: string): Promise<readonly Buffer[]> {
  return new Promise((resolve, reject) => {
    const query: CopyQuery = new CopyQuery(copyText, (error) => {
      // The driver gives null where its types say undefined.
      if (error instanceof Error) reject(error);
      else resolve(query.messages);
    });
    client.query(query);
  });
}

/** A query of the driver that keeps what is copied out. */
class CopyQuery extends pg.Query {
  readonly messages: Buffer[] = [];

  /** Called by the driver for each message of the copy. Its memory is used again for the next one. */
  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    this.messages.push(Buffer.from(chunk));
  }
}

/**
 * Returns the rows by the names of their columns; fields of bytes share the memory of their message. Integers as `Statement.integers` says.
 * @throws RangeError when these are not such rows
 */
export function parseBinaryRows(
  messages: readonly Buffer[],
  columns: BinaryColumns,
  integers: 'safe' | 'nearest' = 'safe',
): Record<string, unknown>[] {
  const fields = Object.entries(columns).map(([name, type]) => ({ name, type }));
  const rows: Record<string, unknown>[] = [];
  for (const [index, message] of messages.entries()) {
    let at = index === 0 ? headerLength(message) : 0;
    while (at < message.length) {
      const fieldCount = message.readInt16BE(at);
      at += 2;
      if (fieldCount === END_OF_ROWS) return rows;
      if (fieldCount !== fields.length) {
        throw new RangeError(`Cannot read a copied row: expected ${fields.length} fields, was ${fieldCount}`);
      }
      const row: Record<string, unknown> = {};
      for (const { name, type } of fields) {
        const from = at + 4;
        at = from + fieldLength(message, at, name);
        row[name] = readField(message, from, at, { type, integers });
      }
      rows.push(row);
    }
  }
  throw new RangeError('Cannot read copied rows: they have no end');
}

/** Signature, flags, and an extension after its length. */
function headerLength(message: Buffer): number {
  const extensionAt = SIGNATURE_BYTES + 4;
  return extensionAt + 4 + message.readInt32BE(extensionAt);
}

function fieldLength(message: Buffer, at: number, name: string): number {
  const length = message.readInt32BE(at);
  if (length < 0) throw new RangeError(`Cannot read a copied row: ${name} is null`);
  if (at + 4 + length > message.length) throw new RangeError(`Cannot read a copied row: ${name} is cut off`);
  return length;
}

/** Reads in place: of the fields of a journal page five in six are numbers and short texts, and a buffer for each took longer than all else. */
function readField(
  message: Buffer,
  from: number,
  to: number,
  { type, integers }: { type: BinaryColumns[string]; integers: 'safe' | 'nearest' },
): unknown {
  switch (type) {
    case 'int4':
      expectSize(4, to - from);
      return message.readInt32BE(from);
    case 'int8':
      expectSize(8, to - from);
      return readInt8(message, from, integers);
    case 'text':
      return message.toString('utf8', from, to);
    case 'bytea':
      return message.subarray(from, to);
  }
}

function readInt8(message: Buffer, at: number, integers: 'safe' | 'nearest'): number {
  const high = message.readInt32BE(at);
  // The sum is rounded once, to the double nearest to the integer.
  const value = high * 2 ** 32 + message.readUInt32BE(at + 4);
  if (integers === 'nearest' || Number.isSafeInteger(value)) return value;
  throw new RangeError(`A safe integer was wanted, was ${message.readBigInt64BE(at)}`);
}

function expectSize(wanted: number, was: number): void {
  if (was !== wanted) throw new RangeError(`An integer of ${wanted} bytes was wanted, was one of ${was}`);
}
