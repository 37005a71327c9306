import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { feedBudget } from './support.ts';

const NO_LOAD = {
  inboxFrames: 0,
  inboxBytes: 0,
  pendingEventsMax: 0,
  pendingBytesMax: 0,
  heldDeltaBytes: 0,
  isPaused: false,
};

describe('the budget of a node', () => {
  it('stops the connections that hold more than their fair share, and lets the others go on', () => {
    const budget = feedBudget({ maxPendingNodeBytes: 1_000 });
    const [greedy, modest] = [budget.join(() => NO_LOAD), budget.join(() => NO_LOAD)];
    greedy.hold(400);
    modest.hold(90);
    expect([greedy.mustPause, modest.mustPause]).toEqual([false, false]);
    greedy.hold(420);
    expect([greedy.mustPause, modest.mustPause]).toEqual([true, false]);
    // It reads again only well below.
    greedy.hold(390);
    expect([greedy.mustPause, greedy.mayResume]).toEqual([false, false]);
    greedy.hold(100);
    expect(greedy.mayResume).toBe(true);
    modest.leave();
    expect(budget.bytes).toBe(100);
  });

  it('is never passed, whatever connections read as long as they may', () => {
    const frames = fc.array(
      fc.record({ share: fc.nat({ max: 4 }), bytes: fc.integer({ min: -60, max: 40 }) }),
      {
        maxLength: 400,
      },
    );
    fc.assert(
      fc.property(frames, (steps) => {
        const budget = feedBudget({ maxPendingNodeBytes: 1_000 });
        const shares = Array.from({ length: 5 }, () => ({
          share: budget.join(() => NO_LOAD),
          bytes: 0,
          isPaused: false,
        }));
        for (const { share: index, bytes } of steps) {
          const one = shares[index]!;
          if (bytes > 0 && one.isPaused) continue;
          one.bytes = Math.max(0, one.bytes + bytes);
          one.share.hold(one.bytes);
          if (one.share.mustPause) one.isPaused = true;
          else if (one.share.mayResume) one.isPaused = false;
          expect(budget.bytes).toBe(shares.reduce((sum, each) => sum + each.bytes, 0));
          expect(budget.bytes).toBeLessThanOrEqual(1_000);
        }
      }),
      { seed: 11, numRuns: 500 },
    );
  });
});
