/** The built program, as users run it: built anew when a source is newer, then copied, so that a later build does not pull it away mid-run. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { projectPath } from '../../support/source-files.ts';

const PROGRAM = 'dist/cli/tampines.js';
/** What a build is made of. */
const SOURCES = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package.json'];

/** Returns the path of the program's own copy within `folder`. @throws Error with what the compiler said when it does not build */
export function provideProgram(folder: string, say: (text: string) => void): string {
  if (isStale()) {
    say('building');
    const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'build'], {
      cwd: projectPath('.'),
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`The build failed; there is nothing to run:\n${stdout}${stderr}`);
  }
  const home = join(folder, 'program');
  mkdirSync(home);
  cpSync(projectPath('dist'), join(home, 'dist'), { recursive: true });
  cpSync(projectPath('package.json'), join(home, 'package.json'));
  symlinkSync(projectPath('node_modules'), join(home, 'node_modules'));
  return join(home, PROGRAM);
}

function isStale(): boolean {
  const program = projectPath(PROGRAM);
  if (!existsSync(program)) return true;
  const builtMs = statSync(program).mtimeMs;
  return SOURCES.some((source) => newestMs(projectPath(source)) > builtMs);
}

function newestMs(path: string): number {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return Math.max(...readdirSync(path).map((name) => newestMs(join(path, name))));
}
