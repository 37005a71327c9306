import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairQueue } from '../../src/base/fair-queue.ts';

describe('a fair queue', () => {
  it('keeps the order within a key, and lets no key wait for more than one item of each other', () => {
    const keys = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 60 });
    fc.assert(
      fc.property(keys, (pushed) => {
        const queue = new FairQueue<{ key: string; number: number }>();
        pushed.forEach((key, number) => queue.push(key, { key, number }));
        const taken: { key: string; number: number }[] = [];
        while (queue.count > 0) {
          const next = queue.peek();
          expect(queue.shift()).toBe(next);
          taken.push(next!);
        }
        expect(queue.shift()).toBeUndefined();
        for (const key of new Set(pushed)) {
          const numbers = taken.filter((item) => item.key === key).map(({ number }) => number);
          expect(numbers).toEqual(pushed.flatMap((each, number) => (each === key ? [number] : [])));
        }
        // Round after round: while a key has items left, none is taken twice before it.
        taken.forEach(({ key }, index) => {
          const previous = taken.slice(0, index).findLastIndex((item) => item.key === key);
          const between = taken.slice(previous + 1, index).map((item) => item.key);
          expect(new Set(between).size).toBe(between.length);
        });
      }),
      { seed: 11, numRuns: 300 },
    );
  });

  it('lets those leave that fit, and no other', () => {
    const queue = new FairQueue<number>();
    for (let number = 0; number < 20; number++) queue.push(String(number % 3), number);
    expect(queue.removeWhere((number) => number % 2 === 0).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 10 }, (_, index) => 2 * index),
    );
    expect(queue.count).toBe(10);
    const left = Array.from({ length: 10 }, () => queue.shift());
    expect(left.every((number) => number !== undefined && number % 2 === 1)).toBe(true);
    expect(queue.peek()).toBeUndefined();
  });
});
