/** Which nodes there are, and who does what. */
import type { z } from 'zod';
import type { ClusterPicture } from '../../cluster/ports.ts';
import type { AdminApp, AdminOptions } from '../admin-options.ts';
import { clusterSchema } from '../cluster-schemas.ts';
import { PROBLEMS } from './route-schema.ts';

type Shown = z.output<typeof clusterSchema>;

/** The one shard of a node that is no part of a cluster. */
const ONLY_SHARD = 0;

export function addClusterRoute(
  app: AdminApp,
  { node, epoch, cluster }: Pick<AdminOptions, 'node' | 'epoch' | 'cluster'>,
): void {
  app.get(
    '/v1/cluster',
    {
      schema: {
        tags: ['operations'],
        summary: 'Show the nodes of the cluster, the owners of shards, and who feeds what',
        response: { 200: clusterSchema, ...PROBLEMS },
      },
    },
    async () =>
      cluster === undefined ? aloneAs(node, epoch) : show(node, await cluster.directory.picture()),
  );
}

function show(node: string, { nodes, shards, leases }: ClusterPicture): Shown {
  const alive = new Set(nodes.filter(({ isAlive }) => isAlive).map(({ name }) => name));
  return {
    node,
    isCluster: true,
    nodes: nodes.map(({ name, isAlive, roles, adminUrl, startedAtMs, seenAgoMs, report }) => ({
      ...{ name, isAlive, roles: [...roles], adminUrl, startedAtMs, report },
      // The row may be from after the moment that the statement asked the clock.
      seenAgoMs: Math.max(0, seenAgoMs),
    })),
    shards: shards.map(({ shard, epoch, owner, claimedAtMs }) => {
      return { shard, epoch, owner, isOwnerAlive: alive.has(owner), claimedAtMs };
    }),
    leases: leases.map(({ exchange, slot, replica, epoch, holder }) => ({
      ...{ exchange, slot, replica, epoch },
      holder: holder ?? null,
    })),
  };
}

function aloneAs(node: string, epoch: number): Shown {
  const unknown = { adminUrl: null, startedAtMs: null, seenAgoMs: null };
  return {
    node,
    isCluster: false,
    nodes: [{ name: node, isAlive: true, roles: [], report: {}, ...unknown }],
    shards: [{ shard: ONLY_SHARD, epoch, owner: node, isOwnerAlive: true, claimedAtMs: null }],
    leases: [],
  };
}
