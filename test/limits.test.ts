/** docs/limits.md held against the source: every limit has the value it says, every queue with a metric is there, every test too. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../src/settings.ts';
import { projectPath } from './support/source-files.ts';

const page = readFileSync(projectPath('docs/limits.md'), 'utf8');
const [withMetric = '', withoutMetric = ''] = page.split('\n## ').slice(1, 3);
const rows = [...rowsOf(withMetric), ...rowsOf(withoutMetric)];
const { settings } = loadSettings({});

function rowsOf(section: string): string[][] {
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.slice(2, -2).split(' | '));
}

function read(path: string): string {
  return readFileSync(projectPath(path), 'utf8');
}

/** Value of `const NAME = 16 * 1_024;` in the source; `undefined` where it is none or not such a product. */
function constantIn(path: string, name: string): number | undefined {
  const text = new RegExp(`const ${name} = ([\\d_ *]+);`).exec(read(path))?.[1];
  return text
    ?.split('*')
    .map((factor) => Number(factor.replaceAll('_', '')))
    .reduce((product, factor) => product * factor, 1);
}

function actualLimit(cell: string): number | undefined {
  const constant = /^`(\w+)` in `([^`]+)`: /.exec(cell);
  if (constant !== null) return constantIn(constant[2]!, constant[1]!);
  const setting = /^setting `feed\.(\w+)`: /.exec(cell);
  return setting === null ? undefined : settings.feed[setting[1] as keyof typeof settings.feed];
}

describe('docs/limits.md', () => {
  it('gives each limit its value in the source or its default', () => {
    expect(rows.length).toBeGreaterThan(25);
    const written = rows.map(([queue, limit]) => [
      queue,
      /: ([\d,]+) /.exec(limit!)?.[1]?.replaceAll(',', ''),
    ]);
    expect(written).toEqual(rows.map(([queue, limit]) => [queue, String(actualLimit(limit!))]));
  });

  it('names the queues of the metrics page, each once', () => {
    const sources = [
      'src/queue-readings.ts',
      'src/admin/request-limits.ts',
      'src/admin/gateway/gateway-readings.ts',
    ]
      .map(read)
      .join('');
    const readNames = [...sources.matchAll(/(?:queue: |reading\(\s*)'([a-z-]+)'/g)].map(
      ([, name]) => `\`${name!}\``,
    );
    expect(
      rowsOf(withMetric)
        .map(([queue]) => queue)
        .sort(),
    ).toEqual(readNames.sort());
  });

  it('says of each what happens, and names a test that is there', () => {
    expect(rows.filter((row) => row.length !== 4 || row[2]!.length < 9)).toEqual([]);
    const missing = rows.filter((row) => {
      const [, path, title] = /^`([^`]+)`(?:: (.+))?$/.exec(row[3]!)!;
      return !existsSync(projectPath(path!)) || (title !== undefined && !read(path!).includes(title));
    });
    expect(missing).toEqual([]);
  });
});
