/** Each check finds the fault that it is there for, and nothing in a history without it. */
import { describe, expect, test } from 'vitest';
import { checkHeldBooks } from './checks/held-books.ts';
import { checkDurableFirst, checkLiveBooks, checkPublishOrder } from './checks/publications.ts';
import { checkSureBooks } from './checks/sure-books.ts';
import type { LoggedBatch } from './checks/sure-books.ts';
import { checkWriters } from './checks/writers.ts';
import { checkTrades } from './checks/trades.ts';
import type { AppendRecord, PublishedRecord } from './history.ts';
import type { Violation } from './checks/violation.ts';

const append = (batchNumber: number, epoch: number, shardEpoch = epoch): AppendRecord => ({
  order: batchNumber,
  timeMs: batchNumber,
  instrument: 'x:A-B',
  batchNumber,
  epoch,
  shardEpoch,
  schemaId: '',
  entry: new Uint8Array(),
});
const published = (order: number, epoch: number, seq: number, life = 0): PublishedRecord => ({
  order,
  timeMs: order,
  key: 'orderbook:x:A-B:1',
  epoch,
  seq,
  life,
  text: '{"status":"live","bids":[["1","2"]],"asks":[["3","4"]]}',
});
const rulesOf = (violations: readonly Violation[]): string[] => violations.map(({ rule }) => rule);

describe('writers', () => {
  const check = (appends: AppendRecord[]): string[] =>
    rulesOf(checkWriters({ claims: [], appends, snapshots: [] }));

  test('one after the other break no rule', () => {
    expect(check([append(1, 1), append(2, 1), append(3, 2)])).toEqual([]);
  });
  test('of an old epoch are found', () => {
    expect(check([append(1, 1), append(2, 1, 2)])).toEqual(['only the newest epoch writes']);
    expect(check([append(1, 2), append(2, 1, 1)])).toEqual(['no older epoch follows a newer one']);
  });
  test('that leave a hole are found', () => {
    expect(check([append(1, 1), append(3, 1)])).toEqual(['batches have no holes']);
  });
  test('that claim without a larger epoch are found', () => {
    const claim = { order: 1, timeMs: 1, shard: 0, epoch: 1, owner: 'a' };
    expect(rulesOf(checkWriters({ claims: [claim, claim], appends: [], snapshots: [] }))).toEqual([
      'a claim gets a larger epoch',
    ]);
  });
});

describe('publications', () => {
  test('that fall behind what their key had are found, unless Redis was emptied between', () => {
    expect(checkPublishOrder([published(1, 1, 5), published(2, 2, 3), published(3, 2, 3)])).toEqual([]);
    expect(rulesOf(checkPublishOrder([published(1, 1, 5), published(2, 1, 4)]))).toHaveLength(1);
    expect(rulesOf(checkPublishOrder([published(1, 2, 1), published(2, 1, 9)]))).toHaveLength(1);
    expect(checkPublishOrder([published(1, 2, 1), published(2, 1, 9, 1)])).toEqual([]);
  });
  test('beyond what was durable at their moment are found', () => {
    const positions = new Map([['x:A-B', [{ order: 1, position: 5 }, { order: 4, position: 9 }]]]); // prettier-ignore
    expect(checkDurableFirst([published(2, 1, 5), published(5, 1, 9)], positions)).toEqual([]);
    expect(checkDurableFirst([published(3, 1, 9)], positions)).toHaveLength(1);
  });
  test('that Redis went back behind are found where it holds a live book', () => {
    const key = 'orderbook:x:A-B:1';
    const record = { ...published(1, 1, 5), text: '{"epoch":1,"seq":5,"publishTimeMs":7,"status":"live"}' };
    const check = (text: string): string[] => rulesOf(checkHeldBooks(new Map([[key, text]]), [record]));
    expect(check(record.text)).toEqual([]);
    expect(check('{"epoch":1,"seq":5,"publishTimeMs":6,"status":"live"}')).toEqual([]);
    expect(check('{"epoch":1,"seq":4,"publishTimeMs":6,"status":"stale"}')).toEqual([]);
    expect(check('{"epoch":1,"seq":4,"publishTimeMs":6,"status":"live"}')).toHaveLength(1);
  });
  test('of a live book that never was are found', () => {
    expect(checkLiveBooks([published(1, 1, 1)], () => true)).toEqual([]);
    expect(checkLiveBooks([published(1, 1, 1)], () => false)).toHaveLength(1);
  });
  test('of a live book that its epoch has no snapshot of, or that its feed took back, are found', () => {
    const times = { eventTimeMs: 1, receiveTimeMs: 1 };
    const levels = {
      scales: { price: 0, quantity: 0 },
      bids: [],
      asks: [],
      sequence: 1,
      checksum: undefined,
    };
    const snapshot: LoggedBatch['events'] = [{ type: 'BookSnapshot', depth: undefined, ...levels, ...times }];
    const heartbeat: LoggedBatch['events'] = [{ type: 'Heartbeat', ...times }];
    const lost: LoggedBatch['events'] = [
      { type: 'FeedStatus', status: 'disconnected', reason: 'reset', ...times },
    ];
    const log: LoggedBatch[] = [
      { epoch: 1, position: 1, events: snapshot },
      { epoch: 1, position: 2, events: heartbeat },
      { epoch: 1, position: 3, events: lost },
      { epoch: 1, position: 4, events: snapshot },
      { epoch: 2, position: 5, events: heartbeat },
      { epoch: 2, position: 6, events: [...lost, ...snapshot] },
    ];
    const isFound = (epoch: number, seq: number): boolean =>
      checkSureBooks([published(1, epoch, seq)], new Map([['x:A-B', log]])).length > 0;
    expect([isFound(1, 1), isFound(1, 2), isFound(1, 4), isFound(2, 6)]).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect([isFound(1, 3), isFound(2, 4), isFound(2, 5)]).toEqual([true, true, true]);
  });
});

describe('trades', () => {
  const symbol = {
    nativeSymbol: 'AB',
    base: 'A',
    quote: 'B',
    priceDecimals: 2,
    quantityDecimals: 1,
    tickUnits: 1,
    startPriceUnits: 100,
    levelQuantityUnits: 10,
  };
  const made = (tradeId: number) => ({
    tradeId,
    timeMs: tradeId,
    priceUnits: 150,
    quantityUnits: 20,
    takerSide: 'buy' as const,
  });
  const folded = (tradeId: number) => ({
    type: 'Trade' as const,
    eventTimeMs: tradeId,
    receiveTimeMs: tradeId,
    scales: { price: 1, quantity: 0 },
    price: 15,
    quantity: 2,
    takerSide: 'buy' as const,
    tradeId: String(tradeId),
    isHistory: false,
  });
  const row = (tradeId: number) => ({
    instrumentId: 1,
    tradeId: String(tradeId),
    eventTimeMs: tradeId,
    receiveTimeMs: tradeId,
    price: '1.5',
    quantity: '2',
    takerSide: 'buy',
    isHistory: false,
  });
  const check = (ids: { made: number[]; folded: number[]; rows: number[]; givenUp?: number[] }): string[] =>
    rulesOf(
      checkTrades({
        instrument: 'x:A-B',
        symbol,
        made: ids.made.map(made),
        folded: ids.folded.map(folded),
        rows: ids.rows.map(row),
        givenUp: new Set(ids.givenUp),
      }),
    );

  test('that were made, counted and stored once break no rule', () => {
    expect(check({ made: [1, 2, 3], folded: [2, 3], rows: [2, 3] })).toEqual([]);
    expect(check({ made: [1, 2, 3], folded: [1, 3], rows: [1, 3], givenUp: [2] })).toEqual([]);
  });
  test('that count twice, were never made, have no row or are missing are found', () => {
    expect(check({ made: [1], folded: [1, 1], rows: [1] })).toEqual(['a trade counts once']);
    expect(check({ made: [1], folded: [1, 2], rows: [1, 2] })).toEqual([
      'a trade that counts was made by the market',
    ]);
    expect(check({ made: [1, 2], folded: [1, 2], rows: [1] })).toEqual(['a trade that counts has a row']);
    expect(check({ made: [1, 2], folded: [1], rows: [1, 2] })).toContain('a row is of a trade that counts');
    expect(check({ made: [1, 2, 3], folded: [1, 3], rows: [1, 3] })).toEqual([
      'no trade is missing from the first live one on',
    ]);
  });
});
