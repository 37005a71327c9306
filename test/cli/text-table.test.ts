import { describe, expect, it } from 'vitest';
import type { Column } from '../../src/cli/text-table.ts';
import { formatTable } from '../../src/cli/text-table.ts';

type Row = { readonly name: string; readonly count: string };
const columns: readonly Column<Row>[] = [
  { title: 'NAME', text: ({ name }) => name },
  { title: 'COUNT', text: ({ count }) => count, isRight: true },
];

describe('a table', () => {
  it('is as wide as its longest texts, numbers to the right, without spaces at the ends', () => {
    const rows = [
      { name: 'binance:BTC-USDT', count: '7' },
      { name: 'x', count: '1234567' },
    ];
    expect(formatTable(columns, rows)).toEqual([
      'NAME                COUNT',
      'binance:BTC-USDT        7',
      'x                 1234567',
    ]);
  });

  it('without rows is its titles', () => {
    expect(formatTable(columns, [])).toEqual(['NAME  COUNT']);
  });

  it('gives East Asian characters and emoji the two cells that terminals give them', () => {
    expect(
      formatTable(columns, [
        { name: '币安人生-USDT', count: '1' },
        { name: '🚀', count: '2' },
      ]),
    ).toEqual(['NAME           COUNT', '币安人生-USDT      1', '🚀                 2']);
  });

  it('cuts what is wider than its column or the terminal, and says so', () => {
    const narrow: readonly Column<Row>[] = [{ ...columns[0]!, width: 5 }, columns[1]!];
    expect(formatTable(narrow, [{ name: 'abcdefgh', count: '1' }])[1]).toBe('abcd…      1');
    expect(formatTable(columns, [{ name: 'abcdefgh', count: '123456' }], { widthMax: 12 })).toEqual([
      'NAME       …',
      'abcdefgh  1…',
    ]);
  });

  it('lets no text move the cursor, ring or recolour', () => {
    const hostile = { name: 'a\u001b[2J\u0007\r\nb\u202Ec', count: '\u009b1m' };
    const text = formatTable(columns, [hostile]).join('');
    expect(text).toContain('a [2J');
    expect(text).not.toMatch(/\p{Cc}|\p{Cf}/u);
  });
});
