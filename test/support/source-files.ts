/** The project's own files as text, for tests that read the project instead of running it. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', '.git', '.tampines', '.services']);

/** `path` is relative to the root of the project, with forward slashes. */
export type SourceFile = { readonly path: string; readonly text: string };

/** Returns the files whose path matches, sorted by path; `folder` is `.` or a folder of the project, empty where that is absent. */
export function readSourceFiles(folder: string, pattern: RegExp): SourceFile[] {
  return listFiles(folder)
    .filter((path) => pattern.test(path))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

export function projectPath(path: string): string {
  return join(ROOT, path);
}

function listFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    if (NOT_OURS.has(entry.name)) return [];
    const path = folder === '.' ? entry.name : `${folder}/${entry.name}`;
    return entry.isDirectory() ? listFiles(path) : [path];
  });
}
