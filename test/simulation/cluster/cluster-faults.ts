/** What goes wrong between the nodes of a cluster, drawn from the seed: a random part of all kinds, each with a rate of its own. */
import type { RandomSource } from '../../../src/base/clock.ts';
import type { MemoryEventLog } from '../../support/memory-event-log.ts';
import type { FaultSwitches } from '../faults/fault-switches.ts';
import type { World } from '../world/world.ts';
import type { ClusterFeeds } from './cluster-feeds.ts';
import type { SimClusterNode } from './sim-cluster-node.ts';
import { GROUP } from './sim-cluster-node.ts';

export type ClusterFaultTargets = {
  readonly world: World;
  readonly faults: FaultSwitches;
  readonly log: MemoryEventLog;
  readonly feeds: ClusterFeeds;
  readonly nodes: SimClusterNode[];
  readonly startNode: () => void;
};

/** Mean ms between two of a kind, where it is on. */
const KINDS = {
  crash: 15_000,
  stop: 20_000,
  freeze: 10_000,
  rebalance: 5_000,
  'lost membership': 8_000,
  'failed reader': 10_000,
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

const ON_SHARE = 0.45;
const START_AGAIN_MS = 2_000;

export class ClusterFaults {
  readonly #targets: ClusterFaultTargets;
  readonly #random: RandomSource;
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
          faults.count(kind);
          this.#inject(kind);
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
    for (const { process } of nodes) if (process.isPaused && !process.isDead) world.resume(process);
  }

  #inject(kind: Kind): void {
    const { world, faults, feeds, log } = this.#targets;
    const node = this.#pickNode();
    switch (kind) {
      case 'crash':
        node?.kill();
        this.#startLater();
        return;
      case 'stop':
        node?.stop();
        this.#startLater();
        return;
      case 'freeze':
        if (node !== undefined) this.#freeze(node);
        return;
      case 'rebalance':
        log
          .group(GROUP)
          .rebalance((_partition, members) => members[Math.floor(this.#random() * members.length)]!);
        return;
      case 'lost membership':
        node?.loseMembership(this.#random() * 8_000);
        return;
      case 'failed reader':
        node?.failReader();
        return;
      case 'postgres away':
        faults.isPostgresAway = true;
        world.after(world.nature, this.#random() * 8_000, 'postgres back', () => {
          faults.isPostgresAway = false;
        });
        return;
      case 'redis away':
        faults.isRedisAway = true;
        world.after(world.nature, this.#random() * 8_000, 'redis back', () => {
          faults.isRedisAway = false;
        });
        return;
      case 'failed delivery':
      case 'actor restart':
        if (node !== undefined) this.#failActor(node, kind);
        return;
      case 'new feed':
        feeds.pick().connect();
        return;
      case 'written again':
        feeds.pick().writeAgain();
        return;
      case 'silent feed':
        feeds.pick().beSilent(world.nowMs + this.#random() * 12_000);
        return;
      case 'lost feeder':
        feeds.loseFeeder();
        return;
      case 'resync':
        feeds.pick().resync();
        return;
      default:
        kind satisfies never;
    }
  }

  /** Frozen for long enough others are given what it had, and it wakes as their rival. */
  #freeze(node: SimClusterNode): void {
    const { world } = this.#targets;
    const forMs = this.#random() ** 2 * 25_000;
    node.process.isPaused = true;
    const { reader } = node;
    if (reader !== undefined && forMs > 6_000) {
      world.after(world.nature, 6_000, 'session over', () =>
        node.loseMembership(forMs - 6_000 + this.#random() * 3_000),
      );
    }
    world.after(world.nature, forMs, 'wakes', () => {
      if (node.process.isPaused && !node.process.isDead) world.resume(node.process);
    });
  }

  #failActor({ process, built }: SimClusterNode, kind: 'failed delivery' | 'actor restart'): void {
    const { world } = this.#targets;
    const { instruments } = built;
    const keys = instruments.keys();
    const key = keys[Math.floor(this.#random() * keys.length)];
    if (key === undefined) return;
    world.soon(process, kind, () => {
      if (!instruments.has(key)) return;
      if (kind === 'failed delivery') instruments.failNextDelivery(key, 'injected');
      else instruments.restart(key, 'chance').catch(() => undefined);
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
