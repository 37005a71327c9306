import { expect, it } from 'vitest';
import { parseBinaryRows, toCopyText } from '../../src/persistence/binary-rows.ts';

/** Header of a copy without flags, then these tuples, then its end (PostgreSQL documentation, "COPY", "Binary Format"), each in a message. */
function copied(...tuples: readonly (readonly (Buffer | null)[])[]): Buffer[] {
  const int16 = (value: number): Buffer => {
    const bytes = Buffer.alloc(2);
    bytes.writeInt16BE(value);
    return bytes;
  };
  const int32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  const fields = tuples.map((tuple) => [
    int16(tuple.length),
    ...tuple.flatMap((field) => (field === null ? [int32(-1)] : [int32(field.length), field])),
  ]);
  const header = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
  const [first = [], ...others] = fields;
  return [[header, int32(0), int32(0), ...first], ...others, [int16(-1)]].map((parts) =>
    Buffer.concat(parts),
  );
}

function int8(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

it('rows come by the names and types of their columns', () => {
  const bytes = copied(
    [int8(-7n), Buffer.from('zwölf'), Buffer.of(0, 255)],
    [int8(2n ** 53n - 1n), Buffer.of(), Buffer.of()],
  );
  expect(parseBinaryRows(bytes, { a: 'int8', b: 'text', c: 'bytea' })).toEqual([
    { a: -7, b: 'zwölf', c: Buffer.of(0, 255) },
    { a: Number.MAX_SAFE_INTEGER, b: '', c: Buffer.of() },
  ]);
  expect(parseBinaryRows(copied(), { a: 'int8' })).toEqual([]);
  expect(parseBinaryRows([Buffer.concat(copied([int8(1n)], [int8(2n)]))], { a: 'int8' })).toEqual([
    { a: 1 },
    { a: 2 },
  ]);
});

it('integers of four bytes have their sign', () => {
  const bytes = (value: number): Buffer => {
    const buffer = Buffer.alloc(4);
    buffer.writeInt32BE(value);
    return buffer;
  };
  const values = [0, -1, 2 ** 31 - 1, -(2 ** 31)];
  expect(parseBinaryRows(copied(...values.map((value) => [bytes(value)])), { n: 'int4' })).toEqual(
    values.map((n) => ({ n })),
  );
  expect(() => parseBinaryRows(copied([int8(1n)]), { n: 'int4' })).toThrow(RangeError);
});

it.each([
  ['an integer that a double does not hold', copied([int8(2n ** 53n)])],
  ['a null', copied([null])],
  ['another number of fields', copied([int8(1n), int8(2n)])],
  ['rows without an end', copied([int8(1n)]).slice(0, -1)],
  ['a field that is cut off', [copied([int8(1n)])[0]!.subarray(0, -1)]],
  ['a count that is cut off', [copied()[0]!, Buffer.of(0)]],
])('%s is refused', (_, bytes) => {
  expect(() => parseBinaryRows(bytes, { a: 'int8' })).toThrow(RangeError);
});

it('an integer that a double does not hold comes as the nearest one where the row proves itself', () => {
  const bytes = copied([int8(2n ** 62n), int8(7n)], [int8(-(2n ** 60n)), int8(2n ** 53n - 1n)]);
  expect(parseBinaryRows(bytes, { a: 'int8', b: 'int8' }, 'nearest')).toEqual([
    { a: 2 ** 62, b: 7 },
    { a: -(2 ** 60), b: Number.MAX_SAFE_INTEGER },
  ]);
});

it('values stand in the text of a copy, and can be nothing but whole numbers', () => {
  const text = 'SELECT * FROM unnest($1::int[]) AS a WHERE a < $2';
  expect(toCopyText(text, [[1, 2], 30])).toBe(
    "COPY (SELECT * FROM unnest('{1,2}'::int[]) AS a WHERE a < 30) TO STDOUT (FORMAT binary)",
  );
  for (const value of ["1'; DROP SCHEMA public; --", 1.5, null, true, ['1']]) {
    expect(() => toCopyText('SELECT $1', [value])).toThrow(RangeError);
  }
  expect(() => toCopyText('SELECT $2', [1])).toThrow(RangeError);
});
