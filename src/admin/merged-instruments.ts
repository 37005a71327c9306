/** The instruments of all nodes of a cluster in one list, in the order and from the place that was asked for. */
import { z } from 'zod';
import { TampinesError } from '../base/errors.ts';
import type { ClusterLists } from './cluster-lists.ts';
import { MERGED_MAX } from './cluster-lists.ts';
import { inOrder } from './instrument-list.ts';
import { instrumentsSchema } from './operations-schemas.ts';
import type { instrumentsQuery } from './request-schemas.ts';

export type InstrumentsQuery = z.output<typeof instrumentsQuery>;
export type ShownInstruments = z.output<typeof instrumentsSchema>;
type Shown = ShownInstruments['instruments'][number];

/** Of another node, which may be of another version. */
const pageSchema = z
  .object({
    total: z.int(),
    instruments: z.array(z.object(instrumentsSchema.shape.instruments.element.shape)),
  })
  .transform(({ total, instruments }) => ({ total, entries: instruments }));

/** @throws TampinesError `REQUEST_INVALID` where the page ends too far behind: each node would be asked for all before it */
export async function mergeInstruments(
  lists: ClusterLists,
  query: InstrumentsQuery,
  listHere: (query: InstrumentsQuery) => Promise<ShownInstruments>,
): Promise<ShownInstruments> {
  const { limit, offset, ...asked } = query;
  const count = offset + limit;
  if (count > MERGED_MAX) {
    const message = `In a cluster offset and limit add up to ${String(MERGED_MAX)} at most; filter instead`;
    throw new TampinesError('REQUEST_INVALID', message, { fields: { 'querystring.offset': 'too large' } });
  }
  let timeMs = 0;
  const { answers, nodes } = await lists.gather(
    async () => {
      const here = await listHere({ ...query, limit: count, offset: 0 });
      timeMs = here.timeMs;
      return { total: here.total, entries: here.instruments };
    },
    (node) => lists.readPages(node, { path: '/v1/instruments', query: asked, count, schema: pageSchema }),
  );
  const all = answers.flatMap(({ node, value }) => value.entries.map((one): Shown => ({ ...one, node })));
  return {
    total: answers.reduce((sum, { value }) => sum + value.total, 0),
    limit,
    offset,
    timeMs,
    nodes,
    instruments: inOrder(all, query.sort, keysOf).slice(offset, count),
  };
}

function keysOf({ exchange, symbol, actorStatus, restarts }: Shown) {
  return { instrument: `${exchange}:${symbol}`, status: actorStatus, restarts };
}
