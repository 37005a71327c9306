/** Who does what in the cluster, for whoever asks a node over REST. What it says may be a second old: a request that comes too late is told so. */
import type { Clock } from '../base/clock.ts';
import { shardOf } from '../market/shards.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import { splitInstrumentKey } from '../market/symbols.ts';
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
  /** By how many nodes each slot is fed at once. */
  readonly redundancy: number;
  readonly leaseMs: number;
};

export class ClusterDirectory {
  readonly #options: ClusterDirectoryOptions;
  #reading: Promise<ClusterPicture> | undefined;
  #isReading = false;
  #readAtMs = Number.NEGATIVE_INFINITY;
  /** Of the newest reading that succeeded. */
  #lastPicture: ClusterPicture | undefined;
  #isAway = false;

  constructor(options: ClusterDirectoryOptions) {
    this.#options = options;
  }

  /**
   * All there is to know, at most a second old; however many ask, it is read once.
   * @throws TampinesError `SERVICE_UNAVAILABLE` while the database is away
   */
  picture(): Promise<ClusterPicture> {
    const isFresh = this.#options.clock.monotonicMs() - this.#readAtMs < KEPT_MS;
    if (this.#reading !== undefined && (this.#isReading || (isFresh && !this.#isAway))) return this.#reading;
    const reading = this.#read();
    this.#reading = reading;
    // Who waits for it is told; nobody may.
    reading.catch(() => undefined);
    return reading;
  }

  async #read(): Promise<ClusterPicture> {
    const { clock, source, leaseMs, shardCount, slotCount, redundancy } = this.#options;
    this.#isReading = true;
    this.#readAtMs = clock.monotonicMs();
    try {
      const picture = await source.read({ aliveMs: NODE_ALIVE_MS, leaseMs });
      // Rows of a time with more shards, slots or feeds stay.
      const shards = picture.shards.filter(({ shard }) => shard < shardCount);
      const leases = picture.leases.filter(({ slot, replica }) => slot < slotCount && replica < redundancy);
      this.#lastPicture = { ...picture, shards, leases };
      this.#isAway = false;
      return this.#lastPicture;
    } catch (error) {
      this.#isAway = true;
      throw error;
    } finally {
      this.#isReading = false;
    }
  }

  /**
   * The picture, or the last one while the database is away: other nodes are there all the same, and whoever is asked in vain says so. Only the first who
   * asks waits for a database that does not answer.
   */
  async #lastKnown(): Promise<ClusterPicture> {
    const isAway = this.#isAway;
    const reading = this.picture();
    if (isAway && this.#lastPicture !== undefined) return this.#lastPicture;
    try {
      return await reading;
    } catch (error) {
      if (this.#lastPicture === undefined) throw error;
      return this.#lastPicture;
    }
  }

  /** The node whose symbol actor has the instrument; `undefined` while nobody claimed its shard. Fails as `picture` where nothing was read yet. */
  async ownerOf(instrument: InstrumentKey): Promise<NodeAddress | undefined> {
    const picture = await this.#lastKnown();
    const shard = shardOf(instrument, this.#options.shardCount);
    return addressOf(picture, picture.shards.find((row) => row.shard === shard)?.owner);
  }

  /**
   * The node that feeds the instrument, of several the first; `undefined` while nobody holds its slot. Fails as `picture` where nothing was read yet.
   * @param replica which of several
   */
  async ingestOwnerOf(instrument: InstrumentKey, replica?: number): Promise<NodeAddress | undefined> {
    const picture = await this.#lastKnown();
    const slot = shardOf(instrument, this.#options.slotCount);
    const [exchange] = splitInstrumentKey(instrument);
    const lease = picture.leases.find(
      (row) =>
        row.exchange === exchange &&
        row.slot === slot &&
        (replica === undefined ? row.holder !== undefined : row.replica === replica),
    );
    return addressOf(picture, lease?.holder);
  }

  /** Those that are alive, by name. Fails as `picture` where nothing was read yet. */
  async aliveNodes(): Promise<readonly { readonly name: string; readonly adminUrl: string }[]> {
    return (await this.#lastKnown()).nodes.filter(({ isAlive }) => isAlive);
  }

  /** Those that are gone, and whose shards nobody has taken yet. Fails as `picture` where nothing was read yet. */
  async goneOwners(): Promise<readonly string[]> {
    const { nodes, shards } = await this.#lastKnown();
    const alive = new Set(nodes.filter(({ isAlive }) => isAlive).map(({ name }) => name));
    return [...new Set(shards.map(({ owner }) => owner))].filter((owner) => !alive.has(owner));
  }
}

function addressOf({ nodes }: ClusterPicture, name: string | undefined): NodeAddress | undefined {
  if (name === undefined) return undefined;
  return { name, adminUrl: nodes.find((node) => node.name === name && node.isAlive)?.adminUrl };
}
