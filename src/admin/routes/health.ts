/** For orchestrators and Prometheus. */
import { z } from 'zod';
import { TampinesError } from '../../base/errors.ts';
import type { AdminApp, AdminOptions } from '../admin-options.ts';
import type { Metrics } from '../metrics.ts';
import { liveSchema, readySchema } from '../operations-schemas.ts';
import { PROBLEMS } from './route-schema.ts';

const tags = ['health'];

export function addHealthRoutes(app: AdminApp, { node, readiness }: AdminOptions, metrics: Metrics): void {
  app.get(
    '/health/live',
    { schema: { tags, summary: 'The process answers', response: { 200: liveSchema, ...PROBLEMS } } },
    () => ({ status: 'live' as const, node }),
  );

  app.get(
    '/health/ready',
    {
      schema: {
        tags,
        summary: 'Everything that the node needs is there; 503 says what is missing',
        response: { 200: readySchema, ...PROBLEMS },
      },
    },
    async () => {
      const checks = (await readiness()).map(({ name, isReady, detail }) => ({ name, isReady, detail }));
      const missing = checks.filter(({ isReady }) => !isReady);
      if (missing.length === 0) return { status: 'ready' as const, checks };
      const message = `Not ready: ${missing.map(({ name, detail }) => `${name} (${detail})`).join(', ')}`;
      const fields = Object.fromEntries(missing.map(({ name, detail }) => [name, detail]));
      throw new TampinesError('SERVICE_UNAVAILABLE', message, { fields, isRetryable: true });
    },
  );

  app.get(
    '/metrics',
    {
      schema: {
        tags,
        summary: 'Numbers for Prometheus',
        response: {
          200: { description: 'Exposition text', content: { 'text/plain': { schema: z.string() } } },
          ...PROBLEMS,
        },
      },
    },
    async (_request, reply) => {
      const text = await metrics.read();
      return reply.type(metrics.contentType).send(text);
    },
  );
}
