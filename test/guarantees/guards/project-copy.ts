/** A copy of the project in which guards are removed one at a time; the project itself is never touched. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { projectPath } from '../../support/source-files.ts';
import type { Guard } from './guard.ts';
import { findMismatch, removalsOf } from './guard.ts';

/** Large or not needed by tests; `node_modules` is linked. */
const LEFT_OUT = new Set(['node_modules', '.git', 'coverage', '.tampines', '.services']);

export class ProjectCopy {
  readonly folder: string;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'tampines-guards-'));
    const root = projectPath('.');
    cpSync(root, this.folder, {
      recursive: true,
      filter: (path) => !LEFT_OUT.has(relative(root, path).split(sep)[0]!),
    });
    symlinkSync(projectPath('node_modules'), join(this.folder, 'node_modules'));
  }

  /** Says of every removal that can't be made why. */
  findMismatches(guards: readonly Guard[]): string[] {
    return guards
      .flatMap(removalsOf)
      .map((removal) => findMismatch(removal, readFileSync(join(this.folder, removal.file), 'utf8')))
      .filter((mismatch) => mismatch !== undefined);
  }

  /**
   * Runs `look` while the guard is gone from the copy, then puts it back.
   * @throws Error when its text is not found exactly once
   */
  async without<Seen>(guard: Guard, look: () => Promise<Seen>): Promise<Seen> {
    const whole = new Map<string, string>();
    try {
      for (const removal of removalsOf(guard)) {
        const path = join(this.folder, removal.file);
        const text = readFileSync(path, 'utf8');
        const mismatch = findMismatch(removal, text);
        if (mismatch !== undefined) throw new Error(mismatch);
        if (!whole.has(path)) whole.set(path, text);
        writeFileSync(path, text.split(removal.text).join(removal.without));
      }
      return await look();
    } finally {
      for (const [path, text] of whole) writeFileSync(path, text);
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
