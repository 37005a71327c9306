import { beforeEach, describe, expect, it } from 'vitest';
import { ClusterDirectory } from '../../src/cluster/cluster-directory.ts';
import type { ClusterPicture } from '../../src/cluster/ports.ts';
import { shardOf } from '../../src/market/shards.ts';
import { toExchangeId, toInstrumentKey, toUnifiedSymbol } from '../../src/market/symbols.ts';
import { FakeClock } from '../support/fake-clock.ts';

const SHARDS = 4;
const SLOTS = 3;
const BTC = toInstrumentKey(toExchangeId('kraken'), toUnifiedSymbol('BTC-USD'));

function node(name: string, isAlive = true): ClusterPicture['nodes'][number] {
  const adminUrl = `http://${name}:8080`;
  return { name, runId: '1', adminUrl, roles: [], startedAtMs: 0, isAlive, seenAgoMs: 0, report: {} };
}

describe('the directory of a cluster', () => {
  let clock: FakeClock;
  let picture: ClusterPicture;
  let readings: number;
  let isAway: boolean;
  let directory: ClusterDirectory;
  beforeEach(() => {
    clock = new FakeClock();
    readings = 0;
    isAway = false;
    const shard = { epoch: 3, claimedAtMs: 0 };
    picture = {
      nodes: [node('a'), node('b'), node('gone', false)],
      shards: [
        { ...shard, shard: shardOf(BTC, SHARDS), owner: 'b' },
        { ...shard, shard: SHARDS, owner: 'a' },
      ],
      leases: [
        { exchange: 'binance', slot: shardOf(BTC, SLOTS), replica: 0, epoch: 1, holder: 'b' },
        { exchange: 'kraken', slot: shardOf(BTC, SLOTS), replica: 0, epoch: 1, holder: 'a' },
      ],
    };
    directory = new ClusterDirectory({
      source: {
        read: async () => {
          readings++;
          await Promise.resolve();
          if (isAway) throw new Error('the database is away');
          return picture;
        },
      },
      clock,
      shardCount: SHARDS,
      slotCount: SLOTS,
      redundancy: 2,
      leaseMs: 10_000,
    });
  });

  it('knows whose actor has an instrument, and who feeds it', async () => {
    expect(await directory.ownerOf(BTC)).toEqual({ name: 'b', adminUrl: 'http://b:8080' });
    expect(await directory.ingestOwnerOf(BTC)).toEqual({ name: 'a', adminUrl: 'http://a:8080' });
  });

  it('knows who feeds it a second time, and names the other one while nobody does for the first time', async () => {
    const [first] = picture.leases.filter(({ exchange }) => exchange === 'kraken');
    picture = {
      ...picture,
      leases: [
        { ...first!, holder: undefined },
        { ...first!, replica: 1, holder: 'b' },
      ],
    };
    expect(await directory.ingestOwnerOf(BTC, 0)).toBeUndefined();
    expect(await directory.ingestOwnerOf(BTC, 1)).toEqual({ name: 'b', adminUrl: 'http://b:8080' });
    expect(await directory.ingestOwnerOf(BTC)).toEqual({ name: 'b', adminUrl: 'http://b:8080' });
  });

  it('knows no address of a node that is gone, and no owner of what nobody claimed', async () => {
    picture = { ...picture, shards: [{ ...picture.shards[0]!, owner: 'gone' }], leases: [] };
    expect(await directory.ownerOf(BTC)).toEqual({ name: 'gone', adminUrl: undefined });
    expect(await directory.ingestOwnerOf(BTC)).toBeUndefined();
    expect((await directory.aliveNodes()).map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('names nodes that are gone while shards are theirs still', async () => {
    expect(await directory.goneOwners()).toEqual([]);
    const row = picture.shards[0]!;
    const gone = [0, 1].map((shard) => ({ ...row, shard, owner: 'gone' }));
    picture = { ...picture, shards: [row, ...gone] };
    await clock.advance(1_000);
    expect(await directory.goneOwners()).toEqual(['gone']);
  });

  it('shows no shards of a time with more of them, and no leases of a time with more feeds', async () => {
    picture = { ...picture, leases: [...picture.leases, { ...picture.leases[0]!, replica: 2 }] };
    expect((await directory.picture()).shards).toHaveLength(1);
    expect((await directory.picture()).leases).toHaveLength(2);
  });

  it('is read once a second however many ask', async () => {
    await Promise.all(Array.from({ length: 50 }, () => directory.ownerOf(BTC)));
    await directory.picture();
    expect(readings).toBe(1);
    clock.advanceNow(1_000);
    await Promise.all(Array.from({ length: 50 }, () => directory.ingestOwnerOf(BTC)));
    expect(readings).toBe(2);
  });

  it('tells a failure to those who wait for it while nothing was ever read, and asks again for the next', async () => {
    isAway = true;
    await expect(directory.ownerOf(BTC)).rejects.toThrow('the database is away');
    isAway = false;
    expect((await directory.ownerOf(BTC))?.name).toBe('b');
  });

  it('leads to the nodes that were there last while the database is away, but shows no old picture', async () => {
    await directory.picture();
    isAway = true;
    clock.advanceNow(5_000);
    expect((await directory.ownerOf(BTC))?.name).toBe('b');
    expect((await directory.aliveNodes()).map(({ name }) => name)).toEqual(['a', 'b']);
    await expect(directory.picture()).rejects.toThrow('the database is away');
    isAway = false;
    picture = { ...picture, shards: [{ ...picture.shards[0]!, owner: 'a' }] };
    await directory.picture();
    expect((await directory.ownerOf(BTC))?.name).toBe('a');
  });
});
