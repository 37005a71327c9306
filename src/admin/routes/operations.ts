/** What operators look at when something is wrong: actors, supervision events, dead letters, settings. */
import { z } from 'zod';
import type { SupervisionEvent } from '../../actors/ports.ts';
import type { AdminApp, AdminOptions } from '../admin-options.ts';
import type { ClusterLists } from '../cluster-lists.ts';
import { isForwarded } from '../forwarding.ts';
import {
  actorsSchema,
  deadLetterCountsSchema,
  deadLettersSchema,
  feedGapsSchema,
  settingsSchema,
  supervisionEventsSchema,
} from '../operations-schemas.ts';
import { actorsQuery, deadLettersQuery, feedGapsQuery, supervisionQuery } from '../request-schemas.ts';
import { PROBLEMS } from './route-schema.ts';

const tags = ['operations'];

/** Of another node, which may be of another version. */
const otherActorsSchema = z.object({
  total: z.int(),
  actors: z.array(z.object(actorsSchema.shape.actors.element.shape)),
});

export function addOperationsRoutes(
  app: AdminApp,
  options: AdminOptions,
  lists: ClusterLists | undefined,
): void {
  const { system, records, settingsInForce } = options;

  const listActors = ({ path, limit }: z.output<typeof actorsQuery>): z.output<typeof actorsSchema> => {
    const actors = system
      .tree()
      .filter((node) => path === undefined || node.path === path || node.path.startsWith(`${path}/`));
    return {
      total: actors.length,
      actors: actors.slice(0, limit).map((node) => ({
        path: node.path,
        parentPath: node.parentPath,
        kind: node.kind,
        status: node.status,
        incarnation: node.incarnation,
        mailboxCount: node.mailboxCount,
        restarts: node.restarts,
        lastFailure: node.lastFailure ?? null,
        lastHandlerMs: node.lastHandlerMs ?? null,
        handlerAgeMs: node.handlerAgeMs ?? null,
      })),
    };
  };

  app.get(
    '/v1/actors',
    {
      schema: {
        tags,
        summary: 'Show the actor tree with mailboxes and restarts',
        querystring: actorsQuery,
        response: { 200: actorsSchema, ...PROBLEMS },
      },
    },
    async (request) => {
      const { query } = request;
      if (lists === undefined || isForwarded(request)) return listActors(query);
      const { answers, nodes } = await lists.gather(
        () => Promise.resolve(listActors(query)),
        (node) =>
          lists.read(node, {
            path: '/v1/actors',
            query: { path: query.path, limit: String(query.limit) },
            schema: otherActorsSchema,
          }),
      );
      const actors = answers.flatMap(({ node, value }) => value.actors.map((actor) => ({ ...actor, node })));
      const total = answers.reduce((sum, { value }) => sum + value.total, 0);
      return { total, nodes, actors: actors.slice(0, query.limit) };
    },
  );

  app.get(
    '/v1/supervision/events',
    {
      schema: {
        tags,
        summary: 'Read what supervisors saw and decided',
        querystring: supervisionQuery,
        response: { 200: supervisionEventsSchema, ...PROBLEMS },
      },
    },
    async ({ query: { path, kind: kinds, since: sinceMs, limit } }) => {
      const events = await records.readSupervisionEvents({ path, kinds, sinceMs, limit });
      return { events: events.map(toSupervisionEvent) };
    },
  );

  app.get(
    '/v1/dead-letters',
    {
      schema: {
        tags,
        summary: 'Read what could not be understood or delivered',
        querystring: deadLettersQuery,
        response: { 200: deadLettersSchema, ...PROBLEMS },
      },
    },
    async ({ query: { exchange, limit } }) => {
      const letters = await records.readDeadLetters({ exchange, limit });
      return {
        deadLetters: letters.map((letter) => ({
          timeMs: letter.timeMs,
          exchange: letter.exchange,
          symbol: letter.symbol ?? null,
          reason: letter.reason,
          detail: letter.detail,
          text: letter.text,
        })),
      };
    },
  );

  app.get(
    '/v1/dead-letters/counts',
    {
      schema: {
        tags,
        summary: 'Count dead letters by exchange and reason',
        response: { 200: deadLetterCountsSchema, ...PROBLEMS },
      },
    },
    async () => ({
      counts: (await records.countDeadLetters()).map(({ exchange, reason, count }) => ({
        exchange,
        reason,
        count,
      })),
    }),
  );

  app.get(
    '/v1/gaps',
    {
      schema: {
        tags,
        summary: 'Read when feeds were not whole, and how that was mended',
        querystring: feedGapsQuery,
        response: { 200: feedGapsSchema, ...PROBLEMS },
      },
    },
    async ({ query: { exchange, symbol, limit } }) => {
      const instrument = symbol === undefined ? undefined : `${exchange}:${symbol}`;
      const gaps = await records.readFeedGaps({ exchange, instrument, limit });
      return {
        gaps: gaps.map((gap) => ({
          exchange: gap.exchange,
          symbol: gap.instrument.slice(gap.exchange.length + 1),
          channel: gap.channel,
          fromMs: gap.fromMs,
          toMs: gap.toMs,
          reason: gap.reason,
          repair: gap.repair,
          tradesRefetched: gap.tradesRefetched,
        })),
      };
    },
  );

  app.get(
    '/v1/settings',
    {
      schema: {
        tags,
        summary: 'Show the settings in force and where they come from',
        response: { 200: settingsSchema, ...PROBLEMS },
      },
    },
    () => ({ settings: settingsInForce().map(({ name, value, origin }) => ({ name, value, origin })) }),
  );
}

type ShownEvent = z.output<typeof supervisionEventsSchema>['events'][number];

export function toSupervisionEvent(event: SupervisionEvent): ShownEvent {
  return {
    timeMs: event.timeMs,
    path: event.path,
    kind: event.kind,
    cause: event.cause,
    decision: event.decision,
    attempt: event.attempt,
    delayMs: event.delayMs,
    recoveredPosition: event.recoveredPosition ?? null,
  };
}
