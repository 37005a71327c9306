/** What can go wrong in a cluster. Each fault heals before it resolves, and acts on one place, so that several may go on at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaNode } from '../../../scripts/services/kafka.mjs';
import type { RandomSource } from '../../../src/base/clock.ts';
import type { ChaosMarkets } from '../chaos-markets.ts';
import type { FaultProxy } from '../fault-proxy.ts';
import { drawOne, drawWhole } from '../run-state.ts';
import type { ClusterNode, NodeProxies } from './cluster-node.ts';

/** How long the group waits for a node that says nothing: a freeze is longer. */
export const SESSION_MS = 2_000;

export type ClusterSurroundings = {
  readonly nodes: readonly ClusterNode[];
  readonly broker: KafkaNode;
  readonly markets: ChaosMarkets;
};

export type DrawnFault = {
  readonly name: string;
  /** Where it acts: of two faults at one place only one goes on at a time. */
  readonly place: string;
  readonly run: () => Promise<void>;
};

type Draw = (random: RandomSource, surroundings: ClusterSurroundings) => DrawnFault;

const ofNode =
  (name: string, draw: (random: RandomSource, node: ClusterNode) => () => Promise<void>): Draw =>
  (random, { nodes }) => {
    const node = drawOne(random, nodes);
    return { name, place: node.name, run: draw(random, node) };
  };

const cut = (proxy: FaultProxy) => (): Promise<void> => {
  proxy.cut();
  return Promise.resolve();
};

/** Nothing passes for a while, and nobody is told. */
const stall = (proxy: FaultProxy, durationMs: number) => async (): Promise<void> => {
  proxy.setFault({ kind: 'halfOpen' });
  await sleep(durationMs);
  proxy.heal();
  proxy.resetDead();
};

/** Connections break, and none can be made for a while. */
const refuse = (proxy: FaultProxy, durationMs: number) => async (): Promise<void> => {
  proxy.setFault({ kind: 'refuse' });
  proxy.cut();
  await sleep(durationMs);
  proxy.heal();
};

const between = (server: keyof NodeProxies): Draw[] => [
  ofNode(`${server} cut`, (_, node) => cut(node.proxies[server])),
  ofNode(`${server} stalled`, (random, node) => stall(node.proxies[server], drawWhole(random, 500, 6_000))),
  ofNode(`${server} refused`, (random, node) => refuse(node.proxies[server], drawWhole(random, 500, 4_000))),
];

const FAULTS: readonly Draw[] = [
  ofNode('kill', (_, node) => () => node.kill()),
  ofNode('kill', (_, node) => () => node.kill()),
  ofNode('freeze', (random, node) => {
    const frozenMs = SESSION_MS + drawWhole(random, 500, 4_000);
    return async () => {
      node.freeze();
      await sleep(frozenMs);
      node.thaw();
    };
  }),
  ofNode('sigterm', (_, node) => () => node.stop()),
  (random, { broker }) => {
    const awayMs = drawWhole(random, 0, 3_000);
    return {
      name: 'broker killed',
      place: 'broker',
      run: async () => {
        await broker.kill();
        await sleep(awayMs);
        await broker.start();
      },
    };
  },
  ...between('kafka'),
  ...between('postgres'),
  ...between('redis'),
  (random, { markets }) => {
    const { name, ws } = drawOne(random, markets.exchanges);
    return { name: 'exchange cut', place: name, run: cut(ws) };
  },
];

/** Draws so many faults, each at another place; whatever the timing, the draws follow from `random` alone. */
export function drawFaults(
  random: RandomSource,
  surroundings: ClusterSurroundings,
  faultCount: number,
): DrawnFault[] {
  const drawn = new Map<string, DrawnFault>();
  while (drawn.size < faultCount) {
    const fault = drawOne(random, FAULTS)(random, surroundings);
    if (!drawn.has(fault.place)) drawn.set(fault.place, fault);
  }
  return [...drawn.values()];
}
