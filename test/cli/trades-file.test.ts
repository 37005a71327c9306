import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { readTradesFile, toOrderedTrades } from '../../src/cli/trades-file.ts';
import { formatUnits } from '../../src/market/units.ts';

it.each(['plain', 'gzipped'])('numbers without quotes keep every digit in a %s file', async (form) => {
  const folder = mkdtempSync(join(tmpdir(), 'tampines-trades-'));
  try {
    const text =
      '{"trades":[{"id":1,"t_ms":1708905670250.25,"price":9007199254740993.1,"qty":0.12345678901234567891,"side":"buy","n":2}]}';
    const file = join(folder, 'TRADES.json');
    writeFileSync(file, form === 'plain' ? text : gzipSync(text));
    const [trade] = toOrderedTrades(await readTradesFile(file));
    expect(trade?.eventTimeMs).toBe(1_708_905_670_250);
    expect(trade?.exchangeTradeCount).toBe(2);
    expect(formatUnits(trade!.price, trade!.scales.price)).toBe('9007199254740993.1');
    expect(formatUnits(trade!.quantity, trade!.scales.quantity)).toBe('0.12345678901234567891');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
