/** Two nodes of a cluster, each an admin server of its own; the directory is what a test says. */
import type { AdminOptions } from '../../src/admin/admin-options.ts';
import type { AdminServer } from '../../src/admin/admin-server.ts';
import { createAdminServer } from '../../src/admin/admin-server.ts';
import type { DesiredInstrument } from '../../src/actors/ports.ts';
import type { ClusterPicture } from '../../src/cluster/ports.ts';
import type { World } from './support.ts';
import { createWorld } from './support.ts';

export type ClusterNodeWorld = {
  readonly name: string;
  readonly world: World;
  readonly server: AdminServer;
  /** Instruments that were asked for a fresh book here. */
  readonly resyncs: string[];
};

export type ClusterWorld = {
  readonly a: ClusterNodeWorld;
  readonly b: ClusterNodeWorld;
  /** Names of nodes by instrument: whose actor has it, and who feeds it. */
  readonly owners: Map<string, string>;
  readonly feeders: Map<string, string>;
  /** Instruments that are to run somewhere. */
  readonly wanted: Map<string, DesiredInstrument>;
  /** Addresses by node, as registered; a node without one is gone. */
  readonly addresses: Map<string, string>;
  /** Nodes that are gone and had shards. */
  readonly goneOwners: string[];
  /** Who has which shard, by number. */
  readonly shards: ClusterPicture['shards'][number][];
  end(): Promise<void>;
};

export async function createClusterWorld(overrides: Partial<AdminOptions> = {}): Promise<ClusterWorld> {
  const owners = new Map<string, string>();
  const feeders = new Map<string, string>();
  const wanted = new Map<string, DesiredInstrument>();
  const addresses = new Map<string, string>();
  const goneOwners: string[] = [];
  const shards = [
    { shard: 0, epoch: 4, owner: 'a', claimedAtMs: 6 },
    { shard: 1, epoch: 9, owner: 'gone', claimedAtMs: 6 },
  ];
  const picture = (): ClusterPicture => ({
    nodes: [...addresses].sort().map(([name, adminUrl]) => ({
      ...{ name, runId: '1', adminUrl, roles: ['ingest'], startedAtMs: 5, isAlive: true, seenAgoMs: 7 },
      report: { lag: 3, eventAgeMs: 250 },
    })),
    shards: [...shards],
    leases: [
      { exchange: 'binance', slot: 0, replica: 0, epoch: 2, holder: 'b' },
      { exchange: 'binance', slot: 1, replica: 0, epoch: 1, holder: undefined },
    ],
  });
  const find = (names: ReadonlyMap<string, string>, instrument: string) => {
    const name = names.get(instrument);
    return Promise.resolve(name === undefined ? undefined : { name, adminUrl: addresses.get(name) });
  };
  const createNode = async (name: string): Promise<ClusterNodeWorld> => {
    const world = await createWorld();
    const resyncs: string[] = [];
    const server = await createAdminServer({
      ...world.options,
      node: name,
      cluster: {
        directory: {
          picture: () => Promise.resolve(picture()),
          goneOwners: () => Promise.resolve([...goneOwners]),
          aliveNodes: () => Promise.resolve(picture().nodes),
          ownerOf: (instrument) => find(owners, instrument),
          ingestOwnerOf: (instrument) => find(feeders, instrument),
        },
        feed: {
          isFedHere: (instrument) => feeders.get(instrument) === name,
          resync: (instrument) => void resyncs.push(instrument),
        },
        elsewhere: {
          find: (instrument) => wanted.get(instrument),
          follow: () => undefined,
          keep: () => undefined,
        },
      },
      ...overrides,
    });
    addresses.set(name, server.url);
    return { name, world, server, resyncs };
  };
  const [a, b] = [await createNode('a'), await createNode('b')];
  return {
    ...{ a, b, owners, feeders, wanted, addresses, goneOwners, shards },
    end: async () => {
      for (const { server, world } of [a, b]) {
        await server.close();
        await world.end();
      }
    },
  };
}
