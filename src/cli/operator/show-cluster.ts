/** `tampines cluster`: the nodes, who has which shards, who feeds what, and what nobody does. */
import { z } from 'zod';
import { clusterSchema } from '../../admin/cluster-schemas.ts';
import { nameOfSlot } from '../../cluster/ports.ts';
import type { Column } from '../text-table.ts';
import { formatTable, toPrintable } from '../text-table.ts';
import type { AdminClient } from './admin-client.ts';
import { formatLag } from './list-instruments.ts';
import type { Screen } from './screen.ts';
import { writeJson, writeLines } from './screen.ts';

type Cluster = z.output<typeof clusterSchema>;

type NodeRow = Cluster['nodes'][number] & {
  readonly shardCount: number;
  readonly slotCount: number;
};

/** What the command knows of a report; nodes of other versions may say other things. */
const knownReport = z.object({ lag: z.int().optional(), eventAgeMs: z.number().nullish() }).catch({});

const COLUMNS: readonly Column<NodeRow>[] = [
  { title: 'NODE', text: ({ name }) => name },
  { title: 'STATE', text: ({ isAlive }) => (isAlive ? 'alive' : 'gone') },
  { title: 'SEEN', text: ({ seenAgoMs }) => formatLag(seenAgoMs), isRight: true },
  { title: 'SHARDS', text: ({ shardCount }) => String(shardCount), isRight: true },
  { title: 'LAG', text: ({ report }) => String(knownReport.parse(report).lag ?? '-'), isRight: true },
  { title: 'EVENT AGE', text: ({ report }) => ageText(report), isRight: true },
  { title: 'SLOTS', text: ({ slotCount }) => String(slotCount), isRight: true },
  { title: 'ROLES', text: ({ roles }) => (roles.length === 0 ? '-' : roles.join(',')) },
  { title: 'ADDRESS', text: ({ adminUrl }) => adminUrl ?? '-' },
];

export async function showCluster(options: {
  client: AdminClient;
  screen: Screen;
  isJson: boolean;
}): Promise<void> {
  const { client, screen } = options;
  const cluster = await client.read({ method: 'GET', path: '/v1/cluster' }, clusterSchema);
  if (options.isJson) {
    writeJson(screen, cluster);
    return;
  }
  const rows = cluster.nodes.map((node) => ({
    ...node,
    shardCount: cluster.shards.filter(({ owner }) => owner === node.name).length,
    slotCount: cluster.leases.filter(({ holder }) => holder === node.name).length,
  }));
  const table = formatTable(COLUMNS, rows, { widthMax: screen.width });
  writeLines(screen, [...table, ...orphansOf(cluster)]);
}

function ageText(report: unknown): string {
  const { eventAgeMs } = knownReport.parse(report);
  return typeof eventAgeMs === 'number' ? formatLag(eventAgeMs) : '-';
}

/** Says what has nobody at present, one line of each kind. */
function orphansOf({ shards, leases }: Cluster): string[] {
  const lost = shards
    .filter(({ isOwnerAlive }) => !isOwnerAlive)
    .map(({ shard, owner }) => `${shard} (${owner})`);
  const unfed = leases.filter(({ holder }) => holder === null).map(nameOfSlot);
  return [
    ...(lost.length === 0 ? [] : [`Shards whose node is gone: ${lost.join(', ')}`]),
    ...(unfed.length === 0 ? [] : [`Slots that nobody feeds: ${unfed.join(', ')}`]),
  ].map(toPrintable);
}
