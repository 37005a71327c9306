import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_ID_RUNS, MAX_OTHER_IDS, TradeIdentities } from '../../src/market/trade-identities.ts';

const RUNS = { seed: 20_261_120, numRuns: 300 };
const anyId = fc.oneof(
  fc.nat({ max: 60 }).map(String),
  fc.nat({ max: 60 }).map((offset) => String(2n ** 53n - 30n + BigInt(offset))),
  fc.nat({ max: 20 }).map((offset) => String(1_152_921_504_606_846_976n + BigInt(offset))),
  fc.constantFrom('', '007', '7', 'a', '5c80d4f2-1', '-1', '1.0', '1e3', '9'.repeat(39), '9'.repeat(40)),
);

describe('trade identities', () => {
  test('an id is known exactly when it was added, in any order and across a snapshot', () => {
    fc.assert(
      fc.property(fc.array(anyId, { maxLength: 150 }), fc.array(anyId), fc.nat(), (added, asked, cut) => {
        let identities = new TradeIdentities();
        const oracle = new Set<string>();
        for (const [index, id] of added.entries()) {
          if (index === cut % (added.length + 1)) identities = TradeIdentities.restore(identities.snapshot());
          expect(identities.has(id)).toBe(oracle.has(id));
          expect(identities.add(id)).toBe(!oracle.has(id));
          oracle.add(id);
        }
        for (const id of [...asked, ...added]) expect(identities.has(id)).toBe(oracle.has(id));
      }),
      RUNS,
    );
  });

  test('integer ids are held the same whatever order they came in', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: 200 })), (ids) => {
        const snapshotOf = (order: readonly number[]) => {
          const identities = new TradeIdentities();
          for (const id of order) identities.add(String(id));
          return identities.snapshot();
        };
        expect(snapshotOf(ids)).toEqual(snapshotOf([...ids].sort((a, b) => a - b)));
      }),
      RUNS,
    );
  });

  test('an exchange that counts by one needs a single run, also past 2^53', () => {
    const identities = new TradeIdentities();
    const first = 2n ** 53n - 500n;
    for (let offset = 0n; offset < 1_000n; offset++) identities.add(String(first + offset));
    expect(identities.snapshot()).toEqual({
      runStarts: [Number(first)],
      runEnds: [first + 999n],
      others: [],
    });
  });

  test('beyond the limit of runs the lowest ids are forgotten and all others stay', () => {
    const identities = new TradeIdentities();
    for (let index = 0; index <= MAX_ID_RUNS; index++) identities.add(String(index * 2));
    expect(identities.snapshot().runStarts).toHaveLength(MAX_ID_RUNS);
    expect(identities.has('0')).toBe(false);
    expect(identities.has('2')).toBe(true);
    expect(identities.has(String(MAX_ID_RUNS * 2))).toBe(true);
  });

  test('beyond the limit of other ids the one added first is forgotten', () => {
    let identities = new TradeIdentities();
    for (let index = 0; index < MAX_OTHER_IDS; index++) identities.add(`id-${index}`);
    identities = TradeIdentities.restore(identities.snapshot());
    expect(identities.add('id-0')).toBe(false);
    expect(identities.add('one more')).toBe(true);
    expect(identities.has('id-0')).toBe(false);
    expect(identities.has('id-1')).toBe(true);
    expect(identities.snapshot().others).toHaveLength(MAX_OTHER_IDS);
  });
});
