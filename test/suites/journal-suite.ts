/**
 * What every journal promises; run by a short spec per implementation. After Pekko's persistence TCK (journal and snapshot store),
 * with the fence added.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Journal, JournalRow, ShardClaim } from '../../src/actors/ports.ts';
import { SAVEPOINTS_MAX } from '../../src/actors/ports.ts';
import type { LogEntry } from '../../src/market/events.ts';
import type { InstrumentSnapshot } from '../../src/market/instrument-state.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import type { RecordingLog } from '../support/recording-log.ts';

/** A store under test. Journals opened from it share what is stored, as two processes or two runs would. */
export type JournalStore = {
  openJournal(): Journal;
  readonly log: RecordingLog;
  /** Changes stored bytes behind the journal's back. */
  damage(
    what: 'entry' | 'state',
    instrument: InstrumentKey,
    batchNumber: number,
    kind: Damage,
  ): Promise<void>;
  close(): Promise<void>;
};

export type Damage = 'bit flip' | 'torn' | 'unknown schema' | 'lost';

let instrumentCount = 0;
let shardCount = 100;
const freshInstrument = (): InstrumentKey => `test:${++instrumentCount}-USD` as InstrumentKey;
const freshShard = (): number => ++shardCount;

export function entryOf(ordinal: number, quantity: number | bigint = 7): LogEntry {
  return {
    source: 'suite',
    lastOrdinal: ordinal,
    events: [
      {
        type: 'Trade',
        eventTimeMs: 1_700_000_000_000 + ordinal,
        receiveTimeMs: 1_700_000_000_001 + ordinal,
        scales: { price: 2, quantity: 8 },
        price: 12_345,
        quantity,
        takerSide: 'buy',
        tradeId: String(ordinal),
        isHistory: false,
      },
    ],
  };
}

/** States are opaque to a journal; the suite only tells them apart. */
const stateOf = (position: number, padding = ''): InstrumentSnapshot =>
  ({ position, padding }) as unknown as InstrumentSnapshot;

export async function readAll(
  journal: Journal,
  instrument: InstrumentKey,
  afterBatchNumber = 0,
): Promise<JournalRow[]> {
  const rows: JournalRow[] = [];
  await journal.readBatches(instrument, afterBatchNumber, (row) => {
    rows.push(row);
  });
  return rows;
}

export function describeJournal(name: string, openStore: () => Promise<JournalStore>): void {
  describe(`journal: ${name}`, () => {
    let store: JournalStore;
    let journal: Journal;
    let claim: ShardClaim;

    beforeAll(async () => {
      store = await openStore();
      journal = store.openJournal();
      claim = await journal.claim(freshShard(), 'suite');
    });
    afterAll(() => store.close());

    const appendMany = async (
      instrument: InstrumentKey,
      options: { from: number; to: number },
    ): Promise<void> => {
      const appends: Promise<void>[] = [];
      for (let number = options.from; number <= options.to; number++) {
        appends.push(journal.append(claim, instrument, number, entryOf(number)));
      }
      await Promise.all(appends);
    };
    const numbersOf = async (instrument: InstrumentKey, after = 0): Promise<number[]> =>
      (await readAll(journal, instrument, after)).map(({ batchNumber }) => batchNumber);

    describe('reading', () => {
      it('returns every batch in order, as it was appended', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 3 });
        const rows = await readAll(journal, instrument);
        expect(rows.map(({ entry }) => entry)).toEqual([entryOf(1), entryOf(2), entryOf(3)]);
        expect(rows.map((row) => [row.instrument, row.batchNumber, row.epoch])).toEqual(
          [1, 2, 3].map((number) => [instrument, number, claim.epoch]),
        );
      });

      it('keeps numbers beyond 2^53 exact', async () => {
        const instrument = freshInstrument();
        const entry = entryOf(1, 2n ** 80n + 1n);
        await journal.append(claim, instrument, 1, entry);
        expect((await readAll(journal, instrument))[0]!.entry).toEqual(entry);
      });

      it('starts after the given batch, and past the last one finds nothing', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 5 });
        expect(await numbersOf(instrument, 3)).toEqual([4, 5]);
        expect(await numbersOf(instrument, 5)).toEqual([]);
        expect(await numbersOf(instrument, 9)).toEqual([]);
      });

      it('finds nothing for an instrument that was never written', async () => {
        expect(await numbersOf(freshInstrument())).toEqual([]);
      });

      it('returns more than a page without a gap or a repetition', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 2_345 });
        expect(await numbersOf(instrument)).toEqual(Array.from({ length: 2_345 }, (_, index) => index + 1));
      }, 60_000);

      it('awaits the visitor before it goes on', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 3 });
        let isVisiting = false;
        let overlaps = 0;
        await journal.readBatches(instrument, 0, async () => {
          if (isVisiting) overlaps++;
          isVisiting = true;
          await Promise.resolve();
          isVisiting = false;
        });
        expect(overlaps).toBe(0);
      });

      it('ends with the failure of the visitor', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 3 });
        const failing = journal.readBatches(instrument, 0, () => {
          throw new RangeError('enough');
        });
        await expect(failing).rejects.toThrow('enough');
      });

      it('refuses a journal with a hole', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 3 });
        await store.damage('entry', instrument, 2, 'lost');
        await expect(readAll(journal, instrument)).rejects.toMatchObject({ code: 'JOURNAL_SEQUENCE' });
        expect(await numbersOf(instrument, 2)).toEqual([3]);
      });

      it.each(['bit flip', 'torn', 'unknown schema'] as const)(
        'refuses an entry with %s bytes and names it',
        async (kind) => {
          const instrument = freshInstrument();
          await appendMany(instrument, { from: 1, to: 3 });
          await store.damage('entry', instrument, 2, kind);
          await expect(readAll(journal, instrument)).rejects.toMatchObject({ code: 'STATE_UNREADABLE' });
          await expect(readAll(journal, instrument)).rejects.toThrow(`batch 2 of ${instrument}`);
        },
      );
    });

    describe('appending', () => {
      it('refuses any number but the next one and goes on with the next one', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 2 });
        for (const wrong of [0, 1, 2, 4, 100]) {
          await expect(journal.append(claim, instrument, wrong, entryOf(wrong))).rejects.toMatchObject({
            code: 'JOURNAL_SEQUENCE',
          });
        }
        await journal.append(claim, instrument, 3, entryOf(3));
        expect(await numbersOf(instrument)).toEqual([1, 2, 3]);
      });

      it('refuses to start anywhere but at batch 1', async () => {
        await expect(journal.append(claim, freshInstrument(), 2, entryOf(2))).rejects.toMatchObject({
          code: 'JOURNAL_SEQUENCE',
        });
      });

      it('keeps the entry as it was at the call', async () => {
        const instrument = freshInstrument();
        const entry = { source: 'suite', lastOrdinal: 1, events: [...entryOf(1).events] };
        const appending = journal.append(claim, instrument, 1, entry);
        entry.events.length = 0;
        await appending;
        expect((await readAll(journal, instrument))[0]!.entry.events).toHaveLength(1);
      });

      it('takes appends of many instruments at once and keeps each in order', async () => {
        const instruments = Array.from({ length: 60 }, freshInstrument);
        const appends: Promise<void>[] = [];
        for (let number = 1; number <= 20; number++) {
          for (const instrument of instruments) {
            appends.push(journal.append(claim, instrument, number, entryOf(number)));
          }
        }
        await Promise.all(appends);
        for (const instrument of instruments) {
          expect(await numbersOf(instrument)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
        }
      });

      it('fails a wrong append alone, not those committed with it', async () => {
        const [good, bad] = [freshInstrument(), freshInstrument()];
        const outcomes = await Promise.allSettled([
          journal.append(claim, good, 1, entryOf(1)),
          journal.append(claim, bad, 7, entryOf(7)),
          journal.append(claim, good, 2, entryOf(2)),
        ]);
        expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
        expect(await numbersOf(good)).toEqual([1, 2]);
        expect(await numbersOf(bad)).toEqual([]);
      });

      it('goes on where another run of the same store ended', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 2 });
        const next = store.openJournal();
        const nextClaim = await next.claim(freshShard(), 'next run');
        await next.append(nextClaim, instrument, 3, entryOf(3));
        expect(await numbersOf(instrument)).toEqual([1, 2, 3]);
      });

      it('has written everything when flush resolves', async () => {
        const instrument = freshInstrument();
        let durableCount = 0;
        for (let number = 1; number <= 50; number++) {
          void journal.append(claim, instrument, number, entryOf(number)).then(() => durableCount++);
        }
        await journal.flush();
        expect(durableCount).toBe(50);
      });
    });

    describe('the fence', () => {
      it('gives each claim on a shard a larger epoch', async () => {
        const shard = freshShard();
        const first = await journal.claim(shard, 'a');
        const second = await journal.claim(shard, 'b');
        expect(second.epoch).toBeGreaterThan(first.epoch);
      });

      it('lets the stale owner write no batch and no snapshot', async () => {
        const instrument = freshInstrument();
        const shard = freshShard();
        const stale = await journal.claim(shard, 'stale');
        await journal.append(stale, instrument, 1, entryOf(1));
        const other = store.openJournal();
        const newest = await other.claim(shard, 'newest');

        await expect(journal.append(stale, instrument, 2, entryOf(2))).rejects.toMatchObject({
          code: 'FENCED',
        });
        const snapshot = { instrument, batchNumber: 1, position: 1, state: stateOf(1) };
        await expect(journal.saveSnapshot(stale, snapshot)).rejects.toMatchObject({ code: 'FENCED' });
        expect(await numbersOf(instrument)).toEqual([1]);
        expect(await journal.latestSnapshot(instrument)).toBeUndefined();

        await other.append(newest, instrument, 2, entryOf(2));
        expect((await readAll(other, instrument)).map(({ epoch }) => epoch)).toEqual([
          stale.epoch,
          newest.epoch,
        ]);
      });

      it('fences nobody on other shards', async () => {
        const instrument = freshInstrument();
        await journal.claim(freshShard(), 'elsewhere');
        await journal.append(claim, instrument, 1, entryOf(1));
        expect(await numbersOf(instrument)).toEqual([1]);
      });

      it('lets appends that race with a claim end as written or FENCED, never as half a group', async () => {
        const instruments = Array.from({ length: 8 }, freshInstrument);
        const shard = freshShard();
        const old = await journal.claim(shard, 'old');
        const outcomes: Promise<string>[] = [];
        const progress = { isClaimed: false };
        const claiming = (async () => {
          await Promise.all(instruments.map((instrument) => journal.append(old, instrument, 1, entryOf(1))));
          const taken = await store.openJournal().claim(shard, 'new');
          progress.isClaimed = true;
          return taken;
        })();
        for (let number = 2; number <= 400 && !progress.isClaimed; number++) {
          for (const instrument of instruments) {
            outcomes.push(
              journal.append(old, instrument, number, entryOf(number)).then(
                () => 'written',
                (error: unknown) => String((error as { code?: unknown }).code),
              ),
            );
          }
          await new Promise(setImmediate);
        }
        const taken = await claiming;
        const settled = await Promise.all(outcomes);
        const allowed = ['written', 'FENCED', 'JOURNAL_SEQUENCE'];
        expect(settled.filter((outcome) => !allowed.includes(outcome))).toEqual([]);
        const writtenCount = settled.filter((outcome) => outcome === 'written').length;
        let storedCount = 0;
        for (const instrument of instruments) {
          const rows = await readAll(journal, instrument, 1);
          expect(rows.every(({ epoch }) => epoch === old.epoch)).toBe(true);
          storedCount += rows.length;
        }
        expect(storedCount).toBe(writtenCount);
        expect(taken.epoch).toBeGreaterThan(old.epoch);
      });
    });

    describe('savepoints', () => {
      const snapshotOf = (instrument: InstrumentKey, batchNumber: number) => ({
        instrument,
        batchNumber,
        position: batchNumber * 10,
        state: stateOf(batchNumber * 10),
      });
      const listed = async (instrument: InstrumentKey): Promise<number[]> =>
        (await journal.listSavepoints(instrument)).map(({ batchNumber }) => batchNumber);

      it('stay when checkpoints after them are dropped, and are no reason to keep the journal', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 9 });
        await journal.saveSavepoint(claim, snapshotOf(instrument, 2));
        for (const batchNumber of [5, 7, 9])
          await journal.saveSnapshot(claim, snapshotOf(instrument, batchNumber));
        await journal.prune(instrument);
        expect(await journal.listSavepoints(instrument)).toEqual([
          {
            batchNumber: 2,
            position: 20,
            savedAtMs: expect.any(Number) as unknown,
            sizeBytes: expect.any(Number) as unknown,
          },
        ]);
        const kept = await readAll(journal, instrument, 7);
        expect(kept.map(({ batchNumber }) => batchNumber)).toEqual([8, 9]);
        expect((await journal.latestSnapshot(instrument))?.batchNumber).toBe(9);
      });

      it('are what recoveries begin at when they are the newest', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 3 });
        await journal.saveSnapshot(claim, snapshotOf(instrument, 1));
        await journal.saveSavepoint(claim, snapshotOf(instrument, 3));
        expect((await journal.latestSnapshot(instrument))?.batchNumber).toBe(3);
      });

      it('of the batch of a checkpoint are that checkpoint, made one; a checkpoint after it leaves it one', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 4 });
        await journal.saveSnapshot(claim, snapshotOf(instrument, 2));
        await journal.saveSavepoint(claim, snapshotOf(instrument, 2));
        await journal.saveSnapshot(claim, snapshotOf(instrument, 2));
        for (const batchNumber of [3, 4])
          await journal.saveSnapshot(claim, snapshotOf(instrument, batchNumber));
        expect(await listed(instrument)).toEqual([2]);
      });

      it('are bounded in number, and one that is deleted makes room', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: SAVEPOINTS_MAX + 2 });
        for (let batchNumber = 1; batchNumber <= SAVEPOINTS_MAX; batchNumber++) {
          await journal.saveSavepoint(claim, snapshotOf(instrument, batchNumber));
        }
        const oneMore = snapshotOf(instrument, SAVEPOINTS_MAX + 1);
        await expect(journal.saveSavepoint(claim, oneMore)).rejects.toMatchObject({
          code: 'SAVEPOINTS_FULL',
        });
        await journal.saveSavepoint(claim, snapshotOf(instrument, SAVEPOINTS_MAX));
        await journal.deleteSavepoint(claim, instrument, 1);
        await journal.saveSavepoint(claim, oneMore);
        expect(await listed(instrument)).toHaveLength(SAVEPOINTS_MAX);
      });

      it('are read by their batch as they were saved; checkpoints are none', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 4 });
        await journal.saveSavepoint(claim, snapshotOf(instrument, 2));
        for (const batchNumber of [3, 4])
          await journal.saveSnapshot(claim, snapshotOf(instrument, batchNumber));
        expect(await journal.readSavepoint(instrument, 2)).toEqual(stateOf(20));
        for (const [key, batchNumber] of [
          [instrument, 3],
          [instrument, 5],
          [freshInstrument(), 2],
        ] as const) {
          await expect(journal.readSavepoint(key, batchNumber)).rejects.toMatchObject({
            code: 'SAVEPOINT_UNKNOWN',
          });
        }
      });

      it('can be deleted once, and checkpoints not at all', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 2 });
        await journal.saveSavepoint(claim, snapshotOf(instrument, 1));
        await journal.saveSnapshot(claim, snapshotOf(instrument, 2));
        await journal.deleteSavepoint(claim, instrument, 1);
        for (const batchNumber of [1, 2]) {
          await expect(journal.deleteSavepoint(claim, instrument, batchNumber)).rejects.toMatchObject({
            code: 'SAVEPOINT_UNKNOWN',
          });
        }
        expect((await journal.latestSnapshot(instrument))?.batchNumber).toBe(2);
        expect(await listed(freshInstrument())).toEqual([]);
      });

      it('are neither taken nor deleted by a stale owner', async () => {
        const instrument = freshInstrument();
        const shard = freshShard();
        const stale = await journal.claim(shard, 'stale');
        await journal.append(stale, instrument, 1, entryOf(1));
        await journal.saveSavepoint(stale, snapshotOf(instrument, 1));
        await store.openJournal().claim(shard, 'newest');
        await expect(journal.saveSavepoint(stale, snapshotOf(instrument, 1))).rejects.toMatchObject({
          code: 'FENCED',
        });
        await expect(journal.deleteSavepoint(stale, instrument, 1)).rejects.toMatchObject({ code: 'FENCED' });
        expect(await listed(instrument)).toEqual([1]);
      });
    });

    describe('state snapshots', () => {
      const save = (instrument: InstrumentKey, batchNumber: number, padding?: string): Promise<void> =>
        journal.saveSnapshot(claim, {
          instrument,
          batchNumber,
          position: batchNumber * 10,
          state: stateOf(batchNumber * 10, padding),
        });

      it('returns none for an instrument that has none', async () => {
        const instrument = freshInstrument();
        expect(await journal.latestSnapshot(instrument)).toBeUndefined();
        await appendMany(instrument, { from: 1, to: 1 });
        expect(await journal.latestSnapshot(instrument)).toBeUndefined();
      });

      it('returns the newest', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 9 });
        for (const batchNumber of [2, 5, 9]) await save(instrument, batchNumber);
        expect(await journal.latestSnapshot(instrument)).toEqual({
          instrument,
          batchNumber: 9,
          position: 90,
          state: stateOf(90, ''),
        });
      });

      it('replaces one that is saved again at the same batch', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 2 });
        await save(instrument, 2, 'first');
        await save(instrument, 2, 'second');
        expect((await journal.latestSnapshot(instrument))?.state).toEqual(stateOf(20, 'second'));
      });

      it('saves the state as it was at the call', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 1 });
        const state = { position: 10, padding: 'before' };
        const saving = journal.saveSnapshot(claim, {
          instrument,
          batchNumber: 1,
          position: 10,
          state: state as unknown as InstrumentSnapshot,
        });
        state.padding = 'after';
        await saving;
        expect((await journal.latestSnapshot(instrument))?.state).toEqual(stateOf(10, 'before'));
      });

      it('saves it only after what it waits for, as it was at the call, and not at all when that fails', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 2 });
        const snapshot = (batchNumber: number) => ({
          ...{ instrument, batchNumber, position: batchNumber * 10 },
          state: stateOf(batchNumber * 10),
        });
        let isOver = false;
        const after = Promise.resolve().then(async () => {
          expect(await journal.latestSnapshot(instrument)).toBeUndefined();
          isOver = true;
        });
        await journal.saveSnapshot(claim, snapshot(1), after);
        expect(isOver).toBe(true);
        expect((await journal.latestSnapshot(instrument))?.batchNumber).toBe(1);
        const failed = Promise.reject(new Error('the rows are lost'));
        await expect(journal.saveSnapshot(claim, snapshot(2), failed)).rejects.toThrow('the rows are lost');
        expect((await journal.latestSnapshot(instrument))?.batchNumber).toBe(1);
      });

      it('keeps a state of several megabytes', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 1 });
        const padding = 'x'.repeat(5_000_000);
        await save(instrument, 1, padding);
        expect((await journal.latestSnapshot(instrument))?.state).toEqual(stateOf(10, padding));
      });

      it.each(['bit flip', 'torn', 'unknown schema'] as const)(
        'skips the newest with a warning when it has %s bytes',
        async (kind) => {
          const instrument = freshInstrument();
          await appendMany(instrument, { from: 1, to: 4 });
          await save(instrument, 2);
          await save(instrument, 4);
          await store.damage('state', instrument, 4, kind);
          const warningsBefore = store.log.countOf('warn');
          expect((await journal.latestSnapshot(instrument))?.batchNumber).toBe(2);
          expect(store.log.countOf('warn')).toBe(warningsBefore + 1);
        },
      );

      it('returns none when none can be read', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 2 });
        for (const batchNumber of [1, 2]) {
          await save(instrument, batchNumber);
          await store.damage('state', instrument, batchNumber, 'bit flip');
        }
        expect(await journal.latestSnapshot(instrument)).toBeUndefined();
      });

      it('keeps exactly the newest two', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 6 });
        for (const batchNumber of [2, 4, 6]) await save(instrument, batchNumber);
        await store.damage('state', instrument, 6, 'torn');
        expect((await journal.latestSnapshot(instrument))?.batchNumber).toBe(4);
        await store.damage('state', instrument, 4, 'torn');
        expect(await journal.latestSnapshot(instrument)).toBeUndefined();
      });
    });

    describe('pruning', () => {
      const save = (instrument: InstrumentKey, batchNumber: number): Promise<void> =>
        journal.saveSnapshot(claim, {
          instrument,
          batchNumber,
          position: batchNumber,
          state: stateOf(batchNumber),
        });

      it('drops what both kept snapshots contain, so that either can be recovered from', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 9 });
        await save(instrument, 3);
        await save(instrument, 7);
        await journal.prune(instrument);
        expect(await numbersOf(instrument, 3)).toEqual([4, 5, 6, 7, 8, 9]);
        expect(await numbersOf(instrument, 7)).toEqual([8, 9]);
      });

      it('refuses to read from before what was pruned', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 4 });
        await save(instrument, 2);
        await save(instrument, 3);
        await journal.prune(instrument);
        await expect(readAll(journal, instrument)).rejects.toMatchObject({ code: 'JOURNAL_SEQUENCE' });
      });

      it('drops nothing while there are fewer than two snapshots', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 3 });
        await journal.prune(instrument);
        await save(instrument, 2);
        await journal.prune(instrument);
        await journal.prune(freshInstrument());
        expect(await numbersOf(instrument)).toEqual([1, 2, 3]);
      });

      it('forgets no batch number, even when every row is gone', async () => {
        const instrument = freshInstrument();
        await appendMany(instrument, { from: 1, to: 2 });
        await save(instrument, 1);
        await save(instrument, 2);
        await journal.prune(instrument);
        await store.damage('entry', instrument, 2, 'lost');
        const next = store.openJournal();
        const nextClaim = await next.claim(freshShard(), 'next run');
        await expect(next.append(nextClaim, instrument, 1, entryOf(1))).rejects.toMatchObject({
          code: 'JOURNAL_SEQUENCE',
        });
        await next.append(nextClaim, instrument, 3, entryOf(3));
        expect(await numbersOf(instrument, 2)).toEqual([3]);
      });
    });
  });
}
