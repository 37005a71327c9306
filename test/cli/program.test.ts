/** The command line as a process: what it ends with, and where it says so. */
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../src/cli/exit-codes.ts';
import { createProgram } from '../../src/cli/program.ts';
import { projectPath, readSourceFiles } from '../support/source-files.ts';
import { startAskedNode } from './operator/support.ts';

type Ended = { readonly exitCode: number; readonly output: string; readonly errors: string };

function run(args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', 'src/cli/tampines.ts', ...args],
      { cwd: projectPath('.'), env: { PATH: process.env['PATH'], ...environment } },
      (_error, output, errors) => resolve({ exitCode: child.exitCode ?? -1, output, errors }),
    );
  });
}

describe('the process', () => {
  it('ends with 0 and one JSON document where a node answers, found by TAMPINES_URL', async () => {
    const node = await startAskedNode();
    const ended = await run(['ls', '--json'], { TAMPINES_URL: node.server.url });
    expect([ended.exitCode, JSON.parse(ended.output)]).toEqual([EXIT_CODES.done, { instruments: [] }]);
    const refused = await run(['restart', 'binance', 'BTC-USDT'], { TAMPINES_URL: node.server.url });
    expect([refused.exitCode, refused.output]).toEqual([EXIT_CODES.notFound, '']);
    expect(refused.errors).toMatch(
      /^tampines: Instrument not running \(INSTRUMENT_UNKNOWN\)\n.*\nWhat to do: /,
    );
    await node.end();
  });

  it.each([
    ['an unknown command', ['lss'], EXIT_CODES.usage],
    ['an unknown option', ['ls', '--colour'], EXIT_CODES.usage],
    ['a value out of its choices', ['ls', '--book', 'wrong'], EXIT_CODES.usage],
    ['help', ['ls', '--help'], EXIT_CODES.done],
    ['a setting that is none', ['start', '--set', 'a=1'], EXIT_CODES.failed],
  ])('ends after %s as documented', async (_what, args, exitCode) => {
    expect((await run(args)).exitCode).toBe(exitCode);
  });
});

describe('the command of the package', () => {
  it('is there before the build, for npx remembers what it found at first, and says what to run', () => {
    const { bin } = JSON.parse(readFileSync(projectPath('package.json'), 'utf8')) as {
      bin: { tampines: string };
    };
    const folder = mkdtempSync(join(tmpdir(), 'tampines-command-'));
    const command = join(folder, bin.tampines);
    cpSync(projectPath(bin.tampines), command);
    const { status, stderr } = spawnSync(command, ['ls'], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([EXIT_CODES.failed, expect.stringContaining('run `npm run build`')]);
    mkdirSync(join(folder, 'dist/cli'), { recursive: true });
    writeFileSync(join(folder, 'dist/cli/tampines.js'), 'console.log(process.argv[2], process.execArgv[0])');
    expect(spawnSync(command, ['ls'], { encoding: 'utf8' }).stdout).toBe('ls --max-semi-space-size=64\n');
    rmSync(folder, { recursive: true });
  });
});

describe('docs/cli.md', () => {
  const page = readFileSync(projectPath('docs/cli.md'), 'utf8');

  it('lists every exit code, and no other', () => {
    const listed = [...page.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    expect(listed).toEqual(Object.values(EXIT_CODES));
  });

  it('names every command', () => {
    for (const command of createProgram().commands) expect(page).toContain(`\`${command.name()}`);
  });
});

describe('every page', () => {
  const pages = readSourceFiles('.', /^(README|CHANGELOG)\.md$|^docs\/[\w-]+\.md$/);
  const commands = new Map(createProgram().commands.map((command) => [command.name(), command]));

  /** Commands of a text that there are none of, and options that they do not have. */
  const faultsOf = (text: string): string[] =>
    [...text.matchAll(/`(?:npx )?tampines ([a-z]+)([^`\n]*)`/g)].flatMap(([, name, rest]) => {
      const command = commands.get(name!);
      if (command === undefined) return [`tampines ${name!}`];
      const known = command.options.map(({ long }) => long);
      const options = [...rest!.matchAll(/(?<=\s)--[\w-]+/g)].map(([option]) => option);
      return options.filter((option) => !known.includes(option)).map((option) => `${name!} ${option}`);
    });

  it('names only commands and options that there are', () => {
    expect(pages.flatMap(({ text }) => faultsOf(text))).toEqual([]);
    expect(pages.filter(({ text }) => /`tampines [a-z]+/.test(text)).length).toBeGreaterThan(2);
    expect(faultsOf('`tampines lss`, `tampines ls --colour`, `tampines ls --book stale`')).toEqual([
      'tampines lss',
      'ls --colour',
    ]);
  });
});
