/**
 * The admin REST of a node: OpenAPI 3.1 at /v1/openapi.json, a page to try it at /docs. Everything it shows and changes is handed in.
 * No CORS headers are ever sent, so browsers keep other origins out.
 */
import type { AddressInfo } from 'node:net';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fastify from 'fastify';
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
} from 'fastify-type-provider-zod';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { TampinesError } from '../base/errors.ts';
import { READING_METHODS, createAccessCheck, refuseAmbiguous, requesterOf } from './access.ts';
import type { AdminApp, AdminOptions } from './admin-options.ts';
import { ANSWER_HEADERS, DOCS_POLICY } from './answer-headers.ts';
import { Gateway } from './gateway/gateway.ts';
import { auditChanges } from './audit.ts';
import { ChangeLimits } from './change-limits.ts';
import { ClusterClient } from './cluster-client.ts';
import { ClusterLists } from './cluster-lists.ts';
import { addForwarding } from './forwarding.ts';
import { BODY_MAX_BYTES, acceptJsonOnly } from './json-body.ts';
import { Metrics } from './metrics.ts';
import { nodeMetrics } from './node-metrics.ts';
import { PROBLEM_TYPE, pathOf, toProblem } from './problems.ts';
import { queueMetrics } from './queue-metrics.ts';
import { answerUnreadable } from './raw-answer.ts';
import { RequestLimits } from './request-limits.ts';
import { addAuditRoutes } from './routes/audit.ts';
import { addClusterRoute } from './routes/cluster.ts';
import { addDashboard } from './routes/dashboard.ts';
import { addExchangeRoutes } from './routes/exchanges.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addInstrumentRoutes } from './routes/instruments.ts';
import { addMarketDataRoutes } from './routes/market-data.ts';
import { addOperationsRoutes } from './routes/operations.ts';
import { addStreamRoute } from './routes/stream.ts';
import { addInstrumentSettings } from './routes/instrument-settings.ts';
import { addSavepointRoutes } from './routes/savepoints.ts';
import { addSupervisionStream } from './routes/supervision-stream.ts';

export interface AdminServer {
  /** `http://host:port`, with the port that was taken. */
  readonly url: string;
  /** Ends open connections too. */
  close(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 30_000;
/** A connection on which nothing moves for as long: its client does not read. Longer than the pace of signs of life of Server-Sent Events. */
const STILL_CONNECTION_MAX_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 10_000;
/** 60 characters of a symbol, each up to 4 bytes, percent-encoded. */
const PARAMETER_MAX_CHARACTERS = 720;

/** Starts listening. @throws Error of the operating system when the port is taken or the address not here */
export async function createAdminServer(options: AdminOptions): Promise<AdminServer> {
  const app = await createAdminApp(options);
  await app.listen({ host: options.host, port: options.port });
  const { port } = app.server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return { url: `http://${host}:${port}`, close: () => app.close() };
}

/** Returns the application, ready but not listening. */
export async function createAdminApp(options: AdminOptions): Promise<AdminApp> {
  const { log } = options;
  const app = fastify({
    logger: false,
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: STILL_CONNECTION_MAX_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: true,
    return503OnClosing: false,
    routerOptions: { maxParamLength: PARAMETER_MAX_CHARACTERS },
    // No hook sees what the framework refuses.
    frameworkErrors: (error, request, reply) =>
      void answerProblem(error, request, reply.headers(ANSWER_HEADERS)),
    clientErrorHandler: (error, socket) => answerUnreadable(error, socket),
  }).withTypeProvider<ZodTypeProvider>();
  const limits = new RequestLimits(options.clock);
  const gateway = new Gateway(app.server, {
    ...options,
    ...options.stream,
    elsewhere: options.cluster?.elsewhere,
  });
  const queues = queueMetrics(() => [...options.readQueues(), limits.reading(), ...gateway.readings()]);
  app.server.headersTimeout = HEADERS_TIMEOUT_MS;
  const metrics = new Metrics({
    log,
    clock: options.clock,
    timers: options.timers,
    sources: [...nodeMetrics(options), ...queues, ...gateway.metrics, ...options.metricSources],
  });

  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  acceptJsonOnly(app);
  limits.guard(app);
  // Before the server waits for its connections to end.
  app.addHook('preClose', () => gateway.close());
  addGuards(app, options);
  auditChanges(app, options);
  const { node, cluster } = options;
  const client = new ClusterClient(node, options.timers);
  const lists = cluster === undefined ? undefined : new ClusterLists({ node, cluster, client });
  addForwarding(app, options, client);
  app.addHook('onResponse', (request, reply, done) => {
    metrics.countRequest(request.method, request.routeOptions.url ?? 'none', reply.statusCode);
    done();
  });
  app.setErrorHandler((error, request, reply) => {
    const problem = toProblem(error, pathOf(request.url));
    if (problem.code === 'INTERNAL') {
      log.error(
        { err: error, method: request.method, route: request.routeOptions.url },
        'REST request failed',
      );
    }
    return answerProblem(error, request, reply);
  });
  app.setNotFoundHandler((request, reply) => {
    const message = `There is no route ${request.method} ${pathOf(request.url).slice(0, 200)}`;
    return answerProblem(new TampinesError('ROUTE_UNKNOWN', message), request, reply);
  });

  await addOpenApi(app);
  addInstrumentRoutes(app, options, lists);
  addInstrumentSettings(app, options);
  addSavepointRoutes(app, options);
  addMarketDataRoutes(app, options);
  addExchangeRoutes(app, options);
  addOperationsRoutes(app, options, lists);
  addClusterRoute(app, options);
  addAuditRoutes(app, options);
  addSupervisionStream(app, options);
  addHealthRoutes(app, options, metrics);
  addStreamRoute(app);
  addDashboard(app, options);
  app.get('/v1/openapi.json', { schema: { hide: true } }, (_request, reply) => {
    return reply.type('application/json; charset=utf-8').send(JSON.stringify(app.swagger()));
  });
  await app.ready();
  return app;
}

function addGuards(app: AdminApp, options: AdminOptions): void {
  const checkAccess = createAccessCheck(options);
  const limits = new ChangeLimits(options.clock);
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(ANSWER_HEADERS);
    refuseAmbiguous(request.raw);
    const isChange = !READING_METHODS.has(request.method);
    if (isChange) limits.requireTrust(request.ip);
    try {
      checkAccess(request);
    } catch (error) {
      if (isChange) limits.noteRefusal(request.ip);
      throw error;
    }
    const requester = requesterOf(request);
    if (requester !== undefined) limits.countChange(requester.name);
    done();
  });
}

async function addOpenApi(app: AdminApp): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tampines admin REST',
        version: '1',
        description: 'Prices, quantities and volumes are decimal text, times are Unix milliseconds.',
      },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  // Its own policy (`staticCSP: true`) lets in other hosts, and has browsers ask for the page's files over TLS, which the node does not speak.
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: DOCS_POLICY });
}

function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = toProblem(error, pathOf(request.url));
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  if (problem.status === 429) reply.header('retry-after', '1');
  return reply.code(problem.status).type(PROBLEM_TYPE).send(JSON.stringify(problem));
}
