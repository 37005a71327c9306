import { beforeEach, describe, expect, it } from 'vitest';
import { createSeededRandom } from '../../src/base/clock.ts';
import { IngestLeases } from '../../src/cluster/ingest-leases.ts';
import { nameOfSlot } from '../../src/cluster/ports.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { RecordingLog } from '../support/recording-log.ts';
import type { SimulatedIngestNode } from './ingest-cluster.ts';
import { IngestCluster, LEASE_MS, SETTLED_MS, SLOT_COUNT } from './ingest-cluster.ts';

let clock: FakeClock;
let cluster: IngestCluster;
beforeEach(() => {
  clock = new FakeClock();
  cluster = new IngestCluster(clock, createSeededRandom(1));
});

const moveCount = (nodes: readonly SimulatedIngestNode[]): number =>
  nodes.reduce((sum, { told }) => sum + told.filter((line) => line.startsWith('-')).length, 0);

describe('slots of exchanges', () => {
  it('are all with the first node, and shared with those that join, moving no more than that takes', async () => {
    const a = cluster.add('a');
    await clock.advance(SETTLED_MS);
    expect(a.heldNames()).toEqual(cluster.slotNames());
    const b = cluster.add('b');
    await clock.advance(SETTLED_MS);
    cluster.expectFair();
    expect([moveCount([a, b]), a.heldNames().length]).toEqual([SLOT_COUNT, SLOT_COUNT]);
    cluster.add('c');
    await clock.advance(SETTLED_MS);
    cluster.expectFair();
    expect(moveCount(cluster.nodes)).toBe(SLOT_COUNT + 4);
    await clock.advance(60_000);
    expect(moveCount(cluster.nodes)).toBe(SLOT_COUNT + 4);
  });

  it('of a node that died are held by the others as soon as its leases ran out, and not before', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => cluster.add(name));
    await clock.advance(SETTLED_MS * 2);
    const orphans = c!.heldNames();
    const kept = [a!.heldNames(), b!.heldNames()].flat();
    c!.kill();
    await clock.advance(LEASE_MS / 2);
    expect(orphans.flatMap((name) => cluster.feedersOf(name))).toEqual([]);
    await clock.advance(LEASE_MS / 2 + 1_500);
    cluster.expectFair();
    expect([a!.heldNames(), b!.heldNames()].flat()).toEqual(expect.arrayContaining(kept));
  });

  it('of a node that leaves in order are with the others within two seconds', async () => {
    const [a, b] = ['a', 'b'].map((name) => cluster.add(name));
    await clock.advance(SETTLED_MS);
    a!.isMember = false;
    const left = a!.leases.stop(0);
    expect(a!.told.filter((line) => line.endsWith(': the node stops'))).toHaveLength(SLOT_COUNT);
    await clock.advance(2_000);
    await left;
    expect(a!.heldNames()).toEqual([]);
    expect(b!.heldNames()).toEqual(cluster.slotNames());
    cluster.expectFair();
  });

  it('are lost at once by a node that was frozen for longer than its lease, before anything else happens', async () => {
    const [a, b] = ['a', 'b'].map((name) => cluster.add(name));
    await clock.advance(SETTLED_MS);
    const held = a!.heldNames();
    expect(held).toHaveLength(SLOT_COUNT);
    a!.freeze();
    a!.isMember = false;
    await clock.advance(LEASE_MS + 2_000);
    expect(b!.heldNames()).toEqual(cluster.slotNames());
    expect(a!.heldNames()).toEqual([]);
    expect(held.filter((name) => a!.feeds(name))).toEqual([]);
    a!.thaw();
    await settle();
    expect(a!.told.filter((line) => line.endsWith('it was not confirmed in time'))).toHaveLength(SLOT_COUNT);
    a!.isMember = true;
    await clock.advance(SETTLED_MS);
    cluster.expectFair();
  });

  it('run from before the question was sent, however late its answer comes', async () => {
    const answerMs = LEASE_MS / 3;
    const { table } = cluster;
    const late = async <Value>(answer: Promise<Value>): Promise<Value> => {
      await clock.sleep(answerMs);
      return answer;
    };
    let isRenewed = true;
    const lost: string[] = [];
    const leases = new IngestLeases({
      node: { name: 'a', runId: '1' },
      table: {
        read: (leaseMs) => table.read(leaseMs),
        take: (...args) => late(table.take(...args)),
        renew: (holder, asked) => {
          if (isRenewed) return late(table.renew(holder, asked));
          return Promise.reject(new Error('the database is away'));
        },
        announce: (...args) => table.announce(...args),
        release: (...args) => table.release(...args),
        releaseAll: (holder) => table.releaseAll(holder),
      },
      leaseMs: LEASE_MS,
      slotCount: 1,
      redundancy: 1,
      clock,
      timers: clock,
      log: new RecordingLog(),
      exchanges: () => ['kraken'],
      nodes: () => [{ name: 'a', runId: '1', roles: ['ingest'] }],
      onGained: () => undefined,
      onAwaited: () => Promise.resolve(),
      onForgone: () => undefined,
      onLost: (_lease, reason) => void lost.push(reason),
    });
    leases.start();
    isRenewed = false;
    await clock.advance(LEASE_MS - 1);
    expect(leases.isHeld({ exchange: 'kraken', slot: 0, replica: 0 })).toBe(true);
    await clock.advance(1);
    expect([leases.isHeld({ exchange: 'kraken', slot: 0, replica: 0 }), lost]).toEqual([
      false,
      ['it was not confirmed in time'],
    ]);
    isRenewed = true;
    await clock.advance(2 * LEASE_MS);
    expect(leases.isHeld({ exchange: 'kraken', slot: 0, replica: 0 })).toBe(true);
    const renewedAtMs = table.rows.get('kraken/0')!.renewedAtMs;
    isRenewed = false;
    await clock.advance(renewedAtMs + LEASE_MS - clock.nowMs() - 1);
    expect(leases.isHeld({ exchange: 'kraken', slot: 0, replica: 0 })).toBe(true);
    await clock.advance(1);
    expect(leases.isHeld({ exchange: 'kraken', slot: 0, replica: 0 })).toBe(false);
    await leases.stop(0);
  });

  it('run out while the database is away, and are held again under the same epochs when nobody else took them', async () => {
    const [a, b] = ['a', 'b'].map((name) => cluster.add(name));
    await clock.advance(SETTLED_MS);
    const before = [a!.heldNames(), b!.heldNames()];
    for (const node of [a!, b!]) node.isCutOff = true;
    await clock.advance(LEASE_MS + 1_000);
    expect([a!.heldNames(), b!.heldNames()]).toEqual([[], []]);
    expect(a!.log.lines.filter(({ message }) => message.includes('can not be read'))).toHaveLength(1);
    for (const node of [a!, b!]) node.isCutOff = false;
    const epochs = [...cluster.table.rows.values()].map(({ epoch }) => epoch);
    await clock.advance(SETTLED_MS);
    expect([a!.heldNames(), b!.heldNames()]).toEqual(before);
    expect([...cluster.table.rows.values()].map(({ epoch }) => epoch)).toEqual(epochs);
  });

  it('are taken again by a new process of a node that crashed, when those of the old one ran out', async () => {
    const a = cluster.add('a', '1');
    await clock.advance(SETTLED_MS);
    a.kill();
    const again = cluster.add('a', '2');
    await clock.advance(LEASE_MS / 2);
    expect(again.heldNames()).toEqual([]);
    await clock.advance(LEASE_MS / 2 + 1_500);
    expect(again.heldNames()).toEqual(cluster.slotNames());
    expect([...cluster.table.rows.values()].map(({ epoch }) => epoch)).toEqual(
      cluster.slotNames().map(() => 2),
    );
  });

  it('of an exchange are given up when nothing of it is wanted any more', async () => {
    const a = cluster.add('a');
    await clock.advance(SETTLED_MS);
    cluster.exchanges = ['kraken'];
    a.leases.check();
    await clock.advance(500);
    expect(a.heldNames()).toEqual(cluster.slotNames());
    expect(a.told.filter((line) => line.startsWith('-binance'))).toHaveLength(SLOT_COUNT);
  });
});

describe('a slot that is given up', () => {
  it('is held until its feed is closed and released then, but waits for it no longer than a third of the lease', async () => {
    const closings: (() => void)[] = [];
    let names = ['a'];
    const leases = new IngestLeases({
      node: { name: 'a', runId: '1' },
      table: cluster.table,
      leaseMs: LEASE_MS,
      slotCount: 2,
      redundancy: 1,
      clock,
      timers: clock,
      log: new RecordingLog(),
      exchanges: () => ['kraken'],
      nodes: () => names.map((name) => ({ name, runId: '1', roles: ['ingest'] })),
      onGained: () => undefined,
      onAwaited: () => Promise.resolve(),
      onForgone: () => undefined,
      onLost: () => new Promise((resolve) => closings.push(resolve)),
    });
    const holders = () => [...cluster.table.rows.values()].map(({ holder }) => holder?.name);
    leases.start();
    await clock.advance(100);
    names = ['a', 'b'];
    await cluster.table.announce({ name: 'b', runId: '1' }, leases.held().slice(0, 1), true);
    leases.check();
    await clock.advance(500);
    // The feed's last word, that nothing follows, is said under the lease.
    expect([closings.length, leases.held().length, holders()]).toEqual([1, 2, ['a', 'a']]);
    closings[0]!();
    await clock.advance(10);
    expect(leases.held()).toHaveLength(1);
    expect(holders().filter((name) => name === undefined)).toHaveLength(1);
    names = [];
    leases.check();
    await clock.advance(LEASE_MS / 3);
    expect(holders()).toEqual([undefined, undefined]);
    await leases.stop(0);
    expect(clock.pendingTimerCount).toBe(0);
  });

  it('is not held again under its epoch when it is wanted again: the word that gives it up may still be on its way', async () => {
    let names = ['a'];
    const late: (() => Promise<void>)[] = [];
    const { table } = cluster;
    const leases = new IngestLeases({
      node: { name: 'a', runId: '1' },
      table: {
        read: (leaseMs) => table.read(leaseMs),
        take: (...args) => table.take(...args),
        renew: (holder, leases) => table.renew(holder, leases),
        announce: (...args) => table.announce(...args),
        releaseAll: (holder) => table.releaseAll(holder),
        release: (...args) => {
          if (late.length > 0) return table.release(...args);
          late.push(() => table.release(...args));
          return Promise.reject(new Error('no answer'));
        },
      },
      leaseMs: LEASE_MS,
      slotCount: 1,
      redundancy: 1,
      clock,
      timers: clock,
      log: new RecordingLog(),
      exchanges: () => ['kraken'],
      nodes: () => names.map((name) => ({ name, runId: '1', roles: ['ingest'] })),
      onGained: () => undefined,
      onAwaited: () => Promise.resolve(),
      onForgone: () => undefined,
      onLost: () => undefined,
    });
    leases.start();
    await clock.advance(100);
    names = [];
    leases.check();
    await clock.advance(10);
    names = ['a'];
    await clock.advance(2_000);
    await late[0]!();
    expect(leases.held().map(({ epoch }) => epoch)).toEqual([2]);
    expect([...table.rows.values()].map(({ holder, epoch }) => [holder?.name, epoch])).toEqual([['a', 2]]);
    await leases.stop(0);
  });

  it('does not suffer from a callback that fails, nor do the others', async () => {
    const log = new RecordingLog();
    const leases = new IngestLeases({
      node: { name: 'a', runId: '1' },
      table: cluster.table,
      leaseMs: LEASE_MS,
      slotCount: 2,
      redundancy: 1,
      clock,
      timers: clock,
      log,
      exchanges: () => ['kraken'],
      nodes: () => [{ name: 'a', runId: '1', roles: ['ingest'] }],
      onGained: () => {
        throw new Error('no such feed');
      },
      onAwaited: () => Promise.resolve(),
      onForgone: () => undefined,
      onLost: () => Promise.reject(new Error('it will not close')),
    });
    leases.start();
    await clock.advance(100);
    expect(leases.held()).toHaveLength(2);
    await leases.stop(0);
    expect(log.countOf('error')).toBe(4);
    expect([...cluster.table.rows.values()].map(({ holder }) => holder)).toEqual([undefined, undefined]);
  });
});

describe('slots that are fed twice', () => {
  beforeEach(() => {
    cluster = new IngestCluster(clock, createSeededRandom(1), 2);
  });
  /** Parts that nobody feeds at present. */
  const unfed = (): string[] =>
    cluster
      .slots()
      .filter(({ replica }) => replica === 0)
      .filter((slot) =>
        [0, 1].every((replica) => cluster.feedersOf(nameOfSlot({ ...slot, replica })).length === 0),
      )
      .map(nameOfSlot);

  it('are each with two nodes, and with one where there is no other', async () => {
    const a = cluster.add('a');
    await clock.advance(SETTLED_MS);
    expect(a.heldNames()).toEqual(cluster.slotNames().filter((name) => !name.endsWith('.1')));
    const b = cluster.add('b');
    await clock.advance(SETTLED_MS);
    cluster.expectFair();
    expect([moveCount([a, b]), unfed()]).toEqual([0, []]);
  });

  it('lose one of their two feeds at most when a node dies, and have two again when its leases ran out', async () => {
    const [a, , c] = ['a', 'b', 'c'].map((name) => cluster.add(name));
    await clock.advance(SETTLED_MS * 8);
    cluster.expectFair();
    c!.kill();
    for (let step = 0; step < 30; step++) {
      expect(unfed()).toEqual([]);
      await clock.advance(500);
    }
    cluster.expectFair();
    expect(a!.heldNames()).toHaveLength(2 * SLOT_COUNT);
  });

  it('move to a node that joins only once their other feed has been there for a while', async () => {
    const nodes = ['a', 'b'].map((name) => cluster.add(name));
    await clock.advance(SETTLED_MS);
    nodes.push(cluster.add('c'));
    await clock.advance(5_000);
    expect(moveCount(nodes)).toBe(0);
    for (let step = 0; step < 40; step++) {
      expect(unfed()).toEqual([]);
      await clock.advance(500);
    }
    cluster.expectFair();
    expect(cluster.violations).toEqual([]);
  });
});

describe('slots under faults drawn by a seed', () => {
  it.each(Array.from({ length: 30 }, (_, index) => index + 1))(
    'never have two feeders, and are fair and calm again after them: seed %i',
    async (seed) => {
      const random = createSeededRandom(seed);
      // Of every three one feeds each slot twice.
      const redundancy = seed % 3 === 0 ? 2 : 1;
      cluster = new IngestCluster(clock, createSeededRandom(seed + 1_000_000), redundancy);
      for (const name of ['a', 'b', 'c']) cluster.add(name);
      await clock.advance(SETTLED_MS);
      Object.assign(cluster.faults, { refused: 0.05, unanswered: 0.1, late: 0.15, slow: 0.2 });
      let runCount = 1;
      for (let step = 0; step < 120; step++) {
        const living = cluster.nodes.filter(({ isLiving }) => isLiving);
        const node = living[Math.floor(random() * living.length)]!;
        const draw = random();
        if (draw < 0.05) node.freeze();
        else if (draw < 0.12) node.thaw();
        else if (draw < 0.16) node.isCutOff = true;
        else if (draw < 0.24) node.isCutOff = false;
        // Others see it go and come back at any time: membership promises nothing.
        else if (draw < 0.28) node.isMember = false;
        else if (draw < 0.36) node.isMember = true;
        else if (draw < 0.39) {
          // A new process of the same name, whether the old one died or is only frozen.
          if (random() < 0.5) node.kill();
          else node.isMember = false;
          cluster.add(node.name, String(++runCount));
        } else if (draw < 0.41 && living.length > 2) {
          node.isMember = false;
          void node.leases.stop(0).then(() => node.kill());
        }
        await clock.advance(100 + random() * 900);
        cluster.checkFeeders(`at step ${String(step)}`);
      }
      Object.assign(cluster.faults, { refused: 0, unanswered: 0, late: 0, slow: 0 });
      for (const node of cluster.nodes) {
        node.thaw();
        node.isCutOff = false;
      }
      await clock.advance(SETTLED_MS);
      // The newest process of each name lives on; who left comes back.
      for (const name of ['a', 'b', 'c']) {
        const living = cluster.nodes.filter((node) => node.name === name && node.isLiving);
        const newest = living.pop() ?? cluster.add(name, String(++runCount));
        newest.isMember = true;
        for (const older of living) older.kill();
      }
      await clock.advance(LEASE_MS + 2 * SETTLED_MS + (redundancy - 1) * 30_000);
      cluster.expectFair();
      const moves = moveCount(cluster.nodes);
      await clock.advance(30_000);
      expect(moveCount(cluster.nodes)).toBe(moves);
    },
  );
});
