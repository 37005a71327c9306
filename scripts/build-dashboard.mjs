/**
 * Builds the dashboard into `dist/web` where it is missing or older than its sources; with `--always` in any case. A node that runs from its sources
 * serves it from there, as an installed one does.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..');
const page = join(root, 'dist/web/index.html');
const SOURCES = ['web', 'src/client', 'package-lock.json'];

/** @returns {Promise<boolean>} whether there was something to build */
export async function buildDashboard({ isAlways = false } = {}) {
  if (!isAlways && isBuiltFrom(page, SOURCES)) return false;
  const { build } = await import('vite');
  await build({ configFile: join(root, 'web/vite.config.ts'), logLevel: 'warn' });
  return true;
}

/** Whether the file `built` is there and as new as all of `sources`, files and folders by their paths from the root. */
export function isBuiltFrom(built, sources) {
  return existsSync(built) && statSync(built).mtimeMs >= Math.max(...sources.map(newestChangeMs));
}

function newestChangeMs(path) {
  const entry = join(root, path);
  const { mtimeMs } = statSync(entry);
  if (!statSync(entry).isDirectory()) return mtimeMs;
  return Math.max(mtimeMs, ...readdirSync(entry).map((name) => newestChangeMs(join(path, name))));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await buildDashboard({ isAlways: process.argv.includes('--always') });
}
