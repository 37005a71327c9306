/** The dashboard as the admin server gives it out: its files, all of them, and no others. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdminServer } from '../../src/admin/admin-server.ts';
import { createAdminApp, createAdminServer } from '../../src/admin/admin-server.ts';
import type { World } from './support.ts';
import { createWorld } from './support.ts';

const HEADERS = { host: 'localhost' };
const SECRET = 'what nobody may read';

let folder: string;
let world: World;
let server: AdminServer;

beforeAll(async () => {
  const outer = mkdtempSync(join(tmpdir(), 'tampines-web-'));
  folder = join(outer, 'web');
  mkdirSync(join(folder, 'assets'), { recursive: true });
  writeFileSync(join(outer, 'secret.js'), SECRET);
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>Tampines</title>');
  writeFileSync(join(folder, 'icon.svg'), '<svg/>');
  writeFileSync(join(folder, 'assets/index-BUR654fN.js'), 'export {};');
  writeFileSync(join(folder, 'assets/index-BUR654fN.css'), 'a{}');
  writeFileSync(join(folder, 'assets/notes.txt'), SECRET);
  world = await createWorld({ dashboardFolder: folder });
  server = await createAdminServer(world.options);
});

afterAll(async () => {
  await server.close();
  await world.end();
  rmSync(join(folder, '..'), { recursive: true });
});

type Answer = { status: number; headers: Record<string, string | string[] | undefined>; body: string };

/** `fetch` would tidy up a path before it is sent. */
function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const { port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, path, method, headers: { ...HEADERS, ...headers } },
      (response) => {
        let body = '';
        response.on('data', (part: Buffer) => (body += part.toString()));
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
      },
    );
    request.on('error', reject);
    request.end();
  });
}

describe('the page', () => {
  it('comes under a policy that lets in nothing but files of the node', async () => {
    const { status, headers, body } = await get('/');
    expect(status).toBe(200);
    expect(body).toContain('<title>Tampines');
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['x-content-type-options']).toBe('nosniff');
    const policy = String(headers['content-security-policy']).split('; ');
    expect(policy[0]).toBe("default-src 'none'");
    const sources = policy.slice(1).map((directive) => directive.slice(directive.indexOf(' ') + 1));
    expect(new Set(sources)).toEqual(new Set(["'self'", "'none'"]));
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("style-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
  });

  it('is asked for anew each time, and not sent again where it is the same', async () => {
    const { headers } = await get('/');
    expect(headers['cache-control']).toBe('no-cache');
    const again = await get('/', { 'if-none-match': String(headers['etag']) });
    expect(again).toMatchObject({ status: 304, body: '' });
    expect(again.headers['content-security-policy']).toBe(headers['content-security-policy']);
    expect(await get('/', { 'if-none-match': '"another"' })).toMatchObject({ status: 200 });
  });

  it('answers HEAD without a body', async () => {
    expect(await get('/', {}, 'HEAD')).toMatchObject({ status: 200, body: '' });
  });

  it('says what to do where it was not built, and the node works all the same', async () => {
    const app = await createAdminApp({ ...world.options, dashboardFolder: join(folder, 'nowhere') });
    const answer = await app.inject({ url: '/', headers: HEADERS });
    expect(answer.statusCode).toBe(503);
    expect(answer.body).toContain('npm run build');
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    expect((await app.inject({ url: '/v1/instruments', headers: HEADERS })).statusCode).toBe(200);
    await app.close();
  });

  it('is refused under a name of another machine, as everything is', async () => {
    expect(await get('/', { host: 'attacker.example' })).toMatchObject({ status: 403 });
  });
});

describe('what the page needs', () => {
  it.each([
    ['/assets/index-BUR654fN.js', 'text/javascript; charset=utf-8', 'export {};'],
    ['/assets/index-BUR654fN.css', 'text/css; charset=utf-8', 'a{}'],
  ])('%s has its digest in its name and is kept for good', async (path, type, body) => {
    const answer = await get(path);
    expect(answer).toMatchObject({ status: 200, body });
    expect(answer.headers['content-type']).toBe(type);
    expect(answer.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(await get(path, { 'if-none-match': String(answer.headers['etag']) })).toMatchObject({
      status: 304,
    });
  });

  it('is taken with a query behind it', async () => {
    expect(await get('/assets/index-BUR654fN.js?v=1')).toMatchObject({ status: 200, body: 'export {};' });
  });

  it('that has no digest is asked for anew', async () => {
    const { headers } = await get('/icon.svg');
    expect(headers['content-type']).toBe('image/svg+xml');
    expect(headers['cache-control']).toBe('no-cache');
  });
});

describe('other files', () => {
  it.each([
    '/assets/../../secret.js',
    '/assets/../secret.js',
    '/assets/..%2f..%2fsecret.js',
    '/assets/%2e%2e/%2e%2e/secret.js',
    '/assets/%252e%252e/secret.js',
    '/assets/..\\..\\secret.js',
    '/assets/..%5c..%5csecret.js',
    '/assets//../../secret.js',
    '/assets/....//....//secret.js',
    '/assets/index-BUR654fN.js%00.css',
    '/assets/index-BUR654fN.js/../../../secret.js',
    '//secret.js',
    '/../secret.js',
    '/secret.js',
    '/index.html',
    '/assets/',
    '/assets/notes.txt',
    '/assets/__proto__',
    '/assets/%',
  ])('are not reached by %s', async (path) => {
    const { status, body } = await get(path);
    expect([400, 404]).toContain(status);
    expect(body).not.toContain(SECRET);
    expect(JSON.parse(body)).toHaveProperty('code');
  });

  it('and changes are no business of the page: other methods are refused', async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      expect((await get('/assets/index-BUR654fN.js', {}, method)).status).toBeGreaterThanOrEqual(400);
    }
  });
});
