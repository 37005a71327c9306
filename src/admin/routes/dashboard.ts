/** The dashboard at `/`: pages that are clients of the REST and the stream like any other, and get nothing beside them. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TampinesError } from '../../base/errors.ts';
import type { AdminApp, AdminOptions } from '../admin-options.ts';
import { DASHBOARD_POLICY } from '../answer-headers.ts';
import type { DashboardFile } from '../dashboard-files.ts';
import { readDashboardFiles } from '../dashboard-files.ts';
import { pathOf } from '../problems.ts';

const YEAR_SECONDS = 31_536_000;

const NOT_BUILT = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Tampines</title>
<h1>The dashboard is not built</h1>
<p>Run <code>npm run build</code> in the folder of Tampines, then start the node again.</p>
<p>The node itself runs: <a href="/docs">REST</a>, <a href="/v1/instruments">instruments</a>, <a href="/health/ready">health</a>.</p>
</html>
`;

export function addDashboard(app: AdminApp, { dashboardFolder }: AdminOptions): void {
  const files = readDashboardFiles(dashboardFolder);

  app.get('/', { schema: { hide: true } }, (request, reply) => {
    const page = files.get('/');
    if (page !== undefined) return send(request, reply, page);
    return addHeaders(reply).code(503).type('text/html; charset=utf-8').send(NOT_BUILT);
  });

  for (const path of ['/icon.svg', '/assets/*']) {
    app.get(path, { schema: { hide: true } }, (request, reply) => {
      const asked = pathOf(request.url);
      const file = files.get(asked);
      if (file !== undefined) return send(request, reply, file);
      throw new TampinesError('ROUTE_UNKNOWN', `There is no file ${asked.slice(0, 200)} of the dashboard`);
    });
  }
}

function send(request: FastifyRequest, reply: FastifyReply, file: DashboardFile): FastifyReply {
  addHeaders(reply).header('etag', file.etag);
  // Where the name does not tell one version from another, the browser asks each time and is mostly told that nothing changed.
  const caching = file.isImmutable ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache';
  reply.header('cache-control', caching);
  if (request.headers['if-none-match'] === file.etag) return reply.code(304).send();
  return reply.type(file.type).send(file.body);
}

function addHeaders(reply: FastifyReply): FastifyReply {
  return reply
    .header('content-security-policy', DASHBOARD_POLICY)
    .header('cross-origin-opener-policy', 'same-origin');
}
