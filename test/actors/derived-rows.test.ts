import { expect, it } from 'vitest';
import { DerivedRows, ROWS_UNWRITTEN_MAX } from '../../src/actors/derived-rows.ts';
import type { MarketTables } from '../../src/actors/ports.ts';
import { settle } from '../support/fake-clock.ts';
import { trade } from '../support/market-events.ts';
import { createGate } from './kernel/support.ts';
import { instrumentOf } from './support.ts';

/** Rows whose writes end as the test says; `settled` tells whether a promise has. */
function createRows() {
  const written: string[] = [];
  const writes: Promise<void>[] = [];
  let isFull = false;
  const tables: MarketTables = {
    get isFull() {
      return isFull;
    },
    write: ({ trades }) => {
      written.push(...trades.map(({ tradeId }) => tradeId));
      return writes.shift() ?? Promise.resolve();
    },
    readCandles: () => Promise.resolve([]),
    readTrades: () => Promise.resolve([]),
  };
  const rows = new DerivedRows(instrumentOf('BTC-USDT').instrument, tables);
  const add = (count: number): void => {
    for (let index = 0; index < count; index++) rows.addTrade(trade({ tradeId: String(index) }));
  };
  const setFull = (): void => {
    isFull = true;
  };
  return { rows, add, written, writes, setFull };
}

async function isSettled(promise: Promise<void>): Promise<boolean> {
  let isDone = false;
  void promise.finally(() => {
    isDone = true;
  });
  await settle();
  return isDone;
}

it('waits for the tables only when too many rows are on their way', async () => {
  const { rows, add, writes } = createRows();
  const gate = createGate();
  writes.push(gate.passed, gate.passed);
  add(ROWS_UNWRITTEN_MAX);
  expect(await isSettled(rows.writeWithBackpressure())).toBe(true);
  add(1);
  const second = rows.writeWithBackpressure();
  expect(await isSettled(second)).toBe(false);
  gate.open();
  expect(await isSettled(second)).toBe(true);
});

it('fails its life when rows could not be written, and leaves the next life alone', async () => {
  const { rows, add, writes, written } = createRows();
  writes.push(Promise.reject(new Error('disk full')));
  add(1);
  await expect(rows.write()).rejects.toThrow('disk full');

  let failLate: (error: Error) => void = () => undefined;
  writes.push(new Promise((_resolve, reject) => (failLate = reject)));
  rows.forget();
  add(1);
  await rows.writeWithBackpressure();
  rows.forget();
  failLate(new Error('too late to matter'));
  add(1);
  await rows.write();
  expect(written).toEqual(['0', '0', '0']);
});

it('does not say that rows are written which were forgotten while they were on their way', async () => {
  const { rows, add, writes } = createRows();
  let failLate: (error: Error) => void = () => undefined;
  writes.push(new Promise((_resolve, reject) => (failLate = reject)));
  add(1);
  const written = rows.write();
  rows.forget();
  failLate(new Error('too late to matter'));
  await expect(written).rejects.toThrow('a new life began');
});

it('waits for the tables when they hold too many rows of others already', async () => {
  const { rows, add, writes, setFull } = createRows();
  const gate = createGate();
  writes.push(gate.passed, Promise.resolve());
  add(1);
  await rows.writeWithBackpressure();
  setFull();
  add(1);
  const second = rows.writeWithBackpressure();
  expect(await isSettled(second)).toBe(false);
  gate.open();
  expect(await isSettled(second)).toBe(true);
});

it('holds rows of what was replayed back until they are released, are many, or a checkpoint wants them', async () => {
  const { rows, add, written } = createRows();
  add(1);
  rows.holdBack();
  await rows.writeWithBackpressure();
  expect(written).toHaveLength(0);
  rows.release();
  expect(written).toHaveLength(1);
  // Nothing was replayed.
  rows.holdBack();
  add(1);
  await rows.writeWithBackpressure();
  expect(written).toHaveLength(2);
  add(1);
  rows.holdBack();
  await rows.write();
  expect(written).toHaveLength(3);
  add(ROWS_UNWRITTEN_MAX + 1);
  rows.holdBack();
  await rows.writeWithBackpressure();
  expect(written).toHaveLength(ROWS_UNWRITTEN_MAX + 4);
});
