import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createAdminApp } from '../../src/admin/admin-server.ts';
import { problemSchema, statusOf, toProblem } from '../../src/admin/problems.ts';
import { spawnBody } from '../../src/admin/request-schemas.ts';
import type { ErrorCode } from '../../src/base/errors.ts';
import { ERROR_CODES, TampinesError } from '../../src/base/errors.ts';
import type { World } from './support.ts';
import { createWorld } from './support.ts';

const ROUTES = [
  'GET /v1/instruments',
  'POST /v1/instruments',
  'GET /v1/instruments/{exchange}/{symbol}',
  'DELETE /v1/instruments/{exchange}/{symbol}',
  'POST /v1/instruments/{exchange}/{symbol}/restart',
  'POST /v1/instruments/{exchange}/{symbol}/park',
  'POST /v1/instruments/{exchange}/{symbol}/resync',
  'GET /v1/instruments/{exchange}/{symbol}/settings',
  'PUT /v1/instruments/{exchange}/{symbol}/settings',
  'POST /v1/instruments/{exchange}/{symbol}/savepoint',
  'GET /v1/instruments/{exchange}/{symbol}/savepoints',
  'POST /v1/instruments/{exchange}/{symbol}/savepoints/{batchNumber}/restore',
  'DELETE /v1/instruments/{exchange}/{symbol}/savepoints/{batchNumber}',
  'GET /v1/instruments/{exchange}/{symbol}/book',
  'GET /v1/instruments/{exchange}/{symbol}/ticker',
  'GET /v1/instruments/{exchange}/{symbol}/candles',
  'GET /v1/instruments/{exchange}/{symbol}/trades',
  'GET /v1/exchanges',
  'GET /v1/exchanges/{exchange}/symbols',
  'GET /v1/exchanges/{exchange}/connections',
  'GET /v1/actors',
  'GET /v1/cluster',
  'GET /v1/supervision/events',
  'GET /v1/supervision/events/stream',
  'GET /v1/dead-letters',
  'GET /v1/dead-letters/counts',
  'GET /v1/gaps',
  'GET /v1/audit',
  'GET /v1/settings',
  'GET /v1/stream',
  'GET /metrics',
  'GET /health/live',
  'GET /health/ready',
];

const operation = z.looseObject({
  summary: z.string(),
  tags: z.array(z.string()).min(1),
  parameters: z
    .array(
      z.looseObject({ name: z.string(), in: z.enum(['path', 'query', 'header']), schema: z.looseObject({}) }),
    )
    .default([]),
  responses: z.record(z.string(), z.looseObject({ description: z.string() })),
  security: z.array(z.unknown()).optional(),
});
const openApi = z.looseObject({
  openapi: z.literal('3.1.0'),
  info: z.looseObject({ title: z.string(), version: z.string() }),
  components: z.looseObject({ schemas: z.record(z.string(), z.looseObject({})) }),
  paths: z.record(z.string(), z.record(z.string(), operation)),
});

let world: World;
let text: string;
let document: z.output<typeof openApi>;
beforeAll(async () => {
  world = await createWorld();
  const app = await createAdminApp(world.options);
  text = (await app.inject({ url: '/v1/openapi.json', headers: { host: 'localhost' } })).body;
  document = openApi.parse(JSON.parse(text));
  await app.close();
});
afterAll(() => world.end());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, found]) => ({
      name: `${method.toUpperCase()} ${path}`,
      path,
      operation: found,
    })),
  );

describe('the OpenAPI document', () => {
  it('has every route and no other', () => {
    expect(
      operations()
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...ROUTES].sort());
  });

  it('describes every parameter of a path', () => {
    for (const { name, path, operation: found } of operations()) {
      const inPath = found.parameters.filter((parameter) => parameter.in === 'path');
      const wanted = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      expect([name, inPath.map((parameter) => parameter.name)]).toEqual([name, wanted]);
    }
  });

  it('has only references that lead somewhere', () => {
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
      (match) => match[1]!,
    );
    expect(references.length).toBeGreaterThan(20);
    for (const name of references) expect(document.components.schemas).toHaveProperty([name]);
  });

  it('asks for the token exactly where something changes', () => {
    for (const { name, operation: found } of operations()) {
      expect([name, found.security !== undefined]).toEqual([name, !name.startsWith('GET')]);
    }
  });

  it('promises problems for every failure', () => {
    for (const { operation: found } of operations()) {
      for (const kind of ['4XX', '5XX']) {
        expect(found.responses[kind]).toHaveProperty(['content', 'application/problem+json']);
      }
    }
  });

  it('has an example of spawning that its schema takes', () => {
    const body = z.looseObject({ example: z.unknown() });
    const post = z.looseObject({
      requestBody: z.looseObject({
        content: z.looseObject({ 'application/json': z.looseObject({ schema: body }) }),
      }),
    });
    const { requestBody } = post.parse(document.paths['/v1/instruments']!['post']);
    expect(spawnBody.safeParse(requestBody.content['application/json'].schema.example).success).toBe(true);
  });

  it('is shown at /docs', async () => {
    const app = await createAdminApp(world.options);
    const response = await app.inject({ url: '/docs/', headers: { host: 'localhost' } });
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-security-policy']).toContain("default-src 'none'");
    expect(response.body).toContain('swagger-ui');
    await app.close();
  });
});

describe('problems', () => {
  it.each(Object.keys(ERROR_CODES) as ErrorCode[])('%s has a status and says what to do', (code) => {
    const fields = { text: 'x'.repeat(500), big: 2n ** 64n, nested: { secret: 1 } };
    const problem = toProblem(new TampinesError(code, 'Could not do it', { fields }), '/v1/x');
    expect(problemSchema.parse(JSON.parse(JSON.stringify(problem)))).toMatchObject({
      type: `urn:tampines:error:${code}`,
      status: statusOf(code),
      code,
      instance: '/v1/x',
      fields: { text: 'x'.repeat(200), big: '18446744073709551616', nested: null },
    });
    expect(problem.detail).toMatch(/^Could not do it\./);
  });

  it('that trying again may mend are 5xx or 409', () => {
    const passing: ErrorCode[] = [
      'ASK_TIMEOUT',
      'SERVICE_UNAVAILABLE',
      'ACTOR_UNAVAILABLE',
      'OUTCOME_UNKNOWN',
    ];
    for (const code of passing) expect(statusOf(code)).toBeGreaterThanOrEqual(503);
  });
});

it('docs/api.md names every route', () => {
  const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
  for (const route of ROUTES) expect(page).toContain(`\`${route}\``);
});
