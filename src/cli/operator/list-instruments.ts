/** `tampines ls`: the instruments of a node. */
import type { z } from 'zod';
import { instrumentsSchema } from '../../admin/operations-schemas.ts';
import type { Column } from '../text-table.ts';
import { formatTable, toPrintable } from '../text-table.ts';
import type { AdminClient } from './admin-client.ts';
import type { Screen } from './screen.ts';
import { writeJson, writeLines } from './screen.ts';

export type InstrumentsQuery = {
  readonly exchange?: string | undefined;
  readonly status?: string | undefined;
  readonly book?: string | undefined;
  readonly contains?: string | undefined;
  readonly sort?: string | undefined;
};

export type ListedInstruments = z.output<typeof instrumentsSchema>;
export type ListedInstrument = ListedInstruments['instruments'][number];

const PAGE_INSTRUMENTS = 1_000;

const COLUMNS: readonly Column<ListedInstrument>[] = [
  { title: 'INSTRUMENT', text: ({ exchange, symbol }) => `${exchange}:${symbol}` },
  { title: 'ACTOR', text: ({ actorStatus }) => actorStatus },
  { title: 'BOOK', text: ({ market }) => market?.status ?? '-' },
  { title: 'RESTARTS', text: ({ restarts }) => String(restarts), isRight: true },
  { title: 'LAG', text: ({ market }) => formatLag(market?.lagMs), isRight: true },
  { title: 'WHY', text: whyOf },
];

export async function listInstruments(options: {
  client: AdminClient;
  screen: Screen;
  isJson: boolean;
  query: InstrumentsQuery;
}): Promise<void> {
  const { client, screen, query } = options;
  const { instruments, nodes } = await readInstruments(client, query);
  if (options.isJson) {
    writeJson(screen, { nodes, instruments });
    return;
  }
  if (instruments.length === 0) writeLines(screen, ['No instrument matches.']);
  else writeLines(screen, formatTable(COLUMNS, instruments, { widthMax: screen.width }));
  const missing = tellMissing(nodes);
  if (missing.length > 0) writeLines(screen, ['', ...missing]);
}

/** Returns which nodes of a cluster did not say what they have, a line each with why; nothing where all did. */
export function tellMissing(nodes: ListedInstruments['nodes']): string[] {
  const missing = (nodes ?? []).filter(({ isAnswered }) => !isAnswered);
  if (missing.length === 0) return [];
  return [
    'Not all: what these nodes have is missing.',
    ...missing.map(({ node, detail }) => toPrintable(`  ${node}: ${detail}`)),
  ];
}

/** Returns all that match, with their markets, when the node said so and, in a cluster, which nodes it asked. */
export async function readInstruments(
  client: AdminClient,
  query: InstrumentsQuery,
): Promise<Pick<ListedInstruments, 'timeMs' | 'nodes' | 'instruments'>> {
  const instruments: ListedInstrument[] = [];
  for (;;) {
    const page = await client.read(
      {
        method: 'GET',
        path: '/v1/instruments',
        query: { ...query, include: 'market', limit: PAGE_INSTRUMENTS, offset: instruments.length },
      },
      instrumentsSchema,
    );
    instruments.push(...page.instruments);
    if (page.instruments.length === 0 || instruments.length >= page.total) {
      return { timeMs: page.timeMs, nodes: page.nodes, instruments };
    }
  }
}

/** A book's word on why it is stale comes before what its actor is parked for or failed of last. */
function whyOf({ market, whyParked, lastFailure }: ListedInstrument): string {
  return market?.status === 'stale' ? market.reason : (whyParked ?? lastFailure ?? '');
}

/** Returns `340 ms`, `12 s` or `5 min`; a dash where nothing is known. */
export function formatLag(lagMs: number | null | undefined): string {
  if (lagMs === null || lagMs === undefined) return '-';
  if (lagMs < 10_000) return `${lagMs} ms`;
  return lagMs < 600_000 ? `${Math.floor(lagMs / 1_000)} s` : `${Math.floor(lagMs / 60_000)} min`;
}
