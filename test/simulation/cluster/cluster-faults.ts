/** What goes wrong between the nodes of a cluster, drawn from the seed: a random part of all kinds, each with a rate of its own. */
import type { RandomSource } from '../../../src/base/clock.ts';
import type { InstrumentKey } from '../../../src/market/symbols.ts';
import type { MemoryEventLog } from '../../support/memory-event-log.ts';
import type { FaultSwitches } from '../faults/fault-switches.ts';
import { tearNewestSnapshot } from '../faults/torn-snapshot.ts';
import type { PostgresServer } from '../models/postgres-server.ts';
import type { Process, World } from '../world/world.ts';
import type { ClusterFeeds } from './cluster-feeds.ts';
import type { SimClusterNode } from './sim-cluster-node.ts';
import { GROUP } from './sim-cluster-node.ts';
import type { UnsteadyLogAccess } from './unsteady-log-access.ts';

export type ClusterFaultTargets = {
  readonly world: World;
  readonly faults: FaultSwitches;
  readonly log: MemoryEventLog;
  readonly postgres: PostgresServer;
  readonly feeds: ClusterFeeds;
  readonly nodes: SimClusterNode[];
  readonly readers: ReadonlyMap<Process, UnsteadyLogAccess>;
  readonly startNode: () => void;
  /** The group gives up on a member that was not heard for so long. */
  readonly sessionMs: number;
};

/** Mean ms between two of a kind, where it is on. */
const KINDS = {
  crash: 15_000,
  stop: 20_000,
  freeze: 10_000,
  rebalance: 5_000,
  'lost membership': 8_000,
  'failed reader': 10_000,
  'paused reader': 8_000,
  'repeated fetches': 4_000,
  'claim out of turn': 10_000,
  'torn state': 4_000,
  'postgres away': 15_000,
  'redis away': 15_000,
  'failed delivery': 3_000,
  'actor restart': 4_000,
  'new feed': 4_000,
  'written again': 2_000,
  'silent feed': 8_000,
  'lost feeder': 9_000,
  resync: 6_000,
} as const;
type Kind = keyof typeof KINDS;
type NodeKind = Extract<
  Kind,
  | 'crash'
  | 'stop'
  | 'freeze'
  | 'lost membership'
  | 'failed reader'
  | 'paused reader'
  | 'repeated fetches'
  | 'claim out of turn'
  | 'failed delivery'
  | 'actor restart'
>;

const ON_SHARE = 0.45;
const START_AGAIN_MS = 2_000;

/** What has to happen in a run of many seeds, or the run does not look where it should. */
export const CLUSTER_FAULTS: readonly string[] = [
  ...Object.keys(KINDS),
  'duplicate fetch',
  'commit unknown',
  'slow statement',
  'redis answer lost',
];
export const CLUSTER_FACTS: readonly string[] = [
  'postgres: done, answer lost',
  'two claimers',
  'read by no member',
  'fetched from before the place',
  'fetched before it was read from further back',
  'rebalance in a rebalance',
  'damaged state read',
];

export class ClusterFaults {
  readonly #targets: ClusterFaultTargets;
  readonly #random: RandomSource;
  /** What ends the pauses of readers. */
  readonly #held: (() => void)[] = [];
  #isOver = false;

  constructor(targets: ClusterFaultTargets) {
    this.#targets = targets;
    this.#random = targets.world.stream('faults');
  }

  begin(): void {
    const { world, faults } = this.#targets;
    if (this.#random() < ON_SHARE) faults.rates.commitUnknownRate = 0.01 + 0.1 * this.#random();
    if (this.#random() < ON_SHARE) faults.rates.slowStatementRate = 0.01 + 0.05 * this.#random();
    if (this.#random() < ON_SHARE) faults.rates.redisLostRate = 0.01 + 0.1 * this.#random();
    if (this.#random() < ON_SHARE) faults.rates.postgresMs = 1 + 40 * this.#random();
    for (const [kind, meanMs] of Object.entries(KINDS) as [Kind, number][]) {
      if (this.#random() >= ON_SHARE) continue;
      const pace = 0.5 + 2 * this.#random();
      const next = (): void => {
        world.after(world.nature, -Math.log(1 - this.#random()) * meanMs * pace, kind, () => {
          if (this.#isOver) return;
          if (this.#inject(kind)) faults.count(kind);
          next();
        });
      };
      next();
    }
  }

  end(): void {
    this.#isOver = true;
    const { faults, nodes, world, feeds } = this.#targets;
    faults.heal();
    feeds.wake();
    for (const readOn of this.#held) readOn();
    for (const { process } of nodes) if (process.isPaused && !process.isDead) world.resume(process);
  }

  /** Returns whether there was something to break. */
  #inject(kind: Kind): boolean {
    switch (kind) {
      case 'crash':
      case 'stop':
      case 'freeze':
      case 'lost membership':
      case 'failed reader':
      case 'paused reader':
      case 'repeated fetches':
      case 'claim out of turn':
      case 'failed delivery':
      case 'actor restart': {
        const node = this.#pickNode();
        return node !== undefined && this.#injectIntoNode(kind, node);
      }
      case 'rebalance':
        return this.#rebalance();
      case 'torn state':
        return this.#tearState();
      case 'postgres away':
      case 'redis away':
        return this.#takeAway(kind);
      case 'new feed':
        return this.#targets.feeds.pick().connect();
      case 'written again':
        return this.#targets.feeds.pick().writeAgain();
      case 'silent feed':
        this.#targets.feeds.pick().beSilent(this.#targets.world.nowMs + this.#random() * 12_000);
        return true;
      case 'lost feeder':
        return this.#targets.feeds.loseFeeder();
      case 'resync':
        return this.#targets.feeds.pick().resync();
      default:
        return kind satisfies never;
    }
  }

  #injectIntoNode(kind: NodeKind, node: SimClusterNode): boolean {
    switch (kind) {
      case 'crash':
        node.kill();
        this.#startLater();
        return true;
      case 'stop':
        node.stop();
        this.#startLater();
        return true;
      case 'freeze':
        return this.#freeze(node);
      case 'lost membership':
        return node.loseMembership(this.#random() * 8_000);
      case 'failed reader':
        return node.failReader();
      case 'paused reader':
        return this.#pauseReader(node);
      case 'repeated fetches':
        this.#targets.readers.get(node.process)!.repeatFetches(1 + Math.floor(this.#random() * 6));
        return true;
      case 'claim out of turn':
        node.claimOutOfTurn(Math.floor(this.#random() * this.#targets.log.partitions.length));
        return true;
      case 'failed delivery':
      case 'actor restart':
        return this.#failActor(node, kind);
      default:
        return kind satisfies never;
    }
  }

  /** Now and then once or twice more before all have heard of the first. */
  #rebalance(): boolean {
    const { world, log, faults } = this.#targets;
    const group = log.group(GROUP);
    const shareOut = (): void =>
      group.rebalance((_partition, members) => members[Math.floor(this.#random() * members.length)]!);
    if (group.members.size === 0) return false;
    shareOut();
    for (let count = Math.floor(this.#random() * 3); count > 0; count--)
      world.after(world.nature, this.#random() ** 2 * 400, 'rebalance', () => {
        if (this.#isOver) return;
        faults.sometimes('rebalance in a rebalance');
        shareOut();
      });
    return true;
  }

  /** Gets nothing of the log, mostly for longer than the group waits; a client that still sends heartbeats stays a member all the same. */
  #pauseReader(node: SimClusterNode): boolean {
    const { world, readers, sessionMs } = this.#targets;
    const { reader } = node;
    if (reader === undefined) return false;
    const forMs = this.#random() * 3 * sessionMs;
    this.#held.push(readers.get(node.process)!.hold(forMs));
    if (this.#random() < 0.3 || forMs <= sessionMs) return true;
    world.after(world.nature, sessionMs, 'session over', () => {
      // It reads on with what it had, until it hears that it is no member.
      if (node.reader === reader) node.loseMembership(forMs - sessionMs + this.#random() * 4_000);
    });
    return true;
  }

  /** Whoever reads it next has to use the one before. */
  #tearState(): boolean {
    const { postgres, nodes } = this.#targets;
    const rows = [...postgres.tables.instruments.values()];
    const { id, key } = rows[Math.floor(this.#random() * rows.length)]!;
    if (!tearNewestSnapshot(postgres.tables, id, this.#random)) return false;
    const owner = nodes.find(
      ({ hasEnded, built }) => !hasEnded && built.instruments.has(key as InstrumentKey),
    );
    const draw = this.#random();
    if (draw < 0.3 && owner !== undefined) {
      owner.kill();
      this.#startLater();
    } else if (draw < 0.6 && owner !== undefined) this.#restart(owner, key as InstrumentKey);
    else if (draw < 0.8) this.#rebalance();
    return true;
  }

  #takeAway(kind: 'postgres away' | 'redis away'): boolean {
    const { world, faults } = this.#targets;
    const awayMs = this.#random() * 8_000;
    if (kind === 'postgres away') faults.isPostgresAway = true;
    else faults.isRedisAway = true;
    world.after(world.nature, awayMs, 'back', () => {
      if (kind === 'postgres away') faults.isPostgresAway = false;
      else faults.isRedisAway = false;
    });
    return true;
  }

  /** Frozen for long enough others are given what it had, and it wakes as their rival. */
  #freeze(node: SimClusterNode): boolean {
    const { world, sessionMs } = this.#targets;
    const forMs = this.#random() ** 2 * 25_000;
    node.process.isPaused = true;
    if (node.reader !== undefined && forMs > sessionMs) {
      world.after(world.nature, sessionMs, 'session over', () =>
        node.loseMembership(forMs - sessionMs + this.#random() * 3_000),
      );
    }
    world.after(world.nature, forMs, 'wakes', () => {
      if (node.process.isPaused && !node.process.isDead) world.resume(node.process);
    });
    return true;
  }

  #failActor(node: SimClusterNode, kind: 'failed delivery' | 'actor restart'): boolean {
    const { instruments } = node.built;
    const keys = instruments.keys();
    const key = keys[Math.floor(this.#random() * keys.length)];
    if (key === undefined) return false;
    if (kind === 'actor restart') this.#restart(node, key);
    else
      this.#targets.world.soon(node.process, kind, () => {
        if (instruments.has(key)) instruments.failNextDelivery(key, 'injected');
      });
    return true;
  }

  #restart({ process, built: { instruments } }: SimClusterNode, key: InstrumentKey): void {
    this.#targets.world.soon(process, 'restart', () => {
      if (instruments.has(key)) instruments.restart(key, 'chance').catch(() => undefined);
    });
  }

  #startLater(): void {
    const { world, startNode } = this.#targets;
    world.after(world.nature, START_AGAIN_MS + this.#random() * 6_000, 'start again', startNode);
  }

  #pickNode(): SimClusterNode | undefined {
    const running = this.#targets.nodes.filter(({ hasEnded, isEnding }) => !hasEnded && !isEnding);
    return running[Math.floor(this.#random() * running.length)];
  }
}
