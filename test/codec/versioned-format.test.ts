import { expect, test } from 'vitest';
import { VersionedFormat } from '../../src/codec/versioned-format.ts';

const first = {
  id: 'thing-1',
  schema: { type: 'record' as const, name: 'Thing', fields: [{ name: 'name', type: 'string' as const }] },
};
const second = {
  id: 'thing-2',
  schema: {
    type: 'record' as const,
    name: 'Thing',
    fields: [
      { name: 'name', type: 'string' as const },
      { name: 'weight', type: 'long' as const, default: 7 },
    ],
  },
};

test('bytes of an older schema are read with the defaults of the newest', () => {
  const older = new VersionedFormat<{ name: string }>([first]);
  const newer = new VersionedFormat<{ name: string; weight: number }>([first, second]);
  expect({ ...newer.decode('thing-1', older.encode({ name: 'a' })) }).toStrictEqual({ name: 'a', weight: 7 });
  expect({ ...newer.decode('thing-2', newer.encode({ name: 'b', weight: 1 })) }).toStrictEqual({
    name: 'b',
    weight: 1,
  });
});

test('bytes of a newer schema are refused by an older release, with the ids that it knows', () => {
  const older = new VersionedFormat<{ name: string }>([first]);
  const newer = new VersionedFormat<{ name: string; weight: number }>([first, second]);
  const bytes = newer.encode({ name: 'b', weight: 1 });
  expect(() => older.decode('thing-2', bytes)).toThrow(
    expect.objectContaining({ code: 'STATE_UNREADABLE', fields: { schemaId: 'thing-2' } }),
  );
});

test('a value that does not fit the schema is refused on encoding', () => {
  const format = new VersionedFormat<{ name: string; weight: number }>([first, second]);
  expect(() => format.encode({ name: 'b', weight: 0.5 })).toThrow(/weight|long/);
});
