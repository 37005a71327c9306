/** How a slot goes from the node that feeds it to the one that is to feed it next: rule 6 of `ingest-leases.ts`. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createSeededRandom } from '../../src/base/clock.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { IngestCluster, LEASE_MS, SETTLED_MS, SLOT_COUNT } from './ingest-cluster.ts';

let clock: FakeClock;
let cluster: IngestCluster;
beforeEach(() => {
  clock = new FakeClock();
  cluster = new IngestCluster(clock, createSeededRandom(1));
});

describe('slots that another node is to feed', () => {
  it('stay with their holder until the feeds of that one have sure books', async () => {
    const a = cluster.add('a');
    await clock.advance(SETTLED_MS);
    cluster.booksMs = 3_000;
    const b = cluster.add('b');
    await clock.advance(2_500);
    expect(b.told).toEqual(Array.from({ length: SLOT_COUNT }, (): unknown => expect.stringMatching(/^\?/)));
    expect(a.heldNames()).toEqual(cluster.slotNames());
    await clock.advance(SETTLED_MS);
    expect(b.heldNames()).toHaveLength(SLOT_COUNT);
    cluster.expectFair();
  });

  it('wait for books that do not become sure no longer than five seconds', async () => {
    const a = cluster.add('a');
    await clock.advance(SETTLED_MS);
    cluster.booksMs = 60_000;
    const b = cluster.add('b');
    await clock.advance(4_500);
    expect(a.heldNames()).toEqual(cluster.slotNames());
    await clock.advance(3_000);
    expect(b.heldNames()).toHaveLength(SLOT_COUNT);
    cluster.expectFair();
  });

  it('are handed over by a node that stops, and it waits for that no longer than it may', async () => {
    const [a, b] = ['a', 'b'].map((name) => cluster.add(name));
    await clock.advance(SETTLED_MS * 2);
    cluster.booksMs = 1_000;
    a!.isMember = false;
    let isStopped = false;
    void a!.leases.stop(4_000).then(() => (isStopped = true));
    await clock.advance(900);
    expect([a!.heldNames().length, isStopped]).toEqual([SLOT_COUNT, false]);
    await clock.advance(2_600);
    expect([a!.heldNames(), b!.heldNames(), isStopped]).toEqual([[], cluster.slotNames(), true]);
    cluster.expectFair();

    const c = cluster.add('c');
    await clock.advance(SETTLED_MS);
    cluster.booksMs = 60_000;
    c.isMember = false;
    void c.leases.stop(2_000).then(() => (isStopped = false));
    await clock.advance(1_900);
    expect(isStopped).toBe(true);
    await clock.advance(2_000);
    expect([c.heldNames(), b!.heldNames(), isStopped]).toEqual([[], cluster.slotNames(), false]);
    cluster.expectFair();
  });

  it('are taken at once by the one that stands ready when their holder dies', async () => {
    const [a, b] = ['a', 'b'].map((name) => cluster.add(name));
    await clock.advance(SETTLED_MS * 2);
    const orphans = a!.heldNames();
    a!.kill();
    await clock.advance(LEASE_MS / 2);
    expect(b!.told.filter((line) => line.startsWith('?')).slice(-orphans.length)).toEqual(
      expect.arrayContaining(orphans.map((name) => `?${name}`)),
    );
    await clock.advance(LEASE_MS / 2 + 1_500);
    cluster.expectFair();
  });

  it('are given up again by the one that stands ready when they are not to be fed there after all', async () => {
    cluster.add('a');
    await clock.advance(SETTLED_MS);
    cluster.booksMs = 60_000;
    const b = cluster.add('b');
    await clock.advance(2_000);
    b.told.length = 0;
    cluster.exchanges = ['kraken'];
    await clock.advance(1_500);
    expect(b.told.filter((line) => line.startsWith('!')).length).toBeGreaterThan(0);
    expect(b.told.filter((line) => line.startsWith('!binance'))).toHaveLength(
      b.told.filter((line) => line.startsWith('!')).length,
    );
  });

  it.each([
    [['a'], ['b']],
    [['a', 'b'], ['c']],
    [['a'], ['b', 'c']],
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
    [['a'], ['b', 'c', 'd']],
  ])(
    'go to those that began to wait for them, whichever stands ready first: %j and %j',
    async (there, joining) => {
      for (let seed = 1; seed <= 10; seed++) {
        clock = new FakeClock();
        cluster = new IngestCluster(clock, createSeededRandom(seed));
        cluster.exchanges = ['binance', 'kraken', 'okx'];
        for (const name of there) cluster.add(name);
        await clock.advance(4 * SETTLED_MS);
        const random = createSeededRandom(seed);
        cluster.booksAreSure = () => clock.sleep(200 + random() * 2_500);
        const joined = joining.map((name) => cluster.add(name));
        await clock.advance(4 * SETTLED_MS);
        cluster.expectFair();
        const forgone = cluster.nodes.flatMap(({ told }) => told.filter((line) => line.startsWith('!')));
        // Two that join may both want one slot before each has seen the other.
        expect(forgone.length).toBeLessThanOrEqual(joined.length - 1);
      }
    },
  );

  it('are not given up on the word of a process that is gone', async () => {
    const a = cluster.add('a');
    await clock.advance(SETTLED_MS);
    cluster.booksMs = 300;
    const b = cluster.add('b');
    a.isCutOff = true;
    await clock.advance(1_200);
    b.kill();
    await clock.advance(500);
    a.isCutOff = false;
    expect([...cluster.table.rows.values()].some(({ successor }) => successor?.isReady === true)).toBe(true);
    await clock.advance(4 * SETTLED_MS);
    expect(a.heldNames()).toEqual(cluster.slotNames());
    cluster.booksMs = 3_000;
    cluster.add('b', '2');
    await clock.advance(2_500);
    expect(a.heldNames()).toEqual(cluster.slotNames());
    await clock.advance(SETTLED_MS);
    cluster.expectFair();
  });

  it('are not given up to a node that could not open their feeds, before they have waited', async () => {
    const a = cluster.add('a');
    await clock.advance(SETTLED_MS);
    cluster.booksAreSure = () => Promise.reject(new Error('no connection could be made'));
    const b = cluster.add('b');
    await clock.advance(3_000);
    expect(a.heldNames()).toEqual(cluster.slotNames());
    expect(b.log.lines.some(({ message }) => message.includes('were not opened'))).toBe(true);
    await clock.advance(SETTLED_MS);
    cluster.expectFair();
  });

  it('do not keep a node that stops when it has nothing left, or can not see who stands ready', async () => {
    const [a, b] = ['a', 'b'].map((name) => cluster.add(name));
    await clock.advance(4 * SETTLED_MS);
    cluster.booksMs = 300;
    const { table } = cluster;
    const release = table.release.bind(table);
    let failures = 1;
    table.release = (holder, leases) =>
      leases.length > 0 && failures-- > 0 ? Promise.reject(new Error('no answer')) : release(holder, leases);
    const stop = async (node: typeof a): Promise<number> => {
      node!.isMember = false;
      const startMs = clock.monotonicMs();
      let tookMs = Infinity;
      void node!.leases.stop(30_000).then(() => (tookMs = clock.monotonicMs() - startMs));
      await clock.advance(6_000);
      return tookMs;
    };
    expect(await stop(a)).toBeLessThan(4_000);
    expect(failures).toBeLessThan(1);
    cluster.add('c');
    await clock.advance(4 * SETTLED_MS);
    b!.isCutOff = true;
    expect(await stop(b)).toBeLessThan(1_000);
    await clock.advance(LEASE_MS + SETTLED_MS);
    cluster.expectFair();
  });

  it('of others are taken all the same while it can not be announced that one waits', async () => {
    cluster.add('a');
    await clock.advance(SETTLED_MS);
    cluster.table.announce = () => Promise.reject(new Error('a lock was waited for'));
    const b = cluster.add('b');
    await clock.advance(500);
    cluster.exchanges = ['binance', 'kraken', 'okx'];
    await clock.advance(2_500);
    expect(cluster.slotNames().flatMap((name) => cluster.feedersOf(name))).toHaveLength(3 * SLOT_COUNT);
    expect(b.heldNames().every((name) => name.startsWith('okx/'))).toBe(true);
  });

  it('are not opened by a look that was under way when the node stopped', async () => {
    cluster.add('a');
    await clock.advance(SETTLED_MS);
    const b = cluster.add('b');
    const { table } = cluster;
    const take = table.take.bind(table);
    table.take = (holder, ...asked) => {
      if (holder.name === 'b') void b.leases.stop(0);
      return take(holder, ...asked);
    };
    cluster.exchanges = ['binance', 'kraken', 'okx'];
    await clock.advance(SETTLED_MS);
    expect(b.told.filter((line) => line.startsWith('?'))).toEqual([]);
    expect(b.heldNames()).toEqual([]);
  });
});
