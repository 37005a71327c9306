/** The window by itself, against a Map from key to quantity. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LevelList } from '../../src/market/level-sink.ts';
import { KNOWN, NearWindow, OUTSIDE, UNKNOWN } from '../../src/market/near-window.ts';

const FAR = 3_000;

const action = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      from: fc.integer({ min: -1_100, max: 400 }),
      count: fc.integer({ min: 1, max: 60 }),
      quantity: fc.nat({ max: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('move' as const), by: fc.nat({ max: FAR }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('place anew' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), share: fc.nat({ max: 4 }) }) },
);

test('levels are set, removed, read in any order, moved and dropped like those of a Map', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 10, 250),
      fc.array(action, { minLength: 5, maxLength: 40 }),
      fc.array(fc.nat({ max: 2_000 }), { minLength: 1, maxLength: 6 }),
      (step, actions, places) => {
        const window = new NearWindow(step);
        let best = 5_000 * step;
        window.moveTo(best, () => undefined);
        const plain = new Map<number, number>();
        const sorted = (): [number, number][] => [...plain].sort(([a], [b]) => b - a);
        const leave = (left: [number, number][]) => {
          const wanted = sorted().slice(-left.length);
          expect(left.toReversed()).toEqual(left.length === 0 ? [] : wanted);
          for (const [key] of left) plain.delete(key);
        };
        for (const next of actions) {
          const left: [number, number][] = [];
          const onLeft = (key: number, quantity: number): void => void left.push([key, quantity]);
          switch (next.kind) {
            case 'set':
              for (let index = 0; index < next.count; index++) {
                const key = best + (next.from + index) * step;
                const outcome = window.set(key, next.quantity);
                const isInside = key >= window.base && key < window.base + 1_024 * step;
                const wanted = next.quantity > 0 || plain.has(key) ? KNOWN : UNKNOWN;
                expect(outcome).toBe(isInside ? wanted : OUTSIDE);
                if (!isInside) continue;
                if (next.quantity > 0) plain.set(key, next.quantity);
                else plain.delete(key);
                if (step > 1) expect(window.set(key + 1, 5)).toBe(OUTSIDE);
              }
              break;
            case 'move':
              // For a level that is better than all it has.
              best = Math.max(best, ...plain.keys()) + next.by * step;
              expect(window.canMoveTo(best)).toBe(true);
              expect(window.canMoveTo(best + 1)).toBe(step === 1 || plain.size === 0);
              window.moveTo(best, onLeft);
              break;
            case 'place anew':
              if (plain.size > 0) best = window.bestKey;
              window.moveTo(best, onLeft);
              break;
            case 'drop':
              window.dropWorst(Math.floor((plain.size * next.share) / 4), onLeft);
              expect(left.length).toBe(Math.floor((plain.size * next.share) / 4));
              break;
          }
          leave(left);
          const levels = sorted();
          expect(window.count).toBe(levels.length);
          if (levels.length === 0) continue;
          expect(window.bestKey).toBe(levels[0]![0]);
          for (const place of places) {
            const at = place % levels.length;
            expect([window.key(at), window.quantity(at)]).toEqual(levels[at]);
          }
          const list = new LevelList(-1, 9);
          expect(window.tell(list)).toBe(levels.length < 9);
          expect(list.levels).toEqual(levels.slice(0, 9).flatMap(([key, quantity]) => [-key, quantity]));
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('it is not placed where its lowest slot would have no exact key', () => {
  const window = new NearWindow(1_000);
  expect(window.canMoveTo(-Number.MAX_SAFE_INTEGER + 768_000)).toBe(true);
  expect(window.canMoveTo(-Number.MAX_SAFE_INTEGER + 767_999)).toBe(false);
});
