/**
 * The OpenAPI document held against the server: each route answers in the form it describes, each documented error can be provoked, and requests made
 * from the document, right and hostile ones, never end in a fault of the server.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { AdminApp, AdminOptions } from '../../src/admin/admin-options.ts';
import { createAdminApp } from '../../src/admin/admin-server.ts';
import { FORWARDED_HEADER } from '../../src/admin/cluster-client.ts';
import { problemSchema } from '../../src/admin/problems.ts';
import { systemTimers } from '../../src/base/clock.ts';
import type { ErrorCode } from '../../src/base/errors.ts';
import { TampinesError } from '../../src/base/errors.ts';
import { bookSnapshot, instrument, trade } from '../support/market-events.ts';
import { projectPath } from '../support/source-files.ts';
import type { World } from './support.ts';
import { createWorld, until } from './support.ts';

const HOST = 'localhost';
const BTC = '/v1/instruments/binance/BTC-USDT';
const NOT_HERE = '/v1/instruments/binance/NOT-HERE';
const STREAM = '/v1/supervision/events/stream';

type JsonSchema = Readonly<Record<string, unknown>>;
const schemaOf = z.record(z.string(), z.unknown());
const parameter = z.looseObject({
  name: z.string(),
  in: z.enum(['path', 'query', 'header']),
  required: z.boolean().default(false),
  schema: schemaOf,
});
const content = z.record(z.string(), z.looseObject({ schema: schemaOf }));
const operation = z.looseObject({
  parameters: z.array(parameter).default([]),
  requestBody: z.looseObject({ content }).optional(),
  responses: z.record(z.string(), z.looseObject({ content: content.optional() })),
});
const openApi = z.looseObject({
  components: z.looseObject({ schemas: z.record(z.string(), schemaOf) }),
  paths: z.record(z.string(), z.record(z.string(), operation)),
});

type Route = {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly operation: z.output<typeof operation>;
};

let world: World;
let app: AdminApp;
let document: z.output<typeof openApi>;
let routes: Route[];
beforeAll(async () => {
  world = await createWorld();
  // Each look at the clock finds a second passed, so that no request is refused for coming too soon.
  let monotonicMs = 0;
  const clock = { ...world.options.clock, monotonicMs: () => (monotonicMs += 1_000) };
  app = await createAdminApp({ ...world.options, clock });
  await world.instruments.spawn('binance', 'BTC-USDT');
  await world.deliver('binance:BTC-USDT', [instrument(), bookSnapshot(), trade()]);
  await until(() => world.actorStatus('binance:BTC-USDT') === 'running');
  document = openApi.parse((await app.inject({ url: '/v1/openapi.json', headers: { host: HOST } })).json());
  routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, found]) => ({
      method: method.toUpperCase() as Route['method'],
      path,
      operation: found,
    })),
  );
});
afterAll(async () => {
  await app.close();
  await world.end();
});

/** Whether a value is as a schema of the document says, and why not. */
function faultsOf(value: unknown, schema: JsonSchema, at = '$'): string[] {
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    return faultsOf(value, document.components.schemas[reference.split('/').at(-1)!]!, at);
  }
  const any = (schema['anyOf'] ?? schema['oneOf']) as readonly JsonSchema[] | undefined;
  if (any !== undefined && schema['type'] === undefined) {
    return any.some((each) => faultsOf(value, each, at).length === 0) ? [] : [`${at}: none of anyOf`];
  }
  if ('const' in schema && value !== schema['const']) return [`${at}: not ${String(schema['const'])}`];
  if (Array.isArray(schema['enum']) && !schema['enum'].includes(value)) return [`${at}: not of the enum`];
  const { type } = schema;
  if (type === 'object') return faultsOfObject(value, schema, at);
  if (type === 'array') return faultsOfArray(value, schema, at);
  if (type === 'null') return value === null ? [] : [`${at}: not null`];
  if (type === 'integer') return Number.isInteger(value) ? [] : [`${at}: no integer`];
  if (type === 'string' && typeof schema['pattern'] === 'string' && typeof value === 'string') {
    return new RegExp(schema['pattern'], 'u').test(value) ? [] : [`${at}: '${value}' is not of the pattern`];
  }
  return typeof type === 'string' && typeof value !== type ? [`${at}: no ${type}`] : [];
}

function faultsOfObject(value: unknown, schema: JsonSchema, at: string): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at}: no object`];
  const properties = (schema['properties'] ?? {}) as Record<string, JsonSchema>;
  const required = (schema['required'] ?? []) as readonly string[];
  const missing = required.filter((name) => !(name in value)).map((name) => `${at}.${name}: missing`);
  const others = schema['additionalProperties'] as JsonSchema | boolean | undefined;
  return [
    ...missing,
    ...Object.entries(value).flatMap(([name, part]) => {
      const own = properties[name];
      if (own !== undefined) return faultsOf(part, own, `${at}.${name}`);
      if (others === false) return [`${at}.${name}: not described`];
      return typeof others === 'object' ? faultsOf(part, others, `${at}.${name}`) : [];
    }),
  ];
}

function faultsOfArray(value: unknown, schema: JsonSchema, at: string): string[] {
  if (!Array.isArray(value)) return [`${at}: no array`];
  const prefix = (schema['prefixItems'] ?? []) as readonly JsonSchema[];
  const items = schema['items'] as JsonSchema | undefined;
  return value.flatMap((part, index) => {
    const own = prefix[index] ?? items;
    return own === undefined ? [] : faultsOf(part, own, `${at}[${index}]`);
  });
}

/** Checks an answer against what the document says of its status. */
function expectAsDescribed(
  route: Route,
  response: { statusCode: number; headers: Readonly<Record<string, unknown>>; body: string },
): void {
  const { statusCode: status, body } = response;
  const described =
    route.operation.responses[String(status)] ?? route.operation.responses[`${String(status)[0]!}XX`];
  const name = `${route.method} ${route.path} ${status}`;
  expect([name, described !== undefined]).toEqual([name, true]);
  const type = z.string().default('').parse(response.headers['content-type']).split(';')[0]!;
  const schema = described!.content?.[type]?.schema;
  if (body === '') return;
  expect([name, type, schema !== undefined]).toEqual([name, type, true]);
  if (type.endsWith('json')) expect([name, faultsOf(JSON.parse(body), schema!)]).toEqual([name, []]);
}

const BODIES: Readonly<Record<string, unknown>> = {
  '/v1/instruments': { exchange: 'binance', symbol: 'XBT-EUR' },
  '/v1/instruments/{exchange}/{symbol}/settings': { bookDepth: 7 },
};

const EXAMPLES: Readonly<Record<string, string>> = {
  exchange: 'binance',
  symbol: 'BTC-USDT',
  batchNumber: '1',
};
const fill = (path: string, values: Readonly<Record<string, string>> = EXAMPLES): string =>
  path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(values[name] ?? ''));

const inject = (
  method: Route['method'],
  url: string,
  options: { payload?: unknown; headers?: Record<string, string> } = {},
) =>
  app.inject({
    method,
    url,
    headers: { host: HOST, ...options.headers },
    ...(options.payload === undefined ? {} : { payload: options.payload as object }),
  });

describe('each route', () => {
  it('answers what the document says: reading', async () => {
    const reading = routes.filter(({ method, path }) => method === 'GET' && path !== STREAM);
    expect(reading.length).toBeGreaterThan(15);
    for (const route of reading) {
      const response = await inject('GET', fill(route.path));
      const wanted = route.path === '/v1/stream' ? 426 : 200;
      expect([route.path, response.statusCode]).toEqual([route.path, wanted]);
      expectAsDescribed(route, response);
    }
  });

  it('answers what the document says: changing, and refusals of what is not there', async () => {
    const changing = routes.filter(({ method }) => method !== 'GET');
    const ETH = { ...EXAMPLES, symbol: 'ETH-USDT' };
    await world.instruments.spawn('binance', 'ETH-USDT');
    await world.deliver('binance:ETH-USDT', [bookSnapshot()]);
    // What stops the instrument comes last.
    const ordered = changing
      .toSorted((a, b) => (a.method === b.method ? 0 : a.method === 'POST' ? -1 : 1))
      .toSorted((a, b) => b.path.length - a.path.length);
    for (const route of ordered) {
      const payload = BODIES[route.path];
      if (route.path.includes('{batchNumber}'))
        await inject('POST', fill(`${route.path.split('/savepoints')[0]!}/savepoint`, ETH));
      if (route.path.endsWith('/restore')) await world.deliver('binance:ETH-USDT', [trade()]);
      const response = await inject(route.method, fill(route.path, ETH), { payload });
      expect([route.path, response.statusCode]).toEqual([
        route.path,
        expect.toBeOneOf([200, 201, 202, 204]) as unknown,
      ]);
      expectAsDescribed(route, response);
      if (!route.path.includes('{symbol}')) continue;
      const refused = await inject(route.method, fill(route.path, { ...EXAMPLES, symbol: 'NOT-HERE' }), {
        payload,
      });
      expect([route.path, refused.statusCode]).toEqual([route.path, 404]);
      expectAsDescribed(route, refused);
    }
    const several = await inject('POST', '/v1/instruments', {
      payload: { instruments: [{ exchange: 'binance', symbol: 'BTC-USDT' }] },
    });
    expect(several.statusCode).toBe(207);
    expectAsDescribed(
      routes.find(({ method, path }) => method === 'POST' && path === '/v1/instruments')!,
      several,
    );
  });

  it('has examples that its schema takes', () => {
    let seenCount = 0;
    const visit = (schema: JsonSchema, at: string): void => {
      if (schema['example'] !== undefined) {
        seenCount++;
        expect([at, faultsOf(schema['example'], schema)]).toEqual([at, []]);
      }
      for (const [name, part] of Object.entries(schema)) {
        if (typeof part === 'object' && part !== null && name !== 'example')
          visit(part as JsonSchema, `${at}.${name}`);
      }
    };
    visit(document, '$');
    expect(seenCount).toBeGreaterThan(10);
  });
});

/** How each documented error comes about, over HTTP; where it takes a fault of the inside, with a part that fails. */
const PROVOKED: Readonly<Partial<Record<ErrorCode, () => Promise<{ body: string }>>>> = {
  REQUEST_INVALID: () => inject('GET', '/v1/instruments?limit=0'),
  UNAUTHORIZED: () => injectInto({ tokens: [{ name: 'a', token: 't' }] }, 'DELETE', BTC),
  CHANGE_FORBIDDEN: () => inject('DELETE', BTC, { headers: { origin: 'https://evil.example' } }),
  HOST_REFUSED: () => inject('GET', '/v1/instruments', { headers: { host: 'evil.example' } }),
  UNKNOWN_EXCHANGE: () => inject('GET', '/v1/exchanges/nowhere/symbols'),
  UNKNOWN_SYMBOL: () =>
    inject('POST', '/v1/instruments', { payload: { exchange: 'binance', symbol: 'NO-SUCH' } }),
  INSTRUMENT_UNKNOWN: () => inject('GET', '/v1/instruments/binance/NO-SUCH'),
  SAVEPOINT_UNKNOWN: () => inject('DELETE', `${BTC}/savepoints/999`),
  SAVEPOINT_NEWEST: async () => {
    const taken = await inject('POST', `${BTC}/savepoint`);
    const { batchNumber } = taken.json<{ batchNumber: number }>();
    return inject('POST', `${BTC}/savepoints/${batchNumber}/restore`);
  },
  ROUTE_UNKNOWN: () => inject('GET', '/v2'),
  UPGRADE_REQUIRED: () => inject('GET', '/v1/stream'),
  INSTRUMENT_EXISTS: () =>
    inject('POST', '/v1/instruments', { payload: { exchange: 'binance', symbol: 'BTC-USDT' } }),
  CHANGED_MEANWHILE: () => inject('DELETE', BTC, { headers: { 'if-match': '"0.0.0"' } }),
  IDEMPOTENCY_KEY_REUSED: async () => {
    const headers = { 'idempotency-key': 'provoked' };
    await inject('POST', '/v1/instruments', {
      headers,
      payload: { instruments: [{ exchange: 'binance', symbol: 'BTC-USDT' }] },
    });
    return inject('POST', '/v1/instruments', {
      headers,
      payload: { exchange: 'binance', symbol: 'BTC-USDT' },
    });
  },
  BODY_TOO_LARGE: () =>
    inject('POST', '/v1/instruments', { payload: { exchange: 'x'.repeat(65_536), symbol: 'x' } }),
  MEDIA_TYPE_UNSUPPORTED: () =>
    inject('POST', '/v1/instruments', { headers: { 'content-type': 'text/plain' }, payload: 'x' }),
  TOO_MANY_REQUESTS: async () => {
    const clock = { nowMs: () => 0, monotonicMs: () => 0 };
    const busy = await createAdminApp({ ...world.options, clock });
    for (let count = 0; count < 500; count++)
      await busy.inject({ url: '/v1/exchanges', headers: { host: HOST } });
    const response = await busy.inject({ url: '/v1/exchanges', headers: { host: HOST } });
    await busy.close();
    return response;
  },
  SAVEPOINTS_FULL: () => failing('SAVEPOINTS_FULL'),
  ACTOR_EXISTS: () => failing('ACTOR_EXISTS'),
  FENCED: () => failing('FENCED'),
  FEED_REQUEST: () => failing('FEED_REQUEST'),
  SERVICE_UNAVAILABLE: () =>
    injectInto(
      { readiness: () => Promise.resolve([{ name: 'redis', isReady: false, detail: 'away' }]) },
      'GET',
      '/health/ready',
    ),
  ACTOR_UNAVAILABLE: () => failing('ACTOR_UNAVAILABLE'),
  HANDLER_STUCK: () => failing('HANDLER_STUCK'),
  ASK_TIMEOUT: () => failing('ASK_TIMEOUT'),
  OWNER_UNKNOWN: () => injectInto({ cluster: clusterOf(undefined) }, 'GET', NOT_HERE),
  FORWARDED_ALREADY: () =>
    injectInto({ cluster: clusterOf('http://127.0.0.1:1') }, 'GET', NOT_HERE, { [FORWARDED_HEADER]: 'c' }),
  NODE_UNREACHABLE: () => injectInto({ cluster: clusterOf('http://127.0.0.1:1') }, 'GET', NOT_HERE),
  NODE_TIMEOUT: async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${String((silent.address() as AddressInfo).port)}`;
    // Whoever waits has waited long enough.
    const timers = {
      ...world.options.timers,
      after: (_ms: number, action: () => void) => systemTimers.after(1, action),
    };
    const response = await injectInto({ cluster: clusterOf(url), timers }, 'GET', NOT_HERE);
    silent.closeAllConnections();
    silent.close();
    return response;
  },
  INTERNAL: () =>
    injectInto(
      {
        settingsInForce: () => {
          throw new Error('a fault');
        },
      },
      'GET',
      '/v1/settings',
    ),
};

/** A cluster whose other node has all instruments, at that address; `undefined`: that node is gone. */
function clusterOf(adminUrl: string | undefined): NonNullable<AdminOptions['cluster']> {
  const owner = { name: 'other', adminUrl };
  return {
    directory: {
      picture: () => Promise.resolve({ nodes: [], shards: [], leases: [] }),
      aliveNodes: () => Promise.resolve([]),
      goneOwners: () => Promise.resolve([]),
      ownerOf: () => Promise.resolve(owner),
      ingestOwnerOf: () => Promise.resolve(owner),
    },
    feed: { isFedHere: () => false, resync: () => undefined },
  };
}

async function injectInto(
  overrides: Partial<AdminOptions>,
  method: Route['method'],
  url: string,
  headers: Record<string, string> = {},
): Promise<{ body: string }> {
  const other = await createAdminApp({ ...world.options, ...overrides });
  const response = await other.inject({ method, url, headers: { host: HOST, ...headers } });
  await other.close();
  return response;
}

/** A savepoint whose taking fails with that code, as the inside may fail. */
function failing(code: ErrorCode): Promise<{ body: string }> {
  const instruments = Object.assign(Object.create(world.instruments) as typeof world.instruments, {
    takeSavepoint: () => Promise.reject(new TampinesError(code, 'It failed inside')),
  });
  return injectInto({ instruments }, 'POST', `${BTC}/savepoint`);
}

describe('errors', () => {
  const page = readFileSync(projectPath('docs/api.md'), 'utf8');
  const rows = page
    .slice(page.indexOf('| status | codes |'))
    .split('\n')
    .filter((line) => /^\| \d{3}/.test(line));
  const documented = rows.flatMap((row) =>
    [...row.matchAll(/`([A-Z_]{4,})`/g)].map(([, code]) => code as ErrorCode),
  );

  it('that docs/api.md lists are those that can be provoked', () => {
    expect(documented.toSorted()).toEqual(Object.keys(PROVOKED).toSorted());
  });

  it.each(documented)('%s comes as a problem of its status', async (code) => {
    const problem = problemSchema.parse(JSON.parse((await PROVOKED[code]!()).body));
    const row = rows.find((line) => line.includes(`\`${code}\``))!;
    expect([problem.code, row.split('|')[1]]).toEqual([
      code,
      expect.stringContaining(String(problem.status)),
    ]);
  });
});

/** Values of a schema of the document: right ones. */
function rightValues(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
  if (schema['example'] !== undefined && schema['type'] !== 'object') return fc.constant(schema['example']);
  if (schema['type'] === 'integer' || schema['type'] === 'number') {
    const min = Math.max(Number(schema['minimum'] ?? 0), -1e9);
    return fc.integer({ min, max: Math.min(Number(schema['maximum'] ?? 1e9), 2 ** 31 - 1) });
  }
  if (typeof schema['pattern'] === 'string') return fc.stringMatching(new RegExp(schema['pattern'], 'u'));
  return fc.string({ maxLength: 20 });
}

const HOSTILE: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '0',
    '-1',
    '1e999',
    'NaN',
    'null',
    '__proto__',
    '../..',
    "';--",
    '%00',
    '\u0000',
    '{}',
    '[]',
    'a'.repeat(5_000),
    '9'.repeat(40),
    '\u202E',
    '🚀',
    '${x}',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
);

const requests = (): fc.Arbitrary<{
  route: Route;
  url: string;
  payload: string | undefined;
  headers: Record<string, string>;
}> =>
  fc.constantFrom(...routes.filter(({ path }) => path !== STREAM)).chain((route) => {
    const values = route.operation.parameters.map((each) =>
      fc.record({
        name: fc.constant(each.name),
        in: fc.constant(each.in),
        isGiven: each.in === 'path' ? fc.constant(true) : fc.boolean(),
        value: fc.oneof(
          { weight: 3, arbitrary: rightValues(each.schema).map(String) },
          { weight: 1, arbitrary: HOSTILE },
        ),
      }),
    );
    const payload =
      route.operation.requestBody === undefined
        ? fc.constant(undefined)
        : fc.oneof(
            fc.constantFrom(
              '{"exchange":"binance","symbol":"BTC-USDT"}',
              '{"instruments":[{"exchange":"binance","symbol":"NO-SUCH"}]}',
            ),
            fc.json({ maxDepth: 3 }),
            HOSTILE,
          );
    return fc.tuple(fc.tuple(...values), payload).map(([given, body]) => {
      const path = Object.fromEntries(
        given.filter((each) => each.in === 'path').map(({ name, value }) => [name, value]),
      );
      const query = new URLSearchParams(
        given
          .filter((each) => each.in === 'query' && each.isGiven)
          .map(({ name, value }): [string, string] => [name, wellFormed(value)]),
      );
      const headers = Object.fromEntries(
        given
          .filter((each) => each.in === 'header' && each.isGiven)
          .map(({ name, value }) => [name, value.replaceAll(/[^\x20-\x7e]/g, '?')]),
      );
      return {
        route,
        url: `${fill(route.path, mapValues(path))}?${query.toString()}`,
        payload: body,
        headers,
      };
    });
  });

/** Half of a pair of surrogates is no text that a URL could hold. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

function mapValues(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, wellFormed(value)]));
}

describe('requests made from the document', () => {
  it('right and hostile ones, are answered as described and never with an internal error', async () => {
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(requests(), async ({ route, url, payload, headers }) => {
        // An instrument that is stopped or parked in the middle of the run would leave less to ask for.
        if (route.method === 'DELETE' && url.startsWith(`${BTC}?`)) return;
        if (url.startsWith(`${BTC}/park?`)) return;
        const response = await app.inject({
          method: route.method,
          url,
          headers: {
            host: HOST,
            ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
            ...headers,
          },
          ...(payload === undefined ? {} : { payload }),
        });
        statuses.add(response.statusCode);
        if (response.statusCode >= 500)
          throw new Error(`${route.method} ${url}: ${response.statusCode} ${response.body}`);
        if (response.statusCode !== 404) expectAsDescribed(route, response);
      }),
      { seed: 20_261_128, numRuns: 500 },
    );
    expect([...statuses]).toEqual(expect.arrayContaining([200, 400, 404]));
  });
});
