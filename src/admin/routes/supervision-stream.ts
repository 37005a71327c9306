/** Supervision events as they come, as Server-Sent Events. A follower who does not read is cut off: he comes back and asks from where he was. */
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import type { SupervisionEvent, SupervisionQuery } from '../../actors/ports.ts';
import { systemTimers } from '../../base/clock.ts';
import { TampinesError } from '../../base/errors.ts';
import type { AdminApp, AdminOptions } from '../admin-options.ts';
import { followHeaders, followQuery } from '../request-schemas.ts';
import { toSupervisionEvent } from './operations.ts';
import { PROBLEMS } from './route-schema.ts';

/** Followers at once. */
export const FOLLOWERS_MAX = 16;
/** Bytes that may wait for one follower, beside what the operating system holds. */
export const FOLLOWER_BUFFER_MAX_BYTES = 256 * 1024;
/** Events before the stream that are told first, at most. */
const HISTORY_MAX_EVENTS = 1_000;
/** So that whoever is between finds the connection in use, and a client that went is noticed. */
const KEEP_ALIVE_MS = 15_000;

export function addSupervisionStream(app: AdminApp, { records }: AdminOptions): void {
  const followers = new Set<ServerResponse>();

  app.get(
    '/v1/supervision/events/stream',
    {
      exposeHeadRoute: false,
      schema: {
        tags: ['operations'],
        summary: 'Follow what supervisors see and decide, as Server-Sent Events',
        description:
          'Each is `event: supervision`, `id` its time in Unix ms, `data` as in GET /v1/supervision/events. With `since`, or `Last-Event-ID` of a client that comes back, those of that time on come first; those of that very millisecond may come again.',
        querystring: followQuery,
        headers: followHeaders,
        response: {
          200: {
            description: 'Events, oldest first, without end',
            content: { 'text/event-stream': { schema: z.string() } },
          },
          ...PROBLEMS,
        },
      },
    },
    async (request, reply) => {
      if (followers.size >= FOLLOWERS_MAX) {
        const message = `The request was not taken: ${FOLLOWERS_MAX} follow already`;
        throw new TampinesError('TOO_MANY_REQUESTS', message, { isRetryable: true });
      }
      const { path, kind: kinds } = request.query;
      const sinceMs = request.headers['last-event-id'] ?? request.query.since;
      const follower = reply.raw;
      followers.add(follower);
      const held: string[] = [];
      let isHolding = true;
      const stop = records.followSupervisionEvents((event) => {
        if (!isWanted(event, { path, kinds })) return;
        const text = toServerSent(event);
        if (isHolding) held.push(text);
        else writeTo(follower, text);
      });
      const keepAlive = systemTimers.every(KEEP_ALIVE_MS, () => writeTo(follower, ': still here\n\n'));
      follower.once('close', () => {
        stop();
        keepAlive.cancel();
        followers.delete(follower);
      });
      try {
        // What is recorded while the history is read is in it, or held; what is in both is told once.
        const history = sinceMs === undefined ? [] : await readHistory({ path, kinds, sinceMs });
        reply.hijack();
        follower.writeHead(200, {
          ...(reply.getHeaders() as Record<string, string>),
          'content-type': 'text/event-stream; charset=utf-8',
        });
        const told = new Set(history);
        writeTo(
          follower,
          [': following\n\n', ...history, ...held.filter((text) => !told.has(text))].join(''),
        );
        isHolding = false;
      } catch (error) {
        follower.emit('close');
        throw error;
      }
    },
  );

  async function readHistory(query: Omit<SupervisionQuery, 'limit'>): Promise<string[]> {
    const events = await records.readSupervisionEvents({ ...query, limit: HISTORY_MAX_EVENTS });
    return events.toReversed().map(toServerSent);
  }
}

function isWanted(
  { path, kind }: SupervisionEvent,
  query: Pick<SupervisionQuery, 'path' | 'kinds'>,
): boolean {
  return (
    (query.path === undefined || path === query.path) &&
    (query.kinds === undefined || query.kinds.includes(kind))
  );
}

function toServerSent(event: SupervisionEvent): string {
  return `event: supervision\nid: ${event.timeMs}\ndata: ${JSON.stringify(toSupervisionEvent(event))}\n\n`;
}

function writeTo(follower: ServerResponse, text: string): void {
  if (follower.destroyed) return;
  // The history is written whole into an empty buffer; after that nothing is added to one that is full.
  if (follower.writableLength > FOLLOWER_BUFFER_MAX_BYTES) follower.destroy();
  else follower.write(text);
}
