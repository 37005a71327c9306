import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventLogReaderEvents } from '../../../src/actors/event-log.ts';
import { groupActor } from '../../../src/actors/group.ts';
import type { ShardClaim } from '../../../src/actors/ports.ts';
import { ShardKeeper } from '../../../src/actors/shards/shard-keeper.ts';
import { createSeededRandom } from '../../../src/base/clock.ts';
import { TampinesError } from '../../../src/base/errors.ts';
import { MemoryOperationsRecords } from '../../../src/persistence/memory-operations-records.ts';
import { settle } from '../../support/fake-clock.ts';
import { createTestSystem } from '../kernel/support.ts';

const PARTITIONS = 4;

/** A keeper whose group, claims and positions are in the hands of a test. */
class KeeperWorld {
  readonly test = createTestSystem();
  readonly epochs = new Map<number, number>();
  readonly claimed: ShardClaim[] = [];
  /** Offsets at which reading began, by partition. */
  readonly started: number[] = [];
  /** What the open reader says; `undefined` while there is none. */
  events: EventLogReaderEvents | undefined;
  /** Somebody else claims right after this keeper has. */
  hasRival = false;
  canOpen = true;
  readonly keeper: ShardKeeper;
  #generation = 0;

  constructor() {
    const { system, time } = this.test;
    const isNewest = ({ shard, epoch }: ShardClaim): boolean => this.epochs.get(shard) === epoch;
    const fence = (claim: ShardClaim): void => {
      if (!isNewest(claim)) throw new TampinesError('FENCED', 'a newer claim exists');
    };
    this.keeper = new ShardKeeper({
      system,
      group: system.spawn(system.root, groupActor('shards')),
      timers: time,
      random: createSeededRandom(1),
      log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
      records: new MemoryOperationsRecords(),
      host: {
        run: () => {
          throw new Error('nothing is wanted here');
        },
        end: () => Promise.resolve(),
        endAll: () => Promise.resolve(),
      },
      openReader: (events) => {
        if (!this.canOpen) return Promise.reject(new Error('no broker answers'));
        this.events = events;
        return Promise.resolve({
          endOf: () => Promise.resolve(0),
          start: (partition) => this.started.push(partition) > 0,
          noteSaved: () => undefined,
          knownEndOf: () => undefined,
          close: () => Promise.resolve(),
        });
      },
      checkpointEveryMs: 60_000,
      silentAfterMs: 3_000,
      claim: async (shard) => {
        const claim = this.claimElsewhere(shard);
        this.claimed.push(claim);
        await settle(1);
        if (this.hasRival) this.claimElsewhere(shard);
        return claim;
      },
      positions: {
        read: (claim) =>
          Promise.resolve()
            .then(() => fence(claim))
            .then(() => 0),
        save: (claim) => Promise.resolve().then(() => fence(claim)),
        findSuperseded: (claims) => Promise.resolve(claims.filter((claim) => !isNewest(claim))),
      },
      readWanted: () => Promise.resolve([]),
      onResyncWanted: () => undefined,
    });
    this.keeper.start();
  }

  claimElsewhere(shard: number): ShardClaim {
    const claim = { shard, epoch: (this.epochs.get(shard) ?? 0) + 1 };
    this.epochs.set(shard, claim.epoch);
    return claim;
  }

  assign(partitions: readonly number[]): void {
    this.events?.onAssigned({
      generation: ++this.#generation,
      partitions: partitions.map((partition) => ({ partition, nextOffset: undefined })),
    });
  }

  failReader(): void {
    const { events } = this;
    this.events = undefined;
    events?.onFailed(new TampinesError('SERVICE_UNAVAILABLE', 'the reader is gone'));
  }

  /** Partitions of the shard actors that are there, each as often as there are actors of it. */
  get running(): number[] {
    return this.test.system
      .tree()
      .filter(({ path }) => /^shards\/\d+$/.test(path))
      .map(({ path }) => Number(path.slice('shards/'.length)))
      .sort((a, b) => a - b);
  }
}

async function openKeeper(): Promise<KeeperWorld> {
  const world = new KeeperWorld();
  await settle();
  return world;
}

describe('the keeper of shards', () => {
  it('runs a shard actor for each partition that the group gives it, and for no other', async () => {
    const world = await openKeeper();
    world.assign([0, 2]);
    await settle();
    expect(world.running).toEqual([0, 2]);
    world.events!.onRevoked([0]);
    world.assign([2, 3]);
    await settle(40);
    expect(world.running).toEqual([2, 3]);
    expect(world.claimed.map(({ shard }) => shard)).toEqual([0, 2, 3]);
    expect(world.keeper.claimOf(0)).toBeUndefined();
  });

  it('claims nothing while it can read nothing, whatever it was given before', async () => {
    const world = await openKeeper();
    world.assign([0]);
    await settle();
    world.canOpen = false;
    world.failReader();
    world.claimElsewhere(0);
    await world.keeper.verify(1_000);
    await world.test.time.advance(30_000);
    expect(world.running).toEqual([]);
    expect(world.claimed).toHaveLength(1);
    world.canOpen = true;
    await world.test.time.advance(20_000);
    world.assign([0]);
    await settle(40);
    expect(world.running).toEqual([0]);
    expect(world.claimed).toHaveLength(2);
  });

  it('claims a shard again that another one claimed while it began with it', async () => {
    const world = await openKeeper();
    world.hasRival = true;
    world.assign([1]);
    await settle(40);
    expect(world.keeper.claimOf(1)).toBeUndefined();
    world.hasRival = false;
    await world.test.time.advance(4_000);
    expect(world.running).toEqual([1]);
    expect(world.keeper.claimOf(1)).toEqual({ shard: 1, epoch: world.epochs.get(1) });
    expect(world.started.at(-1)).toBe(1);
  });

  it('claims a shard again that another one claimed, when the group still gives it to this node', async () => {
    const world = await openKeeper();
    world.assign([1, 2]);
    await settle(40);
    world.claimElsewhere(1);
    world.claimElsewhere(2);
    await world.keeper.verify(1_000);
    await settle(40);
    expect(world.running).toEqual([]);
    world.events!.onRevoked([2]);
    await world.test.time.advance(4_000);
    expect(world.running).toEqual([1]);
  });

  it('runs at most one actor of each shard, and in the end those that it was given last, in whatever order things come', async () => {
    const step = fc.record({
      kind: fc.constantFrom(
        'assign',
        'revoke',
        'fail',
        'claimed elsewhere',
        'rival',
        'verify',
        'wait',
        'turn',
      ),
      partitions: fc.uniqueArray(fc.nat(PARTITIONS - 1)),
      waitMs: fc.nat(5_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const world = await openKeeper();
        for (const { kind, partitions, waitMs } of steps) {
          if (kind === 'assign') world.assign(partitions);
          else if (kind === 'revoke') world.events?.onRevoked(partitions);
          else if (kind === 'fail') world.failReader();
          else if (kind === 'claimed elsewhere') for (const shard of partitions) world.claimElsewhere(shard);
          else if (kind === 'rival') world.hasRival = !world.hasRival;
          else if (kind === 'verify') await world.keeper.verify(1_000);
          else if (kind === 'wait') await world.test.time.advance(waitMs);
          else await settle(3);
          expect(new Set(world.running).size).toBe(world.running.length);
        }
        world.hasRival = false;
        await world.test.time.advance(20_000);
        world.assign([0, 3]);
        await settle(60);
        await world.keeper.verify(1_000);
        await world.test.time.advance(20_000);
        expect(world.running).toEqual([0, 3]);
        for (const shard of [0, 3]) expect(world.keeper.claimOf(shard)?.epoch).toBe(world.epochs.get(shard));
        await world.keeper.stop();
        expect(world.running).toEqual([]);
      }),
      { numRuns: 60, seed: 20261128 },
    );
  });
});
