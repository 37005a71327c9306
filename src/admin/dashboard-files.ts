/**
 * The files of the dashboard, as `npm run build` wrote them. They are read once and kept by the path they are asked for, so that nothing else of the
 * disk can be reached however a request is spelt.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';

export type DashboardFile = {
  readonly body: Buffer;
  readonly type: string;
  /** Quoted, as in the header. */
  readonly etag: string;
  /** Its name holds a digest of what is in it: it never changes. */
  readonly isImmutable: boolean;
};

/** By path, beginning with `/`; the page itself is at `/`. */
export type DashboardFiles = ReadonlyMap<string, DashboardFile>;

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The build puts there, and only there, what has its digest in its name. */
const HASHED_FOLDER = '/assets/';

/** Returns the files below `folder`; none where it is absent. Files of a kind that a dashboard has no use for are left out. */
export function readDashboardFiles(folder: string): DashboardFiles {
  if (!existsSync(folder)) return new Map();
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const type = TYPES[extname(entry.name)];
    if (!entry.isFile() || type === undefined) return [];
    const file = join(entry.parentPath, entry.name);
    const path = file.slice(folder.length).replaceAll('\\', '/');
    const body = readFileSync(file);
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    const isImmutable = path.startsWith(HASHED_FOLDER);
    return [[path === '/index.html' ? '/' : path, { body, type, etag, isImmutable }] as const];
  });
  return new Map(files);
}
