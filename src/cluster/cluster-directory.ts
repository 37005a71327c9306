/** Who does what in the cluster, for whoever asks a node over REST. What it says may be a second old: a request that comes too late is told so. */
import type { Clock } from '../base/clock.ts';
import { shardOf } from '../market/shards.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import { NODE_ALIVE_MS } from './cluster-membership.ts';
import type { ClusterPicture, PictureSource } from './ports.ts';

const KEPT_MS = 1_000;

export type NodeAddress = {
  readonly name: string;
  /** `undefined` while the node is not alive. */
  readonly adminUrl: string | undefined;
};

export type ClusterDirectoryOptions = {
  readonly source: PictureSource;
  readonly clock: Clock;
  /** Partitions of the topic of events: the number of shards. */
  readonly shardCount: number;
  readonly slotCount: number;
  readonly leaseMs: number;
};

export class ClusterDirectory {
  readonly #options: ClusterDirectoryOptions;
  #reading: Promise<ClusterPicture> | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ClusterDirectoryOptions) {
    this.#options = options;
  }

  /**
   * All there is to know, at most a second old; however many ask, it is read once.
   * @throws TampinesError `SERVICE_UNAVAILABLE` while the database is away
   */
  picture(): Promise<ClusterPicture> {
    const { clock, source, leaseMs, shardCount } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#reading !== undefined && nowMs - this.#readAtMs < KEPT_MS) return this.#reading;
    const reading = source.read({ aliveMs: NODE_ALIVE_MS, leaseMs }).then(({ nodes, shards, leases }) => ({
      nodes,
      // Rows of a time with more shards stay.
      shards: shards.filter(({ shard }) => shard < shardCount),
      leases,
    }));
    this.#reading = reading;
    this.#readAtMs = nowMs;
    // A failure is told to those who wait for it, and not kept.
    reading.catch(() => {
      if (this.#reading === reading) this.#reading = undefined;
    });
    return reading;
  }

  /** The node whose symbol actor has the instrument; `undefined` while nobody claimed its shard. Errors as those of `picture`. */
  async ownerOf(instrument: InstrumentKey): Promise<NodeAddress | undefined> {
    const picture = await this.picture();
    const shard = shardOf(instrument, this.#options.shardCount);
    return addressOf(picture, picture.shards.find((row) => row.shard === shard)?.owner);
  }

  /** The node that feeds the instrument; `undefined` while nobody holds its slot. Errors as those of `picture`. */
  async ingestOwnerOf(instrument: InstrumentKey): Promise<NodeAddress | undefined> {
    const picture = await this.picture();
    const slot = shardOf(instrument, this.#options.slotCount);
    const exchange = instrument.slice(0, instrument.indexOf(':'));
    const lease = picture.leases.find((row) => row.exchange === exchange && row.slot === slot);
    return addressOf(picture, lease?.holder);
  }

  /** Those that are alive, by name. Errors as those of `picture`. */
  async aliveNodes(): Promise<readonly { readonly name: string; readonly adminUrl: string }[]> {
    return (await this.picture()).nodes.filter(({ isAlive }) => isAlive);
  }
}

function addressOf({ nodes }: ClusterPicture, name: string | undefined): NodeAddress | undefined {
  if (name === undefined) return undefined;
  return { name, adminUrl: nodes.find((node) => node.name === name && node.isAlive)?.adminUrl };
}
