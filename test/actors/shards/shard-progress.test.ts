import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ShardProgress } from '../../../src/actors/shards/shard-progress.ts';
import type { InstrumentKey } from '../../../src/market/symbols.ts';

const instruments = ['a', 'b', 'c'] as InstrumentKey[];

/** Each offset is of one instrument, or of nobody. */
const log = fc.array(fc.option(fc.constantFrom(...instruments), { nil: undefined }), { maxLength: 40 });

it('never says a place behind which an unsaved record lies, and says the very first where nothing is read twice', () => {
  const step = fc.record({
    kind: fc.constantFrom('read', 'read', 'read', 'again', 'save'),
    instrument: fc.constantFrom(...instruments),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(log, fc.array(step, { maxLength: 80 }), (owners, steps) => {
      const progress = new ShardProgress(0);
      const savedTo = new Map<InstrumentKey, number>();
      let head = 0;
      let readTo = 0;
      for (const { kind, instrument, share } of steps) {
        if (kind === 'read' && head < owners.length) {
          const owner = owners[head];
          if (owner !== undefined) progress.noteRead(owner, head, 0);
          progress.noteReadTo(++head);
          readTo = Math.max(readTo, head);
        } else if (kind === 'again') head = Math.floor(share * head);
        else if (kind === 'save') {
          const place = Math.floor(share * (readTo + 1));
          progress.noteSaved(instrument, place, 0);
          savedTo.set(instrument, Math.max(place, savedTo.get(instrument) ?? 0));
        }
        const unsaved = owners.findIndex(
          (owner, offset) => owner !== undefined && offset < readTo && offset >= (savedTo.get(owner) ?? 0),
        );
        const firstNeeded = unsaved < 0 ? readTo : unsaved;
        expect(progress.neededFrom).toBeLessThanOrEqual(firstNeeded);
        expect(progress.readTo).toBe(readTo);
        // A place that was saved between two records of an instrument is needed from there: only so much is read in vain.
        const owner = owners[firstNeeded];
        if (unsaved >= 0)
          expect(progress.neededFrom).toBeGreaterThanOrEqual(Math.min(firstNeeded, savedTo.get(owner!) ?? 0));
      }
    }),
    { numRuns: 2_000, seed: 20261128 },
  );
});

it('says since when the instrument that was not saved for longest has waited, however often others are saved', () => {
  const [parked, busy] = ['a', 'b'] as InstrumentKey[];
  const progress = new ShardProgress(0);
  expect(progress.unsavedSinceMs).toBeUndefined();
  progress.noteRead(busy!, 0, 100);
  progress.noteRead(parked!, 1, 200);
  expect(progress.unsavedSinceMs).toBe(100);
  progress.noteRead(busy!, 2, 300);
  progress.noteRead(parked!, 3, 300);
  progress.noteSaved(busy!, 3, 400);
  expect(progress.unsavedSinceMs).toBe(200);
  progress.noteSaved(parked!, 4, 500);
  expect(progress.unsavedSinceMs).toBeUndefined();
});

it('needs nothing of an instrument that nobody wants any more', () => {
  const progress = new ShardProgress(5);
  progress.noteRead('a' as InstrumentKey, 5, 0);
  progress.noteReadTo(9);
  expect(progress.neededFrom).toBe(5);
  expect(progress.unsavedLongerThan(10, 11)).toEqual(['a']);
  expect(progress.unsavedLongerThan(10, 10)).toEqual([]);
  progress.forget('a' as InstrumentKey);
  expect(progress.neededFrom).toBe(9);
});

it('holds the place of an instrument that fell back until that is saved again, or the log has lost it', () => {
  const [a, b] = instruments as [InstrumentKey, InstrumentKey];
  const fallen = (): ShardProgress => {
    const progress = new ShardProgress(0);
    for (const [offset, owner] of [a, a, b, a].entries()) progress.noteRead(owner, offset, 0);
    progress.noteSaved(a, 4, 0);
    progress.noteSaved(b, 3, 0);
    expect(progress.neededFrom).toBe(4);
    progress.noteFellBack(a, 1, 0);
    expect(progress.neededFrom).toBe(1);
    progress.noteRead(a, 1, 0);
    progress.noteRead(a, 3, 0);
    return progress;
  };
  const saved = fallen();
  saved.noteSaved(a, 2, 0);
  expect(saved.neededFrom).toBe(2);
  saved.noteSaved(a, 4, 0);
  expect(saved.neededFrom).toBe(4);

  const lost = fallen();
  lost.noteLostBefore(3);
  expect(lost.neededFrom).toBe(3);
  lost.noteLostBefore(4);
  expect(lost.neededFrom).toBe(4);
});
