/** When rows leave for the tables. What the tables then hold: `market-tables-suite.ts`. */
import { expect, test } from 'vitest';
import type { TradeRow } from '../../src/actors/ports.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import type { Database, Statement } from '../../src/persistence/database.ts';
import type { InstrumentIds } from '../../src/persistence/instrument-ids.ts';
import { PostgresMarketTables } from '../../src/persistence/market-tables.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { contextOf } from '../support/writer-context.ts';

const GROUP_ROWS = 5_000;

function createTables() {
  const time = new FakeClock();
  const groups: number[] = [];
  const database = {
    schema: 'test',
    query: ({ name = '', values = [] }: Statement) => {
      if (name.endsWith('insert-trades')) groups.push((values[2] as unknown[]).length);
      return Promise.resolve({ rows: [], rowCount: 0 });
    },
  } as unknown as Database;
  const ids = { assign: () => Promise.resolve(1) } as unknown as InstrumentIds;
  const context = { ...contextOf(new RecordingLog()), clock: time, timers: time };
  const tables = new PostgresMarketTables({ database, ids, context });
  let tradeCount = 0;
  const write = async (count: number): Promise<void> => {
    void tables.write({ trades: Array.from({ length: count }, () => tradeOf(++tradeCount)), candles: [] });
    await settle();
  };
  return { tables, time, groups, write };
}

function tradeOf(number: number): TradeRow {
  return {
    instrument: 'tables:A-USD' as InstrumentKey,
    tradeId: String(number),
    eventTimeMs: 0,
    receiveTimeMs: 0,
    price: '1',
    quantity: '1',
    takerSide: 'sell',
    isHistory: false,
  };
}

test('rows after a pause leave at once, and what follows soon goes together', async () => {
  const { time, groups, write } = createTables();
  await write(1);
  expect(groups).toEqual([1]);
  await write(2);
  await write(3);
  expect(groups).toEqual([1]);
  await time.advance(100);
  expect(groups).toEqual([1, 5]);
  await time.advance(100);
  await write(1);
  expect(groups).toEqual([1, 5, 1]);
});

test('as many rows as one statement takes do not wait', async () => {
  const { groups, write } = createTables();
  await write(1);
  await write(2);
  await write(GROUP_ROWS);
  expect(groups.reduce((sum, count) => sum + count, 0)).toBe(GROUP_ROWS + 3);
});

test('closing writes what waits without waiting for its time', async () => {
  const { tables, time, groups, write } = createTables();
  await write(1);
  await write(2);
  await tables.close();
  expect(groups).toEqual([1, 2]);
  expect(time.pendingTimerCount).toBe(0);
});
