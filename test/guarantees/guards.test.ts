/** The list of guards follows the code, and its page follows the list; what happens without each is seen by `npm run test:guards`. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { projectPath } from '../support/source-files.ts';
import { findMismatch, removalsOf } from './guards/guard.ts';
import { guards } from './guards/guards.ts';
import { escapeCell } from './guards/page.ts';

it('every guard stands in its file, once, in the words that the list removes', () => {
  const mismatches = guards
    .flatMap(removalsOf)
    .map((removal) => findMismatch(removal, readFileSync(projectPath(removal.file), 'utf8')));
  expect(mismatches.filter((mismatch) => mismatch !== undefined)).toEqual([]);
});

it('every guard names tests that are to fail without it, in files that are there', () => {
  const nameless = guards.filter(({ tests }) => tests.length === 0 || tests.some(({ name }) => name === ''));
  expect(nameless.map(({ name }) => name)).toEqual([]);
  const files = new Set(guards.flatMap(({ tests }) => tests.map(({ file }) => file)));
  expect([...files].filter((file) => !existsSync(projectPath(file)))).toEqual([]);
});

it('every rule has five guards at least, and each guard its own name', () => {
  const counts = new Map<unknown, typeof guards>();
  for (const { holds } of guards)
    counts.set(
      holds,
      guards.filter((guard) => guard.holds === holds),
    );
  expect([...counts.values()].filter((held) => held.length < 5)).toEqual([]);
  expect(counts.size).toBe(11);
  expect(new Set(guards.map(({ name }) => name)).size).toBe(guards.length);
});

it('the page says of every guard what was seen without it', () => {
  const page = readFileSync(projectPath('docs/guarantees.md'), 'utf8');
  expect(
    guards.filter(({ name }) => !page.includes(`| ${escapeCell(name)} |`)).map(({ name }) => name),
  ).toEqual([]);
});
