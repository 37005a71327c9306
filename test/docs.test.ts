/** What the documentation says of the code, held against the code. */
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../src/base/errors.ts';
import { adapters } from '../src/exchanges/registry.ts';
import { environmentName, loadSettings } from '../src/settings.ts';
import type { SourceFile } from './support/source-files.ts';
import { projectPath, readSourceFiles } from './support/source-files.ts';

const pages = readSourceFiles('.', /\.md$/);

function pageText(path: string): string {
  const page = pages.find((each) => each.path === path);
  if (page === undefined) throw new Error(`${path} is missing`);
  return page.text;
}

/** Rows of all tables whose first cell is code: the cells, backticks of the first ones taken off. */
function codeRows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, line.lastIndexOf('|'))
        .split(' | ')
        .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1')),
    );
}

describe('docs/errors.md', () => {
  const rows = codeRows(pageText('docs/errors.md'));

  it('lists exactly the codes of the registry, each once', () => {
    expect(rows.map(([code]) => code).sort()).toEqual(Object.keys(ERROR_CODES).sort());
  });

  it('says of each what it means and what to do', () => {
    expect(rows.filter((row) => row.length !== 3 || row.some((cell) => cell.length < 5))).toEqual([]);
  });
});

describe('docs/settings.md', () => {
  const rows = codeRows(pageText('docs/settings.md'));
  const { settings, origins } = loadSettings({});

  it('lists every setting with the name of its environment variable and its default', () => {
    const expected = [...origins.keys()].map((path) => [path, environmentName(path), defaultText(path)]);
    expect(rows.map((row) => row.slice(0, 3))).toEqual(expected);
  });

  it('says of each what it means', () => {
    expect(rows.filter((row) => row.length !== 4 || row[3]!.length < 5)).toEqual([]);
  });

  function defaultText(path: string): string {
    const value = path
      .split('.')
      .reduce<unknown>((node, name) => (node as Readonly<Record<string, unknown>>)[name], settings);
    if (Array.isArray(value)) return value.join(',');
    return typeof value === 'string' ? value : JSON.stringify(value);
  }
});

describe('config', () => {
  const files = readSourceFiles('config', /\.yaml$/).map(({ path }) => path);

  it('holds an example for each way to run', () => {
    expect(files).toEqual([
      'config/cluster.yaml',
      'config/demo.yaml',
      'config/embedded.yaml',
      'config/single-node.yaml',
    ]);
  });

  it.each(files)('%s is valid, names only exchanges that there are, and is commented', (path) => {
    const { settings, origins } = loadSettings({ file: projectPath(path) });
    expect([...origins.values()]).toContain('file');
    const exchanges = settings.instruments.map((instrument) => instrument.split(':')[0]!);
    expect(exchanges.filter((exchange) => !adapters.has(exchange))).toEqual([]);
    expect(readSourceFiles('config', new RegExp(path))[0]!.text).toMatch(/^# \w/);
  });
});

describe('ARCHITECTURE.md', () => {
  const text = pageText('ARCHITECTURE.md');

  it('has the table of imports that the house rules hold', () => {
    const table = JSON.parse(readFileSync(projectPath('test/support/import-table.json'), 'utf8')) as Readonly<
      Record<string, readonly string[]>
    >;
    const written = Object.fromEntries(codeRows(text).map((row) => [row[0]!, row[3]!]));
    expect(written).toEqual(
      Object.fromEntries(
        Object.entries(table).map(([part, targets]) => [part, targets.join(', ') || 'nothing']),
      ),
    );
  });

  it('names for each of the eight rules a test that is there', () => {
    const rules = text.split('\n').filter((line) => /^\| \*\*\d\./.test(line));
    expect(rules).toHaveLength(8);
    expect(rules.filter((line) => !/`test\/[\w/.-]+\.ts`/.test(line))).toEqual([]);
  });
});

describe('docs/operations.md', () => {
  it('explains every kind of supervision event and every reason of a dead letter', () => {
    const explained = codeRows(pageText('docs/operations.md')).map(([name]) => name!);
    expect(explained.sort()).toEqual(
      [...unionOf('SupervisionEventKind'), ...ERROR_CLASSES, ...unionOf('DeadLetterReason')].sort(),
    );
  });

  const ERROR_CLASSES = ['transient', 'poison', 'fatal', 'fenced'];

  /** The texts of a union type of the kernel, as its source has them. */
  function unionOf(name: string): string[] {
    const text = readFileSync(projectPath('src/actors/kernel/actor-types.ts'), 'utf8');
    const body = new RegExp(`type ${name} =([^;]+);`).exec(text)![1]!;
    return [...body.matchAll(/'([\w-]+)'/g)].map(([, value]) => value!);
  }
});

describe('every page', () => {
  it('has relative links only to what is there', () => {
    expect(pages.length).toBeGreaterThan(8);
    expect(pages.flatMap(findDeadReferences)).toEqual([]);
  });

  it('names only files of the project that are there', () => {
    expect(findDeadReferences({ path: 'docs/x.md', text: 'see [a](nowhere.md), `src/nowhere.ts`' })).toEqual([
      'docs/x.md: nowhere.md',
      'docs/x.md: src/nowhere.ts',
    ]);
    expect(
      findDeadReferences({
        path: 'docs/x.md',
        text: '[a](errors.md#x), [b](https://x.org/y), `src/market/`',
      }),
    ).toEqual([]);
  });
});

/** Links, and paths in backticks that begin in a folder of the project; a path with a placeholder (`<exchange>`, `*`) names no file. */
function findDeadReferences({ path, text }: SourceFile): string[] {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!.split('#')[0]!)
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
    .map((target) => ({ target, file: posix.join(posix.dirname(path), target) }));
  const names = [...text.matchAll(/`((?:src|test|docs|config|scripts|bench)\/[\w./-]+)`/g)].map(
    ([, name]) => ({
      target: name!,
      file: name!,
    }),
  );
  return [...links, ...names]
    .filter(({ file }) => !existsSync(projectPath(file)))
    .map(({ target }) => `${path}: ${target}`);
}
