import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Publication } from '../../src/actors/ports.ts';
import { ClosedCandleQueue } from '../../src/publishing/closed-candle-queue.ts';

const closed = (key: string, seq: number): Publication => ({
  key,
  epoch: 1,
  seq,
  value: `{"epoch":1,"seq":${seq},"status":"live","reason":""}`,
  kind: 'closedCandle',
});

/** Lists of a round, so many candles of them; of those groups whose bit is set the candles leave. */
const operation = fc.oneof(
  fc.record({ type: fc.constant('add' as const), list: fc.nat(4) }),
  fc.record({
    type: fc.constant('round' as const),
    countMax: fc.integer({ min: 1, max: 8 }),
    taken: fc.nat(31),
  }),
);

test('closed candles wait in the order they came in, the oldest give way, and those of a list go together', () => {
  fc.assert(
    fc.property(
      fc.array(operation, { maxLength: 200, size: 'max' }),
      fc.integer({ min: 1, max: 12 }),
      (operations, max) => {
        const queue = new ClosedCandleQueue(max);
        let expected: { key: string; seq: number }[] = [];
        let seq = 0;
        for (const each of operations) {
          if (each.type === 'add') {
            const key = `k${each.list}`;
            const isFull = expected.length === max;
            expect(queue.add(closed(key, ++seq), 5)).toBe(isFull);
            expected.push({ key: `${key}:closed`, seq });
            if (isFull) expected.shift();
          } else {
            const groups = queue.first(each.countMax);
            const oldest = expected.slice(0, each.countMax);
            const keys = [...new Set(oldest.map(({ key }) => key))];
            const told = groups.map((group) => group.map((candle) => ({ key: candle.key, seq: candle.seq })));
            expect(told).toEqual(keys.map((key) => oldest.filter((candle) => candle.key === key)));
            groups.forEach((group, index) => {
              if ((each.taken & (1 << index)) === 0) return;
              queue.remove(group);
              const gone = new Set(group.map((candle) => candle.seq));
              expected = expected.filter((candle) => !gone.has(candle.seq));
            });
          }
          expect(queue.count).toBe(expected.length);
          if (queue.count === 0) expect(queue.heldCount).toBe(0);
        }
      },
    ),
    { seed: 20, numRuns: 300 },
  );
});

test('candles that gave way while they were being sent are not counted twice', () => {
  const queue = new ClosedCandleQueue(2);
  queue.add(closed('a', 1), 5);
  queue.add(closed('a', 2), 5);
  const [group] = queue.first(2);
  queue.add(closed('b', 3), 5);
  queue.remove(group!);
  expect(queue.count).toBe(1);
  expect(
    queue
      .first(10)
      .flat()
      .map(({ seq }) => seq),
  ).toEqual([3]);
});

test('a list that is never taken keeps its place, and the others behind it leave no trace', () => {
  const queue = new ClosedCandleQueue(10);
  queue.add(closed('stuck', 1), 5);
  for (let seq = 2; seq < 5_000; seq++) {
    queue.add(closed('other', seq), 5);
    const [stuck, other] = queue.first(10);
    expect(stuck).toHaveLength(1);
    queue.remove(other!);
  }
  expect(queue.count).toBe(1);
  expect(queue.heldCount).toBeLessThan(2_000);
});
