/** No spelling of a path reaches a file outside of the two folders that are given out, and none that lies there without being meant to. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AdminServer } from '../../src/admin/admin-server.ts';
import { createAdminServer } from '../../src/admin/admin-server.ts';
import type { World } from './support.ts';
import { createWorld } from './support.ts';

const SECRET = 'what-nobody-may-read';
let outer: string;
let world: World;
let server: AdminServer;
let secondMs = 0;

beforeAll(async () => {
  outer = mkdtempSync(join(tmpdir(), 'tampines-paths-'));
  const folder = join(outer, 'web');
  mkdirSync(join(folder, 'assets'), { recursive: true });
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>Tampines</title>');
  writeFileSync(join(outer, 'secret.js'), SECRET);
  writeFileSync(join(folder, 'assets/.env'), SECRET);
  symlinkSync(join(outer, 'secret.js'), join(folder, 'assets/link.js'));
  world = await createWorld({ dashboardFolder: folder });
  // Each look at the clock finds a second passed, so that no request is refused for coming too soon.
  const clock = { ...world.options.clock, monotonicMs: () => (secondMs += 1_000) };
  server = await createAdminServer({ ...world.options, clock });
});
afterAll(async () => {
  await server.close();
  await world.end();
  rmSync(outer, { recursive: true });
});

function ask(path: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const bytes = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    const socket = connect({ port: Number(new URL(server.url).port), host: '127.0.0.1' }, () =>
      socket.write(bytes, 'latin1'),
    );
    socket.on('data', (data) => (answer += data.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

const UPWARDS = [
  '..', '%2e%2e', '%2E.', '.%2e', '%252e%252e', '%c0%ae%c0%ae', '%u002e%u002e', '..;', '....', '..%00', '.\\.', '\uFF0E\uFF0E',
]; // prettier-ignore
const SEPARATORS = ['/', '//', '%2f', '%252f', '\\', '%5c', '%255c', '/./', '%c0%af', ';/'];
const FOLDERS = ['/', '/assets/', '/assets/a/', '/docs/', '/docs/static/', '/docs/static/a/'];
/** As seen from the folders, and from the root of the disk. */
const TARGETS = ['secret.js', 'package.json', 'index.js', 'etc/passwd'];
const MARKERS = [SECRET, '"dependencies"', 'require(', 'root:x:0'];

function tricksBelow(folder: string): string[] {
  return UPWARDS.flatMap((up) =>
    SEPARATORS.flatMap((separator) =>
      [1, 2, 6].flatMap((depth) => TARGETS.map((target) => folder + (up + separator).repeat(depth) + target)),
    ),
  );
}

it.each(FOLDERS)('below %s no way leads up', async (folder) => {
  const tricks = tricksBelow(folder);
  for (let from = 0; from < tricks.length; from += 50) {
    const answers = await Promise.all(
      tricks.slice(from, from + 50).map(async (path) => ({ path, text: await ask(path) })),
    );
    for (const { path, text } of answers) {
      expect([path, text.slice(0, 12)]).toEqual([
        path,
        expect.stringMatching(/^HTTP\/1\.1 (40[0-9]|414|302)/),
      ]);
      expect([path, MARKERS.filter((marker) => text.includes(marker))]).toEqual([path, []]);
    }
  }
});

it.each([
  '/etc/passwd',
  '//etc/passwd',
  '/assets//etc/passwd',
  '/docs/static//etc/passwd',
  '/docs/static/%2fetc%2fpasswd',
  '/docs/static/file:///etc/passwd',
  '/assets/C:%5cWindows%5cwin.ini',
  '/assets/link.js',
  '/assets/.env',
  '/docs/static/.env',
  '/docs/static/index.html%00.js',
  '/assets/%00',
  `/assets/${'../'.repeat(2_000)}etc/passwd`,
  `/docs/static/${'a/'.repeat(3_000)}${'../'.repeat(3_000)}package.json`,
  `/docs/static/${'a'.repeat(8_000)}`,
  '/assets/constructor',
  '/assets/__proto__/x',
  '*',
])('%s is no file', async (path) => {
  const text = await ask(path);
  expect(text).toMatch(/^HTTP\/1\.1 4\d\d /);
  expect(MARKERS.filter((marker) => text.includes(marker))).toEqual([]);
});

it('lists no folder', async () => {
  for (const path of ['/assets', '/assets/', '/docs/static'])
    expect(await ask(path)).toMatch(/^HTTP\/1\.1 4\d\d /);
});
