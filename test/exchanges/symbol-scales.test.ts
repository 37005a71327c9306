import { expect, test } from 'vitest';
import { MAX_SCALE_MEMORIES, SymbolScales } from '../../src/exchanges/symbol-scales.ts';

const trade = ['1.25', '1'] as const;

test('a symbol in use keeps its scales, however many strangers come', () => {
  const scales = new SymbolScales({ keepTrailingZeros: false });
  scales.of('ours').readTrade(...trade);
  for (let stranger = 0; stranger < MAX_SCALE_MEMORIES * 3; stranger++) {
    scales.of(`stranger ${stranger}`).readTrade(...trade);
    expect(scales.of('ours').scales.price).toBe(2);
  }
});

test('a symbol that is not used any more is forgotten when very many others come', () => {
  const scales = new SymbolScales({ keepTrailingZeros: false });
  scales.of('ours').readTrade(...trade);
  for (let stranger = 0; stranger < MAX_SCALE_MEMORIES; stranger++) scales.of(`stranger ${stranger}`);
  expect(scales.of('ours').scales.price).toBe(0);
});
