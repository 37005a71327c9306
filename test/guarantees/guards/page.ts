/** The table of docs/guarantees.md: for each rule its guards, and which tests failed when each was removed. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Guard, Held } from './guard.ts';
import type { TestOutcome } from './run-tests.ts';

export type SeenGuard = { readonly guard: Guard; readonly failures: readonly TestOutcome[] };

const BEGIN = '<!-- guards: written by `npm run test:guards -- --write docs/guarantees.md` -->';
const END = '<!-- guards: end -->';
const MESSAGE_MAX_CHARACTERS = 140;

export function titleOf(holds: Held): string {
  if (holds === 'trades') return 'Trades';
  if (holds === 'bytes') return 'Stored bytes';
  return holds === 'access' ? 'Access' : `Rule ${holds}`;
}

/** @throws Error when the page lacks one of the marks */
export function writePage(path: string, seen: readonly SeenGuard[]): void {
  const page = readFileSync(path, 'utf8');
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) {
    throw new Error(`${path}: expected the marks '${BEGIN}' and '${END}'`);
  }
  writeFileSync(path, `${before}${BEGIN}\n\n${formatTables(seen)}\n${END}${after}`);
}

function formatTables(seen: readonly SeenGuard[]): string {
  const held = [...new Set(seen.map(({ guard }) => guard.holds))];
  return held
    .map((holds) => {
      const rows = seen.filter(({ guard }) => guard.holds === holds).map(formatRow);
      return [
        `### ${titleOf(holds)}`,
        '',
        '| guard removed | in | what was seen |',
        '| --- | --- | --- |',
        ...rows,
        '',
      ].join('\n');
    })
    .join('\n');
}

function formatRow({ guard, failures }: SeenGuard): string {
  const shown = failures.map(({ file, name, message }) => {
    const short =
      message.length > MESSAGE_MAX_CHARACTERS ? `${message.slice(0, MESSAGE_MAX_CHARACTERS)}…` : message;
    return `[${file.split('/').at(-1)!}](../${file}): *${escapeCell(name)}* · ${escapeCell(short)}`;
  });
  return `| ${escapeCell(guard.name)} | [${guard.file.split('/').at(-1)!}](../${guard.file}) | ${shown.join('<br>')} |`;
}

/** Nothing of a message may become markup: neither a cell's end nor a link. */
export function escapeCell(text: string): string {
  return text.replaceAll(/[\\|<>*_[\]`]/g, (character) => `\\${character}`);
}
