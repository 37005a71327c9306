import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aggregate, aggregateTrades } from '../../src/cli/aggregate.ts';
import { parseTradesFile } from '../../src/cli/trades-file.ts';

const FIXTURE = new URL('../fixtures/aggregate/trades.json', import.meta.url);
const ORACLES = new URL('../../../shared/data/oracles/', import.meta.url);
const oracleFiles = existsSync(ORACLES)
  ? readdirSync(ORACLES).filter((name) => name.endsWith('.json.gz'))
  : [];
if (oracleFiles.length === 0) {
  console.log(`Skipped: no published candles to compare with, ${ORACLES.pathname} is absent`);
}

let directory = '';
beforeAll(async () => (directory = await mkdtemp(join(tmpdir(), 'aggregate-'))));
afterAll(() => rm(directory, { recursive: true }));

describe('aggregate', () => {
  test.skipIf(oracleFiles.length === 0).each(oracleFiles)(
    'the trades of %s give every published candle and ticker',
    async (name) => {
      const summary = await aggregateTrades(new URL(name, ORACLES).pathname);
      const { checked, equal, different } = summary.agreement!;
      expect(different).toEqual([]);
      expect(equal).toBe(checked);
      const rowCount = Object.values(summary.candles).reduce((count, { rows }) => count + rows.length, 0);
      expect(checked).toBe(rowCount);
      expect(checked).toBeGreaterThan(90);
      expect(summary.ticker_agreement?.different ?? []).toEqual([]);
      expect(summary.ticker_agreement?.checked ?? 0).toBe(summary.ticker_24h.length);
    },
  );

  test('a file gives the candles and tickers worked out by hand, gzipped or not', async () => {
    const expected = JSON.parse(await readFile(FIXTURE, 'utf8')) as Record<string, unknown>;
    const gzipped = join(directory, 'trades.json.gz');
    await writeFile(gzipped, gzipSync(JSON.stringify(expected)));
    const progress: [number, number][] = [];
    const summary = await aggregateTrades(gzipped, (done, total) => progress.push([done, total]));
    expect(summary).toMatchObject({
      exchange: 'example',
      symbol: 'AB',
      from_ms: 1_708_905_600_000,
      to_ms: 1_708_905_900_000,
      trades: 3,
      candles: expected['candles'],
      ticker_24h: expected['ticker_24h'],
      agreement: { checked: 6, equal: 6, different: [] },
      ticker_agreement: { checked: 2, equal: 2, different: [] },
    });
    expect(progress).toEqual([[3, 3]]);
    expect(await aggregateTrades(FIXTURE.pathname)).toEqual(summary);
  });

  test('a published value that is not what the trades give is listed with both values', () => {
    const file = parseTradesFile({
      from_ms: 0,
      to_ms: 120_000,
      trades: [{ t_ms: '1', price: '5', qty: '2', side: 'buy' }],
      candles: {
        '1m': {
          rows: [
            { start_ms: 0, open: '5.0', high: '6', volume: 2, trades: '1', empty: false },
            { start_ms: 60_000, close: '5', trades: 0 },
            { start_ms: 600_000, close: '5' },
          ],
        },
      },
      ticker_24h: [{ at_ms: 60_000 }],
    });
    const summary = aggregate(file);
    expect(summary.agreement).toEqual({
      checked: 3,
      equal: 0,
      different: [
        { of: '1m', at_ms: 0, field: 'high', published: '6', computed: '5' },
        { of: '1m', at_ms: 60_000, field: 'trades', published: 0 },
        { of: '1m', at_ms: 600_000, field: 'close', published: '5' },
      ],
    });
    // Only the time of the ticker was given, so there is one but nothing to compare it with.
    expect(summary.ticker_24h).toMatchObject([{ at_ms: 60_000, last: '5', trades: 1 }]);
    expect(summary.ticker_agreement).toBeUndefined();
  });

  test('trades alone give every interval from a minute on, up to the last trade, and no agreement', () => {
    const summary = aggregate(
      parseTradesFile({
        trades: [
          { t_ms: '90000', price: '7', qty: '1', side: 'sell' },
          { t_ms: '30000', price: '5', qty: '1', side: 'buy' },
        ],
      }),
    );
    expect(Object.keys(summary.candles)).toHaveLength(13);
    expect(summary.candles['1m']?.rows).toMatchObject([
      { start_ms: 0, close: '5' },
      { start_ms: 60_000, close: '7' },
    ]);
    expect(summary.candles['1M']?.rows).toMatchObject([{ start_ms: 0, open: '5', close: '7', trades: 2 }]);
    expect(summary.ticker_24h).toEqual([]);
    expect(summary.agreement).toBeUndefined();
  });

  test('a day without trades still gives each of its empty seconds', () => {
    const summary = aggregate(
      parseTradesFile({
        from_ms: 0,
        to_ms: 86_400_000,
        trades: [{ t_ms: '0', price: '5', qty: '1', side: 'buy' }],
        candles: { '1s': {} },
      }),
    );
    expect(summary.candles['1s']?.rows.length).toBe(86_400);
  });

  test('tickers that the file does not name come every 15 minutes from the first whole window on', () => {
    const trade = { price: '5', qty: '1', side: 'buy' };
    const summary = aggregate(
      parseTradesFile({
        from_ms: 0,
        to_ms: 87_300_000,
        trades: [
          { ...trade, t_ms: '1' },
          { ...trade, t_ms: '86500000' },
        ],
      }),
    );
    expect(summary.ticker_24h).toMatchObject([
      { at_ms: 86_400_000, trades: 1 },
      { at_ms: 87_300_000, trades: 1 },
    ]);
  });

  test('a file that is missing, no JSON or malformed is refused with what is wrong in it', async () => {
    await expect(aggregateTrades(join(directory, 'absent'))).rejects.toMatchObject({
      code: 'RECORDING_INVALID',
    });
    await writeFile(join(directory, 'torn'), '{"trades": [');
    await expect(aggregateTrades(join(directory, 'torn'))).rejects.toMatchObject({
      code: 'RECORDING_INVALID',
    });
    const refusalOf = (trade: object) => () =>
      aggregate(parseTradesFile({ trades: [{ t_ms: '1', price: '5', qty: '2', side: 'buy', ...trade }] }));
    expect(refusalOf({ side: 'none' })).toThrow(/trades\.0\.side/);
    expect(refusalOf({ price: '-5' })).toThrow(/trade 0.*"-5"/);
    expect(refusalOf({ qty: 'two' })).toThrow(/trade 0/);
    expect(refusalOf({ t_ms: 'now' })).toThrow(/trade 0/);
    expect(() => parseTradesFile({ trades: [], candles: { '2m': {} } })).toThrow(/candles/);
  });
});
