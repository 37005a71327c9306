import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { completionScript } from '../../../src/cli/operator/completion.ts';
import { createProgram } from '../../../src/cli/program.ts';

const program = createProgram();

/** What bash offers where the words end in a half-written one. */
function offered(...words: string[]): string[] {
  const script = `${completionScript(program, 'bash')}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tampines; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = execFileSync('bash', ['-c', script, 'bash', 'tampines', ...words], { encoding: 'utf8' });
  return output.split('\n').filter((line) => line !== '');
}

describe('bash completion', () => {
  it('offers every command', () => {
    expect(offered('')).toEqual(program.commands.map((command) => command.name()));
    expect(offered('re')).toEqual(['replay', 'restart', 'resync']);
  });

  it('offers the options of a command and the choices of an option or argument', () => {
    expect(offered('ls', '--b')).toEqual(['--book']);
    expect(offered('ls', '--book', '')).toEqual(['empty', 'live', 'stale']);
    expect(offered('completion', 'z')).toEqual(['zsh']);
    expect(offered('book', '--re')).toEqual(['--resolution']);
  });

  it('offers nothing for what is no command', () => {
    expect(offered('nonsense', '')).toEqual([]);
  });
});

it.each(['zsh', 'fish'] as const)('%s completion knows every command and every option', (shell) => {
  const script = completionScript(program, shell);
  for (const command of program.commands) {
    expect(script).toContain(command.name());
    for (const { long } of command.options)
      expect(script).toContain(shell === 'fish' ? `-l ${long!.slice(2)}` : `${long!}[`);
  }
  // Quotes come in pairs, so that no word runs over its end.
  expect(script.replaceAll("\\'", '').split("'").length % 2).toBe(1);
});
