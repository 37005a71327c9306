/**
 * Any node answers for any instrument: a request for one that is not here is passed on to the node that has it, and its answer passed back. What is
 * passed on is made anew from what this node understood of the request, so that nothing of it reaches another node unseen:
 *
 * 1. The way is the route's own, its parameters encoded again; it goes to the address that the owner registered.
 * 2. Of the headers those go that a route reads; what concerns this connection stays here.
 * 3. A request that was passed on is not passed on again: nodes that disagree on who has what would send it round.
 *
 * Access was checked here and is checked again there. Streams are not passed on.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TampinesError } from '../base/errors.ts';
import type { NodeAddress } from '../cluster/cluster-directory.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import type { AdminApp, AdminOptions } from './admin-options.ts';
import type { AskedNode, ClusterClient, NodeAnswer } from './cluster-client.ts';
import { FORWARDED_HEADER, toHeader } from './cluster-client.ts';
import { toKey } from './routes/instrument-key.ts';

/** The client waits for 30 s at most; an actor answers within 5 s or not at all. */
const FORWARD_TIMEOUT_MS = 10_000;
/** Names the node that answered. */
export const NODE_HEADER = 'x-tampines-node';

const INSTRUMENT_ROUTE = '/v1/instruments/:exchange/:symbol';
const RESYNC_ROUTE = `${INSTRUMENT_ROUTE}/resync`;
const ASKED_HEADERS = ['authorization', 'accept', 'if-match', 'idempotency-key'] as const;
const ANSWERED_HEADERS = [
  'content-type', 'etag', 'idempotency-replayed', 'retry-after', 'www-authenticate',
] as const; // prettier-ignore

/** Whether another node passed the request on, or asks for what is here alone. */
export function isForwarded({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return headers[FORWARDED_HEADER] !== undefined;
}

export function addForwarding(
  app: AdminApp,
  { instruments, node, cluster }: AdminOptions,
  client: ClusterClient,
): void {
  if (cluster === undefined) return;
  const { directory, feed, elsewhere } = cluster;
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header(NODE_HEADER, toHeader(node));
    done();
  });
  // Its parameters, query and body are valid by then.
  app.addHook('preHandler', async (request, reply) => {
    const route = request.routeOptions.url;
    if (!route?.startsWith(INSTRUMENT_ROUTE)) return;
    const params = request.params as Readonly<Record<string, string | number>>;
    const instrument = toKey({ exchange: String(params['exchange']), symbol: String(params['symbol']) });
    const isOfFeed = route === RESYNC_ROUTE;
    if (isOfFeed ? feed.isFedHere(instrument) : instruments.has(instrument)) return;
    const owner = isOfFeed ? await directory.ingestOwnerOf(instrument) : await directory.ownerOf(instrument);
    if (owner?.name === node) {
      if (elsewhere?.find(instrument) !== undefined) throw notYetHere(instrument, node);
      // It is wanted nowhere: the route says so.
      return;
    }
    const target = requireAlive(instrument, owner);
    if (isForwarded(request)) throw movedOn(instrument, target);
    const answer = await client.ask(target, {
      method: request.method,
      path: pathOf(route, params),
      query: new URLSearchParams(request.url.split('?').slice(1).join('?')),
      ...contentOf(request),
      timeoutMs: FORWARD_TIMEOUT_MS,
    });
    return passBack(reply, target, answer);
  });
}

function requireAlive(instrument: InstrumentKey, owner: NodeAddress | undefined): AskedNode {
  const { name, adminUrl } = owner ?? {};
  if (name !== undefined && adminUrl !== undefined) return { name, adminUrl };
  const message =
    name === undefined
      ? `No node has ${instrument} at present`
      : `${instrument} was last with node ${name}, which is gone`;
  throw new TampinesError('OWNER_UNKNOWN', message, { fields: { instrument }, isRetryable: true });
}

/** Its shard, or its slot, has only just come. */
function notYetHere(instrument: InstrumentKey, node: string): TampinesError {
  const message = `${instrument} is about to run on node ${node}`;
  return new TampinesError('OWNER_UNKNOWN', message, { fields: { instrument }, isRetryable: true });
}

function movedOn(instrument: InstrumentKey, owner: AskedNode): TampinesError {
  const message = `${instrument} is not here but with node ${owner.name}, and the request was passed on once already`;
  const fields = { instrument, owner: owner.name };
  return new TampinesError('FORWARDED_ALREADY', message, { fields, isRetryable: true });
}

function pathOf(route: string, params: Readonly<Record<string, string | number>>): string {
  return route
    .split('/')
    .map((part) => (part.startsWith(':') ? encodeURIComponent(params[part.slice(1)] ?? '') : part))
    .join('/');
}

function contentOf({ headers, body }: FastifyRequest): {
  headers: Record<string, string>;
  body: string | undefined;
} {
  const kept: Record<string, string> = {};
  for (const name of ASKED_HEADERS) {
    const value = headers[name];
    if (typeof value === 'string') kept[name] = value;
  }
  if (body === undefined || body === null) return { headers: kept, body: undefined };
  const text = JSON.stringify(body);
  const length = String(Buffer.byteLength(text));
  return { headers: { ...kept, 'content-type': 'application/json', 'content-length': length }, body: text };
}

function passBack(reply: FastifyReply, from: AskedNode, { status, headers, body }: NodeAnswer): FastifyReply {
  for (const name of ANSWERED_HEADERS) {
    const value = headers[name];
    if (typeof value === 'string') reply.header(name, value);
  }
  return reply.code(status).header(NODE_HEADER, toHeader(from.name)).send(body);
}
