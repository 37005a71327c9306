/** What the faults of a run act upon, and what they count. */
import type { RandomSource } from '../../src/base/clock.ts';
import type { ChaosMarkets } from './chaos-markets.ts';
import type { FaultProxy } from './fault-proxy.ts';
import type { NodeSupervisor } from './nodes/node-supervisor.ts';
import type { ChaosPostgres } from './services/chaos-postgres.ts';
import type { ChaosRedis } from './services/chaos-redis.ts';
import type { Violation } from './violation.ts';

export type RunState = {
  readonly random: RandomSource;
  readonly markets: ChaosMarkets;
  readonly postgres: ChaosPostgres;
  readonly redis: ChaosRedis;
  readonly postgresProxy: FaultProxy;
  readonly redisProxy: FaultProxy;
  readonly nodes: NodeSupervisor;
  /** Whether the run is ending: faults that wait stop waiting. */
  readonly isOver: () => boolean;
  /** Redis lost all it held; called while it is down. */
  readonly onRedisEmptied: () => void;
  readonly report: (violation: Violation) => void;
  readonly counts: Map<string, number>;
};

export function count(state: Pick<RunState, 'counts'>, what: string): void {
  state.counts.set(what, (state.counts.get(what) ?? 0) + 1);
}

/** Returns a whole number in [`from`, `to`]. */
export function drawWhole(random: RandomSource, from: number, to: number): number {
  return from + Math.floor(random() * (to - from + 1));
}

export function drawOne<Item>(random: RandomSource, items: readonly Item[]): Item {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('Nothing to draw from');
  return item;
}
