import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MinutePacker, unpackMinuteAt } from '../../src/market/packed-minutes.ts';
import { packedMinutes } from '../support/arbitrary-minutes.ts';

const RUNS = { seed: 20_261_203, numRuns: 300 };

test('minutes that are taken over packed are those that were packed alone', () => {
  fc.assert(
    fc.property(packedMinutes, fc.nat(), fc.nat(), (minutes, one, other) => {
      const count = minutes.startsMs.length;
      const [from = 0, to = 0] = [one % (count + 1), other % (count + 1)].sort((a, b) => a - b);
      const taken = new MinutePacker();
      taken.addPacked(minutes, from, to);
      const alone = new MinutePacker();
      for (let index = from; index < to; index++) alone.add(unpackMinuteAt(minutes, index));
      expect(taken.pack()).toStrictEqual(alone.pack());
    }),
    RUNS,
  );
});

test('minutes that are packed anew, some of them taken over, are the same', () => {
  fc.assert(
    fc.property(packedMinutes, fc.array(fc.boolean(), { minLength: 4 }), (minutes, isOpened) => {
      const packer = new MinutePacker();
      for (let index = 0; index < minutes.startsMs.length; index++) {
        if (isOpened[index] === true) packer.add(unpackMinuteAt(minutes, index));
        else packer.addPacked(minutes, index, index + 1);
      }
      expect(packer.pack()).toStrictEqual(minutes);
    }),
    RUNS,
  );
});
