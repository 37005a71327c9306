import fc from 'fast-check';
import { expect, it } from 'vitest';
import { WriteRoom } from '../../src/persistence/write-room.ts';

it('lets in whom it has room for, in the order they came, and never more than it holds', async () => {
  const weights = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(weights, fc.array(fc.nat()), async (all, choices) => {
      const room = new WriteRoom(10);
      const entered: number[] = [];
      const inside: number[] = [];
      const arrive = (weight: number, index: number): void => {
        const note = (): void => {
          entered.push(index);
          inside.push(weight);
        };
        const waiting = room.enter(weight);
        if (waiting === undefined) note();
        else void waiting.then(note);
      };
      for (const [index, weight] of all.entries()) {
        arrive(weight, index);
        if ((choices[index] ?? 0) % 2 === 1 && inside.length > 0) room.leave(inside.shift()!);
        await Promise.resolve();
        expect(room.held <= 10 || inside.length === 1).toBe(true);
      }
      while (inside.length > 0) {
        room.leave(inside.shift()!);
        await Promise.resolve();
        expect(room.held <= 10 || inside.length === 1).toBe(true);
      }
      expect(entered).toEqual([...all.keys()]);
      expect(room.held).toBe(0);
    }),
    { seed: 5, numRuns: 300 },
  );
});
