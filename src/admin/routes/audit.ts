/** Who changed what. */
import type { AdminApp, AdminOptions } from '../admin-options.ts';
import { auditSchema } from '../operations-schemas.ts';
import { auditQuery } from '../request-schemas.ts';
import { PROBLEMS } from './route-schema.ts';

export function addAuditRoutes(app: AdminApp, { records }: AdminOptions): void {
  app.get(
    '/v1/audit',
    {
      schema: {
        tags: ['operations'],
        summary: 'Read who asked for which change, and how it ended',
        querystring: auditQuery,
        response: { 200: auditSchema, ...PROBLEMS },
      },
    },
    async ({ query: { who, since: sinceMs, limit } }) => {
      const entries = await records.readAudit({ who, sinceMs, limit });
      return { changes: entries };
    },
  );
}
